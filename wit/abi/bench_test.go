package abi

import (
	"strings"
	"testing"

	"latticework/wit"
	"latticework/wit/value"
)

// arena is a realloc that always answers the same place.
type arena struct {
	mem []byte
	at  uint32
}

func (a *arena) Realloc(_, _, _, _ uint32) (uint32, []byte, error) { return a.at, a.mem, nil }

func newArena(size int) *Mem {
	a := &arena{mem: make([]byte, size), at: 64}
	return &Mem{Data: a.mem, Alloc: a}
}

// BenchmarkScalarCall is what a call of (u32, f64, bool, char) costs beside
// the call: core values to the layout of parameters, and loading them.
func BenchmarkScalarCall(b *testing.B) {
	f, err := CompileFunc(&wit.FuncType{Params: []wit.Param{{Type: u32}, {Type: f64}, {Type: boolT}, {Type: char}}, Result: u64})
	if err != nil {
		b.Fatal(err)
	}
	flat := []uint64{1, 2, 3, 'x'}
	c := Call{Params: make([]byte, f.Params.Size()), Result: make([]byte, f.Result.Size())}
	var sum uint64
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Params.Spill(flat, c.Params); err != nil {
			b.Fatal(err)
		}
		sum += uint64(c.U32(c.Params)) + uint64(c.F64(c.Params[8:])) + uint64(c.Char(c.Params[20:]))
		if c.Bool(c.Params[16:]) {
			sum++
		}
		c.PutU64(c.Result, sum)
		if err := f.Result.Unspill(c.Result, flat[:1]); err != nil || c.Err() != nil {
			b.Fatal(err, c.Err())
		}
	}
}

func benchmarkString(b *testing.B, text string) {
	for _, enc := range encodings {
		name := [...]string{"utf8", "utf16", "latin1+utf16"}[enc]
		m := newArena(1 << 16)
		m.Encoding = enc
		at := make([]byte, 8)
		b.Run("store/"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				m.PutString(at, text)
			}
		})
		b.Run("load/"+name, func(b *testing.B) {
			m.PutString(at, text)
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				m.ClearErr()
				if s := m.String(at); len(s) != len(text) {
					b.Fatal(m.Err())
				}
			}
		})
	}
}

func BenchmarkString24(b *testing.B) { benchmarkString(b, "wasi:keyvalue/store-0.2.") }
func BenchmarkString4K(b *testing.B) { benchmarkString(b, strings.Repeat("ascii text ", 373)) }
func BenchmarkStringUni(b *testing.B) {
	benchmarkString(b, strings.Repeat("größer, 大きい ", 100))
}

// BenchmarkCopyBytes1M is a list<u8> of 1 MiB from guest to guest, beside
// what the machine takes to copy it.
func BenchmarkCopyBytes1M(b *testing.B) {
	c, err := CompileType(list(u8))
	if err != nil {
		b.Fatal(err)
	}
	src, dst := newArena(2<<20), newArena(2<<20)
	sb, db := pointerTo(64, 1<<20), make([]byte, 8)
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(1 << 20)
		for b.Loop() {
			src.ClearErr()
			c.Copy(dst, db, src, sb)
		}
		if src.Err() != nil || dst.Err() != nil {
			b.Fatal(src.Err(), dst.Err())
		}
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			copy(dst.Data[64:64+1<<20], src.Data[64:])
		}
	})
}

// BenchmarkWire is a call like keyvalue's set, (borrow, string, list<u8>),
// from guest to wire and back.
func BenchmarkWire(b *testing.B) {
	c, err := CompileType(record(u32, str, list(u8)))
	if err != nil {
		b.Fatal(err)
	}
	m := newArena(1 << 16)
	at := make([]byte, c.Size())
	c.Store(m, at, value.Tuple{value.U32(7), value.String("a-key-of-some-length"), value.Bytes(make([]byte, 256))})
	var e value.Encoder
	var d value.Decoder
	b.Run("to", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.ClearErr()
			e.Reset(e.Buf[:0])
			c.ToWire(m, at, &e)
		}
	})
	b.Run("from", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Reset(e.Buf)
			c.FromWire(m, at, &d)
		}
	})
	if m.Err() != nil || e.Err() != nil || d.Finish() != nil {
		b.Fatal(m.Err(), e.Err(), d.Err())
	}
}
