package components_test

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"latticework/components"
)

// memoryOf returns what /proc/self/status says of the process, in bytes.
func memoryOf(t *testing.T, field string) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("SKIPPED: the process's memory cannot be read: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), field+":")
	var kib int64
	for _, c := range strings.TrimSpace(rest) {
		if c < '0' || c > '9' {
			break
		}
		kib = kib*10 + int64(c-'0')
	}
	return kib << 10
}

// What an instance of c-http may take that was not called yet: of the heap, and
// of memory altogether, where the pages are that its data segments are in, one
// for c-http.
const (
	idleHeap     = 2304
	idleResident = 7 << 10
)

// TestIdleInstances has ten thousand instances of a guest alive at once, calls
// nothing, and states what one takes.
func TestIdleInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 200 MB")
	}
	c := compileGuest(t, components.EngineConfig{}, "c-http")
	tmpl, err := c.Link(components.LinkConfig{Interfaces: declared()})
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	all := make([]*components.Instance, 0, n)
	heap := heapInUse()
	before, tables := memoryOf(t, "VmRSS"), memoryOf(t, "VmPTE")
	for range n {
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatalf("instance %d: %v", len(all), err)
		}
		all = append(all, in)
	}
	onHeap := (heapInUse() - heap) / n
	each := (memoryOf(t, "VmRSS") - before) / n
	t.Logf("%d bytes in memory for an idle instance, %d of them on the heap, and %d of page tables", each, onHeap, (memoryOf(t, "VmPTE")-tables)/n)
	for _, in := range all {
		in.Release(t.Context())
	}
	if onHeap > idleHeap || each > idleResident && !raced {
		t.Errorf("%d bytes on the heap for an idle instance, want at most %d; %d in memory, want at most %d", onHeap, idleHeap, each, idleResident)
	}
}

// heapInUse returns the bytes of the heap that are in use after a collection,
// and gives the rest back.
func heapInUse() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
