//go:build race

package poll

const raceFactor = 5
