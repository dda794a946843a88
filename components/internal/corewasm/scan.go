package corewasm

import (
	"bytes"

	"latticework/internal/errcode"
)

var preamble = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// order gives each section id its place; custom sections stand anywhere.
var order = [...]int{secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5,
	secTag: 6, secGlobal: 7, secExport: 8, secStart: 9, secElement: 10, secDataCount: 11,
	secCode: 12, secData: 13}

// Scan reads a core module and checks it against lim. It does not validate
// function bodies: the engine does, on bytes whose counts are now known good.
//
// Errors:
//   - errcode.Invalid if a count, a length or the order of sections is wrong.
//   - errcode.Exhausted if the module is larger than a limit, with both sides.
//   - errcode.Unsupported for proposals that the engine does not run.
func Scan(data []byte, lim Limits) (*Module, error) {
	lim = lim.WithDefaults()
	if len(data) > lim.ModuleBytes {
		return nil, errcode.New(errcode.Exhausted, "core module bytes: %d > %d", len(data), lim.ModuleBytes)
	}
	if !bytes.HasPrefix(data, preamble) {
		return nil, errcode.New(errcode.Invalid, "read core module: no core WebAssembly preamble")
	}
	m := &Module{data: data}
	r := &reader{data: data, pos: len(preamble), end: len(data)}
	last := 0
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		size := r.leb(32)
		start := r.pos
		r.skip(size)
		if r.err != nil {
			break
		}
		if id == secCustom {
			continue
		}
		if int(id) >= len(order) {
			return nil, errcode.New(errcode.Invalid, "read core module at 0x%x: malformed section id %d", start, id)
		}
		if order[id] <= last {
			return nil, errcode.New(errcode.Invalid, "read core module at 0x%x: section %d is repeated or out of order", start, id)
		}
		last = order[id]
		m.sections = append(m.sections, section{id: id, start: start, end: r.pos})
	}
	if r.err != nil {
		return nil, r.err
	}
	for _, s := range m.sections {
		sr := &reader{data: data, pos: s.start, end: s.end}
		m.scanSection(sr, s.id, lim)
		if sr.err != nil {
			return nil, sr.err
		}
		if sr.left() > 0 {
			return nil, errcode.New(errcode.Invalid, "read core module at 0x%x: section %d has %d bytes too many", sr.pos, s.id, sr.left())
		}
	}
	if m.bodies != m.funcs {
		return nil, errcode.New(errcode.Invalid, "read core module: %d functions are declared, %d have a body", m.funcs, m.bodies)
	}
	if err := m.checkStart(); err != nil {
		return nil, err
	}
	m.Footprint += baseFootprint + 16*uint64(m.elements) + 64*uint64(m.globals) + 40*uint64(len(m.Imports)+len(m.Exports)) + 48*uint64(len(m.segments)+m.elems)
	return m, m.finishMemory(lim)
}

// baseFootprint is what the engine takes for an instance of an empty module.
const baseFootprint = 2048

// checkStart checks the type of the start function, which the rewriter makes
// an export: the engine would not look at it any more.
func (m *Module) checkStart() error {
	if !m.hasStart {
		return nil
	}
	n := uint32(len(m.importTys))
	typ := uint32(0)
	switch {
	case m.startFn < n:
		typ = m.importTys[m.startFn]
	case m.startFn-n < uint32(len(m.funcTys)):
		typ = m.funcTys[m.startFn-n]
	default:
		return errcode.New(errcode.Invalid, "read core module: unknown start function %d", m.startFn)
	}
	if uint64(typ) >= uint64(len(m.types)) || m.types[typ] != (arity{}) {
		return errcode.New(errcode.Invalid, "read core module: start function %d takes or gives values", m.startFn)
	}
	names := make(map[string]bool, len(m.Exports))
	for _, e := range m.Exports {
		names[e.Name] = true
	}
	for m.Start = "start"; names[m.Start]; {
		m.Start += "'"
	}
	return nil
}

func (m *Module) scanSection(r *reader, id byte, lim Limits) {
	switch id {
	case secType:
		n := r.count("types", lim.Types)
		m.types = make([]arity, n)
		for i := range m.types {
			m.types[i] = scanFuncType(r, lim)
		}
	case secImport:
		m.scanImports(r, lim)
	case secFunction:
		m.funcs = r.count("functions", lim.Functions)
		m.funcTys = make([]uint32, m.funcs)
		for i := range m.funcTys {
			m.funcTys[i] = r.u32()
		}
	case secTable:
		for range r.count("tables", lim.Tables) {
			m.tables = append(m.tables, scanTable(r))
		}
		m.limitTables(r, lim)
	case secMemory:
		for range r.count("memories", 1) {
			m.memories = append(m.memories, scanLimits(r))
		}
	case secGlobal:
		m.globals = r.count("globals", lim.Globals)
		for range m.globals {
			skipValType(r)
			r.byte()
			skipConstExpr(r)
		}
	case secExport:
		for range r.count("exports", lim.Exports) {
			e := Export{Name: r.name(), Kind: Kind(r.byte())}
			e.Index = r.u32()
			if e.Kind > KindTag {
				r.fail("malformed export kind %d", e.Kind)
			}
			m.Exports = append(m.Exports, e)
		}
	case secStart:
		m.startFn, m.hasStart = r.u32(), true
	case secElement:
		m.elems = r.count("element segments", lim.Segments)
		for range m.elems {
			m.elements += skipElement(r, lim)
			if m.elements > lim.Elements {
				r.exhausted("core module elements", uint64(m.elements), lim.Elements)
			}
		}
	case secDataCount:
		r.u32()
	case secCode:
		m.bodies = r.count("function bodies", lim.Functions)
		for range m.bodies {
			r.bytes() // bodies are read by the rewriter
		}
	case secData:
		for range r.count("data segments", lim.Segments) {
			m.scanData(r)
		}
	case secTag:
		for range r.count("tags", lim.Types) {
			r.byte()
			r.u32()
		}
	}
}

func scanFuncType(r *reader, lim Limits) arity {
	if b := r.byte(); b != 0x60 {
		if r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core type form 0x%x is not supported (garbage collection proposal)", b)
		}
		return arity{}
	}
	var n [2]int
	for i, what := range [2]string{"parameters", "results"} {
		n[i] = r.count(what, lim.Params)
		for range n[i] {
			skipValType(r)
		}
	}
	return arity{params: uint16(n[0]), results: uint16(n[1])}
}

func skipValType(r *reader) {
	switch b := r.byte(); b {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x69:
	case 0x63, 0x64: // (ref null? ht)
		r.skipLEB(5)
	default:
		r.fail("malformed value type 0x%x", b)
	}
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
			m.importTys = append(m.importTys, r.u32())
			m.importFns++
		case KindTable:
			skipValType(r)
			l := scanLimits(r)
			i.min, i.max, i.hasMax = l.min, l.max, l.hasMax
		case KindMemory:
			l := scanLimits(r)
			i.min, i.max, i.hasMax = l.min, l.max, l.hasMax
			m.importMem++
		case KindGlobal:
			skipValType(r)
			r.byte()
			m.importGlb++
		case KindTag:
			r.byte()
			r.u32()
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

func scanTable(r *reader) tableType {
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
	skipValType(r)
	if r.err != nil {
		return t
	}
	t.raw = r.data[start:r.pos]
	t.lim = scanLimits(r)
	if withInit {
		t.init = r.pos
		skipConstExpr(r)
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

// skipConstExpr passes a constant expression; which instructions are allowed
// in it is the engine's to check.
func skipConstExpr(r *reader) {
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
		case opGlobalGet, opRefFunc, opRefNull:
			r.skipLEB(5)
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

// skipElement passes an element segment and returns how many elements it has.
func skipElement(r *reader, lim Limits) int {
	flags := r.u32()
	if flags > 7 {
		r.fail("malformed element segment flags %d", flags)
		return 0
	}
	if flags&1 == 0 { // active
		if flags&2 != 0 {
			r.u32()
		}
		skipConstExpr(r)
	}
	if flags&3 != 0 {
		if flags&4 != 0 {
			skipValType(r)
		} else {
			r.byte()
		}
	}
	n := r.count("elements", lim.Elements)
	for range n {
		if flags&4 != 0 {
			skipConstExpr(r)
		} else {
			r.u32()
		}
	}
	return n
}

func (m *Module) scanData(r *reader) {
	s := dataSegment{start: r.pos}
	switch flags := r.u32(); flags {
	case 0, 2:
		s.active = true
		mem := uint32(0)
		if flags == 2 {
			mem = r.u32()
		}
		expr := r.pos
		skipConstExpr(r)
		if r.err != nil {
			return
		}
		if mem == 0 && r.data[expr] == opI32Const {
			er := &reader{data: r.data, pos: expr + 1, end: r.pos}
			s.offset = uint32(er.sleb(32))
			s.constant = er.err == nil && er.left() == 1
		}
	case 1:
	default:
		r.fail("malformed data segment flags %d", flags)
		return
	}
	s.head = r.pos
	s.bytes = r.bytes()
	s.end = r.pos
	m.segments = append(m.segments, s)
}

// finishMemory describes the module's own memory, if it has one, and checks
// the segments that go into its image. An active segment out of bounds is an
// error here, where the engine would ignore it.
func (m *Module) finishMemory(lim Limits) error {
	if len(m.memories) == 0 {
		return nil
	}
	if m.importMem > 0 {
		return errcode.New(errcode.Unsupported, "core module with %d memories", m.importMem+len(m.memories))
	}
	l := m.memories[0]
	if most := uint64(1 << 16); l.min > most || l.hasMax && l.max > most {
		return errcode.New(errcode.Invalid, "core memory: memory size must be at most %d pages", most)
	}
	if l.min > uint64(lim.MemoryPages) {
		return errcode.New(errcode.Exhausted, "core memory pages: %d > %d", l.min, lim.MemoryPages)
	}
	maxPages := uint64(lim.MemoryPages)
	if l.hasMax && l.max < maxPages {
		if l.max < l.min {
			return errcode.New(errcode.Invalid, "core memory: size minimum %d is above maximum %d", l.min, l.max)
		}
		maxPages = l.max
	}
	m.Memory = &Memory{MinPages: uint32(l.min), MaxPages: uint32(maxPages)}
	for i := range m.segments {
		s := &m.segments[i]
		if s.active && !s.constant {
			break // what follows may overwrite what this one writes
		}
		if !s.active {
			continue
		}
		s.imaged = true
		if uint64(s.offset)+uint64(len(s.bytes)) > l.min<<16 {
			return errcode.New(errcode.Trap, "out of bounds memory access: data segment [%d, %d) in a memory of %d bytes",
				s.offset, uint64(s.offset)+uint64(len(s.bytes)), l.min<<16)
		}
		if len(s.bytes) > 0 {
			m.Memory.Image = append(m.Memory.Image, Segment{Offset: s.offset, Data: s.bytes})
		}
	}
	return nil
}
