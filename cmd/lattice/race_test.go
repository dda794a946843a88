//go:build race

package main

// raceFlags build the binary under the race detector, as these tests were.
var raceFlags = []string{"-race"}

// raceFactor is how many times as long as usual a process may take.
const raceFactor = 3
