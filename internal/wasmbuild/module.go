package wasmbuild

import "strings"

// Value types.
const (
	I32Type = 0x7f
	I64Type = 0x7e
)

// Kinds of core imports and exports.
const (
	Func = iota
	Table
	Memory
	Global
	Tag
)

// Module is a core module in the making. Entries of its lists are the bytes of
// the items; an empty list leaves its section out.
type Module struct {
	Types, Imports, Tables, Memories, Tags, Globals, Exports, Elems, Bodies, Datas [][]byte

	Funcs     []uint32 // the types of the functions with bodies
	Start     int      // index of the start function + 1
	DataCount bool
	imported  uint32
	types     map[string]uint32
}

func valTypes(s string) []byte {
	b := U(len(s))
	for _, c := range s {
		b = append(b, map[rune]byte{'i': I32Type, 'l': I64Type, 'f': 0x7d, 'd': 0x7c, 'v': 0x7b, 'r': 0x70, 'x': 0x6f}[c])
	}
	return b
}

// Type returns the index of a function type. A letter is a value type: i and l
// are i32 and i64, f and d f32 and f64, v v128, r funcref, x externref.
func (m *Module) Type(params, results string) uint32 {
	key := params + ":" + results
	if i, ok := m.types[key]; ok {
		return i
	}
	if m.types == nil {
		m.types = map[string]uint32{}
	}
	m.types[key] = uint32(len(m.Types))
	m.Types = append(m.Types, Cat([]byte{0x60}, valTypes(params), valTypes(results)))
	return m.types[key]
}

// Import adds a function import and returns the function's index. It must come
// before every Func.
func (m *Module) Import(module, name string, typ uint32) uint32 {
	m.Imports = append(m.Imports, Cat(Name(module), Name(name), []byte{Func}, U(typ)))
	m.imported++
	return m.imported - 1
}

// ImportMemory adds an import of a memory.
func (m *Module) ImportMemory(module, name string, min uint32) {
	m.Imports = append(m.Imports, Cat(Name(module), Name(name), []byte{Memory, 0}, U(min)))
}

// Func adds a function and returns its index. Locals are letters as in Type;
// the final end is added.
func (m *Module) Func(typ uint32, locals string, code ...any) uint32 {
	var groups [][]byte
	for len(locals) > 0 {
		rest := strings.TrimLeft(locals, locals[:1])
		n := len(locals) - len(rest)
		groups = append(groups, Cat(U(n), valTypes(locals[:1])[1:]))
		locals = rest
	}
	body := Cat(Vec(groups...), Code(code...), []byte{0x0b})
	return m.Body(typ, body)
}

// Body adds a function whose body, locals and all, is given.
func (m *Module) Body(typ uint32, body []byte) uint32 {
	m.Funcs = append(m.Funcs, typ)
	m.Bodies = append(m.Bodies, Cat(U(len(body)), body))
	return m.imported + uint32(len(m.Funcs)) - 1
}

// Export exports item i of a kind under name.
func (m *Module) Export(name string, kind byte, i uint32) {
	m.Exports = append(m.Exports, Cat(Name(name), []byte{kind}, U(i)))
}

// Memory adds a memory; a negative max is none.
func (m *Module) Memory(min, max int) {
	m.Memories = append(m.Memories, limits(min, max))
}

// Table adds a table of funcref; a negative max is none.
func (m *Module) Table(min, max int) {
	m.Tables = append(m.Tables, Cat([]byte{0x70}, limits(min, max)))
}

// Elem adds an active segment of functions at an offset in table 0.
func (m *Module) Elem(offset int64, funcs ...uint32) {
	items := make([][]byte, len(funcs))
	for i, f := range funcs {
		items[i] = U(f)
	}
	m.Elems = append(m.Elems, Cat([]byte{0}, I32(offset), []byte{0x0b}, Vec(items...)))
}

// Data adds an active segment at an offset in memory 0.
func (m *Module) Data(offset int64, data []byte) {
	m.Datas = append(m.Datas, Cat([]byte{0}, I32(offset), []byte{0x0b}, U(len(data)), data))
}

// Global adds a mutable i32.
func (m *Module) Global(v int64) {
	m.Globals = append(m.Globals, Cat([]byte{I32Type, 1}, I32(v), []byte{0x0b}))
}

func limits(min, max int) []byte {
	if max < 0 {
		return Cat([]byte{0}, U(min))
	}
	return Cat([]byte{1}, U(min), U(max))
}

// Bytes returns the module.
func (m *Module) Bytes() []byte {
	out := Preamble()
	add := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = append(out, Section(id, Vec(items...))...)
		}
	}
	add(1, m.Types)
	add(2, m.Imports)
	funcs := make([][]byte, len(m.Funcs))
	for i, t := range m.Funcs {
		funcs[i] = U(t)
	}
	add(3, funcs)
	add(4, m.Tables)
	add(5, m.Memories)
	add(13, m.Tags)
	add(6, m.Globals)
	add(7, m.Exports)
	if m.Start > 0 {
		out = append(out, Section(8, U(m.Start-1))...)
	}
	add(9, m.Elems)
	if m.DataCount {
		out = append(out, Section(12, U(len(m.Datas)))...)
	}
	add(10, m.Bodies)
	add(11, m.Datas)
	return out
}
