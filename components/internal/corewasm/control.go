package corewasm

import "latticework/internal/errcode"

// dead says that what follows is reached by branches alone.
func (w *rewriter) dead() {
	w.peak = max(w.peak, w.carried)
	w.carried = 0
}

// meet notes what is carried to label l.
func (w *rewriter) meet(l *label) {
	l.most, l.met = max(l.most, w.carried), true
}

// block reads the head of a block.
func (w *rewriter) block(r *reader, op byte, at int) {
	start := r.pos
	typ := w.blockType(r)
	if len(w.labels) >= w.lim.Nesting {
		r.exhausted("core function nesting", uint64(len(w.labels)+1), w.lim.Nesting)
		return
	}
	if r.err != nil {
		return
	}
	w.blocks++
	w.values += uint64(typ.params) + uint64(typ.results)
	l := label{op: op, arity: uint32(typ.results)}
	switch op {
	case opIf:
		l.fork = w.carried
	case opLoop:
		w.loops++
		l.arity = uint32(typ.params)
		if typ.params == 0 {
			w.dispatch = w.dispatches(*r)
			l.dispatch = w.dispatch
			l.spread = w.fuel && l.dispatch != nil && w.spread
		}
		if w.fuel {
			w.loop(r, at, start, typ, &l)
		}
	case opTryTable:
		w.loops++
		w.tell(r, at, TryBlock)
		l.catches = w.catches(r)
	}
	w.depth++
	if l.depth == 0 {
		l.depth = w.depth
	}
	w.labels = append(w.labels, l)
}

// loop writes the head of a loop, whose own bytes are from at to where r is,
// its type from start.
func (w *rewriter) loop(r *reader, at, start int, typ arity, l *label) {
	w.charge(r, at, backCost)
	if typ.params > 0 { // a branch back comes with values, which a check there would have to pass on
		w.meet(l)
		w.carried = 0
		w.flush(r, r.pos)
		l.cost = w.pay(0)
		return
	}
	if l.spread {
		return
	}
	w.flush(r, at)
	w.copied = r.pos
	l.depth, l.opened = w.depth+3, true
	w.openLoop(r.data[start:r.pos])
	w.inner = unroll{start: r.pos, out: len(w.out), depth: w.depth + 1, loops: w.loops, calls: w.calls, carried: w.carried}
}

// otherwise begins the second branch of an if.
func (w *rewriter) otherwise(r *reader, at int) {
	l := &w.labels[len(w.labels)-1]
	w.charge(r, at, pathCost)
	w.meet(l)
	w.carried, l.fork = l.fork, 0
}

// end ends a block, or the function.
func (w *rewriter) end(r *reader, at int) {
	l := w.labels[len(w.labels)-1]
	w.labels = w.labels[:len(w.labels)-1]
	if l.piece != nil {
		l.piece.open = len(w.labels)
	}
	switch {
	case l.op == opRound:
		w.nextRound(r, at, &l)
		return
	case l.op == opLoop && w.unrolls(r, &l):
		w.nextRound(r, at, &l)
		return
	case l.opened:
		w.flush(r, r.pos)
		w.shutLoop(1 + l.most)
		w.carried = max(w.carried, l.fork)
	case l.op == opLoop:
		if w.fuel && !l.spread {
			putCost(w.out[l.cost:], 1+l.most)
		}
	case l.op == 0:
		w.charge(r, at, pathCost)
		if l.met {
			w.level(r, at, l.most)
		}
		w.carried = max(w.carried, l.most)
	default:
		w.charge(r, at, pathCost)
		if l.met || l.op == opIf {
			w.level(r, at, max(l.most, l.fork))
		}
		for _, c := range l.catches {
			w.labels[c].most = max(w.labels[c].most, w.peak, w.carried)
		}
		w.carried = max(w.carried, l.most, l.fork)
	}
	w.depth--
}

// leave prepares a branch whose opcode is at at and whose label r reads next,
// and returns the index of the label that it is to lead to.
func (w *rewriter) leave(r *reader, at int) int {
	peek := *r
	label := peek.u32()
	if uint64(label) >= uint64(len(w.labels)) {
		return -1 // branch says so
	}
	i := w.ahead(at, len(w.labels)-1-int(label))
	l := &w.labels[i]
	if l.spread {
		w.back(r, at, l)
		return i
	}
	if r.data[at] != opBr {
		w.gather(l)
	}
	w.leaveTo(r, at, l)
	return i
}

// back checks a branch at at to a dispatch, l, before it.
func (w *rewriter) back(r *reader, at int, l *label) {
	w.flush(r, at)
	w.checkBack(1+w.carried, uint64(w.depth+1-l.depth))
	w.blocks++
}

// gather notes a way to l that no check can precede.
func (w *rewriter) gather(l *label) { w.gathered = w.gathered || l.dispatch != nil }

func (w *rewriter) leaveTo(r *reader, at int, l *label) {
	limit := uint64(pathCost)
	if l.op == opLoop {
		limit = backCost
	}
	w.charge(r, at, limit)
	if l.met && r.data[at] != opBrIf {
		w.level(r, at, l.most)
	}
	w.meet(l)
}

// exit reads a return, which leads to where the function's label does.
func (w *rewriter) exit(r *reader, at int) {
	l := &w.labels[0]
	w.leaveTo(r, at, l)
	if l.depth > 0 {
		w.flush(r, at)
		w.out = appendLEB(append(w.out, opBr), uint64(w.depth-l.depth))
		w.copied = r.pos
	}
	w.dead()
}

// branch reads a label, the i-th or none, and writes its place in the output.
func (w *rewriter) branch(r *reader, i int) {
	at := r.pos
	was := r.u32()
	if i < 0 {
		r.fail("unknown label %d", was)
	}
	if r.err != nil {
		return
	}
	l := &w.labels[i]
	w.values += uint64(l.arity)
	if depth := uint32(w.depth - l.depth); depth != was {
		w.flush(r, at)
		w.out = appendLEB(w.out, uint64(depth))
		w.copied = r.pos
	}
}

// table reads a branch table.
func (w *rewriter) table(r *reader, at int) {
	// Which labels it names is known after it was read; that it pays what is
	// carried before it is never too much.
	w.charge(r, at, backCost)
	d := w.begins(at)
	for range r.count("branch targets", r.left()) + 1 {
		i := -1
		peek := *r
		if label := peek.u32(); uint64(label) < uint64(len(w.labels)) {
			i = len(w.labels) - 1 - int(label)
			w.gather(&w.labels[i])
			w.meet(&w.labels[i])
		}
		if d != nil {
			d.targets = append(d.targets, i)
		}
		w.branch(r, i)
	}
	w.dead()
}

// catches reads the clauses of a try block and returns the labels that they
// lead to.
func (w *rewriter) catches(r *reader) (to []int) {
	for range r.count("catch clauses", w.lim.Nesting) {
		kind := r.byte()
		if kind < 2 {
			r.u32()
		}
		if kind&1 != 0 && w.lim.NoExceptionRefs && r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core instruction at 0x%x: a reference to an exception is not supported here", r.pos)
		}
		i := -1
		peek := *r
		if label := peek.u32(); uint64(label) < uint64(len(w.labels)) {
			i = len(w.labels) - 1 - int(label)
			w.gather(&w.labels[i])
			to = append(to, i)
		}
		w.branch(r, i)
	}
	return to
}
