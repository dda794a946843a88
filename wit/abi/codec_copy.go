package abi

import (
	"latticework/wit"
)

// Copy moves the value at sb, in src's guest, to db, in dst's guest, without
// Go values between. A failure is src's or dst's.
//
// The guests' memories must be distinct, or the value free of pointers.
func (c *Codec) Copy(dst *Mem, db []byte, src *Mem, sb []byte) {
	if c.plain {
		copy(db[:c.size], sb)
		return
	}
	switch c.kind {
	case wit.KindBool:
		dst.PutBool(db, sb[0] != 0)
	case wit.KindF32:
		le.PutUint32(db, canonical32(le.Uint32(sb)))
	case wit.KindF64:
		le.PutUint64(db, canonical64(le.Uint64(sb)))
	case wit.KindChar:
		le.PutUint32(db, uint32(src.Char(sb)))
	case wit.KindString:
		if s := src.loadText(sb); src.err == nil {
			dst.putText(db, s)
		}
	case wit.KindFlags:
		dst.PutFlags(db, src.Flags(sb, len(c.t.Flags)), len(c.t.Flags))
	case wit.KindOwn:
		if dst.err == nil { // else it stays where it is
			c.copyOwn(dst, db, src, sb)
		}
	case wit.KindBorrow:
		if rep := src.Borrow(sb, c.t.Resource); src.err == nil {
			dst.PutBorrow(db, rep, c.t.Resource)
		}
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		if rep := src.AsyncHandle(sb, c.t); src.err == nil {
			dst.PutAsync(db, rep, c.t)
		}
	case wit.KindList, wit.KindMap:
		elems, n := src.List(sb, c.elem.size, c.elem.align)
		if src.err != nil || dst.err != nil {
			return
		}
		db = dst.newList(db, n, c.elem.size, c.elem.align)
		if dst.err == nil {
			c.copyElems(dst, db, src, elems, n)
		}
	case wit.KindFixedList:
		c.copyElems(dst, db, src, sb, int(c.length))
	case wit.KindRecord, wit.KindTuple:
		for _, f := range c.fields {
			f.c.Copy(dst, db[f.off:], src, sb[f.off:])
		}
	default:
		i := src.Disc(sb, len(c.cases))
		if src.err != nil {
			return
		}
		dst.PutDisc(db, i, len(c.cases))
		if cc := c.cases[i]; cc != nil {
			cc.Copy(dst, db[c.payload:], src, sb[c.payload:])
		}
	}
}

func (c *Codec) copyOwn(dst *Mem, db []byte, src *Mem, sb []byte) {
	if rep := src.Own(sb, c.t.Resource); src.err == nil {
		dst.PutOwn(db, rep, c.t.Resource)
	}
}

func (c *Codec) copyElems(dst *Mem, db []byte, src *Mem, sb []byte, n int) {
	size := int(c.elem.size)
	if c.elem.plain {
		copyBytes(db[:n*size], sb)
		return
	}
	for i := 0; i < n && src.err == nil && dst.err == nil; i++ {
		c.elem.Copy(dst, db[i*size:], src, sb[i*size:])
	}
}

// CopyN moves the n values at sb to db as Copy does each.
func (c *Codec) CopyN(dst *Mem, db []byte, src *Mem, sb []byte, n int) {
	l := Codec{elem: c}
	l.copyElems(dst, db, src, sb, n)
}
