//go:build race

package hostile

// raceFactor is how many times as much memory the race detector has the host take.
const raceFactor = 3
