package components_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit/value"
)

// TestLimitsBelowZero are refused, each by name, by components and modules.
func TestLimitsBelowZero(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	c, err := e.Compile(t.Context(), []byte(twoVersions))
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.CompileModule(t.Context(), relayModule)
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]components.Limits{
		"limit of handles: -1 < 0":                           {Handles: -1},
		"limit of threads: -2 < 0":                           {Threads: -2},
		"limit of time in ns: -10 < 0":                       {Time: -10 * time.Nanosecond},
		"limit of handles: -1 < 0\nlimit of threads: -1 < 0": {Handles: -1, Threads: -1},
	}
	for want, limits := range wrong {
		_, err := c.Link(components.LinkConfig{Limits: limits})
		if !errors.Is(err, components.ErrInvalid) || err.Error() != want {
			t.Errorf("component: %v, want %q", err, want)
		}
		_, err = m.Link(t.Context(), components.CoreLinkConfig{Limits: limits})
		if !errors.Is(err, components.ErrInvalid) || err.Error() != want {
			t.Errorf("module: %v, want %q", err, want)
		}
	}
	if _, err := c.Link(components.LinkConfig{Limits: components.Limits{Handles: 1, Threads: 1, Time: 1}}); err != nil {
		t.Error(err)
	}
}

// TestCompileWithin has components keep to bounds of their own, of which code
// that was kept for another is none.
func TestCompileWithin(t *testing.T) {
	m := &Module{}
	m.Memory(17, -1)
	m.Export("m", Memory, 0)
	m.Export("grow", Func, m.Func(m.Type("i", "i"), "", 0x20, 0, 0x40, 0))
	b := NewComponent()
	core := b.CoreInstance(b.CoreModule(m.Bytes()))
	u32 := []byte{U32}
	b.Export("grow", SortFunc, b.Lift(b.CoreFunc(core, "grow"), b.FuncType(u32, Param{Name: "n", Type: u32})))
	dir := t.TempDir()
	for range 2 { // the second time from the cache
		e, err := components.NewEngine(t.Context(), components.EngineConfig{MemoryBytes: 1 << 20, CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close(context.Background())
		for _, within := range []uint64{0, 1 << 16, 1 << 20} {
			if _, err := e.CompileWithin(t.Context(), b.Bytes(), within); !errors.Is(err, components.ErrExhausted) {
				t.Errorf("17 pages within %d bytes, or the engine's 16: %v, want exhausted", within, err)
			}
		}
		for within, pages := range map[uint64]uint32{2 << 20: 32, 3 << 20: 48, 1 << 40: 1<<16 - 1} {
			c, err := e.CompileWithin(t.Context(), b.Bytes(), within)
			if err != nil {
				t.Fatal(err)
			}
			tmpl, err := c.Link(components.LinkConfig{})
			if err != nil {
				t.Fatal(err)
			}
			in, err := tmpl.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if v := call(t, in, "grow", value.U32(pages-16)); v != value.U32(1<<32-1) {
				t.Errorf("within %d bytes it grows to %d pages: %v", within, pages+1, v)
			}
			if v := call(t, in, "grow", value.U32(pages-17)); v != value.U32(17) {
				t.Errorf("within %d bytes it does not grow to %d pages: %v", within, pages, v)
			}
			in.Release(t.Context())
		}
	}
}
