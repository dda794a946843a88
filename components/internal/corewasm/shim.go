package corewasm

import "bytes"

// Toolchains have a module import functions of the host by way of two others,
// because what the host needs of the module, such as its memory, is there only
// after it: a shim, whose functions call the elements of its table, and one that
// fills the table afterwards. They are found here so that they can be left out.

// Shim is a module that does nothing but to call elements of its table.
type Shim struct {
	// Table is the name under which it exports the table, its only one.
	Table string
	// Calls gives each function that it exports the element that it calls.
	Calls map[string]uint32
	// Size is how many elements the table has.
	Size uint32

	functions map[string]uint32
}

// Shim returns what m is, nil for another module.
func (m *Module) Shim() *Shim {
	if len(m.Imports) > 0 || m.Memories() > 0 || m.hasStart || m.globals > 0 || m.elems > 0 || len(m.segments) > 0 || len(m.tables) != 1 || m.tables[0].init > 0 {
		return nil
	}
	calls := m.trampolines()
	s := &Shim{Size: uint32(m.tables[0].lim.min), Calls: map[string]uint32{}, functions: map[string]uint32{}}
	for _, e := range m.Exports {
		switch {
		case e.Kind == KindTable && s.Table == "":
			s.Table = e.Name
		case e.Kind == KindFunc && uint64(e.Index) < uint64(len(calls)):
			s.Calls[e.Name], s.functions[e.Name] = calls[e.Index], e.Index
		default:
			return nil
		}
	}
	if s.Table == "" || len(s.Calls) == 0 {
		return nil
	}
	return s
}

// trampolines returns the element that each function of m calls, with its
// parameters and for its results, nil if there is one that does anything else.
func (m *Module) trampolines() []uint32 {
	var calls []uint32
	for _, s := range m.sections {
		if s.id != secCode {
			continue
		}
		r := &reader{data: m.data, pos: s.start, end: s.end}
		for range r.u32() {
			size := int(r.leb(32))
			body := &reader{data: m.data, pos: r.pos, end: min(r.pos+size, r.end)}
			r.skip(uint64(size))
			i, ok := m.trampoline(body, m.funcTys[len(calls)])
			if !ok || r.err != nil {
				return nil
			}
			calls = append(calls, i)
		}
	}
	return calls
}

// trampoline reads the body of a function of type typ.
func (m *Module) trampoline(r *reader, typ uint32) (element uint32, ok bool) {
	ok = r.u32() == 0 // locals
	for i := range uint32(m.types[typ].params) {
		ok = ok && r.byte() == opLocalGet && r.u32() == i
	}
	ok = ok && r.byte() == opI32Const
	element = uint32(r.sleb(32))
	ok = ok && r.byte() == opCallIndirect
	called := r.u32()
	ok = ok && r.u32() == 0 && r.byte() == opEnd && r.left() == 0 && r.err == nil
	return element, ok && uint64(called) < uint64(len(m.types)) && bytes.Equal(m.raw[called], m.raw[typ])
}

// Fill is a module that does nothing but to put functions that it imports into a
// table that it imports.
type Fill struct {
	// Table is the import of the table, Imports are those of the functions.
	Table   int
	Imports []int
	// Funcs are the elements' functions.
	Funcs map[uint32]uint32
}

// Fill returns what m is, nil for another module.
func (m *Module) Fill() *Fill {
	if m.funcs > 0 || m.Memories() > 0 || m.hasStart || m.globals > 0 || m.importGlb > 0 || len(m.Exports) > 0 ||
		len(m.segments) > 0 || m.elems != 1 || len(m.tables) > 0 {
		return nil
	}
	f := &Fill{Table: -1, Funcs: map[uint32]uint32{}}
	for i, im := range m.Imports {
		switch {
		case im.Kind == KindTable && f.Table < 0:
			f.Table = i
		case im.Kind == KindFunc:
			f.Imports = append(f.Imports, i)
		default:
			return nil
		}
	}
	for _, s := range m.sections {
		if s.id != secElement {
			continue
		}
		r := &reader{data: m.data, pos: s.start, end: s.end}
		if r.u32() != 1 || r.u32() != 0 || r.byte() != opI32Const {
			return nil
		}
		at := uint32(r.sleb(32))
		if r.byte() != opEnd {
			return nil
		}
		for i := range r.u32() {
			k := r.u32()
			if r.err != nil || uint64(k) >= uint64(len(f.Imports)) {
				return nil
			}
			f.Funcs[at+i] = k
		}
	}
	if f.Table < 0 {
		return nil
	}
	return f
}

// Same reports whether what the shim s, of module m, exports under name has the
// type of function f of other, which imports it.
func (s *Shim) Same(m *Module, name string, other *Module, f uint32) bool {
	typ := m.raw[m.funcTys[s.functions[name]]]
	// An index of a type, after 0x63 or 0x64, means another type elsewhere.
	return bytes.Equal(typ, other.raw[other.importTys[f]]) && bytes.IndexByte(typ, 0x63) < 0 && bytes.IndexByte(typ, 0x64) < 0
}
