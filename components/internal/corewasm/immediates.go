package corewasm

import "latticework/internal/errcode"

// immediates passes what follows opcode op, for every instruction that is
// copied as it is.
func (m *Module) immediates(r *reader, op byte) {
	switch {
	case op >= opI32Load && op <= opI64Store32:
		skipMemArg(r)
	case op >= 0x45 && op <= 0xc4, op == opNop, op == 0x0f, op == opDrop, op == opSelect, op == opRefIsNull:
	case op == opTableGet, op == opTableSet:
		m.state.tables = m.state.tables || op == opTableSet
		r.skipLEB(5)
	case op == opSelectT:
		for range r.count("types of select", 1000) {
			m.valType(r)
		}
	case op == opMemorySize, op == opMemoryGrow:
		r.skipLEB(5)
	case op == opI32Const:
		r.skipLEB(5)
	case op == opRefNull:
		m.heapType(r)
	case op == opI64Const:
		r.skipLEB(10)
	case op == opF32Const:
		r.skip(4)
	case op == opF64Const:
		r.skip(8)
	case op == opSIMD:
		skipSIMD(r)
	case op == 0x06, op == 0x07, op == 0x09, op == 0x18, op == 0x19: // try, catch, rethrow, delegate, catch_all
		if r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core instruction 0x%x at 0x%x: legacy exceptions are not supported; "+
				"compile with try_table (clang: -mllvm -wasm-use-legacy-eh=false, emscripten: -sWASM_LEGACY_EXCEPTIONS=0)", op, r.pos-1)
		}
	default:
		if r.err == nil {
			r.err = errcode.New(errcode.Unsupported, "core instruction 0x%x at 0x%x is not supported", op, r.pos-1)
		}
	}
}

// note records what instruction 0xfc sub changes.
func (s *stateful) note(sub uint32) {
	switch sub {
	case 8: // memory.init
		s.reads = true
	case 9: // data.drop
		s.drops = true
	case 12, 14, 15, 17: // table.init, table.copy, table.grow, table.fill
		s.tables = true
	}
}

func skipMemArg(r *reader) {
	align := r.u32()
	if align >= 64 { // a memory index follows
		r.skipLEB(5)
	}
	r.skipLEB(10)
}

// skipMisc passes the rest of an instruction after the prefix 0xfc and returns
// which it is.
func (m *Module) skipMisc(r *reader) uint32 {
	sub := r.u32()
	m.state.note(sub)
	switch {
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
	return sub
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
