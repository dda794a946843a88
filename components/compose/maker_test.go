package compose

import (
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/encode"
)

// maker writes components by hand.
type maker struct {
	t    testing.TB
	c    binary.Component
	data []byte // core modules
	next map[binary.Sort]uint32
}

func newMaker(t testing.TB) *maker { return &maker{t: t, next: map[binary.Sort]uint32{}} }

// add appends a definition that adds an index of sort s, and returns it.
func (m *maker) add(s binary.Sort, item binary.Item) uint32 {
	m.c.Defs = append(m.c.Defs, binary.Def{Item: item})
	m.next[s]++
	return m.next[s] - 1
}

func (m *maker) bytes() []byte {
	m.t.Helper()
	out, err := encode.Encode(&m.c, m.data)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

func (m *maker) module(code []byte) uint32 {
	start := len(m.data)
	m.data = append(m.data, code...)
	return m.add(binary.SortCoreModule, &binary.CoreModule{Start: start, End: len(m.data)})
}

func (m *maker) typ(t *binary.Type) uint32 { return m.add(binary.SortType, t) }

func (m *maker) importInstance(name string, decls ...binary.DeclItem) uint32 {
	t := &binary.Type{Kind: binary.TypeInstance}
	for _, d := range decls {
		t.Decls = append(t.Decls, binary.Decl{Item: d})
	}
	return m.add(binary.SortInstance, &binary.Import{
		Name: binary.ExternName{Name: name}, Type: binary.ExternType{Sort: binary.SortInstance, Index: m.typ(t)},
	})
}

// from takes an export out of an instance; the sort says of which kind.
func (m *maker) from(s binary.Sort, instance uint32, name string) uint32 {
	kind := binary.AliasExport
	if s.Core() {
		kind = binary.AliasCoreExport
	}
	return m.add(s, &binary.Alias{Kind: kind, Sort: s, Instance: instance, Name: name})
}

func (m *maker) lower(f uint32, opts ...binary.CanonOption) uint32 {
	return m.add(binary.SortCoreFunc, &binary.Canon{Kind: binary.CanonLower, Func: f, Options: opts})
}

func (m *maker) lift(f, typ uint32, opts ...binary.CanonOption) uint32 {
	return m.add(binary.SortFunc, &binary.Canon{Kind: binary.CanonLift, Func: f, Type: typ, Options: opts})
}

// link instantiates a core module with one imported module, "env".
func (m *maker) link(module uint32, env ...binary.CoreExport) uint32 {
	bag := m.add(binary.SortCoreInstance, &binary.CoreInstance{Inline: true, Exports: env})
	return m.add(binary.SortCoreInstance, &binary.CoreInstance{Module: module, Args: []binary.CoreArg{{Name: "env", Instance: bag}}})
}

// offer exports an instance made of what is at hand.
func (m *maker) offer(name string, exports ...binary.InlineExport) {
	i := m.add(binary.SortInstance, &binary.Instance{Inline: true, Exports: exports})
	m.export(name, binary.SortInstance, i)
}

func (m *maker) export(name string, s binary.Sort, i uint32) {
	m.add(s, &binary.Export{Name: binary.ExternName{Name: name}, Ref: binary.SortIdx{Sort: s, Index: i}})
}

func inline(name string, s binary.Sort, i uint32) binary.InlineExport {
	return binary.InlineExport{Name: binary.ExternName{Name: name}, Ref: binary.SortIdx{Sort: s, Index: i}}
}

func coreExport(name string, s binary.Sort, i uint32) binary.CoreExport {
	return binary.CoreExport{Name: name, Ref: binary.SortIdx{Sort: s, Index: i}}
}

func declare(name string, t binary.ExternType) *binary.ExportDecl {
	return &binary.ExportDecl{Name: binary.ExternName{Name: name}, Type: t}
}

func prim(p binary.Prim) binary.ValType { return binary.ValType{Prim: p} }

func index(i uint32) binary.ValType { return binary.ValType{Index: i} }

// funcType is a function type with one parameter, unless it is nil.
func funcType(name string, param *binary.ValType, result binary.ValType) *binary.Type {
	f := &binary.FuncType{Result: &result}
	if param != nil {
		f.Params = []binary.Field{{Name: name, Type: *param}}
	}
	return &binary.Type{Kind: binary.TypeFunc, Func: f}
}

// section is a section of a core module: its items behind their number.
func section(id byte, items ...string) string {
	body := string([]byte{byte(len(items))})
	for _, i := range items {
		body += i
	}
	return string([]byte{id, byte(len(body))}) + body
}

// code is a function body of core instructions behind its locals.
func code(body string) string { return string([]byte{byte(len(body))}) + body }

const coreHeader = "\x00asm\x01\x00\x00\x00"

// libc is a core module with a memory of a page and an allocator that never
// frees: realloc(old, old size, align, size).
var libc = []byte(coreHeader +
	section(1, "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f") +
	section(3, "\x00") +
	section(5, "\x00\x01") +
	section(6, "\x7f\x01\x41\x80\x08\x0b") + // a mutable i32 of 1024
	section(7, "\x06memory\x02\x00", "\x07realloc\x00\x00") +
	section(10, code("\x01\x01\x7f"+ // one local, the old top
		"\x23\x00\x22\x04\x20\x03\x6a\x41\x07\x6a\x41\x78\x71\x24\x00\x20\x04\x0b")))

// twice is a core module whose run(string) calls env.greet on the string and
// then on the result.
var twice = []byte(coreHeader +
	section(1, "\x60\x03\x7f\x7f\x7f\x00", "\x60\x02\x7f\x7f\x01\x7f") +
	section(2, "\x03env\x06memory\x02\x00\x01", "\x03env\x05greet\x00\x00") +
	section(3, "\x01") +
	section(7, "\x03run\x00\x01") +
	section(10, code("\x00"+
		"\x20\x00\x20\x01\x41\x10\x10\x00"+ // greet(ptr, len, 16)
		"\x41\x10\x28\x02\x00\x41\x14\x28\x02\x00\x41\x18\x10\x00"+ // greet(*16, *20, 24)
		"\x41\x18\x0b")))

// greeter is a component that imports greet: func(name: string) -> string from
// one interface and exports it, applied twice, from another.
func greeter(t testing.TB, from, to string) []byte {
	t.Helper()
	m := newMaker(t)
	str := prim(binary.PrimString)
	in := m.importInstance(from, funcType("name", &str, str), declare("greet", binary.ExternType{Sort: binary.SortFunc}))
	m.greeter(m.from(binary.SortFunc, in, "greet"), to)
	return m.bytes()
}

// greeter exports what calls greet twice, in instances of the given names.
func (m *maker) greeter(greet uint32, to ...string) {
	str := prim(binary.PrimString)
	c := m.add(binary.SortCoreInstance, &binary.CoreInstance{Module: m.module(libc)})
	opts := []binary.CanonOption{
		{Kind: binary.OptMemory, Index: m.from(binary.SortCoreMemory, c, "memory")},
		{Kind: binary.OptRealloc, Index: m.from(binary.SortCoreFunc, c, "realloc")},
	}
	main := m.link(m.module(twice),
		coreExport("memory", binary.SortCoreMemory, opts[0].Index),
		coreExport("greet", binary.SortCoreFunc, m.lower(greet, opts...)))
	f := m.lift(m.from(binary.SortCoreFunc, main, "run"), m.typ(funcType("name", &str, str)), opts...)
	for _, name := range to {
		m.offer(name, inline("greet", binary.SortFunc, f))
	}
}

// Modules of the counters: cell holds how many were dropped, rep is a counter's
// representation, its number.
var (
	cell = []byte(coreHeader +
		section(1, "\x60\x01\x7f\x00", "\x60\x00\x01\x7f") +
		section(3, "\x00", "\x01") +
		section(6, "\x7f\x01\x41\x00\x0b") +
		section(7, "\x04dtor\x00\x00", "\x07dropped\x00\x01") +
		section(10, code("\x00\x23\x00\x41\x01\x6a\x24\x00\x0b"), code("\x00\x23\x00\x0b")))
	rep = []byte(coreHeader +
		section(1, "\x60\x01\x7f\x01\x7f") +
		section(2, "\x03env\x03new\x00\x00") +
		section(3, "\x00", "\x00") +
		section(7, "\x04open\x00\x01", "\x03get\x00\x02") +
		section(10, code("\x00\x20\x00\x10\x00\x0b"), code("\x00\x20\x00\x0b")))
	// user calls open, get, drop, and returns what get gave plus the number
	// of counters dropped.
	user = []byte(coreHeader +
		section(1, "\x60\x01\x7f\x01\x7f", "\x60\x01\x7f\x00", "\x60\x00\x01\x7f") +
		section(2, "\x03env\x04open\x00\x00", "\x03env\x03get\x00\x00", "\x03env\x04drop\x00\x01", "\x03env\x07dropped\x00\x02") +
		section(3, "\x00") +
		section(7, "\x03run\x00\x04") +
		section(10, code("\x01\x01\x7f"+
			"\x20\x00\x10\x00\x22\x00\x10\x01\x21\x01\x20\x00\x10\x02\x20\x01\x10\x03\x6a\x0b")))
)

// counters is a component that exports a resource type with open: func(n: u32)
// -> own<counter>, get: func(c: borrow<counter>) -> u32 and dropped: func() ->
// u32.
func counters(t testing.TB, name string) []byte {
	t.Helper()
	m := newMaker(t)
	u32 := prim(binary.PrimU32)
	c := m.add(binary.SortCoreInstance, &binary.CoreInstance{Module: m.module(cell)})
	dtor := m.from(binary.SortCoreFunc, c, "dtor")
	counter := m.typ(&binary.Type{Kind: binary.TypeResource, Resource: &binary.ResourceType{
		Rep: binary.CoreValType{Code: binary.CoreI32}, Dtor: &dtor,
	}})
	made := m.add(binary.SortCoreFunc, &binary.Canon{Kind: binary.CanonResourceNew, Type: counter})
	i := m.link(m.module(rep), coreExport("new", binary.SortCoreFunc, made))
	own := index(m.typ(&binary.Type{Kind: binary.TypeOwn, Index: counter}))
	borrow := index(m.typ(&binary.Type{Kind: binary.TypeBorrow, Index: counter}))
	open := m.lift(m.from(binary.SortCoreFunc, i, "open"), m.typ(funcType("n", &u32, own)))
	get := m.lift(m.from(binary.SortCoreFunc, i, "get"), m.typ(funcType("c", &borrow, u32)))
	dropped := m.lift(m.from(binary.SortCoreFunc, c, "dropped"), m.typ(funcType("", nil, u32)))
	m.offer(name, inline("counter", binary.SortType, counter), inline("open", binary.SortFunc, open),
		inline("get", binary.SortFunc, get), inline("dropped", binary.SortFunc, dropped))
	return m.bytes()
}

// counterUser imports what counters exports, and exports run: func(n: u32) ->
// u32.
func counterUser(t testing.TB, name string) []byte {
	t.Helper()
	m := newMaker(t)
	u32 := prim(binary.PrimU32)
	own, borrow := index(1), index(2)
	in := m.importInstance(name,
		declare("counter", binary.ExternType{Sort: binary.SortType, Bound: binary.BoundSub}),
		&binary.Type{Kind: binary.TypeOwn, Index: 0}, &binary.Type{Kind: binary.TypeBorrow, Index: 0},
		funcType("n", &u32, own), declare("open", binary.ExternType{Sort: binary.SortFunc, Index: 3}),
		funcType("c", &borrow, u32), declare("get", binary.ExternType{Sort: binary.SortFunc, Index: 4}),
		funcType("", nil, u32), declare("dropped", binary.ExternType{Sort: binary.SortFunc, Index: 5}))
	var env []binary.CoreExport
	for _, f := range []string{"open", "get", "dropped"} {
		env = append(env, coreExport(f, binary.SortCoreFunc, m.lower(m.from(binary.SortFunc, in, f))))
	}
	drop := m.add(binary.SortCoreFunc, &binary.Canon{Kind: binary.CanonResourceDrop, Type: m.from(binary.SortType, in, "counter")})
	env = append(env, coreExport("drop", binary.SortCoreFunc, drop))
	run := m.link(m.module(user), env...)
	m.export("run", binary.SortFunc, m.lift(m.from(binary.SortCoreFunc, run, "run"), m.typ(funcType("n", &u32, u32))))
	return m.bytes()
}
