package binary

import (
	"math"
	"unicode/utf8"

	"latticework/internal/errcode"
)

// budget is what one decoding may still use; readers of the same input share
// it.
type budget struct {
	limits Limits
	items  int // used
	max    int
}

// reader reads data[pos:end]. Its error is sticky: after the first failure
// every read returns a zero value and counts are 0, so that loops end.
type reader struct {
	data     []byte
	pos, end int
	b        *budget
	err      error
}

// sub returns a reader of the next n bytes, which r skips.
func (r *reader) sub(n int) *reader {
	s := &reader{data: r.data, pos: r.pos, end: r.pos + n, b: r.b, err: r.err}
	r.pos += n
	return s
}

func (r *reader) left() int { return r.end - r.pos }

// fail records the first failure, which happened at offset at.
func (r *reader) fail(at int, what, format string, args ...any) {
	if r.err == nil {
		r.err = errcode.New(errcode.Invalid, "decode %s at %#x: %w", what, at, errcode.New(errcode.Invalid, format, args...))
	}
	r.pos = r.end
}

func (r *reader) exhaust(at int, what string, used, allowed int) {
	if r.err == nil {
		r.err = errcode.New(errcode.Exhausted, "decode %s at %#x: %d > %d", what, at, used, allowed)
	}
	r.pos = r.end
}

func (r *reader) eof(what string) { r.fail(r.end, what, "unexpected end-of-file") }

// leading reports a byte, the one just read, that starts nothing known.
func (r *reader) leading(b byte, what string) {
	r.fail(r.pos-1, what, "invalid leading byte (%#x) for %s", b, what)
}

func (r *reader) byte(what string) byte {
	if r.pos >= r.end {
		r.eof(what)
		return 0
	}
	r.pos++
	return r.data[r.pos-1]
}

// peek returns the next byte without reading it, or 0 at the end.
func (r *reader) peek() byte {
	if r.pos >= r.end {
		return 0
	}
	return r.data[r.pos]
}

// bool reads a byte that must be 0 or 1.
func (r *reader) bool(what string) bool {
	b := r.byte(what)
	if b > 1 {
		r.fail(r.pos-1, what, "invalid boolean value %#x", b)
	}
	return b == 1
}

// uleb reads an unsigned LEB128 number of at most bits bits.
func (r *reader) uleb(bits uint, what string) uint64 {
	start := r.pos
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b := r.byte(what)
		if r.err != nil {
			return 0
		}
		if shift+7 > bits {
			if b&0x80 != 0 {
				r.fail(start, what, "integer representation too long")
				return 0
			}
			if b>>(bits-shift) != 0 {
				r.fail(start, what, "integer too large")
				return 0
			}
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
}

func (r *reader) u32(what string) uint32 { return uint32(r.uleb(32, what)) }

// length reads a number of bytes or items: one that an int of 32 bits does not
// hold is more than any input has.
func (r *reader) length(what string) int { return int(min(r.uleb(32, what), math.MaxInt)) }

// sleb reads a signed LEB128 number of at most bits bits.
func (r *reader) sleb(bits uint, what string) int64 {
	start := r.pos
	var v int64
	for shift := uint(0); ; shift += 7 {
		b := r.byte(what)
		if r.err != nil {
			return 0
		}
		if shift+7 > bits {
			if b&0x80 != 0 {
				r.fail(start, what, "integer representation too long")
				return 0
			}
			// All bits from the sign bit on must be equal.
			top := int8(b<<1) >> (bits - shift)
			if top != 0 && top != -1 {
				r.fail(start, what, "integer too large")
				return 0
			}
		}
		if shift < 64 {
			v |= int64(b&0x7f) << shift
		}
		if b&0x80 == 0 {
			if shift+7 < 64 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

// count reads the length of a vector whose items take at least one byte each,
// and charges them to the budget.
func (r *reader) count(what string) int {
	at := r.pos
	n := r.length(what)
	if r.err != nil {
		return 0
	}
	if n > r.left() {
		r.fail(at, what, "unexpected end-of-file: %d items in %d bytes", n, r.left())
		return 0
	}
	if !r.charge(at, n) {
		return 0
	}
	return n
}

// charge takes n items from the budget.
func (r *reader) charge(at, n int) bool {
	if n > r.b.max-r.b.items {
		r.exhaust(at, "items", r.b.items+n, r.b.max)
		return false
	}
	r.b.items += n
	return true
}

// bytes reads n bytes; the result aliases the input.
func (r *reader) bytes(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.eof(what)
		return nil
	}
	r.pos += n
	return r.data[r.pos-n : r.pos]
}

// name reads a UTF-8 string with its length.
func (r *reader) name(what string) string {
	at := r.pos
	n := r.length(what)
	if n > r.left() {
		r.eof(what)
		return ""
	}
	if n > r.b.limits.Name {
		r.exhaust(at, what+" length", n, r.b.limits.Name)
		return ""
	}
	b := r.bytes(n, what)
	if !utf8.Valid(b) {
		r.fail(at, what, "malformed UTF-8 encoding")
		return ""
	}
	return string(b)
}

// vec reads a vector by calling item for each element, as long as there is no
// error.
func vec[T any](r *reader, what string, item func() T) []T {
	n := r.count(what)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		v := item()
		if r.err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}
