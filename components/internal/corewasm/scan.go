package corewasm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"latticework/internal/errcode"
)

// ErrMemoryPages is in the chain of the error of a module whose memory begins
// with more pages than it may have.
var ErrMemoryPages = errors.New("memory of a core module: no more pages are allowed")

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
	m, err := scan(data, lim)
	if err != nil {
		return nil, err
	}
	return m.lower(lim)
}

// scan is Scan of a module that stays as it is.
func scan(data []byte, lim Limits) (*Module, error) {
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
			if err := m.custom(&reader{data: data, pos: start, end: r.pos}); err != nil {
				return nil, err
			}
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
	m.findStart()
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
	m.nameExtras()
	m.Footprint += baseFootprint + 16*uint64(m.elements) + 64*uint64(m.globals) + 40*uint64(len(m.Imports)+len(m.Exports)) + 48*uint64(len(m.segments)+m.elems)
	return m, m.finishMemory(lim)
}

// custom reads the name of a custom section and notes where that of names is.
func (m *Module) custom(r *reader) error {
	if r.name() == "name" {
		m.names = section{start: r.pos, end: r.end}
	}
	return r.err
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
	return nil
}

// nameExtras chooses names that the module does not use for the exports that
// the rewriter adds.
func (m *Module) nameExtras() {
	if m.state.globals {
		m.mutable = nil
	}
	if !m.hasStart && len(m.mutable) == 0 {
		return
	}
	names := make(map[string]bool, len(m.Exports))
	for _, e := range m.Exports {
		names[e.Name] = true
	}
	unused := func(name string) string {
		for names[name] {
			name += "'"
		}
		names[name] = true
		return name
	}
	if m.hasStart {
		m.Start = unused("start")
	}
	for _, i := range m.mutable {
		m.Globals = append(m.Globals, unused("global "+strconv.Itoa(int(i))))
	}
}

func (m *Module) scanSection(r *reader, id byte, lim Limits) {
	switch id {
	case secType:
		n := r.count("types", lim.Types)
		m.types = make([]arity, n)
		for i := range m.types {
			m.types[i] = m.scanFuncType(r, lim)
		}
	case secImport:
		m.scanImports(r, lim)
	case secFunction:
		m.funcs = r.count("functions", lim.Functions)
		m.funcTys = make([]uint32, m.funcs)
		for i := range m.funcTys {
			m.funcTys[i] = m.typeIndex(r)
		}
	case secTable:
		for range r.count("tables", lim.Tables) {
			m.tables = append(m.tables, m.scanTable(r))
		}
		m.limitTables(r, lim)
	case secMemory:
		for range r.count("memories", lim.Memories) {
			m.memories = append(m.memories, scanLimits(r))
		}
	case secGlobal:
		m.globals = r.count("globals", lim.Globals)
		for i := range m.globals {
			m.scanGlobal(r, uint32(m.importGlb+i))
		}
	case secExport:
		for range r.count("exports", lim.Exports) {
			m.scanExport(r)
		}
	case secStart:
		r.u32() // findStart read it
	case secElement:
		m.scanElements(r, lim)
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
			m.scanTag(r)
		}
	}
}

// findStart reads which function is the start function.
func (m *Module) findStart() {
	for _, s := range m.sections {
		if s.id == secStart {
			r := &reader{data: m.data, pos: s.start, end: s.end}
			m.startFn = r.u32()
			m.hasStart = r.err == nil
		}
	}
}

// typeIndex reads the index of a function type. It must be one of the
// module's: the rewriter adds a type after them.
func (m *Module) typeIndex(r *reader) uint32 {
	i := r.u32()
	if uint64(i) >= uint64(len(m.types)) {
		r.fail("unknown type %d", i)
		return 0
	}
	return i
}

// tagType reads the index of a tag and returns its type.
func (m *Module) tagType(r *reader) uint32 {
	i := r.u32()
	if uint64(i) >= uint64(len(m.tagTys)) {
		r.fail("unknown tag %d", i)
		return 0
	}
	return m.tagTys[i]
}

// globalIndex reads the index of a global. It must be one of the module's: the
// fuel counter comes after them, and no guest may touch it.
func (m *Module) globalIndex(r *reader) uint32 {
	i := r.u32()
	if uint64(i) >= uint64(m.importGlb+m.globals) {
		r.fail("unknown global %d", i)
		return 0
	}
	return i
}

// function reads the index of a function. It must be one of the module's: the
// rewriter adds functions after them.
func (m *Module) function(r *reader) uint32 {
	i := r.u32()
	if uint64(i) >= uint64(m.importFns+m.funcs) {
		r.fail("unknown function %d", i)
		return 0
	}
	return i
}

// declares reads the index of a function that may be used in ref.func, and so
// be called from anywhere.
func (m *Module) declares(r *reader) uint32 {
	i := m.function(r)
	if r.err != nil {
		return i
	}
	m.startDeclared = m.startDeclared || m.hasStart && i == m.startFn
	if d := int(i) - m.importFns; d >= 0 {
		if m.declared == nil {
			m.declared = make([]bool, m.funcs)
		}
		m.declared[d] = true
	}
	return i
}

func (m *Module) scanExport(r *reader) {
	e := Export{Name: r.name(), Kind: Kind(r.byte())}
	switch e.Kind {
	case KindGlobal:
		e.Index = m.globalIndex(r)
	case KindFunc:
		e.Index = m.declares(r)
	case KindTable, KindMemory, KindTag:
		e.Index = r.u32()
	default:
		r.fail("malformed export kind %d", e.Kind)
	}
	m.Exports = append(m.Exports, e)
}

// finishMemory describes the module's own memory, if it has one, and checks
// the segments that go into its image. An active segment out of bounds is an
// error here, where the engine would ignore it.
func (m *Module) finishMemory(lim Limits) error {
	if err := m.checkMemories(lim); err != nil || len(m.memories) == 0 || m.importMem > 0 {
		return err
	}
	l := m.memories[0]
	if most := uint64(1 << 16); l.min > most || l.hasMax && l.max > most {
		return errcode.New(errcode.Invalid, "core memory: memory size must be at most %d pages", most)
	}
	if l.min > uint64(lim.MemoryPages) {
		return &errcode.Error{Code: errcode.Exhausted, Msg: fmt.Sprintf("core memory pages: %d > %d", l.min, lim.MemoryPages), Err: ErrMemoryPages}
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
		if s.memory > 0 {
			continue // a companion's
		}
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
