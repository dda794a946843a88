package value

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"

	"latticework/internal/errcode"
	"latticework/wit"
)

// The bit patterns every NaN is turned into.
const (
	canonicalNaN32 = 0x7fc00000
	canonicalNaN64 = 0x7ff8000000000000
)

// HandleLowerer gives resource handles their number on the wire.
type HandleLowerer interface {
	LowerOwn(rep any, r *wit.Resource) (uint32, error)
	LowerBorrow(rep any, r *wit.Resource) (uint32, error)
}

// AsyncLowerer is implemented by a [HandleLowerer] that can also send streams,
// futures and error-contexts.
type AsyncLowerer interface {
	LowerAsync(rep any, t *wit.Type) (uint32, error)
}

// DefaultMaxEncoded is the default of Encoder.MaxBytes.
const DefaultMaxEncoded = 64 << 20

// Encoder appends values in the value encoding to Buf. The zero value is
// ready. The first failure is kept, see [Encoder.Err]; what follows a failure
// is still appended and must not be sent.
type Encoder struct {
	Buf []byte
	// Handles numbers the handles that are put. Without it only a handle
	// whose rep is a uint32 can be put: it is its own number.
	Handles HandleLowerer
	// MaxBytes bounds the length of Buf when a string or list is put; 0 means
	// DefaultMaxEncoded.
	MaxBytes int

	err error
}

// Reset makes the encoder append to buf, without an error; Handles stays.
func (e *Encoder) Reset(buf []byte) { e.Buf, e.err = buf, nil }

// Err returns the first failure.
func (e *Encoder) Err() error { return e.err }

// Fail records err as the failure, unless there is one already.
func (e *Encoder) Fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// PutBool appends a bool.
func (e *Encoder) PutBool(v bool) {
	var b byte
	if v {
		b = 1
	}
	e.Buf = append(e.Buf, b)
}

// PutS8 appends an s8.
func (e *Encoder) PutS8(v int8) { e.Buf = append(e.Buf, byte(v)) }

// PutU8 appends a u8.
func (e *Encoder) PutU8(v uint8) { e.Buf = append(e.Buf, v) }

// PutS16 appends an s16.
func (e *Encoder) PutS16(v int16) { e.putSigned(int64(v)) }

// PutU16 appends a u16.
func (e *Encoder) PutU16(v uint16) { e.putUnsigned(uint64(v)) }

// PutS32 appends an s32.
func (e *Encoder) PutS32(v int32) { e.putSigned(int64(v)) }

// PutU32 appends a u32.
func (e *Encoder) PutU32(v uint32) { e.putUnsigned(uint64(v)) }

// PutS64 appends an s64.
func (e *Encoder) PutS64(v int64) { e.putSigned(v) }

// PutU64 appends a u64.
func (e *Encoder) PutU64(v uint64) { e.putUnsigned(v) }

// PutF32 appends an f32; every NaN becomes the canonical one.
func (e *Encoder) PutF32(v float32) {
	b := math.Float32bits(v)
	if v != v {
		b = canonicalNaN32
	}
	e.Buf = binary.LittleEndian.AppendUint32(e.Buf, b)
}

// PutF64 appends an f64; every NaN becomes the canonical one.
func (e *Encoder) PutF64(v float64) {
	b := math.Float64bits(v)
	if v != v {
		b = canonicalNaN64
	}
	e.Buf = binary.LittleEndian.AppendUint64(e.Buf, b)
}

// PutChar appends a char; it fails if v is no Unicode scalar value.
func (e *Encoder) PutChar(v rune) {
	if !utf8.ValidRune(v) {
		e.Fail(errcode.New(errcode.Invalid, "encode char: %#x is no Unicode scalar value", uint32(v)))
		v = utf8.RuneError
	}
	e.Buf = utf8.AppendRune(e.Buf, v)
}

// PutString appends a string; it fails if v is not valid UTF-8.
func (e *Encoder) PutString(v string) {
	if !utf8.ValidString(v) {
		e.Fail(errcode.New(errcode.Invalid, "encode string: not valid UTF-8"))
	}
	if e.PutLen(len(v)); e.err == nil {
		e.Buf = append(e.Buf, v...)
	}
}

// PutBytes appends a list<u8>.
func (e *Encoder) PutBytes(v []byte) {
	if e.PutLen(len(v)); e.err == nil {
		e.Buf = append(e.Buf, v...)
	}
}

// Append appends v as it is: the elements of a list<u8> or list<s8>.
func (e *Encoder) Append(v []byte) {
	if e.room(len(v)) {
		e.Buf = append(e.Buf, v...)
	}
}

// room fails unless n more bytes are within MaxBytes.
func (e *Encoder) room(n int) bool {
	limit := e.MaxBytes
	if limit == 0 {
		limit = DefaultMaxEncoded
	}
	if n > limit-len(e.Buf) {
		e.Fail(errcode.New(errcode.Exhausted, "encode value: %d bytes > %d", len(e.Buf)+n, limit))
	}
	return e.err == nil
}

// PutLen appends the number of elements of a list, which must follow; it
// fails with exhausted if n bytes more would be beyond MaxBytes.
func (e *Encoder) PutLen(n int) {
	if n < 0 || uint64(n) > math.MaxUint32 {
		e.Fail(errcode.New(errcode.Exhausted, "encode list: length %d > %d", n, uint32(math.MaxUint32)))
		return
	}
	if e.room(n + (bits.Len32(uint32(n)|1)+6)/7) {
		e.putUnsigned(uint64(n))
	}
}

// PutDisc appends the case i of a variant, enum, option or result with ncases
// cases; the payload, if any, must follow.
func (e *Encoder) PutDisc(i, ncases int) {
	if uint(i) >= uint(ncases) {
		e.Fail(errcode.New(errcode.Invalid, "encode case: index %d of %d cases", i, ncases))
		i = 0
	}
	e.putUnsigned(uint64(i))
}

// PutFlags appends n flags, of which set has the first 32.
func (e *Encoder) PutFlags(set uint32, n int) {
	set &= flagsMask(n)
	for ; n > 0; n -= 8 {
		e.Buf = append(e.Buf, byte(set))
		set >>= 8
	}
}

// PutOwn appends an own handle for rep.
func (e *Encoder) PutOwn(rep any, r *wit.Resource) {
	if e.Handles == nil {
		e.putNumber(rep, r)
		return
	}
	i, err := e.Handles.LowerOwn(rep, r)
	if err != nil {
		e.Fail(err)
	}
	e.PutU32(i)
}

// PutBorrow appends a borrow handle for rep.
func (e *Encoder) PutBorrow(rep any, r *wit.Resource) {
	if e.Handles == nil {
		e.putNumber(rep, r)
		return
	}
	i, err := e.Handles.LowerBorrow(rep, r)
	if err != nil {
		e.Fail(err)
	}
	e.PutU32(i)
}

// PutAsync appends a stream, future or error-context of type t; it fails with
// unsupported unless Handles is an [AsyncLowerer].
func (e *Encoder) PutAsync(rep any, t *wit.Type) {
	a, ok := e.Handles.(AsyncLowerer)
	if !ok {
		e.Fail(errcode.New(errcode.Unsupported, "encode %s: it cannot leave its host", kindName(t)))
		return
	}
	i, err := a.LowerAsync(rep, t)
	if err != nil {
		e.Fail(err)
	}
	e.PutU32(i)
}

func (e *Encoder) putNumber(rep any, r *wit.Resource) {
	i, ok := rep.(uint32)
	if !ok {
		e.Fail(errcode.New(errcode.Unsupported, "encode handle of %s: no table of handles", resourceName(r)))
	}
	e.PutU32(i)
}

func (e *Encoder) putUnsigned(v uint64) {
	for v >= 0x80 {
		e.Buf = append(e.Buf, byte(v)|0x80)
		v >>= 7
	}
	e.Buf = append(e.Buf, byte(v))
}

func (e *Encoder) putSigned(v int64) {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			e.Buf = append(e.Buf, b)
			return
		}
		e.Buf = append(e.Buf, b|0x80)
	}
}

// flagsMask has the lowest n bits set.
func flagsMask(n int) uint32 {
	if n >= 32 {
		return math.MaxUint32
	}
	return 1<<n - 1
}

func resourceName(r *wit.Resource) string {
	if r == nil {
		return "an unnamed resource"
	}
	return r.Name
}
