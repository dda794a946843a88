package corewasm

// The engine fills and copies in one call that nothing interrupts. Instructions
// for memories go in steps of stepBytes, in a function that the rewriter adds,
// unless there is little to do. What concerns tables pays for its length and
// goes in one piece: the largest table has 8 MB.

const (
	stepBytes  = 1 << 16
	smallBytes = 1 << 10 // done in place
	smallCost  = 64      // of smallBytes
	stepShift  = 2       // bytes for a unit, as a power of two: pages may be missing
	tableShift = 1       // the same of table elements
	// initBytes is how long a data segment is that is copied in steps.
	initBytes = 1 << 20
)

// Numbers of instructions after the prefix 0xfc.
const (
	memoryInit = 8
	memoryCopy = 10
	memoryFill = 11
	tableInit  = 12
	tableCopy  = 14
	tableGrow  = 15
	tableFill  = 17
)

// misc reads an instruction after the prefix 0xfc, the bulk ones among them.
func (w *rewriter) misc(r *reader, at int) {
	if w.m.several != nil && w.distantMisc(r, at) {
		return
	}
	peek := *r
	sub := w.m.skipMisc(r)
	w.carried += 8 // a conversion
	if !w.fuel || r.err != nil {
		return
	}
	switch sub {
	case memoryCopy, memoryFill:
		w.bulk(r, at, helper{sub: byte(sub)})
	case memoryInit:
		peek.u32()
		i := peek.u32()
		if uint64(i) < uint64(len(w.m.segments)) && len(w.m.segments[i].bytes) > initBytes {
			w.bulk(r, at, helper{sub: memoryInit, arg: i})
			return
		}
		w.flush(r, at)
		w.payLength(stepShift)
	case tableInit, tableCopy, tableGrow, tableFill:
		w.flush(r, at)
		w.payLength(tableShift)
		w.carried += hostCost
	}
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

// bulk copies the instruction from at to where r is for small lengths, and
// calls h for others.
func (w *rewriter) bulk(r *reader, at int, h helper) {
	w.flush(r, at)
	w.carried += smallCost
	b := appendLEB(append(w.out, opLocalTee), w.locals)
	b = appendLEB(append(b, opLocalGet), w.locals)
	b = appendSLEB(append(b, opI32Const), smallBytes)
	b = appendSLEB(append(b, opI32LeU, opIf), int64(w.bulkType()))
	b = append(append(b, r.data[at:r.pos]...), opElse, opCall)
	w.out = append(appendLEB(b, uint64(w.helperFor(h))), opEnd)
	w.copied = r.pos
}

// bulkType is the index of the type of bulk instructions on memories.
func (w *rewriter) bulkType() uint32 { return uint32(len(w.m.types)) + 1 }

// steps writes the body of h: with its parameters to, from (or a value) and
// length it does what the instruction does, in steps.
func (w *rewriter) steps(h helper) {
	const to, from, length, step = 0, 1, 2, 4
	w.locals = 3 // settle keeps the counter in local 3
	code := func(b ...byte) { w.out = append(w.out, b...) }
	code(1, 2, 0x7f, opBlock, 0x40, opBlock, 0x40) // two locals; good, bad
	w.beyond(h, to, length)
	if h.sub != memoryFill {
		w.beyond(h, from, length)
	}
	code(opBr, 1, opEnd)
	// Beyond the end: the instruction traps and writes nothing.
	w.instructionOf(h, to, from, length)
	code(opReturn, opEnd)
	if h.sub != memoryCopy {
		w.forward(h)
		code(opEnd)
		return
	}
	code(opLocalGet, to, opLocalGet, from, opI32LeU, opIf, 0x40)
	w.forward(h)
	code(opElse, opLoop, 0x40) // backwards, the end first
	w.step()
	code(opLocalGet, length, opLocalGet, step, opI32Sub, opLocalSet, length,
		opLocalGet, to, opLocalGet, length, opI32Add, opLocalGet, from, opLocalGet, length, opI32Add, opLocalGet, step)
	w.operation(h)
	code(opLocalGet, length, opBrIf, 0, opEnd, opEnd, opEnd)
}

// forward is a loop over the steps from the start.
func (w *rewriter) forward(h helper) {
	const to, from, length, step = 0, 1, 2, 4
	w.out = append(w.out, opLoop, 0x40)
	w.step()
	w.instructionOf(h, to, from, step)
	advance := []byte{to, from}
	if h.sub == memoryFill {
		advance = advance[:1]
	}
	for _, i := range advance {
		w.out = append(w.out, opLocalGet, i, opLocalGet, step, opI32Add, opLocalSet, i)
	}
	w.out = append(w.out, opLocalGet, length, opLocalGet, step, opI32Sub, opLocalTee, length, opBrIf, 0, opEnd)
}

// step puts the length of the next step into its local and has it paid.
func (w *rewriter) step() {
	const length, step = 2, 4
	b := appendSLEB(append(w.out, opLocalGet, length, opI32Const), stepBytes)
	b = appendSLEB(append(b, opLocalGet, length, opI32Const), stepBytes)
	w.out = append(b, opI32LeU, opSelect, opLocalSet, step)
	b = appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal))
	w.out = append(b, opLocalGet, step, opI32Const, stepShift, opI32ShrU)
	w.settle()
}

// beyond branches to the label outside if [start, start+length) of the memory,
// or of the data segment where start is in it, does not lie within.
func (w *rewriter) beyond(h helper, start, length byte) {
	w.out = append(w.out, opLocalGet, start, opI64ExtendU, opLocalGet, length, opI64ExtendU, opI64Add)
	if h.sub == memoryInit && start == 1 {
		w.out = appendSLEB(append(w.out, opI64Const), int64(len(w.m.segments[h.arg].bytes)))
	} else {
		w.out = append(w.out, opMemorySize, 0, opI64ExtendU, opI64Const, 16, opI64Shl)
	}
	w.out = append(w.out, opI64GtU, opBrIf, 0)
}

// instructionOf is h's instruction with three locals.
func (w *rewriter) instructionOf(h helper, a, b, c byte) {
	w.out = append(w.out, opLocalGet, a, opLocalGet, b, opLocalGet, c)
	w.operation(h)
}

func (w *rewriter) operation(h helper) {
	w.out = append(w.out, opMisc, h.sub)
	switch h.sub {
	case memoryInit:
		w.out = append(appendLEB(w.out, uint64(h.arg)), 0)
	case memoryCopy:
		w.out = append(w.out, 0, 0)
	case memoryFill:
		w.out = append(w.out, 0)
	}
}
