package components_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// TestLargeParameters calls a function whose parameters take many megabytes in
// the guest's memory: the host needs no memory of that size.
func TestLargeParameters(t *testing.T) {
	const size = 32 << 20
	c, core := NewComponent(), &Module{}
	core.Memory(size>>16+1, size>>16+1)
	core.Export("m", Memory, 0)
	core.Export("realloc", Func, core.Func(core.Type("iiii", "i"), "", I32(16)))
	core.Export("take", Func, core.Func(core.Type("i", "i"), "", get(0)))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()))
	list := U(c.Type([]byte{0x67, U8}, U(size)))
	take := c.FuncType([]byte{U32}, Param{Name: "x", Type: list})
	c.Export("take", SortFunc, c.Lift(c.CoreFunc(inst, "take"), take, MemoryOpt(c.CoreMemory(inst, "m")), ReallocOpt(c.CoreFunc(inst, "realloc"))))
	in, f := acquired(t, linked(t, c.Bytes()), "take")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := in.Invoke(t.Context(), f,
		func(c *abi.Call) error {
			if len(c.Params) != size {
				t.Errorf("%d bytes of parameters, want %d", len(c.Params), size)
			}
			return nil
		},
		func(c *abi.Call) error {
			if at := c.U32(c.Result); at != 16 {
				t.Errorf("the parameters are at %d, want 16", at)
			}
			return nil
		})
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; err != nil || used > 1<<20 {
		t.Errorf("%v, the host allocated %d bytes", err, used)
	}
}

// TestExportOfAnotherTemplate calls an instance by what another template exports.
func TestExportOfAnotherTemplate(t *testing.T) {
	a := linked(t, relayBytes(), relayHost{}.interfaces()...)
	_, f := acquired(t, a, "spin")
	in, _ := ledgers(t)
	defer in.Release(context.Background())
	if err := in.Invoke(t.Context(), f, nil, nil); !errors.Is(err, components.ErrInvalid) {
		t.Errorf("answered %v", err)
	}
	if in.Dead() {
		t.Error("the instance is gone")
	}
}

// pen is a resource of the host that counts who holds it.
type pen struct{ held, dropped int }

func (p *pen) Acquire()             { p.held++ }
func (p *pen) Release()             { p.held-- }
func (p *pen) Drop(context.Context) { p.dropped++ }

// writers is a component of two that share a resource of the host. The first
// makes one and gives or lends it to the second, which uses it:
//
//	import test:pens/pens { resource pen; make: func() -> own<pen>; use: func(p: borrow<pen>) -> u32 }
//	export give: func() -> u32  // the second drops it
//	export keep: func() -> u32  // the second does not
//	export lend: func() -> u32
//	export fail: func() -> u32  // the second has no room for the text that comes first
func writers() []byte {
	u32, text := []byte{U32}, []byte{String}
	second := NewComponent()
	pen := second.ImportResource("pen")
	own, borrow := U(second.Own(pen)), U(second.Borrow(pen))
	use := second.ImportFunc("use", second.FuncType(u32, Param{Name: "p", Type: borrow}))
	m := &Module{}
	call := Call(m.Import("", "use", m.Type("i", "i")))
	drop := Call(m.Import("", "drop", m.Type("i", "")))
	m.Memory(1, 1)
	m.Export("m", Memory, 0)
	m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", I32(-1)))
	m.Export("given", Func, m.Func(m.Type("i", "i"), "", get(0), call, get(0), drop))
	m.Export("kept", Func, m.Func(m.Type("i", "i"), "", get(0), call))
	m.Export("failed", Func, m.Func(m.Type("iii", "i"), "", I32(0)))
	mi := second.CoreInstance(second.CoreModule(m.Bytes()), Arg{Name: "", Instance: second.CoreExports(
		Item{Name: "use", Func: second.Lower(use)}, Item{Name: "drop", Func: second.ResourceDrop(pen)})})
	mem, realloc := MemoryOpt(second.CoreMemory(mi, "m")), ReallocOpt(second.CoreFunc(mi, "realloc"))
	for _, f := range []struct {
		name, core string
		params     []Param
	}{
		{"given", "given", []Param{{Name: "p", Type: own}}},
		{"kept", "kept", []Param{{Name: "p", Type: own}}},
		{"lent", "given", []Param{{Name: "p", Type: borrow}}},
		{"failed", "failed", []Param{{Name: "text", Type: text}, {Name: "p", Type: own}}},
	} {
		second.Export(f.name, SortFunc, second.Lift(second.CoreFunc(mi, f.core), second.FuncType(u32, f.params...), mem, realloc))
	}

	first := NewComponent()
	pen = first.ImportResource("pen")
	own, borrow = U(first.Own(pen)), U(first.Borrow(pen))
	n := &Module{}
	memory := &Module{}
	memory.Memory(1, 1)
	memory.Export("m", Memory, 0)
	fm := MemoryOpt(first.CoreMemory(first.CoreInstance(first.CoreModule(memory.Bytes())), "m"))
	make1 := Call(n.Import("", "make", n.Type("", "i")))
	items := []Item{{Name: "make", Func: first.Lower(first.ImportFunc("make", first.FuncType(own)))}}
	calls := map[string][]byte{}
	for _, f := range []struct {
		name, core string
		params     []Param
	}{
		{"given", "i", []Param{{Name: "p", Type: own}}},
		{"kept", "i", []Param{{Name: "p", Type: own}}},
		{"lent", "i", []Param{{Name: "p", Type: borrow}}},
		{"failed", "iii", []Param{{Name: "text", Type: text}, {Name: "p", Type: own}}},
	} {
		calls[f.name] = Call(n.Import("", f.name, n.Type(f.core, "i")))
		items = append(items, Item{Name: f.name, Func: first.Lower(first.ImportFunc(f.name, first.FuncType(u32, f.params...)), fm)})
	}
	none := n.Type("", "i")
	n.Export("give", Func, n.Func(none, "", make1, calls["given"]))
	n.Export("keep", Func, n.Func(none, "", make1, calls["kept"]))
	n.Export("lend", Func, n.Func(none, "", make1, calls["lent"]))
	n.Export("fail", Func, n.Func(none, "", I32(0), I32(1), make1, calls["failed"]))
	ni := first.CoreInstance(first.CoreModule(n.Bytes()), Arg{Name: "", Instance: first.CoreExports(items...)})
	for _, name := range []string{"give", "keep", "lend", "fail"} {
		first.Export(name, SortFunc, first.Lift(first.CoreFunc(ni, name), first.FuncType(u32)))
	}

	c := NewComponent()
	decl := func(name string, desc ...byte) []byte { return Cat([]byte{0x04, 0}, Name(name), desc) }
	typ := c.Type([]byte{0x42}, Vec(
		decl("pen", 0x03, 0x01),
		[]byte{0x01, 0x69, 0}, []byte{0x01, 0x68, 0},
		[]byte{0x01, 0x40, 0, 0, 1}, decl("make", 0x01, 3),
		Cat([]byte{0x01, 0x40, 1}, Name("p"), []byte{2, 0, U32}), decl("use", 0x01, 4)))
	c.Add(10, []byte{1, 0}, Name("test:pens/pens"), []byte{0x05}, U(typ))
	c.Add(6, []byte{1, SortType, 0, 0}, Name("pen"))
	pens := With{Name: "pen", Sort: SortType, Index: typ + 1}
	// The import is instance 0, which the builder does not count.
	makeFunc, useFunc := c.AliasFunc(0, "make"), c.AliasFunc(0, "use")
	b := c.Instance(c.Component(second.Bytes()), pens, With{Name: "use", Sort: SortFunc, Index: useFunc}) + 1
	with := []With{pens, {Name: "make", Sort: SortFunc, Index: makeFunc}}
	for _, name := range []string{"given", "kept", "lent", "failed"} {
		with = append(with, With{Name: name, Sort: SortFunc, Index: c.AliasFunc(b, name)})
	}
	a := c.Instance(c.Component(first.Bytes()), with...) + 1
	for _, name := range []string{"give", "keep", "lend", "fail"} {
		c.Export(name, SortFunc, c.AliasFunc(a, name))
	}
	return c.Bytes()
}

// penCase has what the host of writers noticed.
type penCase struct {
	*pen
	used abi.Owner // by what the second component used it last
	most int       // how often it was held at most, when it was used
}

func (p *penCase) pens() *abi.Interface {
	resource := &wit.Resource{Name: "pen"}
	own, borrow := &wit.Type{Kind: wit.KindOwn, Resource: resource}, &wit.Type{Kind: wit.KindBorrow, Resource: resource}
	return &abi.Interface{Name: "test:pens/pens", Resources: []*wit.Resource{resource}, Funcs: []abi.Func{
		{Name: "make", Type: &wit.FuncType{Result: own}, Call: func(_ context.Context, c *abi.Call) error {
			c.Handles.SetOwner(p.pen)
			c.PutOwn(c.Result, p.pen, resource)
			return nil
		}},
		{Name: "use", Type: &wit.FuncType{Params: []wit.Param{{Name: "p", Type: borrow}}, Result: typeU32}, Call: func(_ context.Context, c *abi.Call) error {
			p.used, p.most = c.Handles.Owner(c.U32(c.Params)), max(p.most, p.held)
			c.PutU32(c.Result, 1)
			return nil
		}},
	}}
}

// TestOwnerOfWhatIsHandedOn: a handle that one component gives or lends another
// stays under what it was made under, which is told when it ends.
func TestOwnerOfWhatIsHandedOn(t *testing.T) {
	p := &penCase{}
	tmpl := linked(t, writers(), p.pens())
	for _, k := range []struct {
		name          string
		held, dropped int // after the call
		trap          bool
	}{
		{name: "give", dropped: 1},
		{name: "keep", held: 1},
		{name: "lend", held: 1},
		{name: "fail", held: 1, trap: true},
	} {
		t.Run(k.name, func(t *testing.T) {
			*p = penCase{pen: &pen{}}
			in := keep(t, tmpl)
			_, err := in.Call(t.Context(), "", k.name)
			if trap, _ := components.IsTrap(err); (trap != nil) != k.trap {
				t.Fatal(err)
			}
			if !k.trap && (p.used != p.pen || p.most != 1) {
				t.Errorf("used under %v, held by %d at most", p.used, p.most)
			}
			if p.held != k.held || p.dropped != k.dropped {
				t.Errorf("held by %d, dropped %d times; want %d, %d", p.held, p.dropped, k.held, k.dropped)
			}
			in.Release(context.Background())
			if p.held != 0 || p.dropped != 1 {
				t.Errorf("after the instance held by %d, dropped %d times", p.held, p.dropped)
			}
		})
	}
}

// TestResourceThatFindsNoRoom: a resource of the host for which a guest's table
// has no room ends, be it new or another guest's before.
func TestResourceThatFindsNoRoom(t *testing.T) {
	for _, name := range []string{"lend", "keep"} {
		t.Run(name, func(t *testing.T) {
			p := &penCase{pen: &pen{}}
			in := keep(t, linkedWithin(t, writers(), components.Limits{Handles: 1}, p.pens()))
			if _, err := in.Call(t.Context(), "", name); err != nil {
				t.Fatal(err)
			}
			if _, err := in.Call(t.Context(), "", name); !errors.Is(err, components.ErrExhausted) {
				t.Errorf("answered %v", err)
			}
			if p.held != 1 || p.dropped != 1 {
				t.Errorf("held by %d, dropped %d times; want 1, 1", p.held, p.dropped)
			}
			in.Release(context.Background())
			if p.held != 0 || p.dropped != 2 {
				t.Errorf("after the instance held by %d, dropped %d times; want 0, 2", p.held, p.dropped)
			}
		})
	}
}

// box is elements that are pens, and the stream that gives them once.
type box struct {
	pens     []*pen
	resource *wit.Resource
	given    bool
}

func (b *box) Store(m *abi.Mem, to []byte, i int) { m.PutOwn(to, b.pens[i], b.resource) }
func (b *box) Load(*abi.Mem, []byte)              {}
func (b *box) At(i int) any                       { return b.pens[i] }
func (b *box) Append(any) bool                    { return false }
func (b *box) Close()                             {}

func (b *box) Discard(i int) {
	for _, p := range b.pens[i:] {
		p.Drop(context.Background())
	}
}

func (b *box) Pull(context.Context, int) (abi.Elements, int, error) {
	if b.given {
		return nil, 0, io.EOF
	}
	b.given = true
	return b, len(b.pens), nil
}

// TestStreamOfResourcesThatFindNoRoom: of resources that a guest reads from a
// stream, what its table has no room for ends, once, as does the rest.
func TestStreamOfResourcesThatFindNoRoom(t *testing.T) {
	c, core, holder := NewComponent(), &Module{}, &Module{}
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	pens := c.ImportResource("pen")
	stream := U(c.Type(Cat([]byte{0x66, 1}, U(c.Own(pens)))))
	mem := MemoryOpt(c.CoreMemory(c.CoreInstance(c.CoreModule(holder.Bytes())), "m"))
	read := Call(core.Import("", "read", core.Type("iii", "i")))
	core.Export("take", Func, core.Func(core.Type("i", "i"), "", get(0), I32(64), I32(3), read))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "read", Func: c.Canon([]byte{0x0f}, stream, Vec(mem))})})
	c.Export("take", SortFunc, c.Lift(c.CoreFunc(inst, "take"), asyncFunc(c, []byte{U32}, Param{Name: "s", Type: stream})))
	resource := &wit.Resource{Name: "pen"}
	tmpl := linkedWithin(t, c.Bytes(), components.Limits{Handles: 2}, &abi.Interface{Name: "pen", Resources: []*wit.Resource{resource}})
	b := &box{pens: []*pen{{}, {}, {}}, resource: resource}
	in := keep(t, tmpl)
	if _, err := in.Call(t.Context(), "", "take", value.Async{Rep: b}); !errors.Is(err, components.ErrExhausted) {
		t.Errorf("answered %v", err)
	}
	in.Release(context.Background())
	for i, p := range b.pens {
		if p.dropped != 1 {
			t.Errorf("resource %d ended %d times", i, p.dropped)
		}
	}
}

// settledBox is a future that has its value.
type settledBox struct{ box }

func (b *settledBox) Settled() bool { return true }

// TestFutureOfAResourceThatFindsNoRoom: the resource ends, once, whether the
// future has it from the start or somebody waits for it.
func TestFutureOfAResourceThatFindsNoRoom(t *testing.T) {
	c, core, holder := NewComponent(), &Module{}, &Module{}
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	pens := c.ImportResource("pen")
	future := U(c.Type(Cat([]byte{0x65, 1}, U(c.Own(pens)))))
	mem := MemoryOpt(c.CoreMemory(c.CoreInstance(c.CoreModule(holder.Bytes())), "m"))
	read := Call(core.Import("", "read", core.Type("ii", "i")))
	core.Export("take", Func, core.Func(core.Type("i", "i"), "", get(0), I32(64), read))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "read", Func: c.Canon([]byte{0x16}, future, Vec(mem))})})
	c.Export("take", SortFunc, c.Lift(c.CoreFunc(inst, "take"), asyncFunc(c, []byte{U32}, Param{Name: "f", Type: future})))
	resource := &wit.Resource{Name: "pen"}
	tmpl := linkedWithin(t, c.Bytes(), components.Limits{Handles: 1}, &abi.Interface{Name: "pen", Resources: []*wit.Resource{resource}})
	p := &pen{}
	for what, rep := range map[string]any{
		"settled": &settledBox{box{pens: []*pen{p}, resource: resource}},
		"waited":  &box{pens: []*pen{p}, resource: resource},
	} {
		*p = pen{}
		in := keep(t, tmpl)
		if _, err := in.Call(t.Context(), "", "take", value.Async{Rep: rep}); !errors.Is(err, components.ErrExhausted) {
			t.Errorf("%s: answered %v", what, err)
		}
		in.Release(context.Background())
		if p.dropped != 1 {
			t.Errorf("%s: the resource ended %d times", what, p.dropped)
		}
	}
}

// pairs is elements that are pairs of pens.
type pairs struct{ box }

func (b *pairs) Store(m *abi.Mem, to []byte, i int) {
	m.PutOwn(to, b.pens[2*i], b.resource)
	m.PutOwn(to[4:], b.pens[2*i+1], b.resource)
}

func (b *pairs) Discard(i int) { b.box.Discard(2 * i) }

func (b *pairs) Pull(context.Context, int) (abi.Elements, int, error) { return b, len(b.pens) / 2, nil }

// TestElementThatFindsNoRoomForHalf: an element of which the guest's table has
// room for a part is not the guest's.
func TestElementThatFindsNoRoomForHalf(t *testing.T) {
	c, core, holder := NewComponent(), &Module{}, &Module{}
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	pens := c.ImportResource("pen")
	own := U(c.Own(pens))
	stream := U(c.Type(Cat([]byte{0x66, 1}, U(c.Type(Cat([]byte{0x6f, 2}, own, own))))))
	mem := MemoryOpt(c.CoreMemory(c.CoreInstance(c.CoreModule(holder.Bytes())), "m"))
	read := Call(core.Import("", "read", core.Type("iii", "i")))
	core.Export("take", Func, core.Func(core.Type("i", "i"), "", get(0), I32(64), I32(2), read))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "read", Func: c.Canon([]byte{0x0f}, stream, Vec(mem))})})
	c.Export("take", SortFunc, c.Lift(c.CoreFunc(inst, "take"), asyncFunc(c, []byte{U32}, Param{Name: "s", Type: stream})))
	resource := &wit.Resource{Name: "pen"}
	tmpl := linkedWithin(t, c.Bytes(), components.Limits{Handles: 4}, &abi.Interface{Name: "pen", Resources: []*wit.Resource{resource}})
	b := &pairs{box{pens: []*pen{{}, {}, {}, {}}, resource: resource}}
	in := keep(t, tmpl)
	if _, err := in.Call(t.Context(), "", "take", value.Async{Rep: b}); !errors.Is(err, components.ErrExhausted) {
		t.Errorf("answered %v", err)
	}
	in.Release(context.Background())
	for i, p := range b.pens {
		if p.dropped != 1 {
			t.Errorf("resource %d ended %d times", i, p.dropped)
		}
	}
}

// TestHostFunctionSeesTheLimitOfTime: a function of the host that waits is given
// a context that ends when the call's time is up.
func TestHostFunctionSeesTheLimitOfTime(t *testing.T) {
	for _, async := range []bool{false, true} {
		c := NewComponent()
		typ := c.FuncType([]byte{U32})
		if async {
			typ = asyncFunc(c, []byte{U32})
		}
		c.Export("run", SortFunc, c.Lift(c.Lower(c.ImportFunc("wait", typ)), typ))
		ended := false
		in := keep(t, linkedWithin(t, c.Bytes(), components.Limits{Time: 20 * time.Millisecond}, &abi.Interface{Name: "wait", Funcs: []abi.Func{{
			Name: "wait", Type: &wit.FuncType{Async: async, Result: typeU32},
			Call: func(ctx context.Context, c *abi.Call) error {
				select {
				case <-ctx.Done():
					ended = true
					return context.Cause(ctx)
				case <-time.After(10 * time.Second):
					return nil
				}
			},
		}}}))
		_, err := in.Call(t.Context(), "", "run")
		if !ended || !errors.Is(err, components.ErrDeadline) {
			t.Errorf("async %v: ended %v, answered %v", async, ended, err)
		}
		in.Release(context.Background())
	}
}

// TestLargeResultOfTheHost: what the host writes is not bounded by how much it
// may read.
func TestLargeResultOfTheHost(t *testing.T) {
	const size = 40 << 20
	c, core, holder := NewComponent(), &Module{}, &Module{}
	holder.Memory(size>>16+1, size>>16+1)
	holder.Export("m", Memory, 0)
	memory := c.CoreInstance(c.CoreModule(holder.Bytes()))
	list := U(c.Type([]byte{0x67, U8}, U(size)))
	give := c.Lower(c.ImportFunc("give", c.FuncType(list)), MemoryOpt(c.CoreMemory(memory, "m")))
	call := Call(core.Import("", "give", core.Type("i", "")))
	core.ImportMemory("mem", "m", 1)
	core.Export("run", Func, core.Func(core.Type("", "i"), "", I32(0), call, I32(size-1), 0x2d, 0, 0))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "mem", Instance: memory},
		Arg{Name: "", Instance: c.CoreExports(Item{Name: "give", Func: give})})
	c.Export("run", SortFunc, c.Lift(c.CoreFunc(inst, "run"), c.FuncType([]byte{U32})))
	in := keep(t, linkedWithin(t, c.Bytes(), components.Limits{ValueBytes: 1 << 20}, &abi.Interface{Name: "give", Funcs: []abi.Func{{
		Name: "give", Type: &wit.FuncType{Result: &wit.Type{Kind: wit.KindFixedList, Elem: typeU8, Len: size}},
		Call: func(_ context.Context, c *abi.Call) error { c.Result[size-1] = 7; return nil },
	}}}))
	defer in.Release(context.Background())
	if got, err := in.Call(t.Context(), "", "run"); err != nil || got != value.U32(7) {
		t.Errorf("answered %v, %v; want 7", got, err)
	}
}

// nestedImport is a component that imports an instance with another in it:
//
//	import test:a/outer { f: func() -> u32; inner: instance { TYPE; f: func() -> u32 } }
//	export run: func() -> u32  // inner's f, or outer's without
//
// Without functions, inner has a type alone.
func nestedImport(functions bool) []byte {
	c := NewComponent()
	decl := func(name string, desc ...byte) []byte { return Cat([]byte{0x04, 0}, Name(name), desc) }
	f := [][]byte{{0x01, 0x40, 0, 0, U32}, decl("f", 0x01, 0)}
	inner := [][]byte{{0x01, U32}, decl("t", 0x03, 0x00, 0)}
	if functions {
		inner = f
	}
	typ := c.Type([]byte{0x42}, Vec(f[0], f[1], Cat([]byte{0x01, 0x42}, Vec(inner...)), decl("inner", 0x05, 1)))
	c.Add(10, []byte{1, 0}, Name("test:a/outer"), []byte{0x05}, U(typ))
	from := uint32(0)
	if functions {
		c.Add(6, []byte{1, 0x05, 0, 0}, Name("inner"))
		from = 1
	}
	c.Export("run", SortFunc, c.Lift(c.Lower(c.AliasFunc(from, "f")), c.FuncType([]byte{U32})))
	return c.Bytes()
}

// TestInstanceInAnImport: a function of an instance in an import is not the
// import's of the same name.
func TestInstanceInAnImport(t *testing.T) {
	outer := &abi.Interface{Name: "test:a/outer", Funcs: []abi.Func{{
		Name: "f", Type: &wit.FuncType{Result: typeU32},
		Call: func(_ context.Context, c *abi.Call) error { c.PutU32(c.Result, 7); return nil },
	}}}
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	c, err := e.Compile(t.Context(), nestedImport(true))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Link(components.LinkConfig{Interfaces: []*abi.Interface{outer}})
	if !errors.Is(err, components.ErrUnsupported) || !strings.Contains(err.Error(), `"test:a/outer"`) || !strings.Contains(err.Error(), `"inner"`) {
		t.Errorf("linked: %v", err)
	}
	in := keep(t, linked(t, nestedImport(false), outer))
	defer in.Release(context.Background())
	if got := call(t, in, "run"); got != value.U32(7) {
		t.Errorf("with a type in the instance: %v", got)
	}
}
