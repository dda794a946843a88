package components_test

import (
	"context"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
)

// relay is a component that hands on what its host gives it:
//
//	import work: async func(x: u32) -> u32
//	import source: async func() -> stream<u8>
//	import drain: async func(s: stream<u8>) -> u32
//	import pending: async func() -> future<u32>
//	export call: async func(x: u32) -> u32      // work, synchronously
//	export stack: async func(x: u32) -> u32     // work, beside other calls
//	export cancel: async func(x: u32) -> u32    // work, cancelled at once: how that went
//	export read-all: async func() -> u32        // how many bytes source gives
//	export produce: async func(n: u32) -> stream<u8>
//	export give: async func() -> u32            // drain of a stream of five bytes
//	export wait: async func() -> u32            // the value of pending
//	export spin: async func()                   // yields for ever
//	export flood: async func()                  // starts work for ever
type relay struct {
	c    *Component
	core *Module
	args []Item
	mem  uint32
}

// imports adds a function that the core module imports under name.
func (r *relay) imports(name, params, results string, f uint32) uint32 {
	r.args = append(r.args, Item{Name: name, Func: f})
	return r.core.Import("", name, r.core.Type(params, results))
}

const (
	endOp, dropOp, loopOp, blockOp, brOp, brIfOp = 0x0b, 0x1a, 0x03, 0x02, 0x0c, 0x0d
	getOp, setOp                                 = 0x20, 0x21
	void                                         = 0x40
)

func load(at int64) []byte { return Code(I32(at), 0x28, 2, 0) }

// shift is x >> n.
func shift(x []byte, n int64) []byte { return Code(x, I32(n), 0x76) }

func get(i int) []byte { return []byte{getOp, byte(i)} }

func asyncFunc(c *Component, result []byte, params ...Param) uint32 {
	items := make([][]byte, len(params))
	for i, p := range params {
		items[i] = Cat(Name(p.Name), p.Type)
	}
	tail := []byte{1, 0}
	if result != nil {
		tail = Cat([]byte{0}, result)
	}
	return c.Type([]byte{0x43}, Vec(items...), tail)
}

func relayBytes() []byte {
	r := &relay{c: NewComponent(), core: &Module{}}
	c := r.c
	stream, future := c.Type([]byte{0x66, 1, U8}), c.Type([]byte{0x65, 1, U32})
	u32, ofStream, ofFuture := []byte{U32}, U(stream), U(future)
	workType := asyncFunc(c, u32, Param{Name: "x", Type: u32})
	sourceType, pendingType := asyncFunc(c, ofStream), asyncFunc(c, ofFuture)
	drainType := asyncFunc(c, u32, Param{Name: "s", Type: ofStream})
	produceType := asyncFunc(c, ofStream, Param{Name: "n", Type: u32})
	plainType, spinType := asyncFunc(c, u32), asyncFunc(c, nil)
	work, source := c.ImportFunc("work", workType), c.ImportFunc("source", sourceType)
	drain, pending := c.ImportFunc("drain", drainType), c.ImportFunc("pending", pendingType)

	m := &Module{}
	m.Memory(1, 1)
	m.Export("m", Memory, 0)
	m.Data(1024, []byte("abcdefghijklmnopqrstuvwxyz"))
	memory := c.CoreInstance(c.CoreModule(m.Bytes()))
	r.mem = c.CoreMemory(memory, "m")
	mem, async := MemoryOpt(r.mem), []byte{6}

	f := map[string]uint32{
		"work":       r.imports("work", "i", "i", c.Lower(work)),
		"start":      r.imports("start", "ii", "i", c.Lower(work, async, mem)),
		"source":     r.imports("source", "", "i", c.Lower(source)),
		"drain":      r.imports("drain", "ii", "i", c.Lower(drain, async, mem)),
		"pending":    r.imports("pending", "", "i", c.Lower(pending)),
		"cancel":     r.imports("cancel", "i", "i", c.Canon([]byte{0x06, 0})),
		"drop":       r.imports("drop", "i", "", c.Canon([]byte{0x0d})),
		"new":        r.imports("new", "", "l", c.Canon([]byte{0x0e}, ofStream)),
		"read":       r.imports("read", "iii", "i", c.Canon([]byte{0x0f}, ofStream, Vec(mem))),
		"write":      r.imports("write", "iii", "i", c.Canon([]byte{0x10}, ofStream, Vec(mem))),
		"drop-r":     r.imports("drop-r", "i", "", c.Canon([]byte{0x13}, ofStream)),
		"drop-w":     r.imports("drop-w", "i", "", c.Canon([]byte{0x14}, ofStream)),
		"future":     r.imports("future", "ii", "i", c.Canon([]byte{0x16}, ofFuture, Vec(mem))),
		"return":     r.imports("return", "i", "", c.Canon([]byte{0x09, 0}, ofStream, Vec(mem))),
		"return-u32": r.imports("return-u32", "i", "", c.Canon([]byte{0x09, 0}, u32, Vec(mem))),
		"set":        r.imports("set", "", "i", c.Canon([]byte{0x1f})),
		"wait":       r.imports("wait", "ii", "i", c.Canon([]byte{0x20, 0}, U(r.mem))),
		"join":       r.imports("join", "ii", "", c.Canon([]byte{0x23})),
		"yield":      r.imports("yield", "", "i", c.Canon([]byte{0x0c, 0})),
	}
	r.code(f)
	core := c.CoreInstance(c.CoreModule(r.core.Bytes()), Arg{Name: "", Instance: c.CoreExports(r.args...)}, Arg{Name: "mem", Instance: memory})
	for _, e := range []struct {
		name string
		typ  uint32
		opts [][]byte
	}{
		{"call", workType, nil}, {"stack", workType, [][]byte{async, mem}}, {"cancel", workType, nil}, {"read-all", plainType, nil},
		{"produce", produceType, [][]byte{async, mem}}, {"give", plainType, nil}, {"wait", plainType, nil}, {"spin", spinType, nil},
		{"flood", spinType, nil},
	} {
		c.Export(e.name, SortFunc, c.Lift(c.CoreFunc(core, e.name), e.typ, e.opts...))
	}
	return c.Bytes()
}

// code writes the core functions of the exports, which call f.
func (r *relay) code(f map[string]uint32) {
	m := r.core
	m.ImportMemory("mem", "m", 1)
	add := func(name, params, results, locals string, code ...any) {
		m.Export(name, Func, m.Func(m.Type(params, results), locals, code...))
	}
	call := func(name string) []byte { return Call(f[name]) }

	add("call", "i", "i", "", get(0), call("work"))
	add("stack", "i", "", "", get(0), call("work"), call("return-u32"))
	add("cancel", "i", "i", "", get(0), I32(16), call("start"), I32(4), 0x76, setOp, 0,
		get(0), call("cancel"), get(0), call("drop"))
	// locals: stream, answer, total
	add("read-all", "", "i", "iii", call("source"), setOp, 0,
		blockOp, void, loopOp, void,
		get(0), I32(64), I32(8), call("read"), setOp, 1,
		get(2), shift(get(1), 4), 0x6a, setOp, 2,
		get(1), I32(15), 0x71, brIfOp, 1, // dropped
		brOp, 0, endOp, endOp,
		get(0), call("drop-r"), get(2))
	// locals after n: both ends, writable, answer, how many were written
	add("produce", "i", "", "liii", call("new"), setOp, 1,
		get(1), 0xa7, call("return"), get(1), []byte{0x42, 32}, 0x88, 0xa7, setOp, 2,
		blockOp, void, loopOp, void,
		get(0), 0x45, brIfOp, 1, // nothing left
		get(2), I32(1024), get(4), 0x6a, get(0), call("write"), setOp, 3,
		get(0), shift(get(3), 4), 0x6b, setOp, 0,
		get(4), shift(get(3), 4), 0x6a, setOp, 4,
		get(3), I32(15), 0x71, brIfOp, 1,
		brOp, 0, endOp, endOp,
		get(2), call("drop-w"))
	// locals: both ends, writable, subtask, set
	add("give", "", "i", "liii", call("new"), setOp, 0,
		get(0), []byte{0x42, 32}, 0x88, 0xa7, setOp, 1,
		get(0), 0xa7, I32(16), call("drain"), I32(4), 0x76, setOp, 2,
		get(1), I32(1024), I32(5), call("write"), dropOp,
		get(1), call("drop-w"),
		call("set"), setOp, 3, get(2), get(3), call("join"),
		get(3), I32(32), call("wait"), dropOp,
		get(2), call("drop"), load(16))
	add("wait", "", "i", "", call("pending"), I32(48), call("future"), dropOp, load(48))
	add("flood", "", "", "", loopOp, void, I32(1), I32(16), call("start"), dropOp, brOp, 0, endOp)
	add("spin", "", "", "", loopOp, void, call("yield"), dropOp, brOp, 0, endOp)
}

// relayHost is what relay imports; functions that a test does not need are
// nil.
type relayHost struct {
	work, source, drain, pending func(ctx context.Context, call *abi.Call) (abi.Work, error)
}

var (
	typeU32    = wit.Primitive(wit.KindU32)
	typeU8     = wit.Primitive(wit.KindU8)
	typeStream = &wit.Type{Kind: wit.KindStream, Elem: typeU8}
	typeFuture = &wit.Type{Kind: wit.KindFuture, Elem: typeU32}
)

// interfaces are what the relay imports.
func (h relayHost) interfaces() []*abi.Interface {
	bind := func(name string, result *wit.Type, start func(context.Context, *abi.Call) (abi.Work, error), params ...wit.Param) *abi.Interface {
		return &abi.Interface{Name: name, Funcs: []abi.Func{{
			Name: name, Start: start, Type: &wit.FuncType{Async: true, Params: params, Result: result},
		}}}
	}
	return []*abi.Interface{
		bind("work", typeU32, h.work, wit.Param{Name: "x", Type: typeU32}),
		bind("source", typeStream, h.source),
		bind("drain", typeU32, h.drain, wit.Param{Name: "s", Type: typeStream}),
		bind("pending", typeFuture, h.pending),
	}
}

func (h relayHost) template(t testing.TB, limits components.Limits) *components.Template {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), relayBytes())
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(components.LinkConfig{Limits: limits, Interfaces: h.interfaces()})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// link returns an instance of the relay whose imports are h.
func (h relayHost) link(t testing.TB, limits components.Limits) *components.Instance {
	t.Helper()
	in, err := h.template(t, limits).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Release(context.Background()) })
	return in
}
