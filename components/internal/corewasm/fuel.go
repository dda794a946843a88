package corewasm

// What is paid in fuel, so that the time and the stack that a guest can use
// between two refills are bounded, whatever it does:
//   - a loop, each time round: one, and more if its body is large;
//   - a function: one for each stackUnit bytes that its frame may take; a leaf,
//     small, without loops and calls, is part of its caller's work;
//   - an instruction that fills or copies: one for each bulkUnit bytes;
//   - a try block: tryCost, because the engine copies the whole stack at its
//     start.
const (
	stackUnit = 128  // bytes of stack
	loopUnit  = 4096 // bytes of a loop's body
	callUnit  = 64   // calls in a loop's body
	leafBytes = 64   // of a body that does not pay
	bulkShift = 10   // bulkUnit is 1 KiB
	elemShift = 7    // the same of tables
	tryCost   = 4_000
)

// maxCost is the highest cost that three bytes of signed LEB128 hold.
const maxCost = 1<<20 - 1

func putCost(b []byte, cost uint64) {
	cost = min(cost, maxCost)
	b[0], b[1], b[2] = byte(cost)|0x80, byte(cost>>7)|0x80, byte(cost>>14)
}

// pay appends the fuel check: the counter goes down by cost; below zero the
// host is called and answers the next counter. It returns where the cost
// stands, as three bytes.
func (w *rewriter) pay(cost uint64) int {
	b := appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const)
	at := len(b)
	b = append(b, 0, 0, 0)
	putCost(b[at:], cost)
	w.out = b
	w.settle()
	return at
}

// payLength has an instruction pay for its length, the value on top of the
// stack, which stays there.
func (w *rewriter) payLength(shift byte) {
	b := appendLEB(append(w.out, opLocalTee), w.locals)
	b = appendLEB(append(b, opGlobalGet), uint64(w.fuelGlobal))
	b = appendLEB(append(b, opLocalGet), w.locals)
	w.out = append(b, opI32Const, shift, opI32ShrU)
	w.settle()
}

// settle takes the cost on top of the stack from the counter under it. The
// local after the function's own holds the counter meanwhile: reading it again
// from the global would wait for the write.
func (w *rewriter) settle() {
	b := append(w.out, opI32Sub)
	b = appendLEB(append(b, opLocalTee), w.locals)
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	b = appendLEB(append(b, opLocalGet), w.locals)
	b = append(b, opI32Const, 0, opI32LtS, opIf, 0x40)
	b = appendLEB(append(b, opCall), uint64(w.refill))
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	w.out = append(b, opEnd)
}

// entryCost is what a call of the function just copied pays. Its frame has a
// slot for each local, each local set and each value passed that lives across
// a call; of what else the code leaves on the stack of operands, its size is
// measure enough.
func (w *rewriter) entryCost(size int) uint64 {
	return 1 + (64+8*(w.locals+w.values+w.sets)+uint64(size))/stackUnit
}

// loopCost is what a loop pays whose body has size bytes and calls calls.
func loopCost(size int, calls uint64) uint64 {
	return 1 + uint64(size)/loopUnit + calls/callUnit
}
