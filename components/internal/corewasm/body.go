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

	totalLocals int
	totalMerges uint64
	totalValues uint64

	// Of the function being copied:
	labels []uint32 // how many values a branch to each label passes, outermost first
	locals uint64   // parameters included
	blocks uint64
	values uint64 // what blocks, branches and calls pass
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

// What is paid in fuel: a loop pays one each time round. A function pays one
// and one for each stackUnit bytes that its frame may take, so that the bytes
// of stack that a guest can use between two refills are bounded. A try block
// pays tryCost, because the engine copies the whole stack at its start.
const (
	loopCost  = 1
	stackUnit = 128
	tryCost   = 4_000
)

// pay appends the fuel check: the counter goes down by cost; below zero the
// host is called and answers the next counter. It returns where the cost
// stands, as three bytes.
func (w *rewriter) pay(cost uint32) int {
	if !w.fuel {
		return 0
	}
	b := w.out
	b = appendLEB(append(b, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const)
	at := len(b)
	b = append(b, 0, 0, 0)
	putCost(b[at:], cost)
	b = append(b, opI32Sub)
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	b = appendLEB(append(b, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const, 0, opI32LtS, opIf, 0x40)
	b = appendLEB(append(b, opCall), uint64(w.refill))
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	w.out = append(b, opEnd)
	return at
}

// maxCost is the highest cost that three bytes of signed LEB128 hold.
const maxCost = 1<<20 - 1

func putCost(b []byte, cost uint32) {
	cost = min(cost, maxCost)
	b[0], b[1], b[2] = byte(cost)|0x80, byte(cost>>7)|0x80, byte(cost>>14)
}

// entryCost is what a call of the function just copied pays. An estimate of
// its frame from above: a slot for each local and each value passed, and, as
// an instruction that leaves a value takes two bytes at least, four times its
// code.
func (w *rewriter) entryCost(size int) uint32 {
	frame := 64 + 8*(w.locals+w.values) + 4*uint64(size)
	return uint32(min(1+frame/stackUnit, maxCost))
}

// head copies the declarations of locals.
func (w *rewriter) head(r *reader, typ arity) {
	start := r.pos
	total := uint64(0)
	for range r.count("local groups", w.lim.Locals) {
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
	w.out = append(w.out, r.data[start:r.pos]...)
	w.locals, w.blocks, w.values = total+uint64(typ.params), 0, 0
	w.labels = append(w.labels[:0], uint32(typ.results))
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
	cost := w.pay(0)
	// Runs of instructions that stay as they are are copied in one piece.
	copied := r.pos
	for len(w.labels) > 0 && r.err == nil {
		at := r.pos
		switch op := r.byte(); op {
		case opBlock, opIf, opLoop, opTryTable:
			w.block(r, op)
			if w.fuel && (op == opLoop || op == opTryTable) {
				copied = w.payAt(r, op, copied, at)
			}
		case opElse:
		case opEnd:
			w.labels = w.labels[:len(w.labels)-1]
		case opCall, opReturnCall, opRefFunc:
			f := r.u32()
			if op == opRefFunc && w.m.hasStart && f == w.m.startFn && !w.m.startDeclared {
				r.fail("undeclared function index %d for ref.func", f)
			}
			if op == opCall {
				w.values += uint64(w.typeOf(f).results)
			}
			if w.fuel && f >= w.importFns && r.err == nil {
				w.out = append(w.out, r.data[copied:at]...)
				w.out = appendLEB(append(w.out, op), uint64(w.fn(f)))
				copied = r.pos
			}
		case opCallIndirect, opReturnCallI:
			w.values += uint64(w.arity(w.m.typeIndex(r)).results)
			r.skipLEB(5)
		case opGlobalGet, opGlobalSet:
			w.m.globalIndex(r)
		case opBr, opBrIf:
			w.branch(r)
		case opBrTable:
			for range r.count("branch targets", r.left()) {
				w.branch(r)
			}
			w.branch(r)
		default:
			w.m.immediates(r, op)
		}
		w.check(r)
	}
	if w.checkAll(r); r.err != nil {
		return
	}
	if r.left() > 0 {
		r.fail("function body has %d bytes after its end", r.left())
		return
	}
	w.out = append(w.out, r.data[copied:r.pos]...)
	if w.fuel {
		putCost(w.out[cost:], w.entryCost(size))
	}
}

// payAt has a loop or a try block, whose head has just been read, pay: a loop
// inside it, a try block before it.
func (w *rewriter) payAt(r *reader, op byte, copied, at int) int {
	if op == opTryTable {
		w.out = append(w.out, r.data[copied:at]...)
		w.pay(tryCost)
		return at
	}
	w.out = append(w.out, r.data[copied:r.pos]...)
	w.pay(loopCost)
	return r.pos
}

// block reads the head of a block.
func (w *rewriter) block(r *reader, op byte) {
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
	label := uint32(typ.results)
	if op == opLoop {
		label = uint32(typ.params)
	}
	w.labels = append(w.labels, label)
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
		w.values += uint64(w.labels[n-1-int(label)])
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
