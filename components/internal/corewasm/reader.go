package corewasm

import (
	"unicode/utf8"

	"latticework/internal/errcode"
)

// reader walks bytes of a module. It records the first error and answers
// zeros afterwards, so that callers check once per item.
type reader struct {
	data []byte // the whole module
	pos  int
	end  int // reading stops here: the end of a section or of a body
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		args = append([]any{r.pos}, args...)
		r.err = errcode.New(errcode.Invalid, "read core module at 0x%x: "+format, args...)
	}
	r.pos = r.end
}

// left returns how many bytes may still be read.
func (r *reader) left() int { return r.end - r.pos }

func (r *reader) byte() byte {
	if r.pos >= r.end {
		r.fail("unexpected end")
		return 0
	}
	b := r.data[r.pos]
	r.pos++
	return b
}

// leb reads an unsigned LEB128 number of at most bits bits.
func (r *reader) leb(bits uint) uint64 {
	if r.pos < r.end {
		if b := r.data[r.pos]; b < 0x80 {
			r.pos++
			return uint64(b)
		}
	}
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if shift+7 > bits && b>>(bits-shift) != 0 {
			r.fail("number is longer than %d bits", bits)
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (r *reader) u32() uint32 { return uint32(r.leb(32)) }

// skipLEB passes a number of at most max bytes whose value does not matter.
func (r *reader) skipLEB(max int) {
	for range max {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("number is longer than %d bytes", max)
}

// sleb reads a signed LEB128 number of at most 64 bits.
func (r *reader) sleb(bits uint) int64 {
	var v int64
	for shift := uint(0); ; {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		v |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			if shift < 64 && b&0x40 != 0 {
				v |= -1 << shift
			}
			return v
		}
		if shift >= bits {
			r.fail("number is longer than %d bits", bits)
			return 0
		}
	}
}

func (r *reader) skip(n uint64) {
	if uint64(r.left()) < n {
		r.fail("%d bytes stated, %d are left", n, r.left())
		return
	}
	r.pos += int(n)
}

// count reads a vector's length: each item takes at least one byte, so a
// length above the bytes left is a lie. what is named in errors.
func (r *reader) count(what string, limit int) int {
	n := r.leb(32)
	if n > uint64(r.left()) {
		r.fail("%s: %d stated, %d bytes are left", what, n, r.left())
		return 0
	}
	if n > uint64(limit) {
		if r.err == nil {
			r.err = errcode.New(errcode.Exhausted, "core module %s: %d > %d", what, n, limit)
		}
		r.pos = r.end
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.leb(32)
	start := r.pos
	r.skip(n)
	if r.err != nil {
		return nil
	}
	return r.data[start:r.pos]
}

func (r *reader) name() string {
	b := r.bytes()
	if !utf8.Valid(b) {
		r.fail("name is not UTF-8")
		return ""
	}
	return string(b)
}

// appendLEB appends v as unsigned LEB128.
func appendLEB(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendSLEB(b []byte, v int64) []byte {
	for v < -64 || v >= 64 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

func appendName(b []byte, s string) []byte {
	b = appendLEB(b, uint64(len(s)))
	return append(b, s...)
}
