package components_test

import . "latticework/internal/wasmbuild"

// ledgerCore is the core module of the component ledger but for the destructor
// of its resource. Values come flat and go out as records in a return area at
// 8; strings and lists are given back where they are.
func ledgerCore(async bool) []byte {
	m := &Module{}
	one, none := m.Type("i", "i"), m.Type("i", "")
	m.Import("", "new", one)   // 0
	m.Import("", "rep", one)   // 1
	m.Import("", "drop", none) // 2
	m.Import("", "coin", one)  // 3
	if async {
		m.Import("", "set", m.Type("", "i"))
	}
	m.Memory(2, 2)
	m.Export("m", Memory, 0)
	m.Global(4096) // the next free byte
	// The allocator answers the next multiple of 8.
	m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", 0x23, 0,
		0x23, 0, get(3), 0x6a, I32(7), 0x6a, I32(-8), 0x71, 0x24, 0))
	m.Export("new", Func, m.Func(one, "", get(0), Call(0)))
	m.Export("coin", Func, m.Func(one, "", get(0), Call(3)))
	m.Export("same", Func, m.Func(one, "", get(0)))
	m.Export("number", Func, m.Func(one, "", get(0), I32(99), 0x46, 0x04, 0x40, 0x00, 0x0b, get(0)))
	// The number of b is read before b is dropped.
	m.Export("merged", Func, m.Func(m.Type("ii", "i"), "i",
		get(1), Call(1), 0x21, 2, get(1), Call(2), get(0), get(2), 0x6a, Call(0)))
	for n, letters := range map[string]string{"pass2": "ii", "pass4": "iiii"} {
		code := []any{}
		for i := range letters {
			code = append(code, I32(8+4*int64(i)), get(i), 0x36, 2, 0)
		}
		m.Export(n, Func, m.Func(m.Type(letters, "i"), "", append(code, I32(8))...))
	}
	m.Export("lend", Func, m.Func(m.Type("iii", "i"), "", get(0), get(1), 0x6c))
	return m.Bytes()
}

// ledgerTypes are the types of the interface book in one component.
type ledgerTypes struct {
	own, borrow, which, loan, named, counts, checked, list []byte
}

// bookTypes defines the types in c, where the resource is entry. Types with a
// name are what name makes of their definition.
func bookTypes(c *Component, entry uint32, name func(string, uint32) uint32) (t ledgerTypes) {
	u32, why := []byte{U32}, []byte{0x64}
	t.own, t.borrow = U(c.Own(entry)), U(c.Borrow(entry))
	option := func(t []byte) []byte { return U(c.Type([]byte{0x6b}, t)) }
	pair := U(name("pair", c.Type([]byte{0x72}, Vec(Cat(Name("first"), t.own), Cat(Name("second"), option(t.own))))))
	t.which = U(name("which", c.Type([]byte{0x71}, Vec(
		Cat(Name("none"), []byte{0, 0}), Cat(Name("one"), []byte{1}, t.own, []byte{0}), Cat(Name("both"), []byte{1}, pair, []byte{0})))))
	t.loan = U(name("loan", c.Type([]byte{0x72}, Vec(Cat(Name("what"), option(t.borrow)), Cat(Name("to"), u32)))))
	t.named, t.counts = U(c.Type([]byte{0x63}, u32, t.own)), U(c.Type([]byte{0x63}, []byte{String}, u32))
	t.checked, t.list = U(c.Type([]byte{0x6a, 1}, t.own, []byte{1}, why)), U(c.List(t.own))
	return t
}

// ledgerFunc is a function of an interface: from is the core function.
type ledgerFunc struct {
	name, from string
	result     []byte
	param      []Param
}

func bookFuncs(t ledgerTypes) []ledgerFunc {
	one := func(name string, t []byte) []Param { return []Param{{Name: name, Type: t}} }
	u32, why := []byte{U32}, []byte{0x64}
	return []ledgerFunc{
		{"[constructor]entry", "new", t.own, one("n", u32)},
		{"[method]entry.number", "number", u32, one("self", t.borrow)},
		{"[static]entry.merged", "merged", t.own, []Param{{Name: "a", Type: t.borrow}, {Name: "b", Type: t.own}}},
		{"[static]entry.sum", "sum", u32, nil},
		{"pass", "pass4", t.which, one("w", t.which)},
		{"pass-all", "pass2", t.list, one("all", t.list)},
		{"pass-named", "pass2", t.named, one("named", t.named)},
		{"pass-counts", "pass2", t.counts, one("counts", t.counts)},
		{"pass-reason", "same", why, one("why", why)},
		{"check", "pass2", t.checked, one("e", t.checked)},
		{"lend", "lend", u32, one("l", t.loan)},
	}
}

func readerFuncs(t ledgerTypes) []ledgerFunc {
	return []ledgerFunc{
		{"peek", "same", []byte{U32}, []Param{{Name: "e", Type: t.borrow}}},
		{"pass", "same", t.own, []Param{{Name: "e", Type: t.own}}},
	}
}

func tillFuncs(t ledgerTypes) []ledgerFunc {
	return []ledgerFunc{
		{"[method]coin.worth", "same", []byte{U32}, []Param{{Name: "self", Type: t.borrow}}},
		{"toss", "coin", t.own, []Param{{Name: "worth", Type: []byte{U32}}}},
	}
}

// ledgerInterface has c export the interface name of the functions that funcs
// returns, by a component around them that gives their types names, as
// toolchains do. resource is called res there; core are the functions by name.
func ledgerInterface(c *Component, name, res string, resource uint32, core func(string) uint32, opts [][]byte, funcs func(ledgerTypes) []ledgerFunc) {
	in := NewComponent()
	args := []With{{Name: "import-" + res, Sort: SortType, Index: resource}}
	imported := in.ImportResource("import-" + res)
	outer := bookTypes(c, resource, func(name string, t uint32) uint32 {
		args = append(args, With{Name: "import-" + name, Sort: SortType, Index: t})
		return t
	})
	inner := bookTypes(in, imported, func(name string, t uint32) uint32 { return in.ImportType("import-"+name, t) })
	given := funcs(inner)
	for i, f := range funcs(outer) {
		given[i].from = "import-" + f.from + "-" + string(rune('a'+i))
		lifted := c.Lift(core(f.from), c.FuncType(f.result, f.param...), opts...)
		args = append(args, With{Name: given[i].from, Sort: SortFunc, Index: lifted})
		in.ImportFunc(given[i].from, in.FuncType(given[i].result, given[i].param...))
	}
	exported := in.Export(res, SortType, imported)
	typed := bookTypes(in, exported, func(name string, t uint32) uint32 {
		if res != "entry" {
			return t
		}
		return in.Export(name, SortType, t)
	})
	for i, f := range funcs(typed) {
		in.ExportFunc(f.name, uint32(i), in.FuncType(f.result, f.param...))
	}
	c.Export(name, SortInstance, c.Instance(c.Component(in.Bytes()), args...))
}

// ledgerComponent is a component of the world of testdata/ledger, with async one
// that uses the asynchronous ABI.
func ledgerComponent(async bool) []byte {
	c := NewComponent()
	d := &Module{}
	d.Global(0)
	d.Export("sum", Func, d.Func(d.Type("", "i"), "", 0x23, 0))
	d.Export("dtor", Func, d.Func(d.Type("i", ""), "", get(0), I32(13), 0x46, 0x04, 0x40, 0x00, 0x0b, 0x23, 0, get(0), 0x6a, 0x24, 0))
	di := c.CoreInstance(c.CoreModule(d.Bytes()))
	sum := c.CoreFunc(di, "sum")
	entry, coin := c.Resource(int(c.CoreFunc(di, "dtor"))), c.Resource(-1)
	items := []Item{
		{Name: "new", Func: c.ResourceNew(entry)}, {Name: "rep", Func: c.ResourceRep(entry)},
		{Name: "drop", Func: c.ResourceDrop(entry)}, {Name: "coin", Func: c.ResourceNew(coin)},
	}
	if async {
		items = append(items, Item{Name: "set", Func: c.Canon([]byte{0x1f})})
	}
	core := c.CoreInstance(c.CoreModule(ledgerCore(async)), Arg{Name: "", Instance: c.CoreExports(items...)})
	opts := [][]byte{MemoryOpt(c.CoreMemory(core, "m")), ReallocOpt(c.CoreFunc(core, "realloc"))}
	from := func(name string) uint32 {
		if name == "sum" {
			return sum
		}
		return c.CoreFunc(core, name)
	}
	ledgerInterface(c, "test:ledger/book@1.0.0", "entry", entry, from, opts, bookFuncs)
	ledgerInterface(c, "test:ledger/reader@1.0.0", "entry", entry, from, opts, readerFuncs)
	ledgerInterface(c, "till", "coin", coin, from, opts, tillFuncs)
	return c.Bytes()
}
