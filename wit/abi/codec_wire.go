package abi

import (
	"latticework/wit"
	"latticework/wit/value"
)

// ToWire appends the value at b, in m's guest, to e. A failure is m's or e's.
func (c *Codec) ToWire(m *Mem, b []byte, e *value.Encoder) {
	switch c.kind {
	case wit.KindBool:
		e.PutBool(b[0] != 0)
	case wit.KindS8, wit.KindU8:
		e.PutU8(b[0])
	case wit.KindS16:
		e.PutS16(m.S16(b))
	case wit.KindU16:
		e.PutU16(m.U16(b))
	case wit.KindS32:
		e.PutS32(m.S32(b))
	case wit.KindU32:
		e.PutU32(m.U32(b))
	case wit.KindS64:
		e.PutS64(m.S64(b))
	case wit.KindU64:
		e.PutU64(m.U64(b))
	case wit.KindF32:
		e.PutF32(m.F32(b))
	case wit.KindF64:
		e.PutF64(m.F64(b))
	case wit.KindChar:
		e.PutChar(m.Char(b))
	case wit.KindString:
		m.textToWire(m.loadText(b), e)
	case wit.KindFlags:
		e.PutFlags(m.Flags(b, len(c.t.Flags)), len(c.t.Flags))
	case wit.KindOwn:
		if rep := m.Own(b, c.t.Resource); m.err == nil {
			e.PutOwn(rep, c.t.Resource)
		}
	case wit.KindBorrow:
		if rep := m.Borrow(b, c.t.Resource); m.err == nil {
			e.PutBorrow(rep, c.t.Resource)
		}
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		if rep := m.AsyncHandle(b, c.t); m.err == nil {
			e.PutAsync(rep, c.t)
		}
	case wit.KindList, wit.KindMap:
		elems, n := m.List(b, c.elem.size, c.elem.align)
		e.PutLen(n)
		c.elemsToWire(m, elems, n, e)
	case wit.KindFixedList:
		c.elemsToWire(m, b, int(c.length), e)
	case wit.KindRecord, wit.KindTuple:
		for _, f := range c.fields {
			f.c.ToWire(m, b[f.off:], e)
		}
	default:
		c.caseToWire(m, b, e)
	}
}

func (c *Codec) caseToWire(m *Mem, b []byte, e *value.Encoder) {
	i := m.Disc(b, len(c.cases))
	if m.err != nil {
		return
	}
	e.PutDisc(i, len(c.cases))
	if cc := c.cases[i]; cc != nil {
		cc.ToWire(m, b[c.payload:], e)
	}
}

func (c *Codec) elemsToWire(m *Mem, b []byte, n int, e *value.Encoder) {
	if m.err != nil {
		return
	}
	if k := c.elem.kind; k == wit.KindU8 || k == wit.KindS8 {
		e.Append(b[:n])
		return
	}
	for i := 0; i < n && m.err == nil && e.Err() == nil; i++ {
		c.elem.ToWire(m, b[i*int(c.elem.size):], e)
	}
}

// textToWire appends s as UTF-8.
func (m *Mem) textToWire(s text, e *value.Encoder) {
	if m.err != nil {
		return
	}
	switch s.form {
	case formUTF8:
		e.PutBytes(s.b)
		return
	case formLatin1:
		e.PutLen(latin1UTF8Len(s.b))
	default:
		e.PutLen(utf16UTF8Len(s.b))
	}
	for i := 0; i < len(s.b); {
		r, next := s.next(i)
		e.PutChar(r)
		i = next
	}
}

// FromWire reads a value from d and writes it to b, in m's guest. A failure
// is m's or d's.
func (c *Codec) FromWire(m *Mem, b []byte, d *value.Decoder) {
	switch c.kind {
	case wit.KindBool:
		m.PutBool(b, d.Bool())
	case wit.KindS8, wit.KindU8:
		b[0] = d.U8()
	case wit.KindS16:
		m.PutS16(b, d.S16())
	case wit.KindU16:
		m.PutU16(b, d.U16())
	case wit.KindS32:
		m.PutS32(b, d.S32())
	case wit.KindU32:
		m.PutU32(b, d.U32())
	case wit.KindS64:
		m.PutS64(b, d.S64())
	case wit.KindU64:
		m.PutU64(b, d.U64())
	case wit.KindF32:
		m.PutF32(b, d.F32())
	case wit.KindF64:
		m.PutF64(b, d.F64())
	case wit.KindChar:
		m.PutChar(b, d.Char())
	case wit.KindString:
		if s := d.StringView(); d.Err() == nil {
			m.putText(b, text{b: s, form: formUTF8, units: uint32(len(s))})
		}
	case wit.KindFlags:
		m.PutFlags(b, d.Flags(len(c.t.Flags)), len(c.t.Flags))
	case wit.KindOwn:
		if rep := d.Own(c.t.Resource); d.Err() == nil {
			m.PutOwn(b, rep, c.t.Resource)
		}
	case wit.KindBorrow:
		if rep := d.Borrow(c.t.Resource); d.Err() == nil {
			m.PutBorrow(b, rep, c.t.Resource)
		}
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		if rep := d.Async(c.t); d.Err() == nil {
			m.PutAsync(b, rep, c.t)
		}
	case wit.KindList, wit.KindMap, wit.KindFixedList:
		c.listFromWire(m, b, d)
	case wit.KindRecord, wit.KindTuple:
		for _, f := range c.fields {
			f.c.FromWire(m, b[f.off:], d)
		}
	default:
		i := d.Disc(len(c.cases))
		if d.Err() != nil {
			return
		}
		m.PutDisc(b, i, len(c.cases))
		if cc := c.cases[i]; cc != nil {
			cc.FromWire(m, b[c.payload:], d)
		}
	}
}

func (c *Codec) listFromWire(m *Mem, b []byte, d *value.Decoder) {
	n := int(c.length)
	if c.kind != wit.KindFixedList {
		n = d.Len(c.elem.wireMin)
		if d.Err() != nil {
			return
		}
		b = m.newList(b, n, c.elem.size, c.elem.align)
	}
	if m.err != nil || d.Err() != nil {
		return
	}
	if k := c.elem.kind; k == wit.KindU8 || k == wit.KindS8 {
		copyBytes(b, d.Take(n))
		return
	}
	for i := 0; i < n && m.err == nil && d.Err() == nil; i++ {
		c.elem.FromWire(m, b[i*int(c.elem.size):], d)
	}
}
