package hostile

import (
	"context"
	"strings"

	"latticework/components"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// abiAttacks lie at the boundary between guest and host.
func abiAttacks() []hostile {
	return append(append(allocators(), results()...), handles()...)
}

// takes makes a component whose "run" takes a string, for which realloc
// allocates. Function 0 is realloc, 1 is run.
func takes(realloc ...any) func() []byte {
	return func() []byte {
		m := &Module{}
		m.Memory(1, -1)
		m.Global(1024)
		m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", realloc...))
		m.Export("run", Func, m.Func(m.Type("ii", ""), ""))
		m.Export("memory", Memory, 0)
		c := NewComponent()
		i := c.CoreInstance(c.CoreModule(m.Bytes()))
		mem, re, run := c.CoreMemory(i, "memory"), c.CoreFunc(i, "realloc"), c.CoreFunc(i, "run")
		typ := c.FuncType(nil, Param{Name: "s", Type: []byte{String}})
		c.Export("run", SortFunc, c.Lift(run, typ, MemoryOpt(mem), ReallocOpt(re)))
		return c.Bytes()
	}
}

func allocators() []hostile {
	trap := ends(errcode.Trap)
	one := []value.Value{value.String(strings.Repeat("x", 100_000))}
	return []hostile{
		{name: "realloc: out of bounds", codes: trap, args: one, bytes: takes(I32(0x7fffffff))},
		{name: "realloc: wraps around", codes: trap, args: one, bytes: takes(I32(-1))},
		{name: "realloc: the end of memory", codes: trap, args: one, bytes: takes(I32(65536 - 16))},
		{name: "realloc: always null", codes: ends("", errcode.Trap), args: one, bytes: takes(0x41, 0)},
		{name: "realloc: grows memory each time", codes: ends(""), args: one,
			bytes: takes(0x41, 2, 0x40, 0, 0x41, 16, 0x74)},
		{name: "realloc: fails to grow", codes: trap, args: []value.Value{value.String(strings.Repeat("x", memoryCap+1))},
			bytes: takes(0x20, 3, 0x41, 16, 0x76, 0x40, 0, 0x41, 16, 0x74)},
		{name: "realloc: traps", codes: trap, args: one, bytes: takes(0x00)},
		{name: "realloc: never returns", codes: ends(errcode.Deadline), args: one, bytes: takes(0x03, 0x40, 0x0c, 0, 0x0b, 0x41, 0)},
		{name: "realloc: recursion", codes: ends(errcode.Exhausted), args: one, bytes: takes(0x41, 0, 0x41, 0, 0x41, 0, 0x41, 0, Call(0), 0x41, 1, 0x6a)},
	}
}

// gives makes a component whose "run" returns a value of a type through
// memory: at 16 there is what data says.
func gives(typ func(c *Component) []byte, data []byte, pages int, more ...any) func() []byte {
	return func() []byte {
		m := &Module{}
		m.Memory(pages, -1)
		m.Data(16, data)
		m.Export("run", Func, m.Func(m.Type("", "i"), "i", append(more, 0x41, 16)...))
		m.Export("memory", Memory, 0)
		c := NewComponent()
		i := c.CoreInstance(c.CoreModule(m.Bytes()))
		mem, run := c.CoreMemory(i, "memory"), c.CoreFunc(i, "run")
		c.Export("run", SortFunc, c.Lift(run, c.FuncType(typ(c)), MemoryOpt(mem)))
		return c.Bytes()
	}
}

func plain(b byte) func(*Component) []byte { return func(*Component) []byte { return []byte{b} } }

func lists(elem byte, depth int) func(*Component) []byte {
	return func(c *Component) []byte {
		t := []byte{elem}
		for range depth {
			t = U(c.List(t))
		}
		return t
	}
}

// pair is a pointer and a length.
func pair(ptr, n uint32) []byte {
	return []byte{byte(ptr), byte(ptr >> 8), byte(ptr >> 16), byte(ptr >> 24), byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
}

// pairs is code that fills memory from 4096 on with n pairs.
func pairs(n int64, ptr, length int64) []byte {
	return Cat([]byte{0x03, 0x40, 0x20, 0}, I32(ptr), []byte{0x36, 2}, U(4096), []byte{0x20, 0}, I32(length), []byte{0x36, 2}, U(4100),
		[]byte{0x20, 0, 0x41, 8, 0x6a, 0x22, 0}, I32(n*8), []byte{0x49, 0x0d, 0, 0x0b})
}

func results() []hostile {
	trap, spent := ends(errcode.Trap), ends(errcode.Exhausted)
	return []hostile{
		{name: "result: a string out of bounds", codes: trap, bytes: gives(plain(String), pair(0xffff0000, 100), 1)},
		{name: "result: a string of 4 GiB", codes: trap, bytes: gives(plain(String), pair(0, 0xffffffff), 1)},
		{name: "result: a string that wraps around", codes: trap, bytes: gives(plain(String), pair(0xfffffff0, 0x20), 1)},
		{name: "result: a string that is no text", codes: trap, bytes: gives(plain(String), Cat(pair(24, 2), []byte{0xff, 0xfe}), 1)},
		{name: "result: a list beyond memory", codes: trap, bytes: gives(lists(U64, 1), pair(0, 0x10000000), 1)},
		{name: "result: a list whose bytes overflow", codes: trap, bytes: gives(lists(U64, 1), pair(0, 0x20000001), 1)},
		{name: "result: a list that is not aligned", codes: trap, bytes: gives(lists(U64, 1), pair(4, 1), 1)},
		{name: "result: a character that is none", codes: trap, bytes: gives(lists(Char, 1), Cat(pair(24, 1), []byte{0, 0xd8, 0, 0}), 1)},
		{name: "result: all of memory", codes: ends("", errcode.Exhausted), bytes: gives(lists(U8, 1), pair(0, memoryCap), memoryCap>>16)},
		{name: "result: all of memory as numbers", codes: spent, bytes: gives(lists(U32, 1), pair(0, memoryCap/4), memoryCap>>16)},
		{name: "result: 100,000 strings that are one", codes: ends(errcode.Exhausted, errcode.Deadline),
			bytes: gives(lists(String, 1), pair(4096, 100_000), 32, pairs(100_000, 1<<20, 1<<20))},
		{name: "result: 100,000 lists that are one", codes: ends(errcode.Exhausted, errcode.Deadline),
			bytes: gives(lists(U8, 2), pair(4096, 100_000), 32, pairs(100_000, 1<<20, 1<<20))},
		{name: "result: a list that holds itself", codes: ends(errcode.Exhausted, errcode.Deadline),
			bytes: gives(lists(U8, 10), pair(4096, 10_000), 32, pairs(10_000, 4096, 10_000))},
		{name: "result: a pointer out of bounds", codes: trap, bytes: func() []byte {
			m := &Module{}
			m.Memory(1, 1)
			m.Export("run", Func, m.Func(m.Type("", "i"), "", I32(-8)))
			m.Export("memory", Memory, 0)
			c := NewComponent()
			i := c.CoreInstance(c.CoreModule(m.Bytes()))
			mem, run := c.CoreMemory(i, "memory"), c.CoreFunc(i, "run")
			c.Export("run", SortFunc, c.Lift(run, c.FuncType([]byte{String}), MemoryOpt(mem)))
			return c.Bytes()
		}},
		{name: "post-return: never returns", codes: ends(errcode.Deadline), bytes: postReturn(0x03, 0x40, 0x0c, 0, 0x0b)},
		{name: "post-return: traps", codes: trap, bytes: postReturn(0x00)},
		{name: "host calls: for ever", codes: ends(errcode.Deadline), bytes: calls(), given: []*abi.Interface{nop()}},
	}
}

func postReturn(code ...any) func() []byte {
	return func() []byte {
		m := &Module{}
		v := m.Type("", "")
		m.Export("run", Func, m.Func(v, ""))
		m.Export("post", Func, m.Func(v, "", code...))
		c := NewComponent()
		i := c.CoreInstance(c.CoreModule(m.Bytes()))
		run, post := c.CoreFunc(i, "run"), c.CoreFunc(i, "post")
		c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil), PostReturnOpt(post)))
		return c.Bytes()
	}
}

// nop is an import that does nothing.
func nop() *abi.Interface {
	return &abi.Interface{Name: "nop", Funcs: []abi.Func{{Name: "nop", Type: &wit.FuncType{},
		Call: func(context.Context, *abi.Call) error { return nil }}}}
}

// calls makes a component that calls its import for ever.
func calls() func() []byte {
	return func() []byte {
		c := NewComponent()
		f := c.ImportFunc("nop", c.FuncType(nil))
		host := c.CoreExports(Item{Name: "nop", Func: c.Lower(f)})
		m := &Module{}
		v := m.Type("", "")
		m.Import("h", "nop", v)
		m.Export("run", Func, m.Func(v, "", 0x03, 0x40, Call(0), 0x0c, 0, 0x0b))
		i := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "h", Instance: host})
		run := c.CoreFunc(i, "run")
		c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil)))
		return c.Bytes()
	}
}

// owner makes a component that defines two resources and runs code with
// their built-ins: 0 new, 1 drop, 2 rep, 3 drop of the other resource.
func owner(code ...any) func() []byte {
	return func() []byte {
		c := NewComponent()
		r, other := c.Resource(-1), c.Resource(-1)
		h := c.CoreExports(Item{Name: "new", Func: c.ResourceNew(r)}, Item{Name: "drop", Func: c.ResourceDrop(r)},
			Item{Name: "rep", Func: c.ResourceRep(r)}, Item{Name: "other", Func: c.ResourceDrop(other)})
		m := &Module{}
		ii, iv := m.Type("i", "i"), m.Type("i", "")
		m.Import("h", "new", ii)
		m.Import("h", "drop", iv)
		m.Import("h", "rep", ii)
		m.Import("h", "other", iv)
		m.Export("run", Func, m.Func(m.Type("", ""), "i", code...))
		i := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "h", Instance: h})
		run := c.CoreFunc(i, "run")
		c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil)))
		return c.Bytes()
	}
}

func handles() []hostile {
	trap := ends(errcode.Trap)
	return []hostile{
		{name: "handle: forged", codes: trap, bytes: owner(I32(77), Call(1))},
		{name: "handle: zero", codes: trap, bytes: owner(I32(0), Call(2), 0x1a)},
		{name: "handle: of 2^32-1", codes: trap, bytes: owner(I32(-1), Call(2), 0x1a)},
		{name: "handle: dropped twice", codes: trap, bytes: owner(I32(5), Call(0), 0x22, 0, Call(1), 0x20, 0, Call(1))},
		{name: "handle: of the wrong type", codes: trap, bytes: owner(I32(5), Call(0), Call(3))},
		{name: "handle: used after its drop", codes: trap, bytes: owner(I32(5), Call(0), 0x22, 0, Call(1), 0x20, 0, Call(2), 0x1a)},
		{name: "handle: made for ever", codes: ends(errcode.Exhausted), bytes: owner(0x03, 0x40, I32(1), Call(0), 0x1a, 0x0c, 0, 0x0b)},
		{name: "handle: made and dropped for ever", codes: ends(errcode.Deadline), bytes: owner(0x03, 0x40, I32(1), Call(0), Call(1), 0x0c, 0, 0x0b)},
		{name: "handle: a limit of ten", codes: ends(errcode.Exhausted), limits: components.Limits{Handles: 10},
			bytes: owner(0x03, 0x40, I32(1), Call(0), 0x1a, 0x0c, 0, 0x0b)},
		{name: "destructor: drops the next handle", codes: ends(errcode.Trap, errcode.Exhausted), bytes: destructors},
		{name: "realloc: calls out", codes: trap, args: []value.Value{value.String("x")}, bytes: callsOut},
	}
}

// destructors makes a component whose destructor drops the handle before: a
// chain through the host.
func destructors() []byte {
	c := NewComponent()
	a := &Module{} // the destructor, which calls what the table will hold
	iv := a.Type("i", "")
	a.Table(1, 1)
	a.Export("dtor", Func, a.Func(iv, "", 0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 0, 0x11, U(iv), 0, 0x0b))
	a.Export("table", Table, 0)
	ai := c.CoreInstance(c.CoreModule(a.Bytes()))
	r := c.Resource(int(c.CoreFunc(ai, "dtor")))
	h := c.CoreExports(Item{Name: "new", Func: c.ResourceNew(r)}, Item{Name: "drop", Func: c.ResourceDrop(r)})
	b := &Module{}
	ii, iv := b.Type("i", "i"), b.Type("i", "")
	b.Import("h", "new", ii)
	b.Import("h", "drop", iv)
	b.Imports = append(b.Imports, Cat(Name("a"), Name("table"), []byte{Table, 0x70, 0}, U(1)))
	b.Elem(0, 1)
	// for i := 0; i < 5000; i++ { last = new(last) }; drop(last)
	b.Export("run", Func, b.Func(b.Type("", ""), "ii", 0x03, 0x40, 0x20, 0, Call(0), 0x21, 0,
		0x20, 1, 0x41, 1, 0x6a, 0x22, 1, I32(5000), 0x49, 0x0d, 0, 0x0b, 0x20, 0, Call(1)))
	bi := c.CoreInstance(c.CoreModule(b.Bytes()), Arg{Name: "h", Instance: h}, Arg{Name: "a", Instance: ai})
	run := c.CoreFunc(bi, "run")
	c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil)))
	return c.Bytes()
}

// callsOut makes a component whose allocator uses a built-in.
func callsOut() []byte {
	c := NewComponent()
	r := c.Resource(-1)
	h := c.CoreExports(Item{Name: "new", Func: c.ResourceNew(r)})
	m := &Module{}
	m.Import("h", "new", m.Type("i", "i"))
	m.Memory(1, 1)
	m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", 0x41, 1, Call(0)))
	m.Export("run", Func, m.Func(m.Type("ii", ""), ""))
	m.Export("memory", Memory, 0)
	i := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "h", Instance: h})
	mem, re, run := c.CoreMemory(i, "memory"), c.CoreFunc(i, "realloc"), c.CoreFunc(i, "run")
	typ := c.FuncType(nil, Param{Name: "s", Type: []byte{String}})
	c.Export("run", SortFunc, c.Lift(run, typ, MemoryOpt(mem), ReallocOpt(re)))
	return c.Bytes()
}
