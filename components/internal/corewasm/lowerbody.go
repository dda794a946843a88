package corewasm

// frame is a block of the function that is written.
type frame struct {
	label    int // its label, counted from the function's
	arity    int // values that a branch to it takes
	dispatch int // the label where exceptions go that leave it, 0 for none
	clauses  []clause
}

// clause catches exceptions with a tag, or all.
type clause struct {
	tag, ref bool
	index    uint32 // of the tag
	label    int
}

// put writes an instruction with a number.
func (l *lowering) put(op byte, v uint64) { l.out = appendLEB(append(l.out, op), v) }

// branch writes a branch to a label, counted from the function's.
func (l *lowering) branch(op byte, label int) { l.put(op, uint64(l.open-1-label)) }

// appendType copies a value type. References to exceptions become numbers.
func (l *lowering) appendType(b []byte, r *reader) []byte {
	start := r.pos
	if l.m.valType(r) {
		return append(b, 0x7e)
	}
	return append(b, r.data[start:r.pos]...)
}

// blockType passes the type of a block. It returns the index of the type, -1 for
// one of a result at most, whose bytes it is.
func (l *lowering) blockType(r *reader) (index int, typ arity) {
	if r.left() == 0 {
		r.fail("unexpected end")
		return -1, arity{}
	}
	switch b := r.data[r.pos]; {
	case b == 0x40:
		r.skip(1)
		return -1, arity{}
	case b&0xc0 == 0x40:
		l.m.valType(r)
		return -1, arity{results: 1}
	}
	if i := l.m.typeIndex(r); r.err == nil {
		return int(i), l.m.types[i]
	}
	return -1, arity{}
}

// appendBlock copies the type of a block, which begins at start.
func (l *lowering) appendBlock(r *reader, start int) {
	if r.err != nil {
		return
	}
	if b := r.data[start]; b != 0x40 && b&0xc0 == 0x40 {
		l.out = l.appendType(l.out, &reader{data: r.data, pos: start, end: r.pos})
		return
	}
	l.out = append(l.out, r.data[start:r.pos]...)
}

// body writes the body of the i-th defined function.
func (l *lowering) body(r *reader, i int) {
	n := r.count("local groups", l.lim.Locals)
	l.out = appendLEB(l.out, uint64(n))
	for range n {
		l.out = appendLEB(l.out, uint64(r.u32()))
		l.out = l.appendType(l.out, r)
	}
	l.open, l.frames = 1, append(l.frames[:0], frame{arity: int(l.m.types[l.m.funcTys[i]].results)})
	if l.funcs[i].throws { // exceptions that leave it go to the end of a block
		l.out = append(l.out, opBlock, 0x40)
		l.frames[0].dispatch = l.open
		l.open++
	}
	for len(l.frames) > 0 && r.err == nil {
		l.instruction(r, i)
		if len(l.out) > l.lim.BodyBytes {
			r.exhausted("core function bytes, with exceptions replaced", uint64(len(l.out)), l.lim.BodyBytes)
		}
	}
	if r.left() > 0 {
		r.fail("function body has %d bytes after its end", r.left())
	}
}

// instruction reads an instruction of the i-th defined function and writes what
// it becomes.
func (l *lowering) instruction(r *reader, i int) {
	at := r.pos
	op := r.byte()
	switch op {
	case opBlock, opLoop, opIf:
		l.block(r, op)
	case opTryTable:
		l.try(r, at)
	case opEnd:
		l.end(i)
	case opBr, opBrIf:
		l.branch(op, l.label(r).label)
	case opBrTable:
		n := r.count("branch targets", r.left())
		l.put(op, uint64(n))
		for range n + 1 {
			l.out = appendLEB(l.out, uint64(l.open-1-l.label(r).label))
		}
	case opCall, opReturnCall:
		f := l.m.function(r)
		if l.copy(r, at); op == opCall && l.throws(f) {
			l.check()
		}
	case opCallIndirect, opReturnCallI:
		l.m.typeIndex(r)
		r.skipLEB(5)
		if l.copy(r, at); op == opCallIndirect {
			l.check()
		}
	case opThrow:
		l.throw(r)
	case opThrowRef:
		l.put(opGlobalSet, uint64(l.pending))
		l.put(opGlobalGet, uint64(l.pending))
		l.out = append(l.out, opI64Eqz, opIf, 0x40, opRefNull, 0x69, opThrowRef, opEnd)
		l.branch(opBr, l.handler())
	case opRefNull:
		if l.m.heapType(r) == heapExn {
			l.out = append(l.out, opI64Const, 0)
		} else {
			l.copy(r, at)
		}
	case opSelectT:
		n := r.count("types of select", 1000)
		l.put(op, uint64(n))
		for range n {
			l.out = l.appendType(l.out, r)
		}
	default:
		l.pass(r, op)
		l.copy(r, at)
	}
}

// block writes the head of a block.
func (l *lowering) block(r *reader, op byte) {
	start := r.pos
	_, typ := l.blockType(r)
	l.out = append(l.out, op)
	l.appendBlock(r, start)
	f := frame{label: l.open, arity: int(typ.results)}
	if op == opLoop {
		f.arity = int(typ.params)
	}
	l.frames = append(l.frames, f)
	l.open++
}

// copy writes what was read since at.
func (l *lowering) copy(r *reader, at int) {
	if r.err == nil {
		l.out = append(l.out, r.data[at:r.pos]...)
	}
}

// label reads a label and returns the block that it names.
func (l *lowering) label(r *reader) *frame {
	i := r.u32()
	if uint64(i) >= uint64(len(l.frames)) {
		r.fail("unknown label %d", i)
		return &l.frames[0]
	}
	return &l.frames[len(l.frames)-1-int(i)]
}

// handler returns the label where exceptions go now.
func (l *lowering) handler() int {
	for i := len(l.frames) - 1; i > 0; i-- {
		if d := l.frames[i].dispatch; d > 0 {
			return d
		}
	}
	return l.frames[0].dispatch
}

// check goes on at the handler if a call threw.
func (l *lowering) check() {
	l.put(opGlobalGet, uint64(l.pending))
	l.out = append(l.out, opI64Const, 0, opI64Ne)
	l.branch(opBrIf, l.handler())
}

// throw writes a throw, of which the tag follows.
func (l *lowering) throw(r *reader) {
	peek := *r
	tag := peek.u32()
	params := l.m.types[l.m.tagType(r)].params
	if r.err != nil {
		return
	}
	if params > 0 {
		l.out = append(l.out, opI64ExtendU)
	}
	l.out = appendSLEB(append(l.out, opI64Const), (int64(tag)+1)<<32)
	if params > 0 {
		l.out = append(l.out, opI64Or)
	}
	l.put(opGlobalSet, uint64(l.pending))
	l.branch(opBr, l.handler())
}

// try writes the head of a try block, whose opcode is at at: a block, and inside
// it another, after which its handlers come.
func (l *lowering) try(r *reader, at int) {
	index, typ := l.blockType(r)
	f := frame{label: l.open, arity: int(typ.results)}
	typed := r.pos
	for range r.count("catch clauses", l.lim.Nesting) {
		f.clauses = append(f.clauses, l.clause(r))
	}
	if r.err != nil {
		return
	}
	l.out = append(l.out, opBlock)
	l.appendBlock(&reader{data: r.data, pos: typed, end: typed}, at+1)
	l.open++
	if len(f.clauses) > 0 {
		f.dispatch = l.open
		l.out = append(l.out, opBlock)
		if typ.params > 0 {
			l.out = appendSLEB(l.out, int64(l.taker(uint32(index))))
		} else {
			l.out = append(l.out, 0x40)
		}
		l.open++
	}
	l.frames = append(l.frames, f)
}

// clause reads what catches exceptions. The engine will look at whether the
// values are what the label takes, but not at how many they are.
func (l *lowering) clause(r *reader) (c clause) {
	kind, values := r.byte(), 0
	if kind > 3 {
		r.fail("malformed catch clause %d", kind)
	}
	if c.tag, c.ref = kind < 2, kind&1 != 0; c.ref {
		values++
	}
	if c.tag {
		peek := *r
		c.index = peek.u32()
		if t := l.m.tagType(r); r.err == nil {
			values += int(l.m.types[t].params)
		}
	}
	to := l.label(r)
	if c.label = to.label; values != to.arity {
		r.fail("a catch clause gives %d values, its label takes %d", values, to.arity)
	}
	return c
}

// taker returns the index of the type that takes what typ does and gives
// nothing.
func (l *lowering) taker(typ uint32) uint32 {
	t, ok := l.takers[typ]
	if !ok {
		t = uint32(len(l.m.types) + len(l.added))
		l.takers[typ] = t
		r := &reader{data: l.m.raw[typ], end: len(l.m.raw[typ])}
		n := r.u32()
		b := appendLEB([]byte{0x60}, uint64(n))
		for range n {
			b = l.appendType(b, r)
		}
		l.added = append(l.added, append(b, 0))
	}
	return t
}

// end ends a block, or the i-th defined function.
func (l *lowering) end(i int) {
	f := l.frames[len(l.frames)-1]
	l.frames = l.frames[:len(l.frames)-1]
	switch {
	case len(l.frames) == 0 && f.dispatch > 0:
		l.out = append(l.out, opReturn, opEnd)
		l.zeros(l.m.raw[l.m.funcTys[i]])
	case f.dispatch > 0:
		l.branch(opBr, f.label)
		l.out = append(l.out, opEnd)
		l.open--
		l.dispatch(f.clauses)
	}
	l.out = append(l.out, opEnd)
	l.open--
}

// dispatch writes what follows a try block that an exception left.
func (l *lowering) dispatch(clauses []clause) {
	for _, c := range clauses {
		if c.tag {
			l.put(opGlobalGet, uint64(l.pending))
			l.out = append(l.out, opI64Const, 32, opI64ShrU)
			l.out = append(appendSLEB(append(l.out, opI64Const), int64(c.index)+1), opI64Eq, opIf, 0x40)
			l.open++
			if l.m.types[l.m.tagTys[c.index]].params > 0 { // the value
				l.put(opGlobalGet, uint64(l.pending))
				l.out = append(l.out, opI32WrapI64)
			}
		}
		if c.ref {
			l.put(opGlobalGet, uint64(l.pending))
		}
		l.out = append(l.out, opI64Const, 0)
		l.put(opGlobalSet, uint64(l.pending))
		l.branch(opBr, c.label)
		if !c.tag {
			return // nothing is left for those after it
		}
		l.out = append(l.out, opEnd)
		l.open--
	}
	if h := l.handler(); h > 0 {
		l.branch(opBr, h)
	} else { // nothing inside throws
		l.out = append(l.out, opUnreachable)
	}
}

// zeros writes values for the results of a type, whose bytes typ are, that nobody
// will look at.
func (l *lowering) zeros(typ []byte) {
	r := &reader{data: typ, end: len(typ)}
	for range r.u32() {
		l.m.valType(r)
	}
	for range r.u32() {
		start := r.pos
		if l.m.valType(r) {
			l.out = append(l.out, opI64Const, 0)
			continue
		}
		switch b := typ[start]; b {
		case 0x7f:
			l.out = append(l.out, opI32Const, 0)
		case 0x7e:
			l.out = append(l.out, opI64Const, 0)
		case 0x7d:
			l.out = append(l.out, opF32Const, 0, 0, 0, 0)
		case 0x7c:
			l.out = append(l.out, opF64Const, 0, 0, 0, 0, 0, 0, 0, 0)
		case 0x7b:
			l.out = append(append(l.out, opSIMD, 12), make([]byte, 16)...)
		case 0x70, 0x6f:
			l.out = append(l.out, opRefNull, b)
		default: // 0x63 and what it refers to, see givesNonNull
			l.out = append(append(l.out, opRefNull), typ[start+1:r.pos]...)
		}
	}
}
