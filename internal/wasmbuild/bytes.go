package wasmbuild

import "slices"

// U returns v as unsigned LEB128.
func U[T ~int | ~uint32 | ~uint64](v T) []byte {
	var b []byte
	for n := uint64(v); ; n >>= 7 {
		if n < 0x80 {
			return append(b, byte(n))
		}
		b = append(b, byte(n)|0x80)
	}
}

// S returns v as signed LEB128.
func S(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// Cat returns its parts as one.
func Cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// Name returns s with its length before it.
func Name(s string) []byte { return append(U(len(s)), s...) }

// Vec returns items with their number before them.
func Vec(items ...[]byte) []byte { return append(U(len(items)), Cat(items...)...) }

// Section returns a section with its length.
func Section(id byte, content ...[]byte) []byte {
	body := Cat(content...)
	return Cat([]byte{id}, U(len(body)), body)
}

// Preamble returns what a core module begins with.
func Preamble() []byte { return []byte{0, 'a', 's', 'm', 1, 0, 0, 0} }

// Code joins the instructions of a function body: a byte or an int is an
// opcode or an immediate of one byte, a []byte stands for itself.
func Code(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			b = append(b, p)
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		default:
			panic("wasmbuild: code of an unknown type")
		}
	}
	return b
}

// I32 returns i32.const v.
func I32(v int64) []byte { return append([]byte{0x41}, S(int64(int32(v)))...) }

// Call returns call f.
func Call(f uint32) []byte { return append([]byte{0x10}, U(f)...) }
