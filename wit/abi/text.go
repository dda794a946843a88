package abi

import (
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"latticework/internal/errcode"
)

// form is how the code units of one string are kept. A component whose
// strings are latin1+utf16 says so string by string, and the specification
// treats its UTF-16 strings unlike those of a utf16 component when they are
// stored again: they were not Latin-1 where they were made.
type form uint8

const (
	formUTF8 form = iota
	formUTF16
	formLatin1
	formTagged // UTF-16 out of latin1+utf16
)

// utf16Tag marks a length as that of UTF-16 in latin1+utf16.
const utf16Tag = 1 << 31

// text is a string in guest memory whose pointer, length and encoding were
// checked. units counts code units of form.
type text struct {
	b     []byte
	form  form
	units uint32
}

// String loads a string; it traps if its pointer or length is out of bounds
// or if it is not valid in the guest's encoding.
func (m *Mem) String(b []byte) string {
	s := m.loadText(b)
	if m.err != nil {
		return ""
	}
	switch s.form {
	case formUTF8:
		return textOf(s.b)
	case formLatin1:
		n := latin1UTF8Len(s.b)
		out := make([]byte, 0, n)
		for _, c := range s.b {
			out = utf8.AppendRune(out, rune(c))
		}
		return unsafe.String(unsafe.SliceData(out), len(out))
	}
	out := make([]byte, 0, len(s.b))
	for i := 0; i < len(s.b); {
		r, n := decodeUTF16(s.b[i:])
		out = utf8.AppendRune(out, r)
		i += n
	}
	return unsafe.String(unsafe.SliceData(out), len(out))
}

// loadText finds and checks the string at b.
func (m *Mem) loadText(b []byte) text { return m.textAt(le.Uint32(b), le.Uint32(b[4:])) }

func (m *Mem) textAt(ptr, tagged uint32) text {
	s := text{form: formUTF8, units: tagged}
	align, size := uint32(1), uint64(tagged)
	switch m.Encoding {
	case UTF16:
		s.form, align, size = formUTF16, 2, 2*uint64(tagged)
	case Latin1UTF16:
		s.form, align = formLatin1, 2
		if tagged&utf16Tag != 0 {
			s.form, s.units = formTagged, tagged^utf16Tag
			size = 2 * uint64(s.units)
		}
	}
	if size > MaxStringByteLength {
		m.trapf("load string: %d bytes > %d", size, MaxStringByteLength)
		return text{}
	}
	s.b = m.View(ptr, uint32(size), align)
	if m.err != nil {
		return text{}
	}
	switch s.form {
	case formUTF8:
		if !utf8.Valid(s.b) {
			m.trapf("load string: %d bytes at %#x are not valid UTF-8", size, ptr)
			return text{}
		}
	case formUTF16, formTagged:
		if !validUTF16(s.b) {
			m.trapf("load string: %d bytes at %#x are not valid UTF-16", size, ptr)
			return text{}
		}
	}
	return s
}

// putText stores s at b: the characters in memory that the guest allocates.
func (m *Mem) putText(b []byte, s text) {
	if len(s.b) > MaxStringByteLength {
		m.Fail(errcode.New(errcode.Exhausted, "store string: %d bytes > %d", len(s.b), MaxStringByteLength))
		return
	}
	ptr, tagged := m.storeText(s)
	if m.err != nil {
		return
	}
	le.PutUint32(b, ptr)
	le.PutUint32(b[4:], tagged)
}

func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func latin1UTF8Len(b []byte) int {
	n := len(b)
	for _, c := range b {
		n += int(c >> 7)
	}
	return n
}

func utf16UTF8Len(b []byte) int {
	n := 0
	for i := 0; i < len(b); {
		r, w := decodeUTF16(b[i:])
		n += utf8.RuneLen(r)
		i += w
	}
	return n
}

func validUTF16(b []byte) bool {
	for i := 0; i < len(b); i += 2 {
		u := le.Uint16(b[i:])
		if u&0xf800 != 0xd800 {
			continue
		}
		if i += 2; u >= 0xdc00 || i >= len(b) || le.Uint16(b[i:])&0xfc00 != 0xdc00 {
			return false
		}
	}
	return true
}

// decodeUTF16 returns the first character of valid UTF-16 and its length in
// bytes.
func decodeUTF16(b []byte) (rune, int) {
	u := rune(le.Uint16(b))
	if u&0xf800 != 0xd800 {
		return u, 2
	}
	return utf16.DecodeRune(u, rune(le.Uint16(b[2:]))), 4
}

// appendUTF16 appends r to b.
func appendUTF16(b []byte, r rune) []byte {
	if r < 0x10000 {
		return le.AppendUint16(b, uint16(r))
	}
	r1, r2 := utf16.EncodeRune(r)
	return le.AppendUint16(le.AppendUint16(b, uint16(r1)), uint16(r2))
}

// next returns the first character of s from byte i and where it ends.
func (s *text) next(i int) (rune, int) {
	switch s.form {
	case formUTF8:
		if c := s.b[i]; c < utf8.RuneSelf {
			return rune(c), i + 1
		}
		r, n := utf8.DecodeRune(s.b[i:])
		return r, i + n
	case formLatin1:
		return rune(s.b[i]), i + 1
	}
	r, n := decodeUTF16(s.b[i:])
	return r, i + n
}
