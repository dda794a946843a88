package perf

import (
	"context"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit/value"
)

// fused is a composition of two components: the outer's function run calls the
// inner's add n times, and send hands it the same list of len bytes n times.
func fused() []byte {
	u32 := []byte{U32}
	// The callee: realloc answers the same place always.
	in := NewComponent()
	m := &Module{}
	m.Memory(40, 40)
	m.Export("memory", Memory, 0)
	m.Export("add", Func, m.Func(m.Type("ii", "i"), "", 0x20, 0, 0x20, 1, 0x6a))
	m.Export("take", Func, m.Func(m.Type("ii", "i"), "", 0x20, 0, 0x2d, 0, 0, 0x20, 1, 0x6a))
	m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", I32(65536)))
	core := in.CoreInstance(in.CoreModule(m.Bytes()))
	mem, realloc := MemoryOpt(in.CoreMemory(core, "memory")), in.CoreFunc(core, "realloc")
	add := in.FuncType(u32, Param{Name: "a", Type: u32}, Param{Name: "b", Type: u32})
	in.Export("add", SortFunc, in.Lift(in.CoreFunc(core, "add"), add))
	take := in.FuncType(u32, Param{Name: "l", Type: U(in.List([]byte{U8}))})
	in.Export("take", SortFunc, in.Lift(in.CoreFunc(core, "take"), take, mem, ReallocOpt(realloc)))

	// The caller has its memory from a module of its own, which comes first.
	user := NewComponent()
	addType := user.FuncType(u32, Param{Name: "a", Type: u32}, Param{Name: "b", Type: u32})
	takeType := user.FuncType(u32, Param{Name: "l", Type: U(user.List([]byte{U8}))})
	addFn, takeFn := user.ImportFunc("add", addType), user.ImportFunc("take", takeType)
	mm := &Module{}
	mm.Memory(40, 40)
	mm.Export("memory", Memory, 0)
	memInst := user.CoreInstance(user.CoreModule(mm.Bytes()))
	lowered := user.CoreExports(
		Item{Name: "add", Func: user.Lower(addFn)},
		Item{Name: "take", Func: user.Lower(takeFn, MemoryOpt(user.CoreMemory(memInst, "memory")))})
	um := &Module{}
	um.Import("", "add", um.Type("ii", "i"))
	um.Import("", "take", um.Type("ii", "i"))
	loop := func(body ...any) []any { // counts local 0 down, sums up in local 2
		code := []any{0x03, 0x40, 0x20, 2}
		code = append(code, body...)
		return append(code, 0x6a, 0x21, 2, 0x20, 0, I32(1), 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 2)
	}
	typ := um.Type("ii", "i")
	um.Export("run", Func, um.Func(typ, "i", loop(0x20, 0, 0x20, 1, Call(0))...))
	um.Export("send", Func, um.Func(typ, "i", loop(I32(0), 0x20, 1, Call(1))...))
	uInst := user.CoreInstance(user.CoreModule(um.Bytes()), Arg{Name: "", Instance: lowered})
	for _, name := range []string{"run", "send"} {
		user.Export(name, SortFunc, user.Lift(user.CoreFunc(uInst, name), addType))
	}

	c := NewComponent()
	a := c.Instance(c.Component(in.Bytes()))
	b := c.Instance(c.Component(user.Bytes()),
		With{Name: "add", Sort: SortFunc, Index: c.AliasFunc(a, "add")},
		With{Name: "take", Sort: SortFunc, Index: c.AliasFunc(a, "take")})
	for _, name := range []string{"run", "send"} {
		c.Export(name, SortFunc, c.AliasFunc(b, name))
	}
	return c.Bytes()
}

// BenchmarkFused gives the time of a call from one component to another in one
// process, and compares handing over a list with a copy of it.
func BenchmarkFused(b *testing.B) {
	ctx := context.Background()
	t := link(b, newEngine(b, components.EngineConfig{}), fused())
	in, err := t.Acquire(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Release(ctx)
	call := func(name string, n, arg uint32) func() float64 {
		return func() float64 {
			return each(1, func() {
				if _, err := in.Call(ctx, "", name, value.U32(n), value.U32(arg)); err != nil {
					b.Fatal(err)
				}
			}) / float64(n)
		}
	}
	const size = 1 << 20
	from, to := make([]byte, size), make([]byte, size)
	memcpy := func() float64 { return each(200, func() { copy(to, from) }) }
	for b.Loop() {
		scalars, _, _ := ratio(call("run", 20_000, 1), func() float64 { return 1 })
		recordGoal(b, "call-component-to-component-scalars", scalars, "ns", "<=", 300)
		_, _, r := ratio(call("send", 200, size), memcpy)
		recordGoal(b, "call-component-to-component-1-mib-over-memcpy", r, "x", "<=", 2)
	}
}
