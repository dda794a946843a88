package abi

import (
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/value"
)

// Store writes v to b, in m's guest or in the layout of what goes there. It
// fails with invalid if v is not of the codec's type.
func (c *Codec) Store(m *Mem, b []byte, v value.Value) {
	if m.err != nil {
		return
	}
	if err := value.Check(c.t, v); err != nil {
		m.Fail(err)
		return
	}
	c.store(m, b, v)
}

// store writes v, which was checked.
func (c *Codec) store(m *Mem, b []byte, v value.Value) {
	switch v := v.(type) {
	case value.Bool:
		m.PutBool(b, bool(v))
	case value.S8:
		m.PutS8(b, int8(v))
	case value.U8:
		m.PutU8(b, uint8(v))
	case value.S16:
		m.PutS16(b, int16(v))
	case value.U16:
		m.PutU16(b, uint16(v))
	case value.S32:
		m.PutS32(b, int32(v))
	case value.U32:
		m.PutU32(b, uint32(v))
	case value.S64:
		m.PutS64(b, int64(v))
	case value.U64:
		m.PutU64(b, uint64(v))
	case value.F32:
		m.PutF32(b, float32(v))
	case value.F64:
		m.PutF64(b, float64(v))
	case value.Char:
		m.PutChar(b, rune(v))
	case value.String:
		m.PutString(b, string(v))
	case value.Bytes:
		if c.kind == wit.KindFixedList {
			copy(b, v)
		} else {
			m.PutBytes(b, v)
		}
	case value.Flags:
		var bits uint32
		if len(v) > 0 {
			bits = v[0]
		}
		m.PutFlags(b, bits, len(c.t.Flags))
	case value.Handle:
		if v.Owned {
			m.PutOwn(b, v.Rep, c.t.Resource)
		} else {
			m.PutBorrow(b, v.Rep, c.t.Resource)
		}
	case value.Async:
		m.PutAsync(b, v.Rep, c.t)
	default:
		c.storeCompound(m, b, v)
	}
}

func (c *Codec) storeCompound(m *Mem, b []byte, v value.Value) {
	switch v := v.(type) {
	case value.List:
		if c.kind != wit.KindFixedList {
			b = m.newList(b, len(v), c.elem.size, c.elem.align)
		}
		for i, x := range v {
			if m.err != nil { // what the rest owns is lost
				c.elem.store(m, make([]byte, c.elem.size), x)
				continue
			}
			c.elem.store(m, b[i*int(c.elem.size):], x)
		}
	case value.Record:
		for i, f := range c.fields {
			f.c.store(m, b[f.off:], v[i])
		}
	case value.Tuple:
		for i, f := range c.fields {
			f.c.store(m, b[f.off:], v[i])
		}
	case value.Variant:
		c.storeCase(m, b, v.Case, v.Payload)
	case value.Enum:
		c.storeCase(m, b, int(v), nil)
	case value.Option:
		i := 0
		if v.Value != nil {
			i = 1
		}
		c.storeCase(m, b, i, v.Value)
	case value.Result:
		i := 0
		if v.IsErr {
			i = 1
		}
		c.storeCase(m, b, i, v.Value)
	default:
		m.Fail(errcode.New(errcode.Internal, "store value: unknown %T", v))
	}
}

func (c *Codec) storeCase(m *Mem, b []byte, i int, payload value.Value) {
	m.PutDisc(b, i, len(c.cases))
	if cc := c.cases[i]; cc != nil {
		cc.store(m, b[c.payload:], payload)
	}
}
