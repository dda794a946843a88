package corewasm

import (
	"slices"

	"latticework/internal/errcode"
)

// The engine's compiler gives a handler the locals as they were when the try
// block was entered, whatever was assigned since, and copies the stack at each
// entry. So a module that keeps its exceptions to itself, as C++ and Rust do, gets
// to it without try blocks: an exception is a number in a global, at which code
// looks after each call that may throw, to go on at the handler.
//
// The number of an exception, which is a reference to it too, has its tag's
// index plus one in the upper half and the i32 that comes with it in the lower.
// 0 is no exception, and the null reference. One that leaves the module by an export
// is thrown there anew, by the engine, which finds nobody to catch it.

// lowering is what is known of a module of exceptions and becomes of it.
type lowering struct {
	m     *Module
	lim   Limits
	funcs []thrower // the defined functions
	// What survey saw in bodies.
	tries, refs bool // try blocks that catch something, ref.func
	// pending is the index of the global with the exception under way.
	pending uint32
	// takers are the added types of blocks, by the type whose parameters they take
	// to give nothing.
	takers map[uint32]uint32
	added  [][]byte // types

	out []byte

	// Of the function being written.
	frames []frame
	open   int // labels
}

// thrower is a function.
type thrower struct {
	throws  bool // an exception may leave it
	sets    bool // it assigns locals in try blocks
	callees []uint32
}

// lower returns m without try blocks, m itself if it has none. A module that
// does not keep its exceptions to itself is left as it is if the engine does it
// right.
//
// Errors: errcode.Unsupported if it does not; and those of Rewrite.
func (m *Module) lower(lim Limits) (*Module, error) {
	if len(m.tagTys) == 0 {
		return m, nil
	}
	l := &lowering{m: m, lim: lim, pending: uint32(m.importGlb + m.globals), takers: map[uint32]uint32{}}
	l.funcs = make([]thrower, m.funcs)
	err := l.bodies(func(r *reader, i int) { l.survey(r, &l.funcs[i]) })
	if err != nil || !l.tries {
		return m, err
	}
	if why := l.shared(); why != "" {
		for i, f := range l.funcs {
			if f.sets {
				return nil, errcode.New(errcode.Unsupported,
					"core function %d: a try block in which a local is set is not supported in a module that %s", m.importFns+i, why)
			}
		}
		return m, nil
	}
	l.added = append(l.added, []byte{0x60, 0, 0})
	l.spread()
	if err := l.module(); err != nil {
		return nil, err
	}
	low, err := scan(l.out, lim)
	if low != nil {
		low.wrappers, low.original = uint32(m.importFns+m.funcs), m
	}
	return low, err
}

// OwnExceptions reports whether the module catches exceptions, and those of its
// functions alone. What it exports may be called by others, but what is in its
// tables may not, and it does not throw what its tags are for.
func (m *Module) OwnExceptions() bool { return m.original != nil }

// Original returns the module as it was before its exceptions were made to
// numbers, nil if they were not. It is to be validated: what is wrong with a
// reference to an exception may be right with a number.
func (m *Module) Original() *Module { return m.original }

// shared says how the module's exceptions get out of it, or are more than a
// number holds; "" if they do not.
func (l *lowering) shared() string {
	m := l.m
	for _, i := range m.Imports {
		if i.Kind == KindTag || i.Kind == KindTable {
			return "imports a " + i.Kind.String()
		}
	}
	outside := slices.Clone(m.importTys)
	for _, e := range m.Exports {
		if e.Kind == KindFunc {
			outside = append(outside, l.typeOf(e.Index))
		}
	}
	for _, t := range outside {
		if m.exnTys[t] {
			return "passes references to exceptions"
		}
	}
	for _, t := range m.tagTys {
		if a := m.types[t]; a.params > 1 || a.params == 1 && m.raw[t][1] != 0x7f {
			return "has exceptions with more than an i32"
		}
	}
	if l.refs {
		return "has references to functions"
	}
	for _, t := range m.raw {
		if m.givesNonNull(t) {
			return "has functions with a result that must not be null"
		}
	}
	return ""
}

// givesNonNull reports whether a type, whose bytes typ are, has a result of which
// there is no value that means nothing.
func (m *Module) givesNonNull(typ []byte) bool {
	r := &reader{data: typ, end: len(typ)}
	for range r.u32() {
		m.valType(r)
	}
	for range r.u32() {
		start := r.pos
		if !m.valType(r) && typ[start] == 0x64 {
			return true
		}
	}
	return false
}

// typeOf returns the type of function i.
func (l *lowering) typeOf(i uint32) uint32 {
	if n := uint32(l.m.importFns); i >= n {
		return l.m.funcTys[i-n]
	}
	return l.m.importTys[i]
}

// bodies calls f with each function that the module defines.
func (l *lowering) bodies(f func(r *reader, i int)) error {
	for _, s := range l.m.sections {
		if s.id != secCode {
			continue
		}
		r := &reader{data: l.m.data, pos: s.start, end: s.end}
		for i := range int(r.u32()) {
			size := r.leb(32)
			body := &reader{data: r.data, pos: r.pos, end: r.pos + int(size)}
			r.skip(size)
			if r.err != nil {
				return r.err
			}
			if size > uint64(l.lim.BodyBytes) {
				return errcode.New(errcode.Exhausted, "core function bytes: %d > %d", size, l.lim.BodyBytes)
			}
			if f(body, i); body.err != nil {
				return body.err
			}
		}
	}
	return nil
}

// survey reads the body of f.
func (l *lowering) survey(r *reader, f *thrower) {
	for range r.count("local groups", l.lim.Locals) {
		r.u32()
		l.m.valType(r)
	}
	catching, inside := []bool{false}, 0
	for len(catching) > 0 && r.err == nil {
		switch op := r.byte(); op {
		case opBlock, opLoop, opIf:
			l.blockType(r)
			catching = append(catching, false)
		case opTryTable:
			l.blockType(r)
			n := r.count("catch clauses", l.lim.Nesting)
			for range n {
				if r.byte()&3 < 2 {
					l.m.tagType(r)
				}
				r.u32()
			}
			catching = append(catching, n > 0)
			if n > 0 {
				l.tries = true
				inside++
			}
		case opEnd:
			if catching[len(catching)-1] {
				inside--
			}
			catching = catching[:len(catching)-1]
		case opLocalSet, opLocalTee:
			f.sets = f.sets || inside > 0
			r.u32()
		case opCall, opReturnCall:
			if i := int(l.m.function(r)) - l.m.importFns; i >= 0 {
				f.callees = append(f.callees, uint32(i))
			}
		case opThrow:
			f.throws = true
			l.m.tagType(r)
		case opThrowRef:
			f.throws = true
		case opCallIndirect, opReturnCallI:
			f.throws = true
			l.m.typeIndex(r)
			r.skipLEB(5)
		case opRefFunc:
			l.refs = true
			r.u32()
		default:
			l.pass(r, op)
		}
		if len(catching) > l.lim.Nesting {
			r.exhausted("core function nesting", uint64(len(catching)), l.lim.Nesting)
		}
	}
	slices.Sort(f.callees)
	f.callees = slices.Clone(slices.Compact(f.callees))
}

// pass passes what follows an instruction that is copied as it is, or that
// branches.
func (l *lowering) pass(r *reader, op byte) {
	switch op {
	case opElse, opUnreachable:
	case opBr, opBrIf, opLocalGet, opLocalSet, opLocalTee, opGlobalSet:
		r.u32()
	case opGlobalGet:
		l.m.globalIndex(r)
	case opBrTable:
		for range r.count("branch targets", r.left()) + 1 {
			r.u32()
		}
	case opMisc:
		l.m.skipMisc(r)
	default:
		l.m.immediates(r, op)
	}
}

// spread finds the functions that exceptions of others may leave.
func (l *lowering) spread() {
	edges := 0
	for _, f := range l.funcs {
		edges += len(f.callees)
	}
	if edges > maxEdges { // too much to look at
		for i := range l.funcs {
			l.funcs[i].throws = true
		}
		return
	}
	callers := make([][]uint32, len(l.funcs))
	var next []uint32
	for i, f := range l.funcs {
		for _, c := range f.callees {
			callers[c] = append(callers[c], uint32(i))
		}
		if f.throws {
			next = append(next, uint32(i))
		}
	}
	for len(next) > 0 {
		i := next[len(next)-1]
		next = next[:len(next)-1]
		for _, c := range callers[i] {
			if f := &l.funcs[c]; !f.throws {
				f.throws = true
				next = append(next, c)
			}
		}
	}
}

// throws reports whether an exception may leave function i.
func (l *lowering) throws(i uint32) bool {
	n := uint32(l.m.importFns)
	return i >= n && l.funcs[i-n].throws
}
