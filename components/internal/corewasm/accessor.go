package corewasm

import "latticework/internal/errcode"

// Types of values.
const (
	typeI32  = 0x7f
	typeI64  = 0x7e
	typeF32  = 0x7d
	typeF64  = 0x7c
	typeV128 = 0x7b
)

const opI32LtU = 0x49

// Of instructions after the prefix 0xfc.
const dataDrop = 9

// access is a load or store.
type access struct {
	typ     byte
	natural uint32 // the largest alignment, as a power of two
	stores  bool
	lane    bool // of a vector, which is a parameter
}

// accesses are the loads and stores from opI32Load on.
var accesses = [...]access{
	{typ: typeI32, natural: 2}, {typ: typeI64, natural: 3}, {typ: typeF32, natural: 2}, {typ: typeF64, natural: 3},
	{typ: typeI32}, {typ: typeI32}, {typ: typeI32, natural: 1}, {typ: typeI32, natural: 1},
	{typ: typeI64}, {typ: typeI64}, {typ: typeI64, natural: 1}, {typ: typeI64, natural: 1}, {typ: typeI64, natural: 2}, {typ: typeI64, natural: 2},
	{typ: typeI32, natural: 2, stores: true}, {typ: typeI64, natural: 3, stores: true},
	{typ: typeF32, natural: 2, stores: true}, {typ: typeF64, natural: 3, stores: true},
	{typ: typeI32, stores: true}, {typ: typeI32, natural: 1, stores: true},
	{typ: typeI64, stores: true}, {typ: typeI64, natural: 1, stores: true}, {typ: typeI64, natural: 2, stores: true},
}

// vectorAccess returns vector instruction sub, false for one that is no load or
// store.
func vectorAccess(sub uint32) (a access, ok bool) {
	a.typ = typeV128
	switch {
	case sub == 0, sub == 11:
		a.natural, a.stores = 4, sub == 11
	case sub <= 6: // load8x8 and so on
		a.natural = 3
	case sub <= 10: // splats
		a.natural = sub - 7
	case sub >= 84 && sub <= 91:
		a.natural, a.stores, a.lane = (sub-84)%4, sub >= 88, true
	case sub == 92, sub == 93: // load32_zero, load64_zero
		a.natural = sub - 90
	default:
		return a, false
	}
	return a, true
}

// of returns the load or store that an accessor does.
func (a accessor) access() (access, bool) {
	if a.op&^0xff == prefixSIMD {
		return vectorAccess(a.op & 0xff)
	}
	if a.op >= opI32Load && a.op <= opI64Store32 {
		return accesses[a.op-opI32Load], true
	}
	return access{}, false
}

// signature returns the accessor's type: a load or store takes what the
// instruction does, and its offset.
func (a accessor) signature() []byte {
	acc, ok := a.access()
	switch {
	case ok && acc.lane && !acc.stores:
		return []byte{0x60, 3, typeI32, acc.typ, typeI32, 1, acc.typ}
	case ok && acc.stores:
		return []byte{0x60, 3, typeI32, acc.typ, typeI32, 0}
	case ok:
		return []byte{0x60, 2, typeI32, typeI32, 1, acc.typ}
	}
	switch a.op {
	case opMemorySize:
		return []byte{0x60, 0, 1, typeI32}
	case opMemoryGrow:
		return []byte{0x60, 1, typeI32, 1, typeI32}
	case prefixMisc | dataDrop:
		return []byte{0x60, 0, 0}
	}
	return []byte{0x60, 3, typeI32, typeI32, typeI32, 0}
}

// beyondAll loads from where no memory reaches.
var beyondAll = []byte{opI32Const, 0x7f, 0x2d, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x1a}

// body returns the accessor's code, for a module whose only memory is the
// accessor's and whose segments are named by arg.
func (a accessor) body() []byte {
	if acc, ok := a.access(); ok {
		return append(a.accessBody(acc), opEnd)
	}
	switch a.op {
	case opMemorySize:
		return []byte{opMemorySize, 0, opEnd}
	case opMemoryGrow:
		return []byte{opLocalGet, 0, opMemoryGrow, 0, opEnd}
	case prefixMisc | dataDrop:
		return append(appendLEB([]byte{opMisc, dataDrop}, uint64(a.arg)), opEnd)
	}
	b := []byte{opLocalGet, 0, opLocalGet, 1, opLocalGet, 2, opMisc, byte(a.op)}
	switch a.op {
	case prefixMisc | memoryInit:
		b = append(appendLEB(b, uint64(a.arg)), 0)
	case prefixMisc | memoryCopy:
		b = append(b, 0, 0)
	default:
		b = append(b, 0)
	}
	return append(b, opEnd)
}

// accessBody adds the offset, the last parameter, to the address, the first. A
// sum of more than 32 bits is beyond any memory.
func (a accessor) accessBody(acc access) []byte {
	last := byte(1)
	if acc.stores || acc.lane {
		last = 2
	}
	b := []byte{opLocalGet, 0, opLocalGet, last, opI32Add, opLocalTee, last, opLocalGet, 0, opI32LtU, opIf, 0x40}
	b = append(append(b, beyondAll...), opEnd, opLocalGet, last)
	if last == 2 {
		b = append(b, opLocalGet, 1)
	}
	if a.op&^0xff == prefixSIMD {
		b = appendLEB(append(b, opSIMD), uint64(a.op&0xff))
	} else {
		b = append(b, byte(a.op))
	}
	b = append(b, 0, 0) // alignment, which is a hint, and offset
	if acc.lane {
		b = append(b, byte(a.arg))
	}
	return b
}

// callAccessor calls a function of a companion.
func (w *rewriter) callAccessor(a accessor) {
	w.called(opCall, callCost)
	w.wild = true
	w.carried += memoryCost
	w.values++
	i := w.importFns + uint32(w.m.several.find(a))
	if w.fuel {
		i++
	}
	w.out = appendLEB(append(w.out, opCall), uint64(i))
}

// memoryIndex reads the index of a memory.
func (w *rewriter) memoryIndex(r *reader) uint32 {
	i := r.u32()
	if uint64(i) >= uint64(w.m.Memories()) {
		r.fail("unknown memory %d", i)
		return 0
	}
	return i
}

// distant reads an instruction with opcode op at at that names a memory, of a
// module with several, and reports whether it did: nothing is read of others.
func (w *rewriter) distant(r *reader, op byte, at int) bool {
	a := accessor{op: uint32(op)}
	start := *r
	if op == opSIMD {
		sub := r.u32()
		if a.op = prefixSIMD | sub; sub > 0xff {
			*r = start
			return false
		}
	}
	acc, ok := a.access()
	switch {
	case ok:
		w.distantAccess(r, a, acc, at)
	case op == opMemorySize, op == opMemoryGrow:
		if a.memory = w.memoryIndex(r); a.memory > 0 {
			w.flush(r, at)
			w.callAccessor(a)
			w.copied = r.pos
		}
	default:
		*r = start
	}
	return ok || op == opMemorySize || op == opMemoryGrow
}

// distantAccess reads what follows a load or store.
func (w *rewriter) distantAccess(r *reader, a accessor, acc access, at int) {
	op := r.pos
	align := r.u32()
	named := align&64 != 0
	if named {
		align &^= 64
		a.memory = w.memoryIndex(r)
	}
	if align > acc.natural {
		r.fail("alignment must not be larger than natural")
		return
	}
	offset := r.u32()
	if acc.lane {
		if a.arg = uint32(r.byte()); a.arg >= 16>>acc.natural {
			r.fail("invalid lane index %d", a.arg)
			return
		}
	}
	switch {
	case r.err != nil || !named:
		return // as it is
	case a.memory == 0:
		w.flush(r, op)
		w.out = appendLEB(appendLEB(w.out, uint64(align)), uint64(offset))
		if acc.lane {
			w.out = append(w.out, byte(a.arg))
		}
	default:
		w.flush(r, at)
		w.out = appendSLEB(append(w.out, opI32Const), int64(int32(offset)))
		w.callAccessor(a)
	}
	w.copied = r.pos
}

// distantMisc is misc for an instruction that names a memory but the first, or
// drops a segment that a companion has. It reports whether it read it; if not,
// nothing is read.
func (w *rewriter) distantMisc(r *reader, at int) bool {
	start := *r
	sub := r.u32()
	switch a := (accessor{op: prefixMisc | sub}); sub {
	case memoryInit:
		if a.arg = r.u32(); uint64(a.arg) >= uint64(len(w.m.segments)) {
			r.fail("unknown data segment %d", a.arg)
		}
		if a.memory = w.memoryIndex(r); a.memory > 0 && r.err == nil {
			return w.replace(r, at, a)
		}
	case memoryFill:
		if a.memory = w.memoryIndex(r); a.memory > 0 {
			return w.replace(r, at, a)
		}
	case memoryCopy:
		to, from := w.memoryIndex(r), w.memoryIndex(r)
		switch a.memory = to; {
		case to != from:
			w.flush(r, at)
			w.called(opCall, callCost)
			w.out = appendLEB(append(w.out, opCall), uint64(w.helperFor(helper{sub: crossCopy, arg: to<<16 | from})))
			w.copied = r.pos
			return true
		case to > 0:
			return w.replace(r, at, a)
		}
	case dataDrop:
		i := r.u32()
		w.flush(r, at)
		for _, m := range w.m.several.inits[i] {
			w.callAccessor(accessor{m, prefixMisc | dataDrop, i})
		}
	}
	err := r.err
	*r = start
	r.err = err
	return err != nil
}

// replace calls a in place of the instruction from at to where r is.
func (w *rewriter) replace(r *reader, at int, a accessor) bool {
	w.m.state.note(a.op & 0xff)
	w.flush(r, at)
	w.callAccessor(a)
	w.copied = r.pos
	return true
}

// crossCopy stands for copying from one memory to another, among the numbers of
// helpers.
const crossCopy = 0xfe

// cross writes the body of a helper that copies between memories. They may be
// the same one under two indices: it copies from the end where that matters.
func (w *rewriter) cross(h helper) {
	const to, from, length = 0, 1, 2
	dst, src := h.arg>>16, h.arg&0xffff
	w.locals = 3 // settle keeps the counter in local 3
	code := func(b ...byte) { w.out = append(w.out, b...) }
	code(1, 1, typeI32, opBlock, 0x40, opBlock, 0x40) // one local; good, bad
	w.beyondMemory(dst, to)
	w.beyondMemory(src, from)
	code(opBr, 1, opEnd)
	code(append(beyondAll, opUnreachable, opEnd)...)
	code(opLocalGet, to, opLocalGet, from, opI32LeU, opIf, 0x40)
	for _, size := range [2]byte{8, 1} {
		w.rounds(size, func() {
			w.element(dst, src, size, 0)
			for _, i := range [2]byte{to, from} {
				code(opLocalGet, i, opI32Const, size, opI32Add, opLocalSet, i)
			}
			code(opLocalGet, length, opI32Const, size, opI32Sub, opLocalSet, length)
		})
	}
	code(opElse)
	for _, size := range [2]byte{8, 1} {
		w.rounds(size, func() {
			code(opLocalGet, length, opI32Const, size, opI32Sub, opLocalSet, length)
			w.element(dst, src, size, length)
		})
	}
	code(opEnd, opEnd)
}

// rounds repeats body as long as size bytes are left.
func (w *rewriter) rounds(size byte, body func()) {
	const length, cost = 2, 2*callCost + 2*memoryCost
	w.out = append(w.out, opBlock, 0x40, opLoop, 0x40, opLocalGet, length, opI32Const, size, opI32LtU, opBrIf, 1)
	body()
	if w.fuel {
		w.out = append(appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal)), opI32Const, cost)
		w.settle()
	}
	w.out = append(w.out, opBr, 0, opEnd, opEnd)
}

// element copies size bytes, 8 or 1. at is a local to add to both addresses, 0
// for none.
func (w *rewriter) element(dst, src uint32, size, at byte) {
	load, store := uint32(0x2d), uint32(0x3a) // i32.load8_u, i32.store8
	if size == 8 {
		load, store = 0x29, 0x37 // i64
	}
	for i := range byte(2) {
		w.out = append(w.out, opLocalGet, i)
		if at > 0 {
			w.out = append(w.out, opLocalGet, at, opI32Add)
		}
	}
	w.accessAt(accessor{memory: src, op: load})
	w.accessAt(accessor{memory: dst, op: store})
}

// accessAt loads or stores without an offset, in any memory.
func (w *rewriter) accessAt(a accessor) {
	if a.memory == 0 {
		w.out = append(w.out, byte(a.op), 0, 0)
		return
	}
	w.out = append(w.out, opI32Const, 0)
	w.callAccessor(a)
}

// beyondMemory branches to the label outside if [start, start+length) does not
// lie within memory m.
func (w *rewriter) beyondMemory(m uint32, start byte) {
	const length = 2
	w.out = append(w.out, opLocalGet, start, opI64ExtendU, opLocalGet, length, opI64ExtendU, opI64Add)
	if m == 0 {
		w.out = append(w.out, opMemorySize, 0)
	} else {
		w.callAccessor(accessor{memory: m, op: opMemorySize})
	}
	w.out = append(w.out, opI64ExtendU, opI64Const, 16, opI64Shl, opI64GtU, opBrIf, 0)
}

// severalErr refuses a module whose memories are in companions that are not
// given.
func (m *Module) severalErr(given int) error {
	if m.several == nil || m.several.final && given == m.Memories()-1 {
		return nil
	}
	return errcode.New(errcode.Unsupported, "core module with %d memories", m.Memories())
}
