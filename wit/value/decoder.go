package value

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"latticework/internal/errcode"
	"latticework/wit"
)

// Limits of what a [Decoder] takes.
const (
	// MaxZeroSized bounds the length of a list whose elements take no bytes
	// on the wire.
	MaxZeroSized = 1 << 16
	// DefaultMaxDecoded is the bound on the memory that [Decode] builds from
	// one Decoder, in bytes.
	DefaultMaxDecoded = 64 << 20
)

// HandleLifter says what resource handles on the wire stand for.
type HandleLifter interface {
	LiftOwn(i uint32, r *wit.Resource) (any, error)
	LiftBorrow(i uint32, r *wit.Resource) (any, error)
}

// AsyncLifter is implemented by a [HandleLifter] that can also receive
// streams, futures and error-contexts.
type AsyncLifter interface {
	LiftAsync(i uint32, t *wit.Type) (any, error)
}

// Decoder reads values in the value encoding. The first failure is kept, see
// [Decoder.Err]; after it every read answers a zero value and consumes
// nothing, so that callers may check once at the end.
type Decoder struct {
	// Handles says what handles stand for. Without it a handle's rep is its
	// number as uint32.
	Handles HandleLifter
	// MaxDecoded bounds the memory that Decode builds, in bytes; 0 means
	// DefaultMaxDecoded.
	MaxDecoded int

	buf  []byte
	off  int
	used int // bytes that Decode has built
	err  error
}

// NewDecoder returns a decoder of b, which must not change while it is used.
func NewDecoder(b []byte) *Decoder { return &Decoder{buf: b} }

// Reset makes the decoder read b from its start, without an error; Handles
// and MaxDecoded stay.
func (d *Decoder) Reset(b []byte) { d.buf, d.off, d.used, d.err = b, 0, 0, nil }

// Err returns the first failure; all but those of Fail and of Handles have
// the code invalid or exhausted.
func (d *Decoder) Err() error { return d.err }

// Fail records err as the failure, unless there is one already.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Rest returns the bytes that were not read yet.
func (d *Decoder) Rest() []byte { return d.buf[d.off:] }

// Finish fails unless every byte was read, and returns the first failure.
func (d *Decoder) Finish() error {
	if d.err == nil && d.off != len(d.buf) {
		d.failf("%d bytes after the last value", len(d.buf)-d.off)
	}
	return d.err
}

func (d *Decoder) failf(format string, args ...any) {
	args = append([]any{d.off}, args...)
	d.Fail(errcode.New(errcode.Invalid, "decode value at byte %d: "+format, args...))
}

// Take reads n bytes, the elements of n bytes or so many signed ones, and
// returns them as part of the input; nil after a failure.
func (d *Decoder) Take(n int) []byte { return d.take(n) }

// take returns the next n bytes, nil after a failure.
func (d *Decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.buf)-d.off {
		d.failf("need %d bytes, have %d", n, len(d.buf)-d.off)
		return nil
	}
	b := d.buf[d.off : d.off+n]
	d.off += n
	return b
}

func (d *Decoder) byte() byte {
	if d.err == nil && d.off < len(d.buf) {
		b := d.buf[d.off]
		d.off++
		return b
	}
	if d.err == nil {
		d.failf("need 1 bytes, have 0")
	}
	return 0
}

// Bool reads a bool.
func (d *Decoder) Bool() bool {
	b := d.byte()
	if b > 1 {
		d.failf("bool %#x is neither 0 nor 1", b)
		return false
	}
	return b == 1
}

// S8 reads an s8.
func (d *Decoder) S8() int8 { return int8(d.byte()) }

// U8 reads a u8.
func (d *Decoder) U8() uint8 { return d.byte() }

// S16 reads an s16.
func (d *Decoder) S16() int16 { return int16(d.signed(16)) }

// U16 reads a u16.
func (d *Decoder) U16() uint16 { return uint16(d.unsigned(16)) }

// S32 reads an s32.
func (d *Decoder) S32() int32 { return int32(d.signed(32)) }

// U32 reads a u32.
func (d *Decoder) U32() uint32 { return uint32(d.unsigned(32)) }

// S64 reads an s64.
func (d *Decoder) S64() int64 { return d.signed(64) }

// U64 reads a u64.
func (d *Decoder) U64() uint64 { return d.unsigned(64) }

// F32 reads an f32; every NaN becomes the canonical one.
func (d *Decoder) F32() float32 {
	b := d.take(4)
	if b == nil {
		return 0
	}
	f := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if f != f {
		return math.Float32frombits(canonicalNaN32)
	}
	return f
}

// F64 reads an f64; every NaN becomes the canonical one.
func (d *Decoder) F64() float64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if f != f {
		return math.Float64frombits(canonicalNaN64)
	}
	return f
}

// Char reads a char.
func (d *Decoder) Char() rune {
	if d.err != nil {
		return 0
	}
	r, n := utf8.DecodeRune(d.buf[d.off:])
	if r == utf8.RuneError && n <= 1 {
		d.failf("char is not valid UTF-8")
		return 0
	}
	d.off += n
	return r
}

// String reads a string.
func (d *Decoder) String() string { return string(d.StringView()) }

// StringView reads a string and returns its UTF-8 bytes as part of the input.
func (d *Decoder) StringView() []byte {
	b := d.BytesView()
	if !utf8.Valid(b) {
		d.failf("string of %d bytes is not valid UTF-8", len(b))
		return nil
	}
	return b
}

// Bytes reads a list<u8> and returns a copy, never nil without a failure.
func (d *Decoder) Bytes() []byte {
	v := d.BytesView()
	if d.err != nil {
		return nil
	}
	b := make([]byte, len(v))
	copy(b, v)
	return b
}

// BytesView reads a list<u8> and returns it as part of the input.
func (d *Decoder) BytesView() []byte { return d.take(d.Len(1)) }

// Len reads the length of a list whose elements take at least minElemBytes
// each; it fails if the bytes that remain cannot hold so many.
func (d *Decoder) Len(minElemBytes int) int {
	n := d.unsigned(32)
	if d.err != nil {
		return 0
	}
	left := uint64(len(d.buf) - d.off)
	switch {
	case minElemBytes > 0 && n > left/uint64(minElemBytes):
		d.failf("list of %d elements of at least %d bytes, %d bytes left", n, minElemBytes, left)
		return 0
	case minElemBytes <= 0 && n > MaxZeroSized:
		d.Fail(errcode.New(errcode.Exhausted, "decode list of empty elements: length %d > %d", n, MaxZeroSized))
		return 0
	}
	return int(n)
}

// Disc reads the case of a variant, enum, option or result with ncases cases.
func (d *Decoder) Disc(ncases int) int {
	i := d.unsigned(32)
	if d.err == nil && i >= uint64(ncases) {
		d.failf("case %d of %d", i, ncases)
		return 0
	}
	return int(i)
}

// Flags reads n flags, of which it returns the first 32.
func (d *Decoder) Flags(n int) uint32 {
	var bits uint32
	for i, b := range d.take((n + 7) / 8) {
		if i < 4 {
			bits |= uint32(b) << (8 * i)
		}
	}
	return bits & flagsMask(n)
}

// Own reads an own handle of type r and returns what it stands for.
func (d *Decoder) Own(r *wit.Resource) any {
	i := d.U32()
	if d.err != nil {
		return nil
	}
	if d.Handles == nil {
		return i
	}
	rep, err := d.Handles.LiftOwn(i, r)
	if err != nil {
		d.Fail(err)
	}
	return rep
}

// Borrow reads a borrow handle of type r and returns what it stands for.
func (d *Decoder) Borrow(r *wit.Resource) any {
	i := d.U32()
	if d.err != nil {
		return nil
	}
	if d.Handles == nil {
		return i
	}
	rep, err := d.Handles.LiftBorrow(i, r)
	if err != nil {
		d.Fail(err)
	}
	return rep
}

// Async reads a stream, future or error-context of type t; it fails with
// unsupported unless Handles is an [AsyncLifter].
func (d *Decoder) Async(t *wit.Type) any {
	a, ok := d.Handles.(AsyncLifter)
	if !ok {
		d.Fail(errcode.New(errcode.Unsupported, "decode %s: it cannot leave its host", kindName(t)))
		return nil
	}
	i := d.U32()
	if d.err != nil {
		return nil
	}
	rep, err := a.LiftAsync(i, t)
	if err != nil {
		d.Fail(err)
	}
	return rep
}

// unsigned reads an unsigned LEB128 of at most bits bits, as strictly as core
// WebAssembly does.
func (d *Decoder) unsigned(bits int) uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		if d.err != nil {
			return 0
		}
		if left := bits - shift; left < 7 && (left <= 0 || b&0x7f>>left != 0 || b&0x80 != 0) {
			d.failf("integer does not fit into %d bits", bits)
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
}

// signed reads a signed LEB128 of at most bits bits, as strictly as core
// WebAssembly does.
func (d *Decoder) signed(bits int) int64 {
	var v int64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		if d.err != nil {
			return 0
		}
		left := bits - shift
		if left < 7 {
			top := int8(b<<1) >> left // sign bits beyond the width, all equal
			if left <= 0 || b&0x80 != 0 || top != 0 && top != -1 {
				d.failf("integer does not fit into %d bits", bits)
				return 0
			}
		}
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if s := shift + 7; s < 64 {
				v = v << (64 - s) >> (64 - s)
			}
			return v
		}
	}
}
