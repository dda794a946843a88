package corewasm

import (
	"slices"

	"latticework/internal/errcode"
)

// rewriter copies function bodies, adding fuel and moving function indices.
type rewriter struct {
	m          *Module
	out        []byte
	importFns  uint32 // functions imported before ours
	refill     uint32 // index of the added refill function
	fuelGlobal uint32
	lim        Limits
	fuel       bool
	shift      uint32 // functions imported besides, before those defined
	counted    uint32 // the stated number of data segments
	countAt    int    // where it stands in out, 0 without one

	totalLocals int
	totalMerges uint64
	totalValues uint64

	functions []function
	edges     int  // calls kept in functions
	surveyed  bool // callees are known
	helpers   helpers

	// Of the function being copied:
	copied  int     // up to where its bytes are in out
	labels  []label // outermost first
	depth   int     // of labels in the output, without the function's own
	locals  uint64  // parameters included
	blocks  uint64
	values  uint64 // what blocks, branches and calls pass
	sets    uint64 // of locals
	calls   uint64
	callees []uint32 // defined functions that it calls
	wild    bool     // it calls what is not known here: by a table, or imported
	carried uint64   // the cost of the dearest path to here, not paid yet
	peak    uint64   // the most that was carried so far
	loops   uint64   // and try blocks
	inner   unroll

	dispatch *dispatch // of the loop whose head was read last, nil if it is none
	gathered bool      // ways back to a dispatch have to be checked in one place
	spread   bool      // they have not, see function
	jump     jump      // before the next instruction
}

// label is what a branch can go to.
type label struct {
	op    byte   // of the block; 0 is the function's own
	arity uint32 // how many values a branch passes
	depth int    // its place among the output's labels, outermost first
	// most is what paths carry to where the label leads, so far.
	most uint64
	met  bool   // some do
	fork uint64 // of an if: what was carried to it
	// Of a loop: whether a body was opened for it or the branches to it are checked
	// where they are, else where its cost stands.
	opened, spread bool
	cost           int
	// dispatch is the one that the loop is, piece the one that the block is of.
	dispatch, piece *dispatch
	// Of a try block: the labels that its clauses lead to.
	catches []int
}

// fn returns the index that function i has after imports were added.
func (w *rewriter) fn(i uint32) uint32 {
	if i >= w.importFns {
		return i + w.shift
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
	w.sets, w.calls, w.callees, w.wild = 0, 0, w.callees[:0], false
	w.carried, w.peak, w.depth, w.loops, w.inner = 0, 0, 0, 0, unroll{}
	w.dispatch, w.gathered, w.jump = nil, false, jump{}
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
	w.spread = w.surveyed && w.functions[i].spread
	var entry check
	results, opened := w.results(i)
	large := false
	switch {
	case opened:
		entry = w.open(results)
		if large = size >= largeBytes; large { // every exit leads to the end of the body
			w.labels[0].depth = w.depth
		}
	case w.fuel:
		entry.cost = w.pay(0)
	}
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
	if !w.fuel {
		w.flush(r, r.pos)
		return
	}
	w.flush(r, r.pos)
	f := &w.functions[i]
	f.own, f.frame = uint32(1+w.carried), uint32(min(w.frameCost(size), maxCost))
	if large {
		f.refund.start = len(w.out)
		w.out = append(w.out, w.refund(uint64(f.frame))...)
		f.refund.end = len(w.out)
	}
	if opened {
		w.shut(&entry, i)
	}
	f.entry, f.wild = entry, w.wild
	if !w.surveyed {
		f.spread = !w.gathered
		w.keepCallees(f)
	}
}

// keepCallees notes whom f calls.
func (w *rewriter) keepCallees(f *function) {
	if w.edges += len(w.callees); w.edges > maxEdges {
		f.circle = true // too much to keep
		return
	}
	slices.Sort(w.callees)
	f.callees = slices.Clone(slices.Compact(w.callees))
}

// results returns the block type of a function's results, and whether there is
// one: several results need a type that the module may lack.
func (w *rewriter) results(i uint32) ([]byte, bool) {
	typ := w.m.funcTys[i]
	switch n := w.arity(typ).results; {
	case !w.fuel || n > 1:
		return nil, false
	case n == 0:
		return []byte{0x40}, true
	}
	return w.m.result[typ], true
}

// flush copies what was read up to to and not copied yet.
func (w *rewriter) flush(r *reader, to int) {
	w.out = append(w.out, r.data[w.copied:to]...)
	w.copied = to
}

// instruction reads one instruction and copies it, now or with those after it.
func (w *rewriter) instruction(r *reader) {
	at := r.pos
	op := r.byte()
	if r.left() > 0 {
		w.carried += weight(op, r.data[r.pos])
	}
	switch op {
	case opBlock, opIf, opLoop, opTryTable:
		w.block(r, op, at)
	case opElse:
		w.otherwise(r, at)
	case opEnd:
		w.end(r, at)
	case opCall, opReturnCall, opRefFunc:
		w.direct(r, op, at)
	case opCallIndirect, opReturnCallI:
		w.called(op, indirectCost)
		w.wild = true
		w.values += uint64(w.arity(w.m.typeIndex(r)).results)
		r.skipLEB(5)
	case opGlobalGet, opGlobalSet:
		w.m.globalIndex(r)
	case opI32Const:
		w.constant(r, uint32(r.sleb(32)))
	case opLocalSet:
		w.sets++
		w.setLocal(r, at, w.local(r))
	case opLocalTee:
		w.sets++
		w.local(r)
	case opLocalGet:
		w.local(r)
	case opBr, opBrIf:
		w.branch(r, w.leave(r, at))
		if op == opBr {
			w.dead()
		}
	case opBrTable:
		w.table(r, at)
	case opReturn:
		w.exit(r, at)
	case opUnreachable:
		w.dead()
	case opThrow:
		w.tell(r, at, Throw+8*int64(w.arity(w.m.tagType(r)).params))
		w.dead()
	case opThrowRef:
		w.tell(r, at, Throw)
		w.dead()
	case opMisc:
		w.misc(r, at)
	default:
		if w.m.several == nil || !w.distant(r, op, at) {
			w.m.immediates(r, op)
		}
	}
	w.charge(r, r.pos, lineCost)
}

// called notes a call that costs cost.
func (w *rewriter) called(op byte, cost uint64) {
	w.calls++
	w.carried += cost
	if op == opReturnCall || op == opReturnCallI {
		// The callee pays for what comes; this frame is gone.
		w.meet(&w.labels[0])
		w.dead()
	}
}

// costOf returns what a call of function f costs, as far as that is known.
func (w *rewriter) costOf(f uint32) uint64 {
	if f >= w.importFns && int(f-w.importFns) < len(w.functions) {
		if g := &w.functions[f-w.importFns]; g.free {
			return freeCall + uint64(g.cost)
		}
	}
	return callCost
}

// direct reads an instruction that names a function.
func (w *rewriter) direct(r *reader, op byte, at int) {
	f := w.m.function(r)
	if op != opRefFunc {
		w.called(op, w.costOf(f))
		w.values += uint64(w.typeOf(f).results)
		if f >= w.importFns {
			w.callees = append(w.callees, f-w.importFns)
		} else {
			w.wild = true
		}
	} else {
		if w.m.hasStart && f == w.m.startFn && !w.m.startDeclared {
			r.fail("undeclared function index %d for ref.func", f)
		}
		w.entered(f)
	}
	if w.shift > 0 && f >= w.importFns && r.err == nil {
		w.flush(r, at)
		w.out = appendLEB(append(w.out, op), uint64(w.fn(f)))
		w.copied = r.pos
	}
}

// local reads and returns the index of a local. It must be one of the
// function's: one of ours comes after them.
func (w *rewriter) local(r *reader) uint32 {
	i := r.u32()
	if uint64(i) >= w.locals {
		r.fail("unknown local %d", i)
	}
	return i
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
