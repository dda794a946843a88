package abi

import (
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/value"
)

// MaxLoaded bounds the number of dynamic values that one Load builds: each
// takes some tens of bytes of Go memory though it may be one byte in the
// guest's.
const MaxLoaded = 1 << 21

// Load reads the value at b, which must be in m's guest or a copy of its
// layout. It returns nil after a failure; it fails with exhausted beyond
// MaxLoaded values.
func (c *Codec) Load(m *Mem, b []byte) value.Value {
	budget := MaxLoaded
	v := c.load(m, b, &budget)
	if m.err != nil {
		return nil
	}
	return v
}

func (c *Codec) load(m *Mem, b []byte, budget *int) value.Value {
	switch c.kind {
	case wit.KindBool:
		return value.Bool(b[0] != 0)
	case wit.KindS8:
		return value.S8(b[0])
	case wit.KindU8:
		return value.U8(b[0])
	case wit.KindS16:
		return value.S16(m.S16(b))
	case wit.KindU16:
		return value.U16(m.U16(b))
	case wit.KindS32:
		return value.S32(m.S32(b))
	case wit.KindU32:
		return value.U32(m.U32(b))
	case wit.KindS64:
		return value.S64(m.S64(b))
	case wit.KindU64:
		return value.U64(m.U64(b))
	case wit.KindF32:
		return value.F32(m.F32(b))
	case wit.KindF64:
		return value.F64(m.F64(b))
	case wit.KindChar:
		return value.Char(m.Char(b))
	case wit.KindString:
		return value.String(m.String(b))
	case wit.KindFlags:
		return value.Flags{m.Flags(b, len(c.t.Flags))}
	case wit.KindOwn:
		return value.Handle{Rep: m.Own(b, c.t.Resource), Resource: c.t.Resource, Owned: true}
	case wit.KindBorrow:
		return value.Handle{Rep: m.Borrow(b, c.t.Resource), Resource: c.t.Resource}
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		return value.Async{Rep: m.AsyncHandle(b, c.t)}
	case wit.KindList, wit.KindMap:
		elems, n := m.List(b, c.elem.size, c.elem.align)
		return c.loadElems(m, elems, n, budget)
	case wit.KindFixedList:
		return c.loadElems(m, b, int(c.length), budget)
	case wit.KindRecord:
		return value.Record(c.loadFields(m, b, budget))
	case wit.KindTuple:
		return value.Tuple(c.loadFields(m, b, budget))
	}
	return c.loadCase(m, b, budget)
}

func (c *Codec) loadElems(m *Mem, b []byte, n int, budget *int) value.Value {
	if m.err != nil {
		return nil
	}
	if c.elem.kind == wit.KindU8 {
		return value.Bytes(append(make([]byte, 0, n), b[:n]...))
	}
	if !spend(m, budget, n) {
		return nil
	}
	vs := make(value.List, n)
	for i := 0; i < n && m.err == nil; i++ {
		vs[i] = c.elem.load(m, b[i*int(c.elem.size):], budget)
	}
	return vs
}

// spend takes n values off the budget of a Load.
func spend(m *Mem, budget *int, n int) bool {
	if n > *budget {
		m.Fail(errcode.New(errcode.Exhausted, "load value: more than %d values", MaxLoaded))
		return false
	}
	*budget -= n
	return m.err == nil
}

func (c *Codec) loadFields(m *Mem, b []byte, budget *int) []value.Value {
	if !spend(m, budget, len(c.fields)) {
		return nil
	}
	vs := make([]value.Value, len(c.fields))
	for i, f := range c.fields {
		vs[i] = f.c.load(m, b[f.off:], budget)
	}
	return vs
}

func (c *Codec) loadCase(m *Mem, b []byte, budget *int) value.Value {
	i := m.Disc(b, len(c.cases))
	if m.err != nil {
		return nil
	}
	var payload value.Value
	if cc := c.cases[i]; cc != nil && spend(m, budget, 1) {
		payload = cc.load(m, b[c.payload:], budget)
	}
	switch c.kind {
	case wit.KindEnum:
		return value.Enum(i)
	case wit.KindOption:
		return value.Option{Value: payload}
	case wit.KindResult:
		return value.Result{IsErr: i == 1, Value: payload}
	}
	return value.Variant{Case: i, Payload: payload}
}
