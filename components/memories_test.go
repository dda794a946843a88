package components_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit/value"
)

// twoMemories is a component whose core module has two memories, of which the
// second is that of its canonical options:
//
//	peek / poke: func(x: u32, y: u32) -> u32        // in the second memory
//	size / grow / first: of the second; grow of the first
//	move: func(x: u32, y: u32) -> u32               // y bytes of the second from x to the first
//	fill: func(x: u32, y: u32) -> u32               // all of the second, x times
//	hello: func() -> string                         // data of the second
func twoMemories() []byte {
	c, m := NewComponent(), &Module{}
	m.Memory(1, 4)
	m.Memory(2, 40)
	m.Datas = append(m.Datas,
		Cat([]byte{2, 1}, I32(64), []byte{0x0b}, U(12), []byte("from memory ")),
		Cat([]byte{2, 1}, I32(16), []byte{0x0b}, U(8), []byte{64, 0, 0, 0, 11, 0, 0, 0}),
		Cat([]byte{0}, I32(64), []byte{0x0b}, U(4), []byte("zero")))
	m.Export("canonical", Memory, 1)
	u32 := []byte{U32}
	var names []string
	add := func(name string, code ...any) {
		m.Export(name, Func, m.Func(m.Type("ii", "i"), "", code...))
		names = append(names, name)
	}
	add("peek", get(0), 0x28, 0x42, 1, 0)
	add("poke", get(0), get(1), 0x36, 0x42, 1, 0, I32(0))
	add("peek-first", get(0), 0x28, 2, 0)
	add("size", 0x3f, 1)
	add("grow", get(0), 0x40, 1)
	add("grow-first", get(0), 0x40, 0)
	add("move", I32(1024), get(0), get(1), 0xfc, 10, 0, 1, I32(0))
	add("fill", loopOp, void, I32(0), I32(7), 0x3f, 1, I32(16), 0x74, 0xfc, 11, 1,
		get(0), I32(1), 0x6b, 0x22, 0, brIfOp, 0, endOp, I32(0))
	m.Export("hello", Func, m.Func(m.Type("", "i"), "", I32(16)))
	inst := c.CoreInstance(c.CoreModule(m.Bytes()))
	typ := c.FuncType(u32, Param{Name: "x", Type: u32}, Param{Name: "y", Type: u32})
	for _, name := range names {
		c.Export(name, SortFunc, c.Lift(c.CoreFunc(inst, name), typ))
	}
	hello := c.Lift(c.CoreFunc(inst, "hello"), c.FuncType([]byte{String}), MemoryOpt(c.CoreMemory(inst, "canonical")))
	c.Export("hello", SortFunc, hello)
	return c.Bytes()
}

func linkBytes(t *testing.T, cfg components.EngineConfig, code []byte, limits components.Limits) *components.Template {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	c, err := e.Compile(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(components.LinkConfig{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// TestTwoMemories calls the component in instances that are set back: what is in
// its second memory is as new each time.
func TestTwoMemories(t *testing.T) {
	for engine, cfg := range engines() {
		t.Run(engine, func(t *testing.T) {
			tmpl := linkBytes(t, cfg, twoMemories(), components.Limits{})
			for round := range 3 {
				in := keep(t, tmpl)
				if v, err := in.Call(t.Context(), "", "hello"); err != nil || v != value.String("from memory") {
					t.Fatalf("round %d: hello answers %v, %v", round, v, err)
				}
				word := fmt.Sprint(uint32('f') | 'r'<<8 | 'o'<<16 | 'm'<<24)
				for _, c := range []struct {
					name string
					x, y uint32
					want string
				}{
					{"peek", 64, 0, word}, {"peek", 2<<16 - 4, 0, "0"}, {"size", 0, 0, "2"}, {"peek-first", 1024, 0, "0"},
					{"move", 64, 4, "0"}, {"peek-first", 1024, 0, word}, {"poke", 64, 5, "0"}, {"peek", 64, 0, "5"},
					{"grow", 3, 0, "2"}, {"size", 0, 0, "5"}, {"poke", 5<<16 - 4, 6, "0"}, {"peek-first", 64, 0, fmt.Sprint(uint32('z') | 'e'<<8 | 'r'<<16 | 'o'<<24)},
				} {
					if got := say(t, in, c.name, c.x, c.y); got != c.want {
						t.Fatalf("round %d: %s(%d, %d) = %s, want %s", round, c.name, c.x, c.y, got, c.want)
					}
				}
				in.Release(t.Context())
				if n := tmpl.Kept(); n != 1 {
					t.Fatalf("%d instances are kept", n)
				}
			}
			in := keep(t, tmpl)
			if got := say(t, in, "peek", 2<<16-3, 0); !strings.Contains(got, "out of bounds memory access") {
				t.Errorf("a load beyond the second memory answers %s", got)
			}
			in.Release(t.Context())
		})
	}
}

// TestTwoMemoriesLimits: both memories count, and what runs in a companion ends
// with the call's time.
func TestTwoMemoriesLimits(t *testing.T) {
	tmpl := linkBytes(t, components.EngineConfig{}, twoMemories(), components.Limits{MemoryBytes: 5 << 16, Time: 50 * time.Millisecond})
	in := keep(t, tmpl)
	for _, c := range []struct {
		name string
		x    uint32
		want string
	}{{"grow", 3, "4294967295"}, {"grow", 2, "2"}, {"grow-first", 1, "4294967295"}, {"size", 0, "4"}} {
		if got := say(t, in, c.name, c.x, 0); got != c.want {
			t.Errorf("%s(%d) = %s, want %s", c.name, c.x, got, c.want)
		}
	}
	begin := time.Now()
	_, err := in.Call(t.Context(), "", "fill", value.U32(1<<31), value.U32(0))
	if took := time.Since(begin); !errors.Is(err, components.ErrDeadline) || took > 5*time.Second {
		t.Errorf("filling for ever ended with %v after %s", err, took)
	}
	in.Release(t.Context())

	small := linkBytes(t, components.EngineConfig{}, twoMemories(), components.Limits{MemoryBytes: 2 << 16})
	if _, err := small.Acquire(t.Context()); !errors.Is(err, components.ErrExhausted) {
		t.Errorf("an instance with three pages where two are allowed: %v", err)
	}
}

// TestTwoMemoriesFuel: instructions of companions cost fuel.
func TestTwoMemoriesFuel(t *testing.T) {
	tmpl := linkBytes(t, components.EngineConfig{}, twoMemories(), components.Limits{Fuel: 5_000_000})
	in := keep(t, tmpl)
	defer in.Release(t.Context())
	if got := say(t, in, "fill", 10, 0); got != "0" {
		t.Fatal(got)
	}
	if _, err := in.Call(t.Context(), "", "fill", value.U32(100_000), value.U32(0)); !errors.Is(err, components.ErrExhausted) {
		t.Errorf("filling 13 GB ended with %v", err)
	}
}

// TestDataOfSecondMemory has data at an offset that the module imports, for a
// memory that it imports: there if it fits, else the instance traps.
func TestDataOfSecondMemory(t *testing.T) {
	for offset, want := range map[int64]string{100: "7", 65_534: "out of bounds"} {
		c, given, m := NewComponent(), &Module{}, &Module{}
		given.Memory(1, 1)
		given.Export("m", Memory, 0)
		given.Export("n", Memory, 0)
		given.Globals = append(given.Globals, Cat([]byte{I32Type, 0}, I32(offset), []byte{0x0b}))
		given.Export("g", 3, 0)
		from := c.CoreInstance(c.CoreModule(given.Bytes()))
		m.Imports = append(m.Imports, Cat(Name("from"), Name("g"), []byte{3, I32Type, 0}), Cat(Name("from"), Name("m"), []byte{2, 0, 1}))
		m.ImportMemory("from", "n", 1)
		m.Datas = append(m.Datas, Cat([]byte{2, 1, 0x23, 0, 0x0b}, U(4), []byte{7, 0, 0, 0}))
		m.Export("peek", Func, m.Func(m.Type("i", "i"), "", get(0), 0x28, 0x42, 1, 0))
		inst := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "from", Instance: from})
		c.Export("peek", SortFunc, c.Lift(c.CoreFunc(inst, "peek"), c.FuncType([]byte{U32}, Param{Name: "x", Type: []byte{U32}})))
		tmpl := linkBytes(t, components.EngineConfig{}, c.Bytes(), components.Limits{})
		var got string
		in, err := tmpl.Acquire(t.Context())
		if err == nil {
			v, cerr := in.Call(t.Context(), "", "peek", value.U32(100))
			got, err = fmt.Sprint(v), cerr
			in.Release(t.Context())
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("data at %d: %s, want %s", offset, got, want)
		}
	}
}

// TestCoreModuleOfSeveralMemories: core modules by themselves have one.
func TestCoreModuleOfSeveralMemories(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	m := &Module{}
	m.Memory(1, 1)
	m.Memory(1, 1)
	if _, err := e.CompileModule(t.Context(), m.Bytes()); !errors.Is(err, components.ErrUnsupported) || !strings.Contains(err.Error(), "2 memories") {
		t.Errorf("a core module of two memories: %v", err)
	}
}
