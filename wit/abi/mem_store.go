package abi

import (
	"math"
	"unicode/utf8"

	"latticework/internal/errcode"
	"latticework/wit"
)

// PutBool stores a bool.
func (m *Mem) PutBool(b []byte, v bool) {
	b[0] = 0
	if v {
		b[0] = 1
	}
}

// PutU8 stores a u8.
func (m *Mem) PutU8(b []byte, v uint8) { b[0] = v }

// PutS8 stores an s8.
func (m *Mem) PutS8(b []byte, v int8) { b[0] = byte(v) }

// PutU16 stores a u16.
func (m *Mem) PutU16(b []byte, v uint16) { le.PutUint16(b, v) }

// PutS16 stores an s16.
func (m *Mem) PutS16(b []byte, v int16) { le.PutUint16(b, uint16(v)) }

// PutU32 stores a u32.
func (m *Mem) PutU32(b []byte, v uint32) { le.PutUint32(b, v) }

// PutS32 stores an s32.
func (m *Mem) PutS32(b []byte, v int32) { le.PutUint32(b, uint32(v)) }

// PutU64 stores a u64.
func (m *Mem) PutU64(b []byte, v uint64) { le.PutUint64(b, v) }

// PutS64 stores an s64.
func (m *Mem) PutS64(b []byte, v int64) { le.PutUint64(b, uint64(v)) }

// PutF32 stores an f32; every NaN becomes the canonical one.
func (m *Mem) PutF32(b []byte, v float32) { le.PutUint32(b, canonical32(math.Float32bits(v))) }

// PutF64 stores an f64; every NaN becomes the canonical one.
func (m *Mem) PutF64(b []byte, v float64) { le.PutUint64(b, canonical64(math.Float64bits(v))) }

// PutChar stores a char; it fails with invalid unless v is a Unicode scalar
// value.
func (m *Mem) PutChar(b []byte, v rune) {
	if !utf8.ValidRune(v) {
		m.Fail(errcode.New(errcode.Invalid, "store char: %#x is no Unicode scalar value", uint32(v)))
		return
	}
	le.PutUint32(b, uint32(v))
}

// PutFlags stores n flags, at most 32; other bits are cleared.
func (m *Mem) PutFlags(b []byte, v uint32, n int) {
	v &= flagsMask(n)
	writeDisc(b, v, flagsSize(n))
}

// PutDisc stores the case i of a variant, enum, option or result with ncases
// cases; it fails with invalid if there is no such case.
func (m *Mem) PutDisc(b []byte, i, ncases int) {
	if uint(i) >= uint(ncases) {
		m.Fail(errcode.New(errcode.Invalid, "store case: %d of %d cases", i, ncases))
		return
	}
	writeDisc(b, uint32(i), discSize(ncases))
}

// PutString stores a string, in the guest's encoding in memory that the guest
// allocates; it fails with invalid if v is not valid UTF-8.
func (m *Mem) PutString(b []byte, v string) {
	if !utf8.ValidString(v) {
		m.Fail(errcode.New(errcode.Invalid, "store string: not valid UTF-8"))
		return
	}
	m.putText(b, text{b: stringBytes(v), form: formUTF8, units: uint32(len(v))})
}

// PutBytes stores a list<u8>, in memory that the guest allocates.
func (m *Mem) PutBytes(b []byte, v []byte) {
	copyBytes(m.newList(b, len(v), 1, 1), v)
}

// PutList stores a list of n elements of elemSize bytes each, aligned to
// elemAlign, in memory that the guest allocates, and returns that memory for
// the caller to store the elements to. After a failure it returns memory that
// nobody reads, so that the caller may go on.
func (m *Mem) PutList(b []byte, n int, elemSize, elemAlign uint32) (elems []byte) {
	elems = m.newList(b, n, elemSize, elemAlign)
	if m.err != nil {
		return make([]byte, max(0, n)*int(elemSize))
	}
	return elems
}

// newList is PutList that returns nil after a failure: the size that failed
// may be out of all proportion.
func (m *Mem) newList(b []byte, n int, elemSize, elemAlign uint32) []byte {
	if n < 0 || uint64(n) > MaxListByteLength || uint64(n)*uint64(elemSize) > MaxListByteLength {
		m.Fail(errcode.New(errcode.Exhausted, "store list: %d elements of %d bytes > %d bytes", n, elemSize, MaxListByteLength))
		return nil
	}
	ptr, elems := m.Allocate(uint32(n)*elemSize, elemAlign)
	if m.err != nil {
		return nil
	}
	le.PutUint32(b, ptr)
	le.PutUint32(b[4:], uint32(n))
	return elems
}

// PutOwn stores an own handle of type r for rep, made in the guest's table.
func (m *Mem) PutOwn(b []byte, rep any, r *wit.Resource) {
	if m.hasHandles("store", r) {
		i, err := m.Handles.LowerOwn(rep, r)
		if err == nil {
			le.PutUint32(b, i)
			return
		}
		m.Fail(err)
	}
	if l, ok := m.Handles.(Loser); ok {
		l.Lost(rep)
	}
}

// PutBorrow stores a borrow handle of type r for rep, which ends with the
// call.
func (m *Mem) PutBorrow(b []byte, rep any, r *wit.Resource) {
	if !m.hasHandles("store", r) {
		return
	}
	i, err := m.Handles.LowerBorrow(rep, r)
	if err != nil {
		m.Fail(err)
		return
	}
	le.PutUint32(b, i)
}

// PutAsync stores a stream, future or error-context of type t.
func (m *Mem) PutAsync(b []byte, rep any, t *wit.Type) {
	if m.hasAsync("store") {
		i, err := m.Async.LowerAsync(rep, t)
		if err == nil {
			le.PutUint32(b, i)
			return
		}
		m.Fail(err)
	}
	if l, ok := m.Async.(Loser); ok {
		l.Lost(rep)
	}
}

func writeDisc(b []byte, v, size uint32) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		le.PutUint16(b, uint16(v))
	default:
		le.PutUint32(b, v)
	}
}
