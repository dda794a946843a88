//go:build !race

package components_test

const raced = false
