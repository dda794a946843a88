package corewasm

import "latticework/internal/errcode"

// rewritten returns the contents of the code section, which says what other
// sections need.
func (w *rewriter) rewritten() ([]byte, error) {
	for _, s := range w.m.sections {
		if s.id != secCode {
			continue
		}
		rest := w.out
		w.out = make([]byte, 0, (s.end-s.start)+(s.end-s.start)/4)
		r := &reader{data: w.m.data, pos: s.start, end: s.end}
		w.code(r)
		code := w.out
		w.out = rest
		return code, r.err
	}
	return nil, nil
}

func (w *rewriter) code(r *reader) {
	n := r.u32()
	bodies := make([]place, 0, min(int(n), r.left()))
	for i := range n {
		size := int(r.u32())
		if size > w.lim.BodyBytes && r.err == nil {
			r.err = errcode.New(errcode.Exhausted, "core function %d bytes: %d > %d", i, size, w.lim.BodyBytes)
		}
		if r.err != nil {
			return
		}
		bodies = append(bodies, place{r.pos, r.pos + size})
		r.skip(uint64(size))
	}
	if w.fuel {
		w.survey(r, bodies)
	}
	head := len(w.out)
	w.out = append(w.out, 0, 0, 0, 0, 0)
	if w.fuel {
		w.decide(r, bodies)
	} else {
		for i, b := range bodies {
			w.sized(func() { w.copyBody(r, b, uint32(i)) })
		}
	}
	if r.err != nil {
		return
	}
	for i := range w.helpers.list {
		w.sized(func() { w.help(&w.helpers.list[i]) })
	}
	putPadded(w.out[head:], n+uint32(len(w.helpers.list)))
}

// copyBody copies body i, at b of what r reads.
func (w *rewriter) copyBody(r *reader, b place, i uint32) {
	if r.err != nil {
		return
	}
	br := &reader{data: r.data, pos: b.start, end: b.end}
	w.body(br, i)
	r.err = br.err
}

// survey reads all bodies to know who calls whom.
func (w *rewriter) survey(r *reader, bodies []place) {
	w.functions = make([]function, w.m.funcs)
	for i, d := range w.m.declared {
		w.functions[i].entered = d
	}
	start := len(w.out)
	for i, b := range bodies {
		w.copyBody(r, b, uint32(i))
		w.out = w.out[:start]
	}
	w.helpers, w.totalLocals, w.totalMerges, w.totalValues = helpers{}, 0, 0, 0
	w.surveyed = true
}
