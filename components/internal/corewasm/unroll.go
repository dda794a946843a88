package corewasm

// A small loop that has no other inside, and calls nothing, is checked once in a
// few rounds: its body is there several times,
//
//	block BODY br 1 end block BODY br 1 end BODY
//
// where what leads to the next round in all but the last leads to the end of
// the block. The engine's compiler makes a check of five instructions that
// write to memory, as much as the loops that compare or copy bytes have
// themselves.
const (
	unrollRounds = 8
	unrollBytes  = 160     // of the largest body
	unrollTotal  = 360     // of its rounds
	unrollWork   = 100_000 // of locals times blocks in the function so far
)

// opRound stands for a round of a loop that is not the last, among the opcodes
// of labels.
const opRound = 0xff

// unroll is the innermost loop being copied.
type unroll struct {
	start, out, depth     int    // where its body begins
	loops, calls, carried uint64 // before it
	left                  int    // rounds to come
	loop                  label
}

// unrolls reports whether the loop l, whose end was just read, is to be copied
// again, and goes back to its start.
func (w *rewriter) unrolls(r *reader, l *label) bool {
	u := &w.inner
	if !l.opened || u.start == 0 || w.loops != u.loops || w.calls != u.calls ||
		r.pos-u.start > unrollBytes || w.locals*w.blocks > unrollWork {
		return false
	}
	w.gathered = w.gathered || l.dispatch != nil
	w.out = w.out[:u.out]
	w.depth = u.depth
	u.left, u.loop = max(2, min(unrollRounds, unrollTotal/(r.pos-u.start))), *l
	u.loop.most = 0
	return true
}

// nextRound ends a round, if there was one, and begins the next.
func (w *rewriter) nextRound(r *reader, at int, l *label) {
	u := &w.inner
	if l.op == opRound {
		w.flush(r, at)
		w.out = append(w.out, opBr, 1, opEnd)
		w.depth--
		u.loop.fork = max(u.loop.fork, w.carried) // leaves the loop
		w.carried = l.most
	} else {
		w.carried = u.carried
	}
	u.left--
	next := u.loop
	if u.left > 0 {
		w.out = append(w.out, opBlock, 0x40)
		w.depth++
		next = label{op: opRound, depth: w.depth, dispatch: u.loop.dispatch}
	}
	w.labels = append(w.labels, next)
	r.pos, w.copied = u.start, u.start
	if u.left == 0 {
		u.start = 0 // the last
	}
}
