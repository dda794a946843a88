package corewasm

import "latticework/internal/errcode"

// rewriter copies function bodies, adding fuel and moving function indices.
type rewriter struct {
	out        []byte
	importFns  uint32 // functions imported before ours
	refill     uint32 // index of the added refill function
	fuelGlobal uint32
	lim        Limits
	fuel       bool
}

// fn returns the index that function i has after an import was added.
func (w *rewriter) fn(i uint32) uint32 {
	if w.fuel && i >= w.importFns {
		return i + 1
	}
	return i
}

// pay appends the fuel check: the counter goes down by one; below zero the
// host is called and answers the next counter.
func (w *rewriter) pay() {
	if !w.fuel {
		return
	}
	b := w.out
	b = appendLEB(append(b, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const, 1, opI32Sub)
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	b = appendLEB(append(b, opGlobalGet), uint64(w.fuelGlobal))
	b = append(b, opI32Const, 0, opI32LtS, opIf, 0x40)
	b = appendLEB(append(b, opCall), uint64(w.refill))
	b = appendLEB(append(b, opGlobalSet), uint64(w.fuelGlobal))
	w.out = append(b, opEnd)
}

// body copies one function body without its length.
func (w *rewriter) body(r *reader) {
	start := r.pos
	total := uint64(0)
	for range r.count("local groups", w.lim.Locals) {
		total += r.leb(32)
		if total > uint64(w.lim.Locals) {
			if r.err == nil {
				r.err = errcode.New(errcode.Exhausted, "core function locals: %d > %d", total, w.lim.Locals)
			}
			return
		}
		skipValType(r)
	}
	if r.err != nil {
		return
	}
	w.out = append(w.out, r.data[start:r.pos]...)
	w.pay()
	depth := 1
	// Runs of instructions that stay as they are are copied in one piece.
	copied := r.pos
	flush := func(to int) {
		w.out = append(w.out, r.data[copied:to]...)
	}
	for depth > 0 && r.err == nil {
		at := r.pos
		op := r.byte()
		switch op {
		case opBlock, opIf, opLoop, opTryTable:
			depth++
			if depth > w.lim.Nesting {
				r.err = errcode.New(errcode.Exhausted, "core function nesting: %d > %d", depth, w.lim.Nesting)
				return
			}
			skipBlockType(r)
			if op == opTryTable {
				w.skipCatches(r)
			}
			if op == opLoop && w.fuel {
				flush(r.pos)
				w.pay()
				copied = r.pos
			}
		case opEnd:
			depth--
		case opCall, opReturnCall, opRefFunc:
			i := r.u32()
			if w.fuel && i >= w.importFns && r.err == nil {
				flush(at)
				w.out = appendLEB(append(w.out, op), uint64(w.fn(i)))
				copied = r.pos
			}
		default:
			skipImmediates(r, op)
		}
	}
	if r.err != nil {
		return
	}
	if r.left() > 0 {
		r.fail("function body has %d bytes after its end", r.left())
		return
	}
	flush(r.pos)
}

func skipBlockType(r *reader) {
	if r.left() > 0 {
		switch r.data[r.pos] {
		case 0x63, 0x64:
			r.skip(1)
		}
	}
	r.skipLEB(5)
}

func (w *rewriter) skipCatches(r *reader) {
	for range r.count("catch clauses", w.lim.Nesting) {
		kind := r.byte()
		if kind < 2 {
			r.u32()
		}
		r.u32()
	}
}

// skipImmediates passes what follows opcode op, for every instruction that is
// copied as it is.
func skipImmediates(r *reader, op byte) {
	switch {
	case op >= opI32Load && op <= opI64Store32:
		skipMemArg(r)
	case op >= 0x45 && op <= 0xc4, op <= 0x01, op == opElse, op == 0x0f, op == 0x1a, op == 0x1b,
		op == opThrowRef, op == opRefIsNull:
	case op == opBr, op == opBrIf, op == opThrow,
		op >= opLocalGet && op <= opTableSet:
		r.skipLEB(5)
	case op == opBrTable:
		for range r.count("branch targets", r.left()) {
			r.skipLEB(5)
		}
		r.skipLEB(5)
	case op == opCallIndirect, op == opReturnCallI:
		r.skipLEB(5)
		r.skipLEB(5)
	case op == 0x14, op == 0x15: // call_ref, return_call_ref
		r.skipLEB(5)
	case op == opSelectT:
		for range r.count("types of select", 1000) {
			skipValType(r)
		}
	case op == opMemorySize, op == opMemoryGrow:
		r.skipLEB(5)
	case op == opI32Const, op == opRefNull:
		r.skipLEB(5)
	case op == opI64Const:
		r.skipLEB(10)
	case op == opF32Const:
		r.skip(4)
	case op == opF64Const:
		r.skip(8)
	case op == opMisc:
		skipMisc(r)
	case op == opSIMD:
		skipSIMD(r)
	default:
		if r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core instruction 0x%x at 0x%x is not supported", op, r.pos-1)
		}
	}
}

func skipMemArg(r *reader) {
	align := r.u32()
	if align >= 64 { // a memory index follows
		r.skipLEB(5)
	}
	r.skipLEB(10)
}

func skipMisc(r *reader) {
	switch sub := r.u32(); {
	case sub <= 7: // saturating conversions
	case sub == 8, sub == 10, sub == 12, sub == 14: // two indices
		r.skipLEB(5)
		r.skipLEB(5)
	case sub == 9, sub == 11, sub == 13, sub >= 15 && sub <= 17: // one index
		r.skipLEB(5)
	default:
		if r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core instruction 0xfc %d at 0x%x is not supported", sub, r.pos)
		}
	}
}

func skipSIMD(r *reader) {
	switch sub := r.u32(); {
	case sub <= 11, sub == 92, sub == 93: // loads and stores
		skipMemArg(r)
	case sub == 12, sub == 13: // v128.const, i8x16.shuffle
		r.skip(16)
	case sub >= 21 && sub <= 34: // lanes
		r.skip(1)
	case sub >= 84 && sub <= 91: // loads and stores of a lane
		skipMemArg(r)
		r.skip(1)
	case sub > 275:
		r.fail("malformed vector instruction %d", sub)
	}
}
