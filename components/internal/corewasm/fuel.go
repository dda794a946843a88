package corewasm

// Fuel is what bounds the time and the stack that a guest can use between two
// refills, whatever it does. A unit is an instruction that takes a nanosecond
// at most; weight has what takes longer. Along each path of a body the cost of
// what was passed and not paid yet is carried:
//   - the head of a loop pays what is carried to it, at the entry and by the
//     branches back, and looks whether the counter is below zero; or each branch
//     back does;
//   - the entry of a function does the same with what is carried to its exits,
//     and pays for the frame; a free function leaves that to its callers, whose
//     calls cost what it does;
//   - where more is carried than a threshold, it is taken from the counter
//     without a look: a loop's head must not cost every round what one rare
//     path through its body does. Where paths meet, one that carries much more
//     than another takes the rest from the counter;
//   - instructions that fill or copy much pay for their length, see bulk.go.
const (
	// lineCost is how much may be carried anywhere, pathCost through a place
	// where paths meet or end, backCost along a branch to a loop.
	lineCost = 4096
	pathCost = 1024
	backCost = 512
	// slackCost is by how much paths that meet may differ.
	slackCost = 512

	// maxCost bounds what is paid at once and looked at again after a refill:
	// it must be less than what a refill gives.
	maxCost = MinRefill / 2

	memoryCost = 12   // a load or store: it may miss every cache
	callCost   = 16   // a call of a function that is not free
	hostCost   = 2000 // an instruction that calls the engine
	freeCost   = 512  // what a free function costs at most
	freeStack  = 1024 // units for the frames of free functions that call each other
	freeCall   = 4    // a call of a free function, without what that costs
	// indirectCost is a call of what is not known here, and what a free function
	// that may be called so costs at most.
	indirectCost = 512
	stackUnit    = 8       // bytes of a frame
	largeBytes   = 1 << 14 // of a body whose frame is paid back
)

// What the host is told before instructions of exceptions.
const (
	TryBlock = 0
	// Throw, and eight more for each value that comes with the exception.
	Throw = 1
)

// How much fuel a refill gives, if there is enough left.
const (
	MinRefill = 1 << 16
	MaxRefill = 1 << 20
)

// costBytes is the length of a cost in the code, so that it can be written when
// it is known.
const costBytes = 4

func putCost(b []byte, cost uint64) {
	cost = min(cost, maxCost)
	b[0], b[1], b[2], b[3] = byte(cost)|0x80, byte(cost>>7)|0x80, byte(cost>>14)|0x80, byte(cost>>21)
}

// place is a piece of the output.
type place struct{ start, end int }

// blank makes the engine skip what is at p.
func (w *rewriter) blank(p place) {
	for i := p.start; i < p.end; i++ {
		w.out[i] = opNop
	}
}

// check is a place where the counter goes down and is looked at.
type check struct {
	head, cold place // the code, and that for a counter below zero
	cost       int   // where the cost stands, 0 without a check
}

// The code for a counter below zero never comes back to the middle of a body. A
// call between a check and what follows would cost even where it is not made:
// what lives across it leaves the registers, and where the two ways meet the
// engine's compiler goes on with the state of the first. A loop is checked on
// its way back, so that its first round costs nothing:
//
//	block loop block block BODY end br 2 end block CHECK br_if 0 br 1 end REFILL br 0 end unreachable end
//
// where what led to the loop leads to the end of the third block. The branch on
// the counter leads to where no other does: the engine's compiler makes a
// comparison and a branch one only then. A function is
// called again, by one that it calls last of all and that is given its
// parameters, so that nothing of them is kept here:
//
//	block CHECK br_if 0 block BODY end return end AGAIN unreachable
//
// The block around the body is there for the engine's validation: a branch may
// leave values behind, the end of a block may not.

// openLoop begins the body of a loop, of a block type without parameters.
func (w *rewriter) openLoop(typ []byte) {
	w.out = append(append(w.out, opBlock), typ...)
	w.out = append(w.out, opLoop, 0x40, opBlock, 0x40)
	w.out = append(append(w.out, opBlock), typ...)
	w.depth += 3 // and one that every block has
}

// shutLoop ends what openLoop began, after the end of the body, with a check of
// cost.
func (w *rewriter) shutLoop(cost uint64) {
	w.out = append(w.out, opBr, 2, opEnd)
	w.checkBack(cost, 1)
	w.out = append(w.out, opBr, 0, opEnd, opUnreachable, opEnd)
	w.depth -= 3
}

// checkBack writes a check of cost, after which the code goes on with a refill if
// the counter is below zero, and else at label to inside a block of its own.
func (w *rewriter) checkBack(cost, to uint64) {
	b := appendLEB(append(w.out, opBlock, 0x40, opGlobalGet), uint64(w.fuelGlobal))
	w.out = appendSLEB(append(b, opI32Const), int64(min(cost, maxCost)))
	w.take()
	w.out = append(w.out, opI32LtS, opBrIf, 0)
	w.out = append(appendLEB(append(w.out, opBr), to), opEnd)
	w.refuel()
}

// open begins a body that a check precedes. The counter's new value is in the
// local after the function's own: reading it again from the global would wait
// for the write.
func (w *rewriter) open(typ []byte) (c check) {
	w.out = append(w.out, opBlock, 0x40)
	w.depth += 2
	c.head.start = len(w.out)
	b := appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const)
	c.cost = len(b)
	w.out = append(b, 0x80, 0x80, 0x80, 0)
	w.take()
	w.out = append(w.out, opI32LtS, opBrIf, 0)
	c.head.end = len(w.out)
	w.out = append(append(w.out, opBlock), typ...)
	return c
}

// shut ends the function i, after the end of its body and what comes last.
func (w *rewriter) shut(c *check, i uint32) {
	w.out = append(w.out, opReturn, opEnd)
	c.cold.start = len(w.out)
	w.callAgain(i)
	c.cold.end = len(w.out)
	w.out = append(w.out, opUnreachable, opEnd)
}

// take takes the cost on top of the stack from the counter under it and pushes
// the counter and zero.
func (w *rewriter) take() {
	b := appendLEB(append(w.out, opI32Sub, opLocalTee), w.locals)
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	b = appendLEB(append(b, opLocalGet), w.locals)
	w.out = append(b, opI32Const, 0)
}

// refuel has the host answer the next counter.
func (w *rewriter) refuel() {
	b := appendLEB(append(w.out, opLocalGet), w.locals)
	b = appendLEB(append(b, opCall), uint64(w.refill))
	w.out = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
}

// tell has the host know, before what r reads from at, that it comes. See
// RewriteConfig.Refill for what.
func (w *rewriter) tell(r *reader, at int, what int64) {
	if !w.fuel {
		return
	}
	w.flush(r, at)
	b := append(appendSLEB(append(w.out, opI32Const), what), opCall)
	w.out = append(appendLEB(b, uint64(w.refill)), opDrop)
}

// settle is a check in the middle of a body, for what costs more than the call:
// the cost is on top of the stack, the counter under it.
func (w *rewriter) settle() {
	w.take()
	w.out = append(w.out, opI32GeS, opIf, 0x40, opElse)
	w.refuel()
	w.out = append(w.out, opEnd)
}

// pay is settle of a cost that is known, and returns where it stands.
func (w *rewriter) pay(cost uint64) int {
	b := appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const)
	at := len(b)
	w.out = append(b, 0, 0, 0, 0)
	putCost(w.out[at:], cost)
	w.settle()
	return at
}

// charge takes what is carried from the counter, without a look, if it is more
// than limit. What was read up to at is copied before.
func (w *rewriter) charge(r *reader, at int, limit uint64) {
	if w.fuel && w.carried > limit {
		w.payDown(r, at, 0)
	}
}

// level takes what is carried beyond base from the counter, without a look, if it
// is much. What was read up to at is copied before.
func (w *rewriter) level(r *reader, at int, base uint64) {
	if w.fuel && w.carried > base+slackCost {
		w.payDown(r, at, base)
	}
}

// payDown takes what is carried beyond base from the counter.
func (w *rewriter) payDown(r *reader, at int, base uint64) {
	w.flush(r, at)
	b := appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const, 0, 0, 0, 0)
	putCost(b[len(b)-costBytes:], w.carried-base)
	w.out = appendLEB(append(b, opI32Sub, opGlobalSet), uint64(w.fuelGlobal))
	w.carried = base
}

// refund gives back what the frame of a large function paid, so that only the
// depth of calls counts and not their number, less what is carried to here. The
// counter gets no higher than a refill makes it: after a deep recursion ended
// nobody may run for as long as it took.
func (w *rewriter) refund(frame uint64) (code []byte) {
	b := appendLEB([]byte{opGlobalGet}, uint64(w.fuelGlobal))
	b = appendSLEB(append(b, opI32Const), int64(frame)-int64(w.carried))
	b = appendLEB(append(b, opI32Add, opLocalTee), w.locals)
	b = appendSLEB(append(b, opI32Const), MaxRefill)
	b = appendLEB(append(b, opLocalGet), w.locals)
	b = appendSLEB(append(b, opI32Const), MaxRefill)
	b = append(b, opI32LtS, opSelect)
	return appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
}

// frameCost is what the frame of the function just copied pays. It has a slot
// for each local, each local set and each value passed that lives across a
// call; of what else the code leaves on the stack of operands, its size is
// measure enough.
func (w *rewriter) frameCost(size int) uint64 {
	return (64 + 8*(w.locals+w.values+w.sets) + uint64(size)) / stackUnit
}
