package corewasm

// Go's compiler makes a function's body a loop that begins with a branch table
// over a local:
//
//	loop block … block local.get P br_table … end PIECE end PIECE … end
//
// and each jump within the function, forwards or backwards, sets the local to a
// constant and goes back to the loop's head. A jump forwards becomes a branch to
// where the table leads: it needs no check, since it is no way back, and no
// table at run time. The local is set as before. A jump backwards is checked
// before it, see function.spread: were all led to one place to be checked, values
// would move between registers there and again at the head.

// dispatch is such a loop.
type dispatch struct {
	loop    int    // the index of its label; those of its blocks follow
	local   uint64 // what the table is over
	table   int    // where the table is read
	targets []int  // labels that it leads to, the last for all values beyond
	open    int    // the labels before this one are of blocks whose end was not read yet
}

// jump is how far the instructions before a place are those of a jump.
type jump struct {
	end   int // where the last was read
	value uint32
	set   bool // it has local set
	local uint64
}

// dispatches reads the head of a loop's body, from where r is, and returns the
// dispatch that it begins; nil if it begins none.
func (w *rewriter) dispatches(r reader) *dispatch {
	blocks := 0
	for r.left() > 1 && r.data[r.pos] == opBlock && r.data[r.pos+1] == 0x40 {
		r.skip(2)
		blocks++
	}
	if blocks == 0 || r.byte() != opLocalGet {
		return nil
	}
	d := &dispatch{loop: len(w.labels), local: uint64(r.u32())}
	d.table = r.pos
	if r.byte() != opBrTable || r.err != nil {
		return nil
	}
	d.open = d.loop + 1 + blocks
	return d
}

// begins returns the dispatch whose table is at at, nil if it is none's.
func (w *rewriter) begins(at int) *dispatch {
	d := w.dispatch
	if d == nil || d.table != at {
		return nil
	}
	d.targets, d.open = d.targets[:0], len(w.labels)
	for i := d.loop + 1; i < d.open; i++ {
		w.labels[i].piece = d
	}
	return d
}

// constant notes the constant that ends where r is.
func (w *rewriter) constant(r *reader, v uint32) { w.jump = jump{end: r.pos, value: v} }

// setLocal notes that local i is set by the instruction from at to where r is.
func (w *rewriter) setLocal(r *reader, at int, i uint32) {
	if w.jump.end == at && !w.jump.set {
		w.jump = jump{end: r.pos, value: w.jump.value, set: true, local: uint64(i)}
	}
}

// ahead returns the label that a branch at at to label i comes to if that lies
// ahead, else i.
func (w *rewriter) ahead(at, i int) int {
	d := w.labels[i].dispatch
	if d == nil || !w.jump.set || w.jump.end != at || w.jump.local != d.local || len(d.targets) == 0 {
		return i
	}
	if to := d.targets[min(uint64(w.jump.value), uint64(len(d.targets)-1))]; to > d.loop && to < d.open {
		return to
	}
	return i
}
