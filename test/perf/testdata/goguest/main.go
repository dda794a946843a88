// Command goguest is a guest by the Go compiler, whose exports work without
// calling the host.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
)

func main() {}

type record struct {
	Name  string
	Count int
	Tags  []string
}

// work sorts, counts, hashes and encodes n records, and returns something of
// each, so that nothing is left out.
//
//go:wasmexport work
func work(n int32) int32 {
	names := make([]string, n)
	seed := uint32(1)
	for i := range names {
		seed = seed*1664525 + 1013904223
		names[i] = "record " + strconv.Itoa(int(seed>>12))
	}
	slices.Sort(names)
	counts := map[string]int{}
	for _, name := range names {
		counts[name[:9]]++
	}
	records := make([]record, 0, n)
	for _, name := range names {
		records = append(records, record{Name: name, Count: counts[name[:9]], Tags: []string{name[7:], "tag"}})
	}
	text, err := json.Marshal(records)
	if err != nil {
		return -1
	}
	var back []record
	if err := json.Unmarshal(text, &back); err != nil || len(back) != len(records) {
		return -1
	}
	sum := sha256.Sum256(text)
	return int32(sum[0]) | int32(len(text))<<8
}
