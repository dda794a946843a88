package components_test

import (
	"os"
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
	debug.FreeOSMemory()
	before, tables := memoryOf(t, "VmRSS"), memoryOf(t, "VmPTE")
	for range n {
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatalf("instance %d: %v", len(all), err)
		}
		all = append(all, in)
	}
	debug.FreeOSMemory()
	each := (memoryOf(t, "VmRSS") - before) / n
	t.Logf("%d bytes in memory for an idle instance, and %d of page tables", each, (memoryOf(t, "VmPTE")-tables)/n)
	for _, in := range all {
		in.Release(t.Context())
	}
	if limit := int64(16 << 10); each > limit {
		t.Errorf("%d bytes in memory for an idle instance, want at most %d", each, limit)
	}
}
