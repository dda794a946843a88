package kvmemory_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/providers/providertest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func newProvider(t *testing.T) providers.Provider {
	p, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance(t *testing.T) {
	providertest.KeyValue{
		New:    newProvider,
		Config: func(*testing.T) map[string]string { return nil },
	}.Run(t)
}

// TestMemoryIsBounded: what does not fit is refused, changes nothing, and
// fits again when something else is gone. Names of buckets count too.
func TestMemoryIsBounded(t *testing.T) {
	p, err := kvmemory.New(providers.Setup{Name: "store", Config: map[string]string{"max_bytes": "100KiB"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "store"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.(*keyvalue.Session).Backend()
	keys, err := b.Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	half := make([]byte, 50<<10)
	must(keys.Set(t.Context(), "a", half))
	if err := keys.Set(t.Context(), "b", half); errcode.Of(err) != errcode.Exhausted || !strings.Contains(err.Error(), "> 102400") {
		t.Errorf("too much: %v, want exhausted", err)
	}
	if found, err := keys.Exists(t.Context(), "b"); found || err != nil {
		t.Errorf("what was refused is there: %v, %v", found, err)
	}
	for range 100 { // replacing, removing and making again are not counted twice
		must(keys.Set(t.Context(), "a", half))
		must(keys.Set(t.Context(), "c", half[:40<<10]))
		must(keys.Delete(t.Context(), "c"))
		must(keys.Set(t.Context(), "a", nil))
	}
	must(keys.Set(t.Context(), "b", half))
	for i := 0; ; i++ {
		if _, err := b.Open(t.Context(), strconv.Itoa(i)); err != nil {
			break
		}
		if i > 10_000 {
			t.Fatal("a guest can make buckets without end")
		}
	}
}

// TestChurnIsForgotten: removed keys leave nothing behind in the listing.
func TestChurnIsForgotten(t *testing.T) {
	p := newProvider(t)
	s, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "store"})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := s.(*keyvalue.Session).Backend().Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := allocated()
	for i := range 200_000 {
		key := strconv.Itoa(i)
		if err := errors.Join(keys.Set(t.Context(), key, nil), keys.Delete(t.Context(), key)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(allocated()) - int64(before); grown > 1<<20 {
		t.Errorf("200,000 keys that came and went hold %d bytes", grown)
	}
	runtime.KeepAlive(p)
}
