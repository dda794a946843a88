// Package fuzzbound holds fuzz targets to the bounds that every reader of
// outside bytes keeps for any one input.
package fuzzbound

import (
	"runtime/metrics"
	"testing"
	"time"
)

// MaxAlloc is how many bytes of heap the work for one input may take in all,
// those included that are garbage again.
const MaxAlloc = 64 << 20

// MaxTime is how long the work for one input may take; the race detector makes
// everything slower and has a bound of its own.
const MaxTime = 100 * time.Millisecond * raceFactor

// tries is how often work that took too long is done: a machine that does
// other things makes any single time long. The shortest counts.
const tries = 5

// Run does work, which is all that the target does with one input, and fails t
// if it took more than MaxTime or allocated more than MaxAlloc. Work that
// takes too long is done again, so it must begin from nothing each time; work
// may end t.
func Run(t testing.TB, work func()) {
	t.Helper()
	shortest := time.Duration(-1)
	for range tries {
		took, bytes := measure(work)
		if bytes > MaxAlloc {
			t.Fatalf("one input: %d bytes allocated > %d", bytes, MaxAlloc)
		}
		if took <= MaxTime || t.Failed() {
			return
		}
		if shortest < 0 || took < shortest {
			shortest = took
		}
	}
	t.Fatalf("one input: took %v at least > %v", shortest, MaxTime)
}

func measure(work func()) (took time.Duration, bytes uint64) {
	before, start := allocated(), time.Now()
	work()
	took = time.Since(start)
	return took, allocated() - before
}

// allocated is how many bytes of heap the process has taken since its start.
func allocated() uint64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}
