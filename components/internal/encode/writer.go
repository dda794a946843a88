package encode

import (
	"latticework/internal/errcode"
)

// writer appends the binary format to buf. Its error is sticky: the first
// failure is kept, and what is written after it is of no use.
type writer struct {
	buf []byte
	err error
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = errcode.New(errcode.Invalid, format, args...)
	}
}

func (w *writer) byte(b ...byte) { w.buf = append(w.buf, b...) }

func (w *writer) bool(b bool) {
	if b {
		w.byte(1)
	} else {
		w.byte(0)
	}
}

// uleb writes an unsigned LEB128 number in its shortest form.
func (w *writer) uleb(v uint64) {
	for v >= 0x80 {
		w.byte(byte(v) | 0x80)
		v >>= 7
	}
	w.byte(byte(v))
}

func (w *writer) u32(v uint32) { w.uleb(uint64(v)) }

// sleb writes a signed LEB128 number in its shortest form.
func (w *writer) sleb(v int64) {
	for v < -0x40 || v >= 0x40 {
		w.byte(byte(v) | 0x80)
		v >>= 7
	}
	w.byte(byte(v) & 0x7f)
}

func (w *writer) len(n int) { w.uleb(uint64(n)) }

func (w *writer) name(s string) {
	w.len(len(s))
	w.buf = append(w.buf, s...)
}

// bytes writes data[start:end].
func (w *writer) bytes(data []byte, start, end int, what string) {
	if start < 0 || start > end || end > len(data) {
		w.fail("encode %s: range [%d,%d) of %d bytes", what, start, end, len(data))
		return
	}
	w.buf = append(w.buf, data[start:end]...)
}

// vec writes the length of items and each of them by f.
func vec[T any](w *writer, items []T, f func(T)) {
	w.len(len(items))
	for _, v := range items {
		f(v)
	}
}
