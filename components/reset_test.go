package components_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// keeper is a component that keeps what it is told:
//
//	import touch: func()                             // with host set, called by the start function
//	export peek: func(x: u32, y: u32) -> u32         // the word at x
//	export poke: func(x: u32, y: u32) -> u32         // sets it to y
//	export global / set-global, size / grow, open / close: of a global, the memory, a resource
//	export fill: func(x: u32, y: u32) -> u32         // y bytes at x
//	export trap
//	export table / set-table: with tables set, whether an element is null, and making it so
//
// Its start function writes word 64, grows the memory by a page and adds one to
// the global.
type keeper struct {
	c      *Component
	core   *Module
	names  []string
	tables bool
	host   bool
	fresh  bool // link it so that no instance is set back
}

func (k *keeper) bytes() []byte {
	k.c, k.core = NewComponent(), &Module{}
	c, m := k.c, k.core
	res := c.Resource(-1)
	args := []Item{{Name: "new", Func: c.ResourceNew(res)}, {Name: "drop", Func: c.ResourceDrop(res)}}
	m.Import("", "new", m.Type("i", "i"))
	m.Import("", "drop", m.Type("i", ""))
	if k.host {
		touch := c.ImportFunc("touch", c.FuncType([]byte{U32}))
		args = append(args, Item{Name: "touch", Func: c.Lower(touch)})
		m.Import("", "touch", m.Type("", "i"))
	}
	m.Memory(2, 64)
	m.Global(5)
	m.Data(128, []byte("a segment of data"))
	m.Table(2, 2)
	start := Code(I32(64), I32(77), 0x36, 2, 0, I32(1), 0x40, 0, dropOp, 0x23, 0, I32(1), 0x6a, 0x24, 0)
	if k.host {
		start = Code(I32(68), Call(2), 0x36, 2, 0, start)
	}
	s := m.Func(m.Type("", ""), "", start)
	m.Start = int(s) + 1
	m.Elem(0, s, s)
	k.add("peek", get(0), 0x28, 2, 0)
	k.add("poke", get(0), get(1), 0x36, 2, 0, I32(0))
	k.add("global", 0x23, 0)
	k.add("set-global", get(0), 0x24, 0, I32(0))
	k.add("size", 0x3f, 0)
	k.add("grow", get(0), 0x40, 0)
	k.add("open", get(0), Call(0))
	k.add("close", get(0), Call(1), I32(0))
	k.add("fill", get(0), I32(171), get(1), 0xfc, 11, 0, I32(0))
	k.add("trap", 0x00)
	k.add("table", get(0), 0x25, 0, 0xd1)
	if k.tables {
		k.add("set-table", get(0), 0xd0, 0x70, 0x26, 0, I32(0))
	}
	inst := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "", Instance: c.CoreExports(args...)})
	u32 := []byte{U32}
	typ := c.FuncType(u32, Param{Name: "x", Type: u32}, Param{Name: "y", Type: u32})
	for _, name := range k.names {
		c.Export(name, SortFunc, c.Lift(c.CoreFunc(inst, name), typ))
	}
	return c.Bytes()
}

func (k *keeper) add(name string, code ...any) {
	k.core.Export(name, Func, k.core.Func(k.core.Type("ii", "i"), "", code...))
	k.names = append(k.names, name)
}

// link compiles the keeper; touch, if it imports it, counts up.
func (k *keeper) link(t testing.TB, cfg components.EngineConfig, reuse bool) *components.Template {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	c, err := e.Compile(t.Context(), k.bytes())
	if err != nil {
		t.Fatal(err)
	}
	link := components.LinkConfig{ReuseInitialized: reuse, NoReset: k.fresh}
	if k.host {
		n := uint32(0)
		link.Interfaces = []*abi.Interface{{Name: "touch", Funcs: []abi.Func{{
			Name: "touch", Type: &wit.FuncType{Result: wit.Primitive(wit.KindU32)},
			Call: func(_ context.Context, c *abi.Call) error { n++; c.PutU32(c.Result, n); return nil },
		}}}}
	}
	tmpl, err := c.Link(link)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func keep(t testing.TB, tmpl *components.Template) *components.Instance {
	t.Helper()
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// say calls the keeper and returns its answer as text; errors count as answers.
func say(t testing.TB, in *components.Instance, name string, x, y uint32) string {
	v, err := in.Call(t.Context(), "", name, value.U32(x), value.U32(y))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

func engines() map[string]components.EngineConfig {
	return map[string]components.EngineConfig{"compiler": {}, "interpreter": {Interpreter: true}}
}

// program is a sequence of calls at random.
func program(r *rand.Rand, in *components.Instance, names []string, t testing.TB) []string {
	var out []string
	for range 1 + r.IntN(12) {
		name := names[r.IntN(len(names))]
		x, y := r.Uint32N(40)*4, r.Uint32()
		switch name {
		case "peek", "poke":
			x = r.Uint32N(6 * 65536)
		case "grow":
			x = r.Uint32N(3)
		case "fill":
			x, y = r.Uint32N(2*65536), r.Uint32N(65536)
		case "table", "set-table":
			x = r.Uint32N(3)
		case "open", "close":
			x = 1 + r.Uint32N(4)
		case "trap":
			if r.IntN(4) > 0 {
				continue
			}
		}
		out = append(out, fmt.Sprintf("%s(%d, %d) = %s", name, x, y, say(t, in, name, x, y)))
	}
	return out
}

// TestResetAnswersAsFresh runs the same calls on instances that were set back
// and on new ones.
func TestResetAnswersAsFresh(t *testing.T) {
	for engine, cfg := range engines() {
		for _, tables := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/tables=%v", engine, tables), func(t *testing.T) {
				k := keeper{tables: tables}
				reset, fresh := k.link(t, cfg, false), (&keeper{tables: tables, fresh: true}).link(t, cfg, false)
				for seed := range uint64(150) {
					var got [2][]string
					for i, tmpl := range []*components.Template{reset, fresh} {
						in := keep(t, tmpl)
						got[i] = program(rand.New(rand.NewPCG(seed, 7)), in, k.names, t)
						in.Release(t.Context())
					}
					if fmt.Sprint(got[0]) != fmt.Sprint(got[1]) {
						t.Fatalf("seed %d:\n set back: %q\n fresh:    %q", seed, got[0], got[1])
					}
				}
				if kept := fresh.Kept(); kept != 0 {
					t.Fatalf("%d instances are kept that were never to be set back", kept)
				}
				if kept := reset.Kept(); tables != (kept == 0) {
					t.Fatalf("%d instances are kept, the guest writes tables: %v", kept, tables)
				}
			})
		}
	}
}

// TestResetForgets looks for everything that a guest could remember.
func TestResetForgets(t *testing.T) {
	for engine, cfg := range engines() {
		t.Run(engine, func(t *testing.T) {
			tmpl := (&keeper{}).link(t, cfg, false)
			for round := range 3 {
				in := keep(t, tmpl)
				for _, c := range []struct {
					name string
					x    uint32
					want string
				}{
					{"peek", 64, "77"}, {"peek", 1024, "0"}, {"peek", 3*65536 - 4, "0"}, {"peek", 128, fmt.Sprint(uint32('a') | ' '<<8 | 's'<<16 | 'e'<<24)},
					{"global", 0, "6"}, {"size", 0, "3"}, {"open", 9, "1"}, {"grow", 5, "3"}, {"peek", 7 * 65536, "0"},
				} {
					if got := say(t, in, c.name, c.x, 0); got != c.want {
						t.Fatalf("round %d: %s(%d) = %s, want %s", round, c.name, c.x, got, c.want)
					}
				}
				for _, at := range []uint32{64, 1024, 128, 3*65536 - 4, 7 * 65536, 8*65536 - 4} {
					say(t, in, "poke", at, 0xdeadbeef)
				}
				say(t, in, "set-global", 99, 0)
				in.Release(t.Context())
				if got := say(t, in, "peek", 64, 0); tmpl.Kept() != 1 || got == "77" {
					t.Fatalf("round %d: %d instances are kept, a released one answers %s", round, tmpl.Kept(), got)
				}
			}
		})
	}
}

// TestResetDiscards has instances that must not be used again.
func TestResetDiscards(t *testing.T) {
	tmpl := (&keeper{}).link(t, components.EngineConfig{}, false)
	in := keep(t, tmpl)
	say(t, in, "trap", 0, 0)
	in.Release(t.Context())
	if n := tmpl.Kept(); n != 0 {
		t.Fatalf("%d instances are kept after a trap", n)
	}
	in = keep(t, tmpl)
	if got := say(t, in, "grow", 61, 0); got != "3" { // to its maximum, from where no shrinking is known
		t.Fatal(got)
	}
	in.Release(t.Context())
	if n := tmpl.Kept(); n != 0 {
		t.Fatalf("%d instances are kept whose memory is at its maximum", n)
	}
}

// TestResetAfterHostCalls: what a start function drew from the host is drawn
// again for each instance, unless asked otherwise.
func TestResetAfterHostCalls(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		tmpl := (&keeper{host: true}).link(t, components.EngineConfig{}, reuse)
		seen := map[string]bool{}
		for range 5 {
			a, b := keep(t, tmpl), keep(t, tmpl)
			seen[say(t, a, "peek", 68, 0)] = true
			seen[say(t, b, "peek", 68, 0)] = true
			say(t, a, "poke", 68, 1000)
			a.Release(t.Context())
			b.Release(t.Context())
		}
		if want := map[bool]int{false: 10, true: 1}[reuse]; len(seen) != want || seen["1000"] {
			t.Fatalf("reuse %v: guests saw %v, want %d answers", reuse, seen, want)
		}
	}
}

// TestResetHammer has goroutines share a template, each with a secret.
func TestResetHammer(t *testing.T) {
	tmpl := (&keeper{}).link(t, components.EngineConfig{}, false)
	var wg sync.WaitGroup
	for g := range uint32(8) {
		wg.Go(func() {
			for i := range uint32(300) {
				in, err := tmpl.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				at := 65536 + g*4096
				if got := say(t, in, "peek", at, 0); got != "0" {
					t.Errorf("goroutine %d finds %s", g, got)
				}
				say(t, in, "poke", at, i+1)
				if got := say(t, in, "peek", at, 0); got != fmt.Sprint(i+1) {
					t.Errorf("goroutine %d reads %s, wrote %d", g, got, i+1)
				}
				in.Release(t.Context())
			}
		})
	}
	wg.Wait()
	if n := tmpl.Kept(); n == 0 || n > 8 {
		t.Fatalf("%d instances are kept", n)
	}
}
