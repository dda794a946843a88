package corewasm

import (
	"strconv"

	"latticework/internal/errcode"
)

// Target says where an import comes from after rewriting.
type Target struct {
	Module, Name string
}

// RewriteConfig says what [Module.Rewrite] does.
type RewriteConfig struct {
	// Imports gives each import its new names, in order.
	Imports []Target
	// Refill names the host function i32 -> i32 that is called with the fuel
	// counter when it fell below zero and answers the next counter, which is more
	// by [MinRefill] at least unless the fuel comes to its end; an empty Module
	// leaves fuel out. Called with no negative number it is told what the guest
	// does next, [TryBlock] or [Throw], and its answer is not used.
	Refill Target
	// Image says that active data segments at constant offsets in a memory
	// of the module's own are emptied, because the memory comes with an image.
	Image bool
	// Globals says that mutable globals become the exports [Module.Globals].
	Globals bool
	// Companions are the modules of its imports from the companions, for memories
	// 1 and up, of a module for which [Module.Companions] answered some.
	Companions []string
	// Name is what the engine's stack traces call the module; "" for nothing.
	Name   string
	Limits Limits
}

// Rewrite returns the module's bytes, changed as cfg says. Custom sections are
// left out but for the module's name, a start function becomes the export [Module.Start]. The result holds every function, global, table, memory and segment
// under its old index, but for functions that the module defines itself: they
// come one later if fuel was added.
//
// Errors:
//   - errcode.Invalid if a body is malformed.
//   - errcode.Exhausted if a body is larger than a limit, with both sides.
//   - errcode.Unsupported for an instruction that the engine does not run, and
//     for several memories without Companions.
func (m *Module) Rewrite(cfg RewriteConfig) ([]byte, error) {
	if len(cfg.Imports) != len(m.Imports) {
		return nil, errcode.New(errcode.Internal, "rewrite core module: %d import targets for %d imports", len(cfg.Imports), len(m.Imports))
	}
	if err := m.severalErr(len(cfg.Companions)); err != nil {
		return nil, err
	}
	w := m.rewriter(cfg.Limits, cfg.Refill.Module != "")
	code, err := w.rewritten()
	if err != nil {
		return nil, err
	}
	w.out = append(w.out, preamble...)
	done := 0
	for _, s := range m.sections {
		done = w.missing(m, cfg, done, order[s.id])
		if s.id == secStart {
			continue // an export now
		}
		if s.id == secCode {
			w.emit(secCode, func() { w.out = append(w.out, code...) })
		} else if err := w.section(m, s, cfg); err != nil {
			return nil, err
		}
		done = max(done, order[s.id])
	}
	w.missing(m, cfg, done, len(order))
	if cfg.Name != "" {
		w.out = appendModuleName(w.out, cfg.Name)
	}
	return w.out, nil
}

// rewriter returns a rewriter that wrote nothing yet.
func (m *Module) rewriter(lim Limits, fuel bool) *rewriter {
	w := &rewriter{
		out:        make([]byte, 0, len(m.data)+len(m.data)/8+256),
		m:          m,
		importFns:  uint32(m.importFns),
		refill:     uint32(m.importFns),
		fuelGlobal: uint32(m.importGlb + m.globals),
		lim:        lim.WithDefaults(),
		fuel:       fuel && m.funcs > 0,
	}
	w.shift = uint32(m.added(w.fuel))
	return w
}

// added returns how many functions the rewritten module imports besides.
func (m *Module) added(fuel bool) int {
	n := 0
	if fuel && m.funcs > 0 {
		n++
	}
	if m.several != nil {
		n += len(m.several.accessors)
	}
	return n
}

// missing writes the sections that the additions need and the module lacks,
// those whose place is after done and before next.
func (w *rewriter) missing(m *Module, cfg RewriteConfig, done, next int) int {
	for _, id := range [...]byte{secImport, secGlobal, secExport} {
		needed := w.fuel
		switch id {
		case secImport:
			needed = w.shift > 0
		case secExport:
			needed = m.Start != "" || cfg.Globals && len(m.Globals) > 0
		}
		if !needed || order[id] <= done || order[id] >= next {
			continue
		}
		w.emit(id, func() {
			switch id {
			case secImport:
				w.imports(m, cfg)
			case secGlobal:
				w.globals(m, section{})
			default:
				w.exports(m, cfg)
			}
		})
		done = order[id]
	}
	return done
}

// emit writes a section with the contents that fill appends.
func (w *rewriter) emit(id byte, fill func()) {
	w.out = append(w.out, id)
	w.sized(fill)
}

// putPadded writes v as a LEB128 of exactly five bytes.
func putPadded(b []byte, v uint32) {
	for i := range 4 {
		b[i] = byte(v) | 0x80
		v >>= 7
	}
	b[4] = byte(v)
}

func (w *rewriter) section(m *Module, s section, cfg RewriteConfig) error {
	r := &reader{data: m.data, pos: s.start, end: s.end}
	w.emit(s.id, func() {
		switch s.id {
		case secType:
			w.types(m, s)
		case secImport:
			w.imports(m, cfg)
		case secTable:
			w.tables(m)
		case secMemory:
			w.memories(m)
		case secGlobal:
			w.globals(m, s)
		case secExport:
			w.exports(m, cfg)
		case secElement:
			w.elements(r)
		case secFunction:
			w.declarations(m, r)
		case secDataCount:
			w.dataCount(r)
		case secData:
			w.data(m, cfg)
		default:
			w.out = append(w.out, m.data[s.start:s.end]...)
		}
	})
	return r.err
}

func (w *rewriter) types(m *Module, s section) {
	n := len(m.types)
	if w.shift > 0 {
		n += 2
	}
	if m.several != nil {
		n += len(m.several.accessors)
	}
	w.out = appendLEB(w.out, uint64(n))
	r := &reader{data: m.data, pos: s.start, end: s.end}
	r.u32()
	w.out = append(w.out, m.data[r.pos:s.end]...)
	if w.shift > 0 {
		w.out = append(w.out, 0x60, 1, 0x7f, 1, 0x7f)       // of refill
		w.out = append(w.out, 0x60, 3, 0x7f, 0x7f, 0x7f, 0) // bulkType
	}
	if m.several != nil {
		for _, a := range m.several.accessors {
			w.out = append(w.out, a.signature()...)
		}
	}
}

// declarations writes the types of functions, of those added at the end.
func (w *rewriter) declarations(m *Module, r *reader) {
	r.u32()
	w.out = appendLEB(w.out, uint64(m.funcs+len(w.helpers.list)))
	w.out = append(w.out, r.data[r.pos:r.end]...)
	for _, h := range w.helpers.list {
		w.out = appendLEB(w.out, uint64(w.helperType(h.helper)))
	}
}

func (w *rewriter) imports(m *Module, cfg RewriteConfig) {
	n := len(m.Imports) + int(w.shift)
	if m.several != nil {
		n -= max(m.importMem-1, 0)
	}
	w.out = appendLEB(w.out, uint64(n))
	for i, imp := range m.Imports {
		if m.several != nil && m.elsewhere(i) {
			continue
		}
		w.out = appendName(w.out, cfg.Imports[i].Module)
		w.out = appendName(w.out, cfg.Imports[i].Name)
		w.out = append(w.out, byte(imp.Kind))
		if imp.Kind == KindGlobal || imp.Kind == KindFunc || imp.Kind == KindTag {
			w.out = append(w.out, imp.desc...)
		} else {
			w.importLimits(imp)
		}
	}
	if w.fuel {
		w.out = appendName(w.out, cfg.Refill.Module)
		w.out = appendName(w.out, cfg.Refill.Name)
		w.out = append(w.out, byte(KindFunc))
		w.out = appendLEB(w.out, uint64(len(m.types))) // the type that types added
	}
	if m.several != nil {
		for j, a := range m.several.accessors {
			w.out = appendName(w.out, cfg.Companions[a.memory-1])
			w.out = append(appendName(w.out, accessorName(j)), byte(KindFunc))
			w.out = appendLEB(w.out, uint64(len(m.types)+2+j))
		}
	}
}

// importLimits writes an imported memory or table with its description as it
// is: what is defined has a maximum of ours at most, so a maximum stated by
// the importer is met only if the exporter's is as low, as in the standard.
func (w *rewriter) importLimits(imp Import) {
	w.out = append(w.out, imp.desc...)
}

func (w *rewriter) memories(m *Module) {
	if m.Memory == nil { // an empty section, or all in companions
		w.out = append(w.out, 0)
		return
	}
	w.out = append(w.out, 1, 1)
	w.out = appendLEB(w.out, uint64(m.Memory.MinPages))
	w.out = appendLEB(w.out, uint64(m.Memory.MaxPages))
}

func (w *rewriter) tables(m *Module) {
	w.out = appendLEB(w.out, uint64(len(m.tables)))
	for _, t := range m.tables {
		w.out = append(w.out, t.raw...)
		w.out = append(w.out, 1)
		w.out = appendLEB(w.out, t.lim.min)
		w.out = appendLEB(w.out, t.lim.max)
		if t.init > 0 {
			w.constExpr(&reader{data: m.data, pos: t.init, end: len(m.data)})
		}
	}
}

func (w *rewriter) globals(m *Module, s section) {
	n := m.globals
	if w.fuel {
		n += 2 // the counter, and which function to call again
	}
	w.out = appendLEB(w.out, uint64(n))
	if s.end > 0 {
		r := &reader{data: m.data, pos: s.start, end: s.end}
		r.u32()
		for range m.globals {
			start := r.pos
			w.m.valType(r)
			r.byte()
			w.out = append(w.out, m.data[start:r.pos]...)
			w.constExpr(r)
		}
	}
	if w.fuel {
		w.out = append(w.out, 0x7f, 1, opI32Const, 0, opEnd)
		w.out = append(w.out, 0x7f, 1, opI32Const, 0, opEnd)
	}
}

// constExpr copies a constant expression, moving function indices.
func (w *rewriter) constExpr(r *reader) {
	start := r.pos
	if w.shift > 0 && r.left() > 0 && r.data[r.pos] == opRefFunc {
		r.skip(1)
		i := r.u32()
		w.out = appendLEB(append(w.out, opRefFunc), uint64(w.fn(i)))
		start = r.pos
	}
	m := w.m
	m.constExpr(r)
	w.out = append(w.out, r.data[start:r.pos]...)
}

func (w *rewriter) exports(m *Module, cfg RewriteConfig) {
	globals := m.Globals
	if !cfg.Globals {
		globals = nil
	}
	n := len(globals)
	if m.Start != "" {
		n++
	}
	for _, e := range m.Exports {
		if !e.distant() {
			n++
		}
	}
	w.out = appendLEB(w.out, uint64(n))
	for _, e := range m.Exports {
		if e.distant() {
			continue
		}
		w.out = appendName(w.out, e.Name)
		w.out = append(w.out, byte(e.Kind))
		i := e.Index
		if e.Kind == KindFunc {
			i = w.fn(i)
		}
		w.out = appendLEB(w.out, uint64(i))
	}
	if m.Start != "" {
		w.out = append(appendName(w.out, m.Start), byte(KindFunc))
		w.out = appendLEB(w.out, uint64(w.fn(m.startFn)))
	}
	for i, name := range globals {
		w.out = append(appendName(w.out, name), byte(KindGlobal))
		w.out = appendLEB(w.out, uint64(m.mutable[i]))
	}
}

func (w *rewriter) elements(r *reader) {
	n := r.u32()
	w.out = appendLEB(w.out, uint64(n))
	for range n {
		start := r.pos
		flags := r.u32()
		if flags&1 == 0 && flags&2 != 0 {
			r.u32()
		}
		w.out = append(w.out, r.data[start:r.pos]...)
		if flags&1 == 0 {
			w.constExpr(r)
		}
		start = r.pos
		if flags&3 != 0 {
			if flags&4 != 0 {
				w.m.valType(r)
			} else {
				r.byte()
			}
		}
		w.out = append(w.out, r.data[start:r.pos]...)
		count := r.u32()
		w.out = appendLEB(w.out, uint64(count))
		for range count {
			if flags&4 != 0 {
				w.constExpr(r)
			} else {
				w.out = appendLEB(w.out, uint64(w.fn(r.u32())))
			}
		}
	}
}

// sized writes what fill appends after its length.
func (w *rewriter) sized(fill func()) {
	head := len(w.out)
	w.out = append(w.out, 0, 0, 0, 0, 0)
	fill()
	putPadded(w.out[head:], uint32(len(w.out)-head-5))
}

// dataCount copies the number of data segments; data may lower it.
func (w *rewriter) dataCount(r *reader) {
	w.counted, w.countAt = r.u32(), len(w.out)
	w.out = append(w.out, 0, 0, 0, 0, 0)
	putPadded(w.out[w.countAt:], w.counted)
}

func (w *rewriter) data(m *Module, cfg RewriteConfig) {
	// Where no instruction names a segment, the emptied ones go: toolchains
	// make thousands, and the engine keeps something for each in every instance.
	drop := cfg.Image && !m.state.reads && !m.state.drops && (w.countAt == 0 || int(w.counted) == len(m.segments))
	n := 0
	for _, s := range m.segments {
		if !drop || !s.imaged && (!s.active || s.memory == 0) {
			n++
		}
	}
	if drop && w.countAt > 0 {
		putPadded(w.out[w.countAt:], uint32(n))
	}
	w.out = appendLEB(w.out, uint64(n))
	for _, s := range m.segments {
		if cfg.Image && s.imaged || s.active && s.memory > 0 {
			if drop {
				continue
			}
			// Passive and empty, as an active segment is after it was applied;
			// the engine takes longer over active ones.
			w.out = append(w.out, 1, 0)
			continue
		}
		w.out = append(w.out, m.data[s.start:s.end]...)
	}
}

// Group returns the module name that stands for the i-th origin of imports.
func Group(i int) string { return "g" + strconv.Itoa(i) }

// ParseGroup returns i of Group(i).
func ParseGroup(name string) (int, bool) {
	if len(name) < 2 || name[0] != 'g' {
		return 0, false
	}
	i, err := strconv.Atoi(name[1:])
	return i, err == nil
}
