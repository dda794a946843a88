package binary

import "latticework/internal/errcode"

// CoreInfo is what a component needs to know of a core module: its types and
// the types of what it imports and exports.
type CoreInfo struct {
	// Types are the definitions of the type section; Groups says for each
	// recursive group where it begins in Types, in order.
	Types   []CoreSubType
	Groups  []int
	Imports []CoreImport
	Exports []CoreExtern
}

// Ids of core sections.
const (
	coreCustom = iota
	coreTypes
	coreImports
	coreFuncs
	coreTables
	coreMemories
	coreGlobals
	coreExports
	coreStart
	coreElements
	coreCode
	coreData
	coreDataCount
	coreTags
)

// coreOrder is the place of each section id among the others.
var coreOrder = [...]int{
	coreTypes: 1, coreImports: 2, coreFuncs: 3, coreTables: 4, coreMemories: 5, coreTags: 6, coreGlobals: 7,
	coreExports: 8, coreStart: 9, coreElements: 10, coreDataCount: 11, coreCode: 12, coreData: 13,
}

// ScanCore reads the sections of the core module data[start:end] that say
// what it imports and exports. It checks the order and the sizes of all
// sections, but does not read function bodies, segments or names: a module
// that it accepts still has to be validated.
//
// Errors:
//   - errcode.Invalid if what it reads is malformed or refers to nothing.
//   - errcode.Exhausted if a limit is hit.
func ScanCore(data []byte, start, end int, limits Limits) (*CoreInfo, error) {
	limits = limits.withDefaults()
	if start < 0 || end > len(data) || start > end {
		return nil, errcode.New(errcode.Internal, "scan core module: range [%d,%d) of %d bytes", start, end, len(data))
	}
	r := &reader{data: data, pos: start, end: end, b: &budget{limits: limits, max: limits.CoreItems}}
	s := &coreScanner{reader: r, info: &CoreInfo{}}
	modulePreamble(r)
	for r.err == nil && r.left() > 0 {
		s.section()
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.info, nil
}

// coreScanner holds a core module's index spaces while it is read.
type coreScanner struct {
	*reader
	info     *CoreInfo
	last     int // place of the last section
	funcs    []uint32
	tables   []CoreExternType
	memories []CoreExternType
	globals  []CoreExternType
	tags     []CoreExternType
}

func (s *coreScanner) section() {
	at := s.pos
	id := int(s.byte("core section id"))
	if s.err == nil && id >= len(coreOrder) {
		s.fail(at, "core module", "malformed section id %#x", id)
		return
	}
	size := s.length("core section size")
	if s.err != nil {
		return
	}
	if size > s.left() {
		s.fail(at, "core module", "unexpected end-of-file: section of %d bytes, %d left", size, s.left())
		return
	}
	if id != coreCustom {
		if coreOrder[id] <= s.last {
			s.fail(at, "core module", "section out of order: id %d", id)
			return
		}
		s.last = coreOrder[id]
	}
	outer := s.reader
	s.reader = outer.sub(size)
	s.contents(id)
	if s.err == nil && s.left() > 0 {
		s.fail(s.pos, "core module", "section size mismatch: %d bytes after the last item of section %d", s.left(), id)
	}
	outer.err = s.err
	s.reader = outer
}

func (s *coreScanner) contents(id int) {
	each := func(item func()) {
		for n := s.count("core section"); n > 0 && s.err == nil; n-- {
			item()
		}
	}
	switch id {
	case coreTypes:
		each(s.recGroup)
	case coreImports:
		each(s.importItem)
	case coreFuncs:
		each(func() { s.funcs = append(s.funcs, s.typeIndex()) })
	case coreTables:
		each(s.table)
	case coreMemories:
		each(func() { s.memories = append(s.memories, memoryType(s.reader)) })
	case coreTags:
		each(func() { s.tags = append(s.tags, tagType(s.reader)) })
	case coreGlobals:
		each(func() {
			s.globals = append(s.globals, globalType(s.reader))
			constExpr(s.reader)
		})
	case coreExports:
		each(s.exportItem)
	case coreCustom:
		s.name("core custom section name")
		s.pos = s.end
	default:
		s.pos = s.end
	}
}

func (s *coreScanner) recGroup() {
	t := coreRecType(s.reader)
	if s.err == nil {
		s.info.Groups = append(s.info.Groups, len(s.info.Types))
		s.info.Types = append(s.info.Types, t.Rec...)
	}
}

// typeIndex reads the index of a function type.
func (s *coreScanner) typeIndex() uint32 {
	at := s.pos
	i := s.u32("type index")
	s.checkFuncType(at, i)
	return i
}

func (s *coreScanner) checkFuncType(at int, i uint32) {
	switch {
	case s.err != nil:
	case int64(i) >= int64(len(s.info.Types)):
		s.fail(at, "core module", "unknown type %d: type index out of bounds", i)
	case s.info.Types[i].Kind != CoreFuncKind:
		s.fail(at, "core module", "type index %d is not a function type", i)
	}
}

func (s *coreScanner) importItem() {
	at := s.pos
	i := coreImport(s.reader)
	if s.err != nil {
		return
	}
	s.info.Imports = append(s.info.Imports, i)
	switch i.Type.Sort {
	case SortCoreFunc:
		s.checkFuncType(at, i.Type.Type)
		s.funcs = append(s.funcs, i.Type.Type)
	case SortCoreTable:
		s.tables = append(s.tables, i.Type)
	case SortCoreMemory:
		s.memories = append(s.memories, i.Type)
	case SortCoreGlobal:
		s.globals = append(s.globals, i.Type)
	case SortCoreTag:
		s.checkFuncType(at, i.Type.Type)
		s.tags = append(s.tags, i.Type)
	}
}

// table reads a table type, or one with an initial value.
func (s *coreScanner) table() {
	if s.peek() != 0x40 {
		s.tables = append(s.tables, tableType(s.reader))
		return
	}
	s.pos++
	if b := s.byte("table"); b != 0 {
		s.leading(b, "table")
	}
	s.tables = append(s.tables, tableType(s.reader))
	constExpr(s.reader)
}

func (s *coreScanner) exportItem() {
	name := s.name("core export")
	at := s.pos
	kind := s.byte("external kind")
	i := s.u32("index")
	if s.err != nil {
		return
	}
	e := CoreExtern{Name: name}
	space := map[byte][]CoreExternType{1: s.tables, 2: s.memories, 3: s.globals, 4: s.tags}[kind]
	n := len(space)
	if kind == 0 {
		n = len(s.funcs)
	}
	switch {
	case kind > 4:
		s.fail(at, "core export", "invalid leading byte (%#x) for external kind", kind)
		return
	case int64(i) >= int64(n):
		s.fail(at, "core export", "unknown %s %d: index out of bounds", SortCoreFunc+Sort(kind), i)
		return
	case kind == 0:
		e.Type = CoreExternType{Sort: SortCoreFunc, Type: s.funcs[i]}
	default:
		e.Type = space[i]
	}
	s.info.Exports = append(s.info.Exports, e)
}

// constExpr skips a constant expression.
func constExpr(r *reader) {
	const what = "constant expression"
	for r.err == nil {
		switch op := r.byte(what); op {
		case 0x0b: // end
			return
		case 0x41: // i32.const
			r.sleb(32, what)
		case 0x42: // i64.const
			r.sleb(64, what)
		case 0x43: // f32.const
			r.bytes(4, what)
		case 0x44: // f64.const
			r.bytes(8, what)
		case 0x23, 0xd2: // global.get, ref.func
			r.u32(what)
		case 0xd0: // ref.null
			heapType(r)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // i32 and i64 add, sub, mul
		case 0xfb:
			constGC(r)
		case 0xfd:
			if sub := r.u32(what); sub != 12 { // v128.const
				r.fail(r.pos, what, "constant expression required: instruction 0xfd %d", sub)
			}
			r.bytes(16, what)
		default:
			r.fail(r.pos-1, what, "constant expression required: instruction %#x", op)
		}
	}
}

// constGC skips the rest of a constant instruction with prefix 0xfb.
func constGC(r *reader) {
	const what = "constant expression"
	switch sub := r.u32(what); sub {
	case 0, 1, 6, 7: // struct.new, struct.new_default, array.new, array.new_default
		r.u32(what)
	case 8: // array.new_fixed
		r.u32(what)
		r.u32(what)
	case 26, 27, 28: // any.convert_extern, extern.convert_any, ref.i31
	default:
		r.fail(r.pos, what, "constant expression required: instruction 0xfb %d", sub)
	}
}
