package corewasm

import "latticework/internal/errcode"

// rewriter copies function bodies, adding fuel and moving function indices.
type rewriter struct {
	m          *Module
	out        []byte
	importFns  uint32 // functions imported before ours
	refill     uint32 // index of the added refill function
	fuelGlobal uint32
	lim        Limits
	fuel       bool
	counted    uint32 // the stated number of data segments
	countAt    int    // where it stands in out, 0 without one

	totalLocals int
	totalMerges uint64
	totalValues uint64

	// Of the function being copied:
	copied int     // up to where its bytes are in out
	labels []label // outermost first
	locals uint64  // parameters included
	blocks uint64
	values uint64 // what blocks, branches and calls pass
	sets   uint64 // of locals
	calls  uint64
	leaf   bool // no calls, no loops so far
}

// label is what a branch can go to.
type label struct {
	arity uint32 // how many values a branch passes
	// Of a loop that pays: where its cost stands in the output, where its body
	// begins in the input, and how many calls came before it.
	cost  int
	start int
	calls uint64
}

// fn returns the index that function i has after an import was added.
func (w *rewriter) fn(i uint32) uint32 {
	if w.fuel && i >= w.importFns {
		return i + 1
	}
	return i
}

// typeOf returns the arity of function i; a function that is not there is
// found out by the engine.
func (w *rewriter) typeOf(i uint32) arity {
	n := uint32(len(w.m.importTys))
	switch {
	case i < n:
		return w.arity(w.m.importTys[i])
	case i-n < uint32(len(w.m.funcTys)):
		return w.arity(w.m.funcTys[i-n])
	}
	return arity{}
}

func (w *rewriter) arity(typ uint32) arity {
	if uint64(typ) < uint64(len(w.m.types)) {
		return w.m.types[typ]
	}
	return arity{}
}

// head copies the declarations of locals.
func (w *rewriter) head(r *reader, typ arity) {
	groups := r.count("local groups", w.lim.Locals)
	start, total := r.pos, uint64(0)
	for range groups {
		total += r.leb(32)
		if total > uint64(w.lim.Locals) {
			r.exhausted("core function locals", total, w.lim.Locals)
			return
		}
		w.m.valType(r)
	}
	if w.totalLocals += int(total); w.totalLocals > w.lim.TotalLocals {
		r.exhausted("core module locals", uint64(w.totalLocals), w.lim.TotalLocals)
	}
	if r.err != nil {
		return
	}
	if w.fuel {
		groups++
	}
	w.out = append(appendLEB(w.out, uint64(groups)), r.data[start:r.pos]...)
	if w.fuel {
		w.out = append(w.out, 1, 0x7f) // one more, for settle
	}
	w.locals, w.blocks, w.values = total+uint64(typ.params), 0, 0
	w.sets, w.calls, w.leaf = 0, 0, true
	w.labels = append(w.labels[:0], label{arity: uint32(typ.results)})
}

// body copies the body of the i-th defined function, without its length.
func (w *rewriter) body(r *reader, i uint32) {
	size := r.left()
	var typ arity
	if i < uint32(len(w.m.funcTys)) {
		typ = w.arity(w.m.funcTys[i])
	}
	if w.head(r, typ); r.err != nil {
		return
	}
	head, cost := len(w.out), 0
	if w.fuel {
		cost = w.pay(0)
	}
	code := len(w.out)
	// Runs of instructions that stay as they are are copied in one piece.
	w.copied = r.pos
	for len(w.labels) > 0 && r.err == nil {
		w.instruction(r)
		w.check(r)
	}
	if r.err != nil {
		return
	}
	if w.checkAll(r); r.err != nil {
		return
	}
	if r.left() > 0 {
		r.fail("function body has %d bytes after its end", r.left())
		return
	}
	w.flush(r, r.pos)
	switch {
	case w.fuel && w.leaf && size <= leafBytes:
		w.out = append(w.out[:head], w.out[code:]...)
	case w.fuel:
		putCost(w.out[cost:], w.entryCost(size))
	}
}

// flush copies what was read up to to and not copied yet.
func (w *rewriter) flush(r *reader, to int) {
	w.out = append(w.out, r.data[w.copied:to]...)
	w.copied = to
}

// instruction reads one instruction and copies it, now or with those after it.
func (w *rewriter) instruction(r *reader) {
	at := r.pos
	switch op := r.byte(); op {
	case opBlock, opIf, opLoop, opTryTable:
		w.block(r, op, at)
	case opElse:
	case opEnd:
		l := w.labels[len(w.labels)-1]
		w.labels = w.labels[:len(w.labels)-1]
		if l.cost > 0 {
			putCost(w.out[l.cost:], loopCost(r.pos-l.start, w.calls-l.calls))
		}
	case opCall, opReturnCall, opRefFunc:
		w.direct(r, op, at)
	case opCallIndirect, opReturnCallI:
		w.leaf = false
		w.calls++
		w.values += uint64(w.arity(w.m.typeIndex(r)).results)
		r.skipLEB(5)
	case opGlobalGet, opGlobalSet:
		w.m.globalIndex(r)
	case opLocalSet, opLocalTee:
		w.sets++
		w.local(r)
	case opLocalGet:
		w.local(r)
	case opBr, opBrIf:
		w.branch(r)
	case opBrTable:
		for range r.count("branch targets", r.left()) {
			w.branch(r)
		}
		w.branch(r)
	case opMisc:
		w.misc(r, at)
	default:
		w.m.immediates(r, op)
	}
}

// direct reads an instruction that names a function.
func (w *rewriter) direct(r *reader, op byte, at int) {
	f := r.u32()
	if op != opRefFunc {
		w.leaf = false
		w.calls++
		w.values += uint64(w.typeOf(f).results)
	} else if w.m.hasStart && f == w.m.startFn && !w.m.startDeclared {
		r.fail("undeclared function index %d for ref.func", f)
	}
	if w.fuel && f >= w.importFns && r.err == nil {
		w.flush(r, at)
		w.out = appendLEB(append(w.out, op), uint64(w.fn(f)))
		w.copied = r.pos
	}
}

// local reads the index of a local. It must be one of the function's: one of
// ours comes after them.
func (w *rewriter) local(r *reader) {
	if i := r.u32(); uint64(i) >= w.locals {
		r.fail("unknown local %d", i)
	}
}

// misc reads an instruction after the prefix 0xfc, the bulk ones among them.
func (w *rewriter) misc(r *reader, at int) {
	sub := w.m.skipMisc(r)
	if !w.fuel || r.err != nil {
		return
	}
	var shift byte
	switch sub {
	case 8, 10, 11: // memory.init, memory.copy, memory.fill
		shift = bulkShift
	case 12, 14, 15, 17: // table.init, table.copy, table.grow, table.fill
		shift = elemShift
	default:
		return
	}
	w.flush(r, at)
	w.payLength(shift)
}

// block reads the head of a block. A loop pays inside it, a try block before.
func (w *rewriter) block(r *reader, op byte, at int) {
	typ := w.blockType(r)
	if len(w.labels) >= w.lim.Nesting {
		r.exhausted("core function nesting", uint64(len(w.labels)+1), w.lim.Nesting)
		return
	}
	w.blocks++
	w.values += uint64(typ.params) + uint64(typ.results)
	if op == opTryTable {
		w.catches(r)
	}
	l := label{arity: uint32(typ.results)}
	switch op {
	case opLoop:
		w.leaf = false
		l.arity = uint32(typ.params)
		if w.fuel {
			w.flush(r, r.pos)
			l.start, l.calls, l.cost = r.pos, w.calls, w.pay(0)
		}
	case opTryTable:
		w.leaf = false
		if w.fuel && r.err == nil {
			w.flush(r, at)
			w.pay(tryCost)
		}
	}
	w.labels = append(w.labels, l)
}

// blockType reads a block's type.
func (w *rewriter) blockType(r *reader) arity {
	if r.left() == 0 {
		r.fail("unexpected end")
		return arity{}
	}
	switch b := r.data[r.pos]; {
	case b == 0x63, b == 0x64:
		r.skip(1)
		w.m.heapType(r)
	case b == 0x40:
		r.skip(1)
		return arity{}
	case b&0xc0 == 0x40:
		r.skip(1)
	default:
		return w.arity(w.m.typeIndex(r))
	}
	return arity{results: 1}
}

// branch reads a label and counts what a branch to it passes.
func (w *rewriter) branch(r *reader) {
	label := r.u32()
	if n := len(w.labels); uint64(label) < uint64(n) {
		w.values += uint64(w.labels[n-1-int(label)].arity)
	}
}

func (w *rewriter) catches(r *reader) {
	for range r.count("catch clauses", w.lim.Nesting) {
		if kind := r.byte(); kind < 2 {
			r.u32()
		}
		w.branch(r)
	}
}

// inAll is how many functions of the largest size a module may hold.
const inAll = 20

// check ends the copying of a function of which a compiler would make too
// much.
func (w *rewriter) check(r *reader) {
	if w.values > uint64(w.lim.Values) {
		r.exhausted("core function values passed by blocks and calls", w.values, w.lim.Values)
	}
	if w.calls > uint64(w.lim.Calls) {
		r.exhausted("core function calls", w.calls, w.lim.Calls)
	}
	if n := w.locals * w.blocks; n > uint64(w.lim.Merges) {
		r.exhausted("core function locals times blocks", n, w.lim.Merges)
	}
}

// checkAll counts the function just copied in the module's totals.
func (w *rewriter) checkAll(r *reader) {
	w.totalValues += w.values
	if limit := inAll * w.lim.Values; w.totalValues > uint64(limit) {
		r.exhausted("core module values passed by blocks and calls", w.totalValues, limit)
	}
	w.totalMerges += w.locals * w.blocks
	if limit := inAll * w.lim.Merges; w.totalMerges > uint64(limit) {
		r.exhausted("core module locals times blocks", w.totalMerges, limit)
	}
}

func (r *reader) exhausted(what string, used uint64, limit int) {
	if r.err == nil {
		r.err = errcode.New(errcode.Exhausted, "%s: %d > %d", what, used, limit)
	}
	r.pos = r.end
}
