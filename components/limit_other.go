//go:build !linux

package components

import "runtime/debug"

// limitMemory asks the collector to stay below the bound: this system has no
// limit that counts what a Go program writes to.
func limitMemory(bytes uint64) error {
	debug.SetMemoryLimit(int64(bytes))
	return nil
}
