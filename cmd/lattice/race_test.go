//go:build race

package main

// raceFlags build the binary under the race detector, as these tests were.
var raceFlags = []string{"-race"}
