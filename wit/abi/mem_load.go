package abi

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"latticework/internal/errcode"
	"latticework/wit"
)

var le = binary.LittleEndian

// The bit patterns every NaN is turned into.
const (
	canonicalNaN32 = 0x7fc00000
	canonicalNaN64 = 0x7ff8000000000000
)

// Bool loads a bool; any byte but zero is true.
func (m *Mem) Bool(b []byte) bool { return b[0] != 0 }

// U8 loads a u8.
func (m *Mem) U8(b []byte) uint8 { return b[0] }

// S8 loads an s8.
func (m *Mem) S8(b []byte) int8 { return int8(b[0]) }

// U16 loads a u16.
func (m *Mem) U16(b []byte) uint16 { return le.Uint16(b) }

// S16 loads an s16.
func (m *Mem) S16(b []byte) int16 { return int16(le.Uint16(b)) }

// U32 loads a u32.
func (m *Mem) U32(b []byte) uint32 { return le.Uint32(b) }

// S32 loads an s32.
func (m *Mem) S32(b []byte) int32 { return int32(le.Uint32(b)) }

// U64 loads a u64.
func (m *Mem) U64(b []byte) uint64 { return le.Uint64(b) }

// S64 loads an s64.
func (m *Mem) S64(b []byte) int64 { return int64(le.Uint64(b)) }

// F32 loads an f32; every NaN becomes the canonical one.
func (m *Mem) F32(b []byte) float32 { return math.Float32frombits(canonical32(le.Uint32(b))) }

// F64 loads an f64; every NaN becomes the canonical one.
func (m *Mem) F64(b []byte) float64 { return math.Float64frombits(canonical64(le.Uint64(b))) }

// Char loads a char; it traps unless it is a Unicode scalar value.
func (m *Mem) Char(b []byte) rune {
	i := le.Uint32(b)
	if i > utf8.MaxRune || 0xd800 <= i && i <= 0xdfff {
		m.trapf("load char: %#x is no Unicode scalar value", i)
		return 0
	}
	return rune(i)
}

// Flags loads n flags, at most 32; other bits are cleared.
func (m *Mem) Flags(b []byte, n int) uint32 {
	switch flagsSize(n) {
	case 1:
		return uint32(b[0]) & flagsMask(n)
	case 2:
		return uint32(le.Uint16(b)) & flagsMask(n)
	}
	return le.Uint32(b) & flagsMask(n)
}

// Disc loads the case of a variant, enum, option or result with ncases cases;
// it traps if there is no such case.
func (m *Mem) Disc(b []byte, ncases int) int {
	i := readDisc(b, discSize(ncases))
	if uint64(i) >= uint64(ncases) {
		m.trapf("load case: %d of %d cases", i, ncases)
		return 0
	}
	return int(i)
}

// Bytes loads a list<u8> as a copy, never nil without a failure.
func (m *Mem) Bytes(b []byte) []byte {
	v := m.BytesView(b)
	if m.err != nil {
		return nil
	}
	c := make([]byte, len(v))
	copyBytes(c, v)
	return c
}

// BytesView loads a list<u8> as a part of guest memory: it is valid until the
// guest runs again, and writing to it writes to the guest.
func (m *Mem) BytesView(b []byte) []byte {
	v, _ := m.List(b, 1, 1)
	return v
}

// List loads a list of elements of elemSize bytes each, aligned to elemAlign.
// It returns the elements as a part of guest memory and their number.
func (m *Mem) List(b []byte, elemSize, elemAlign uint32) (elems []byte, n int) {
	return m.listAt(le.Uint32(b), le.Uint32(b[4:]), elemSize, elemAlign)
}

func (m *Mem) listAt(ptr, length, elemSize, elemAlign uint32) ([]byte, int) {
	size := uint64(length) * uint64(elemSize)
	if size > MaxListByteLength {
		m.trapf("load list: %d bytes > %d", size, MaxListByteLength)
		return nil, 0
	}
	v := m.View(ptr, uint32(size), elemAlign)
	if m.err != nil {
		return nil, 0
	}
	return v, int(length)
}

// Own loads an own handle of type r, which leaves the guest's table, and
// returns what it stood for; nil after a failure.
func (m *Mem) Own(b []byte, r *wit.Resource) any {
	if !m.hasHandles("load", r) {
		return nil
	}
	rep, err := m.Handles.LiftOwn(le.Uint32(b), r)
	if err != nil {
		m.Fail(err)
		return nil
	}
	return rep
}

// Borrow loads a borrow handle of type r and returns what it stands for; nil
// after a failure.
func (m *Mem) Borrow(b []byte, r *wit.Resource) any {
	if !m.hasHandles("load", r) {
		return nil
	}
	rep, err := m.Handles.LiftBorrow(le.Uint32(b), r)
	if err != nil {
		m.Fail(err)
		return nil
	}
	return rep
}

// AsyncHandle loads a stream, future or error-context of type t.
func (m *Mem) AsyncHandle(b []byte, t *wit.Type) any {
	if !m.hasAsync("load") {
		return nil
	}
	rep, err := m.Async.LiftAsync(le.Uint32(b), t)
	if err != nil {
		m.Fail(err)
		return nil
	}
	return rep
}

func (m *Mem) hasHandles(verb string, r *wit.Resource) bool {
	if m.Handles == nil && m.err == nil {
		name := ""
		if r != nil {
			name = r.Name
		}
		m.Fail(errcode.New(errcode.Unsupported, "%s handle of resource %q: no table of handles", verb, name))
	}
	return m.err == nil
}

func (m *Mem) hasAsync(verb string) bool {
	if m.Async == nil && m.err == nil {
		m.Fail(errcode.New(errcode.Unsupported, "%s stream, future or error-context: not supported here", verb))
	}
	return m.err == nil
}

func canonical32(bits uint32) uint32 {
	if bits&0x7fffffff > 0x7f800000 {
		return canonicalNaN32
	}
	return bits
}

func canonical64(bits uint64) uint64 {
	if bits&(1<<63-1) > 0x7ff0000000000000 {
		return canonicalNaN64
	}
	return bits
}

func readDisc(b []byte, size uint32) uint32 {
	switch size {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(le.Uint16(b))
	}
	return le.Uint32(b)
}
