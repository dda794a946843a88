package corewasm

// helper is a function that the rewriter adds: it does a bulk instruction in
// steps, or calls functions of one type again after a refill.
type helper struct {
	sub byte   // the instruction's number; 0 for the second
	arg uint32 // the segment of memory.init, the type of the functions, or two memories
}

// maxMembers is how many functions one helper calls again.
const maxMembers = 256

type addedFunc struct {
	helper
	members []uint32 // functions that it calls again, by definition
}

type helpers struct {
	list  []addedFunc
	index map[helper]int // the last of each in list
}

// add returns the place in the list of a helper h with room for one more member.
func (h *helpers) add(what helper) int {
	i, ok := h.index[what]
	if !ok || len(h.list[i].members) == maxMembers {
		if h.index == nil {
			h.index = map[helper]int{}
		}
		i = len(h.list)
		h.list, h.index[what] = append(h.list, addedFunc{helper: what}), i
	}
	return i
}

// helperIndex returns the index of the function that is the i-th helper.
func (w *rewriter) helperIndex(i int) uint32 {
	return w.fn(w.importFns+uint32(w.m.funcs)) + uint32(i)
}

// helperFor returns the index of the function that does h.
func (w *rewriter) helperFor(h helper) uint32 { return w.helperIndex(w.helpers.add(h)) }

// helperType returns the type of a helper.
func (w *rewriter) helperType(h helper) uint32 {
	if h.sub == 0 {
		return h.arg
	}
	return w.bulkType()
}

// callAgain ends function i by a call of the helper that calls it again.
func (w *rewriter) callAgain(i uint32) {
	typ := w.m.funcTys[i]
	at := w.helpers.add(helper{arg: typ})
	h := &w.helpers.list[at]
	w.out = appendSLEB(append(w.out, opI32Const), int64(len(h.members)))
	w.out = appendLEB(append(w.out, opGlobalSet), uint64(w.fuelGlobal)+1)
	h.members = append(h.members, i)
	w.parameters(typ)
	w.out = appendLEB(append(w.out, opReturnCall), uint64(w.helperIndex(at)))
}

func (w *rewriter) parameters(typ uint32) {
	for p := range uint64(w.arity(typ).params) {
		w.out = appendLEB(append(w.out, opLocalGet), p)
	}
}

// again writes the body of a helper that calls its members again.
func (w *rewriter) again(h *addedFunc) {
	params := uint64(w.arity(h.arg).params)
	w.out = append(w.out, 1, 1, 0x7f) // which one: the host may change the global
	w.out = appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal)+1)
	w.out = appendLEB(append(w.out, opLocalSet), params)
	w.out = appendLEB(append(w.out, opGlobalGet), uint64(w.fuelGlobal))
	w.out = appendLEB(append(w.out, opCall), uint64(w.refill))
	w.out = appendLEB(append(w.out, opGlobalSet), uint64(w.fuelGlobal))
	for range h.members {
		w.out = append(w.out, opBlock, 0x40)
	}
	w.out = appendLEB(append(w.out, opLocalGet), params)
	w.out = appendLEB(append(w.out, opBrTable), uint64(len(h.members)-1))
	for i := range h.members {
		w.out = appendLEB(w.out, uint64(i))
	}
	for _, f := range h.members {
		w.out = append(w.out, opEnd)
		if w.functions[f].free {
			w.out = append(w.out, opUnreachable)
			continue
		}
		w.parameters(h.arg)
		w.out = appendLEB(append(w.out, opReturnCall), uint64(w.fn(w.importFns+f)))
	}
	w.out = append(w.out, opUnreachable, opEnd)
}

// help writes the body of a helper.
func (w *rewriter) help(h *addedFunc) {
	switch h.sub {
	case 0:
		w.again(h)
	case crossCopy:
		w.cross(h.helper)
	default:
		w.steps(h.helper)
	}
}
