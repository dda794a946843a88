package corewasm

import "latticework/internal/errcode"

func (m *Module) scanFuncType(r *reader, lim Limits) arity {
	if b := r.byte(); b != 0x60 {
		if r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core type form 0x%x is not supported (garbage collection proposal)", b)
		}
		return arity{}
	}
	var n [2]int
	start, begin, exceptions := r.pos, r.pos, false
	for i, what := range [2]string{"parameters", "results"} {
		n[i] = r.count(what, lim.Params)
		start = r.pos
		for range n[i] {
			exceptions = m.valType(r) || exceptions
		}
	}
	m.exnTys = append(m.exnTys, exceptions)
	if n[1] != 1 {
		start = r.pos
	}
	m.result = append(m.result, r.data[start:r.pos])
	m.raw = append(m.raw, r.data[begin:r.pos])
	return arity{params: uint16(n[0]), results: uint16(n[1])}
}

// heapExn is the heap type of exceptions.
const heapExn = 0x69 - 0x80

// valType passes a value type and reports whether its values refer to
// exceptions.
func (m *Module) valType(r *reader) (exceptions bool) {
	switch b := r.byte(); b {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
		return false
	case 0x69:
		return true
	case 0x63, 0x64: // (ref null? ht)
		return m.heapType(r) == heapExn
	default:
		r.fail("malformed value type 0x%x", b)
		return false
	}
}

// keptType passes the type of something that a module keeps: a global, a table or
// its elements. No reference to an exception may be kept where the host does
// not look for it.
func (m *Module) keptType(r *reader) {
	start := r.pos
	if m.valType(r) && r.err == nil {
		r.err = errcode.New(errcode.Unsupported, "core type at 0x%x: a global or table of references to exceptions is not supported", start)
	}
}

// scanTag reads a tag. Its exceptions must not come with references to others:
// the host does not look for those in there.
func (m *Module) scanTag(r *reader) {
	start := r.pos
	r.byte()
	typ := m.typeIndex(r)
	m.tagTys = append(m.tagTys, typ)
	if r.err == nil && m.exnTys[typ] {
		r.err = errcode.New(errcode.Unsupported, "core tag at 0x%x: an exception with a reference to another is not supported", start)
	}
}

// heapType passes and returns a heap type: a negative number names an abstract
// one.
func (m *Module) heapType(r *reader) int64 {
	i := r.sleb(33)
	if i >= int64(len(m.types)) {
		r.fail("unknown type %d", i)
	}
	return i
}

func scanLimits(r *reader) limits {
	l := limits{flags: r.byte()}
	if l.flags > 1 {
		if r.err == nil {
			code, what := errcode.Unsupported, "shared or 64-bit"
			if l.flags > 7 {
				code, what = errcode.Invalid, "malformed"
			}
			r.err = errcode.New(code, "%s limits 0x%x of a memory or table at 0x%x", what, l.flags, r.pos)
		}
		return l
	}
	l.min = r.leb(32)
	if l.hasMax = l.flags&1 != 0; l.hasMax {
		l.max = r.leb(32)
	}
	return l
}

func (m *Module) scanImports(r *reader, lim Limits) {
	for range r.count("imports", lim.Imports) {
		i := Import{Module: r.name(), Name: r.name(), Kind: Kind(r.byte())}
		start := r.pos
		switch i.Kind {
		case KindFunc:
			m.importTys = append(m.importTys, m.typeIndex(r))
			m.importFns++
		case KindTable:
			m.keptType(r)
			l := scanLimits(r)
			i.min, i.max, i.hasMax = l.min, l.max, l.hasMax
		case KindMemory:
			l := scanLimits(r)
			i.min, i.max, i.hasMax = l.min, l.max, l.hasMax
			m.importMem++
		case KindGlobal:
			m.keptType(r)
			r.byte()
			m.importGlb++
		case KindTag:
			m.scanTag(r)
		default:
			r.fail("malformed import kind %d", i.Kind)
		}
		if r.err != nil {
			return
		}
		i.desc = r.data[start:r.pos]
		m.Imports = append(m.Imports, i)
	}
}

// scanGlobal reads global i.
func (m *Module) scanGlobal(r *reader, i uint32) {
	start := r.pos
	m.keptType(r)
	number := r.err == nil && m.data[start] >= 0x7c && m.data[start] <= 0x7f
	if r.byte() != 0 {
		m.mutable = append(m.mutable, i)
		m.state.globals = m.state.globals || !number || len(m.mutable) > MaxGlobals
	}
	m.constExpr(r)
}

func (m *Module) scanTable(r *reader) tableType {
	var t tableType
	start := r.pos
	withInit := false
	if r.left() >= 2 && r.data[r.pos] == 0x40 {
		r.skip(1)
		if r.byte() != 0 {
			r.fail("malformed table")
		}
		withInit = true
	}
	m.keptType(r)
	if r.err != nil {
		return t
	}
	t.raw = r.data[start:r.pos]
	t.lim = scanLimits(r)
	if withInit {
		t.init = r.pos
		m.constExpr(r)
	}
	return t
}

// limitTables gives every table a maximum of ours, and checks what they take
// together.
func (m *Module) limitTables(r *reader, lim Limits) {
	total := uint64(0)
	for i := range m.tables {
		l := &m.tables[i].lim
		total += l.min
		if total > uint64(lim.TableElements) {
			r.exhausted("core table elements", total, int(lim.TableElements))
			return
		}
		if l.hasMax && l.max < l.min {
			r.fail("size minimum %d of a table is above its maximum %d", l.min, l.max)
			return
		}
		if limit := l.min + uint64(lim.TableGrowth); !l.hasMax || l.max > limit {
			l.max = limit
		}
		m.Footprint += 8 * l.max
	}
}

// constExpr passes a constant expression; which instructions are allowed
// in it is the engine's to check.
func (m *Module) constExpr(r *reader) {
	for r.err == nil {
		op := r.byte()
		switch op {
		case opEnd:
			return
		case opI32Const:
			r.skipLEB(5)
		case opI64Const:
			r.skipLEB(10)
		case opF32Const:
			r.skip(4)
		case opF64Const:
			r.skip(8)
		case opGlobalGet:
			m.globalIndex(r)
		case opRefFunc:
			m.declares(r)
		case opRefNull:
			m.heapType(r)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // extended constant arithmetic
		case opSIMD:
			if r.u32() != 12 {
				r.fail("malformed constant expression")
			}
			r.skip(16)
		default:
			r.fail("constant expression required: opcode 0x%x", op)
		}
	}
}

func (m *Module) scanElements(r *reader, lim Limits) {
	m.elems = r.count("element segments", lim.Segments)
	for range m.elems {
		m.elements += m.skipElement(r, lim)
		if m.elements > lim.Elements {
			r.exhausted("core module elements", uint64(m.elements), lim.Elements)
		}
	}
}

// skipElement passes an element segment and returns how many elements it has.
func (m *Module) skipElement(r *reader, lim Limits) int {
	flags := r.u32()
	if flags > 7 {
		r.fail("malformed element segment flags %d", flags)
		return 0
	}
	if flags&1 == 0 { // active
		if flags&2 != 0 {
			r.u32()
		}
		m.constExpr(r)
	}
	if flags&3 != 0 {
		if flags&4 != 0 {
			m.keptType(r)
		} else {
			r.byte()
		}
	}
	n := r.count("elements", lim.Elements)
	for range n {
		if flags&4 != 0 {
			m.constExpr(r)
		} else {
			m.declares(r)
		}
	}
	return n
}

func (m *Module) scanData(r *reader) {
	s := dataSegment{start: r.pos}
	switch flags := r.u32(); flags {
	case 0, 2:
		s.active = true
		if flags == 2 {
			s.memory = r.u32()
		}
		expr := r.pos
		m.constExpr(r)
		if r.err != nil {
			return
		}
		if s.expr = r.data[expr:r.pos]; s.expr[0] == opI32Const {
			er := &reader{data: r.data, pos: expr + 1, end: r.pos}
			s.offset = uint32(er.sleb(32))
			// The last byte of five has four bits of the number.
			whole := er.pos-expr-1 < 5 || (r.data[er.pos-1]+8)&0x7f < 16
			s.constant = er.err == nil && er.left() == 1 && whole
		}
	case 1:
	default:
		r.fail("malformed data segment flags %d", flags)
		return
	}
	s.bytes = r.bytes()
	s.end = r.pos
	m.segments = append(m.segments, s)
}
