package corewasm

// A function is free if it pays nothing at its entry because its callers' calls
// cost what it does. Free functions never call each other in a circle: none of
// them calls what is not known here, such as by a table, so that each circle that
// is not one of known calls has a function in it that pays. So neither time nor
// stack goes uncounted.

// maxEdges is how many calls of a module are looked at.
const maxEdges = 4_000_000

// function is what becomes of a function's check.
type function struct {
	entry  check
	refund place
	// own is what is carried to its exits, frame what the stack that it takes
	// costs.
	own, frame uint32
	callees    []uint32 // by definition
	// entered says that others than callees of this module may call it, wild that
	// it may call others.
	entered, wild bool
	active        bool // its callees are being decided
	circle        bool // one of its callees led back to it, or they are not known
	// spread says that the branches back to its dispatch are checked each where it
	// is: none depends on a condition, is of a table or of a catch clause, and the
	// loop is not copied for several rounds.
	spread bool

	// done says that the following are decided.
	done  bool
	free  bool
	cost  uint32 // of a call if it is free
	stack uint32 // that it and those that it calls take, in units of fuel, if it is free
	// tame says that nothing that it does ever comes back to it: it is on the
	// stack once at most, and its frame costs nothing.
	tame bool
}

// entered notes that function i may be called from anywhere.
func (w *rewriter) entered(i uint32) {
	if i >= w.importFns && int(i-w.importFns) < len(w.functions) {
		w.functions[i-w.importFns].entered = true
	}
}

// visit is a function whose callees up to next were decided.
type visit struct {
	function uint32
	next     int
}

// decide copies the bodies, callees before their callers, and says which
// functions are free.
func (w *rewriter) decide(r *reader, bodies []place) {
	var stack []visit
	out := w.out
	w.out = make([]byte, 0, cap(out))
	pieces := make([]place, len(bodies))
	for i := range bodies {
		if w.functions[i].done {
			continue
		}
		stack = append(stack[:0], visit{function: uint32(i)})
		for len(stack) > 0 && r.err == nil {
			v := &stack[len(stack)-1]
			f := &w.functions[v.function]
			f.active = true
			if v.next == len(f.callees) {
				start := len(w.out)
				w.sized(func() { w.copyBody(r, bodies[v.function], v.function) })
				pieces[v.function] = place{start, len(w.out)}
				w.decided(f)
				stack = stack[:len(stack)-1]
				continue
			}
			callee := f.callees[v.next]
			v.next++
			switch g := &w.functions[callee]; {
			case g.active:
				g.circle = true
			case !g.done:
				stack = append(stack, visit{function: callee})
			}
		}
	}
	for _, p := range pieces {
		out = append(out, w.out[p.start:p.end]...)
	}
	w.out = out
}

// decided decides f, all of whose callees are decided or lead back to one that
// pays.
func (w *rewriter) decided(f *function) {
	f.tame = !f.wild && !f.circle
	stack := uint64(0)
	for _, c := range f.callees {
		g := &w.functions[c]
		f.tame = f.tame && g.tame
		if g.free {
			stack = max(stack, uint64(g.stack))
		}
	}
	stack += uint64(f.frame)
	total := uint64(f.own)
	if !f.tame {
		total += uint64(f.frame)
	}
	f.active, f.done = false, true
	f.callees = nil
	f.free = !f.circle && !f.wild && stack <= freeStack && total <= freeCost && (!f.entered || total <= indirectCost)
	switch {
	case f.entry.head.end == 0: // without a body that could be entered otherwise
		f.free = false
		putCost(w.out[f.entry.cost:], uint64(f.own+f.frame))
	case f.free:
		f.cost, f.stack = uint32(total), uint32(stack)
		w.blank(f.entry.head)
		w.blank(f.entry.cold)
		w.blank(f.refund)
	case f.tame:
		w.blank(f.refund)
		putCost(w.out[f.entry.cost:], uint64(f.own))
	case f.refund.end > 0: // which takes what is carried there too
		putCost(w.out[f.entry.cost:], uint64(1+f.frame))
	default:
		putCost(w.out[f.entry.cost:], uint64(f.own+f.frame))
	}
}
