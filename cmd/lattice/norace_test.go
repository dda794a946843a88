//go:build !race

package main

// raceFlags are empty: these tests were built without the race detector.
var raceFlags []string
