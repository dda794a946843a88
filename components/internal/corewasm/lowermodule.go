package corewasm

import "latticework/internal/errcode"

// module writes the module.
//
// Errors: those of Rewrite.
func (l *lowering) module() error {
	m := l.m
	var code []byte
	err := l.bodies(func(r *reader, i int) {
		code = l.sized(code, func() { l.body(r, i) })
		if len(code) > l.lim.ModuleBytes {
			r.exhausted("core module bytes, with exceptions replaced", uint64(len(code)), l.lim.ModuleBytes)
		}
	})
	if err != nil {
		return err
	}
	outer, err := l.outer(&code)
	if err != nil {
		return err
	}
	l.out = append(make([]byte, 0, len(m.data)+len(code)), preamble...)
	for _, s := range m.sections {
		if s.id == secGlobal && m.globals == 0 {
			continue
		}
		l.section(s.id, func(b []byte) []byte { return l.rewrite(b, s, code, outer) })
		if s.id == secTag && m.globals == 0 {
			l.section(secGlobal, func(b []byte) []byte { return appendPending(append(b, 1)) })
		}
	}
	if m.names.end > 0 {
		l.section(secCustom, func(b []byte) []byte { return append(appendName(b, "name"), m.data[m.names.start:m.names.end]...) })
	}
	return nil
}

// sized appends what write puts into l.out to b, after its length.
func (l *lowering) sized(b []byte, write func()) []byte {
	l.out = l.out[:0]
	write()
	return append(appendLEB(b, uint64(len(l.out))), l.out...)
}

// section writes a section.
func (l *lowering) section(id byte, content func(b []byte) []byte) {
	b := content(nil)
	l.out = append(appendLEB(append(l.out, id), uint64(len(b))), b...)
}

// appendPending appends the global with the exception under way.
func appendPending(b []byte) []byte { return append(b, 0x7e, 1, opI64Const, 0, opEnd) }

// rewrite appends what section s becomes, with the bodies code.
func (l *lowering) rewrite(b []byte, s section, code []byte, outer *wrappers) []byte {
	m := l.m
	r := &reader{data: m.data, pos: s.start, end: s.end}
	rest := func(add int) { // the count and what follows it
		b = appendLEB(b, uint64(r.u32())+uint64(add))
		b = append(b, m.data[r.pos:s.end]...)
	}
	switch s.id {
	case secType:
		b = appendLEB(b, uint64(int(r.u32())+len(l.added)))
		for range m.types {
			b = append(b, r.byte())
			for range 2 {
				n := r.u32()
				b = appendLEB(b, uint64(n))
				for range n {
					b = l.appendType(b, r)
				}
			}
		}
		for _, t := range l.added {
			b = append(b, t...)
		}
	case secFunction:
		rest(len(outer.types))
		for _, t := range outer.types {
			b = appendLEB(b, uint64(t))
		}
	case secTag: // and that of wrappers
		rest(1)
		b = appendLEB(append(b, 0), uint64(len(m.types)))
	case secGlobal:
		rest(1)
		b = appendPending(b)
	case secExport:
		b = appendLEB(b, uint64(len(m.Exports)))
		for _, e := range m.Exports {
			if e.Kind == KindFunc {
				e.Index = outer.of(e.Index)
			}
			b = appendLEB(append(appendName(b, e.Name), byte(e.Kind)), uint64(e.Index))
		}
	case secStart:
		b = appendLEB(b, uint64(outer.of(m.startFn)))
	case secCode:
		b = append(appendLEB(b, uint64(m.funcs+len(outer.types))), code...)
	default:
		b = append(b, m.data[s.start:s.end]...)
	}
	return b
}

// wrappers are added functions that are called from outside instead of those
// that exceptions may leave.
type wrappers struct {
	types []uint32
	index map[uint32]uint32 // of the wrapper, by that of the function
}

func (o *wrappers) of(i uint32) uint32 {
	if w, ok := o.index[i]; ok {
		return w
	}
	return i
}

// outer appends the bodies of the wrappers to code.
//
// Errors: errcode.Exhausted if they are too large.
func (l *lowering) outer(code *[]byte) (*wrappers, error) {
	m := l.m
	o := &wrappers{index: map[uint32]uint32{}}
	entries := make([]uint32, 0, len(m.Exports)+1)
	for _, e := range m.Exports {
		if e.Kind == KindFunc {
			entries = append(entries, e.Index)
		}
	}
	if m.hasStart {
		entries = append(entries, m.startFn)
	}
	for _, i := range entries {
		if !l.throws(i) || o.of(i) != i {
			continue
		}
		o.index[i] = uint32(m.importFns + m.funcs + len(o.types))
		o.types = append(o.types, l.typeOf(i))
		*code = l.sized(*code, func() {
			l.out = append(l.out, 0)
			for k := range m.types[l.typeOf(i)].params {
				l.put(opLocalGet, uint64(k))
			}
			l.put(opCall, uint64(i))
			l.put(opGlobalGet, uint64(l.pending))
			l.out = append(l.out, opI64Const, 0, opI64Ne, opIf, 0x40, opI64Const, 0)
			l.put(opGlobalSet, uint64(l.pending))
			l.put(opThrow, uint64(len(m.tagTys)))
			l.out = append(l.out, opEnd, opEnd)
		})
		if len(*code) > l.lim.ModuleBytes {
			return nil, errcode.New(errcode.Exhausted, "core module bytes, with exceptions replaced: %d > %d", len(*code), l.lim.ModuleBytes)
		}
	}
	return o, nil
}
