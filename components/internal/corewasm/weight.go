package corewasm

// weight is what an instruction costs, in units of fuel, that is in nanoseconds
// where it is slow; calls and what pays for its length are not counted here.
// next is the byte after the opcode.
func weight(op, next byte) uint64 {
	switch {
	case op <= opLoop, op == opElse, op == opEnd, op == opLocalGet, op == opDrop: // no code
		return 0
	case op >= opI32Load && op <= opI64Store32, op == opTableGet, op == opTableSet:
		return memoryCost
	case op == opMemoryGrow, op == opThrow, op == opThrowRef, op == opTryTable, op == opRefFunc:
		return hostCost
	case op == opSIMD:
		if next <= 11 || next >= 84 && next <= 93 { // loads and stores; also what has a longer number
			return memoryCost
		}
		return 4
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82: // integer division
		return 16
	case op >= 0x8b && op <= 0xb1: // floating point, and conversion from it
		return 8
	}
	return 1
}
