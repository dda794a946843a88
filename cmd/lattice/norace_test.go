//go:build !race

package main

// raceFlags are empty: these tests were built without the race detector.
var raceFlags []string

// raceFactor is how many times as long as usual a process may take.
const raceFactor = 1
