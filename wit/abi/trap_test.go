package abi

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/value"
)

func prim(k wit.Kind) *wit.Type    { return wit.Primitive(k) }
func list(t *wit.Type) *wit.Type   { return &wit.Type{Kind: wit.KindList, Elem: t} }
func option(t *wit.Type) *wit.Type { return &wit.Type{Kind: wit.KindOption, Elem: t} }

func record(ts ...*wit.Type) *wit.Type {
	t := &wit.Type{Kind: wit.KindTuple}
	for _, f := range ts {
		t.Fields = append(t.Fields, wit.Field{Type: f})
	}
	return t
}

func variant(ts ...*wit.Type) *wit.Type {
	t := &wit.Type{Kind: wit.KindVariant}
	for _, c := range ts {
		t.Cases = append(t.Cases, wit.Case{Name: "c", Type: c})
	}
	return t
}

var (
	boolT, s8, u8, s16, u32, u64 = prim(wit.KindBool), prim(wit.KindS8), prim(wit.KindU8), prim(wit.KindS16), prim(wit.KindU32), prim(wit.KindU64)
	f32, f64, char, str          = prim(wit.KindF32), prim(wit.KindF64), prim(wit.KindChar), prim(wit.KindString)

	flags3 = &wit.Type{Kind: wit.KindFlags, Flags: []string{"a", "b", "c"}}
)

func compile(t testing.TB, typ *wit.Type) *Codec {
	t.Helper()
	c, err := CompileType(typ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantFailure checks an error's code and text.
func wantFailure(t *testing.T, what string, err error, code errcode.Code, text string) {
	t.Helper()
	if err == nil || errcode.Of(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: have %v (%s), want %s (%s)", what, err, errcode.Of(err), text, code)
	}
}

// pointerTo is a pointer and a length as a guest writes them.
func pointerTo(ptr, length uint32) []byte {
	return le.AppendUint32(le.AppendUint32(nil, ptr), length)
}

func TestLoadTraps(t *testing.T) {
	data := make([]byte, 64)
	copy(data[32:], "\xff\x00\xd8\x41\x00\x00\xdc") // at 33: a high surrogate, A, a low surrogate
	copy(data[40:], "\x00\xd8\x41\x00\x00\xdc")
	copy(data[48:], "\x00\xdc\x00\xdc")
	for _, c := range []struct {
		name string
		t    *wit.Type
		enc  Encoding
		b    []byte
		want string
	}{
		{"string out of memory", str, UTF8, pointerTo(60, 5), "5 bytes at 0x3c, memory has 64"},
		{"string at the end of the address space", str, UTF8, pointerTo(math.MaxUint32, 1), "1 bytes at 0xffffffff"},
		{"empty string out of memory", str, UTF8, pointerTo(65, 0), "0 bytes at 0x41"},
		{"string too long", str, UTF8, pointerTo(0, 1<<28), "268435456 bytes > 268435455"},
		{"UTF-16 string too long", str, UTF16, pointerTo(0, 1<<27), "268435456 bytes > 268435455"},
		{"UTF-16 string whose length would overflow", str, UTF16, pointerTo(0, 1<<31), "4294967296 bytes > 268435455"},
		{"tagged string too long", str, Latin1UTF16, pointerTo(0, utf16Tag|1<<27), "268435456 bytes > 268435455"},
		{"UTF-16 string unaligned", str, UTF16, pointerTo(33, 1), "0x21 is not aligned to 2"},
		{"Latin-1 string unaligned", str, Latin1UTF16, pointerTo(33, 1), "0x21 is not aligned to 2"},
		{"invalid UTF-8", str, UTF8, pointerTo(32, 1), "1 bytes at 0x20 are not valid UTF-8"},
		{"high surrogate at the end", str, UTF16, pointerTo(40, 1), "2 bytes at 0x28 are not valid UTF-16"},
		{"high surrogate before A", str, UTF16, pointerTo(40, 2), "4 bytes at 0x28 are not valid UTF-16"},
		{"low surrogate alone", str, UTF16, pointerTo(44, 1), "2 bytes at 0x2c are not valid UTF-16"},
		{"two low surrogates", str, UTF16, pointerTo(48, 2), "4 bytes at 0x30 are not valid UTF-16"},
		{"tagged low surrogate alone", str, Latin1UTF16, pointerTo(44, utf16Tag|1), "2 bytes at 0x2c are not valid UTF-16"},
		{"list out of memory", list(u32), UTF8, pointerTo(60, 2), "8 bytes at 0x3c, memory has 64"},
		{"list unaligned", list(u32), UTF8, pointerTo(2, 1), "0x2 is not aligned to 4"},
		{"empty list unaligned", list(u64), UTF8, pointerTo(4, 0), "0x4 is not aligned to 8"},
		{"list too long", list(u64), UTF8, pointerTo(0, 1<<25), "268435456 bytes > 268435455"},
		{"list whose size would overflow", list(u64), UTF8, pointerTo(0, 1<<29+1), "4294967304 bytes > 268435455"},
		{"char of a high surrogate", char, UTF8, []byte{0, 0xd8, 0, 0}, "0xd800 is no Unicode scalar value"},
		{"char of a low surrogate", char, UTF8, []byte{0xff, 0xdf, 0, 0}, "0xdfff is no Unicode scalar value"},
		{"char too large", char, UTF8, []byte{0, 0, 0x11, 0}, "0x110000 is no Unicode scalar value"},
		{"case that does not exist", option(u8), UTF8, []byte{2, 0}, "2 of 2 cases"},
	} {
		codec := compile(t, c.t)
		m := &Mem{Data: data, Encoding: c.enc}
		v := codec.Load(m, c.b)
		wantFailure(t, "load "+c.name, m.Err(), errcode.Trap, c.want)
		if v != nil {
			t.Errorf("load %s: have %v with the error", c.name, v)
		}

		m.ClearErr()
		var e value.Encoder
		codec.ToWire(m, c.b, &e)
		wantFailure(t, "to wire "+c.name, m.Err(), errcode.Trap, c.want)

		m.ClearErr()
		dst, _ := newMem(UTF8)
		codec.Copy(dst, place(t, dst, codec), m, c.b)
		wantFailure(t, "copy "+c.name, m.Err(), errcode.Trap, c.want)
	}
}

func TestLoadAcceptsTheEdges(t *testing.T) {
	m := &Mem{Data: make([]byte, 64)}
	copy(m.Data[56:], "\x3d\xd8\x4b\xdc") // a surrogate pair
	for _, c := range []struct {
		t    *wit.Type
		enc  Encoding
		b    []byte
		want value.Value
	}{
		{str, UTF8, pointerTo(64, 0), value.String("")},
		{str, UTF8, pointerTo(63, 1), value.String("\x00")},
		{str, UTF16, pointerTo(56, 2), value.String("👋")},
		{list(u32), UTF8, pointerTo(60, 1), value.List{value.U32(0)}},
		{list(u32), UTF8, pointerTo(64, 0), value.List{}},
		{char, UTF8, []byte{0xff, 0xd7, 0, 0}, value.Char(0xd7ff)},
		{char, UTF8, []byte{0, 0xe0, 0, 0}, value.Char(0xe000)},
		{char, UTF8, []byte{0xff, 0xff, 0x10, 0}, value.Char(0x10ffff)},
		{boolT, UTF8, []byte{0x80}, value.Bool(true)},
		{flags3, UTF8, []byte{0xff}, value.Flags{7}},
	} {
		m.ClearErr()
		m.Encoding = c.enc
		codec := compile(t, c.t)
		if have := codec.Load(m, c.b); m.Err() != nil || !value.Equal(have, c.want) {
			t.Errorf("load %x: have %v, %v, want %v", c.b, have, m.Err(), c.want)
		}
	}
}

func TestReallocIsChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		t      *wit.Type
		enc    Encoding
		v      value.Value
		answer func(uint32) uint32
		want   string
	}{
		{"list unaligned", list(u32), UTF8, value.List{value.U32(1)}, func(p uint32) uint32 { return p + 2 }, "not aligned to 4"},
		{"list out of memory", list(u32), UTF8, value.List{value.U32(1)}, func(uint32) uint32 { return 1<<16 - 0 }, "realloc answered 0x10000, memory has 65536"},
		{"list at the end of the address space", list(u8), UTF8, value.Bytes{1, 2}, func(uint32) uint32 { return math.MaxUint32 }, "realloc answered 0xffffffff"},
		{"string out of memory", str, UTF8, value.String("ab"), func(uint32) uint32 { return 1<<16 - 1 }, "realloc answered 0xffff"},
		{"UTF-16 unaligned", str, UTF16, value.String("ab"), func(p uint32) uint32 { return p | 1 }, "not aligned to 2"},
		{"Latin-1 unaligned", str, Latin1UTF16, value.String("ab"), func(p uint32) uint32 { return p | 1 }, "not aligned to 2"},
	} {
		codec := compile(t, c.t)
		m, h := newMem(c.enc)
		b := place(t, m, codec)
		h.answer = c.answer
		codec.Store(m, b, c.v)
		wantFailure(t, c.name, m.Err(), errcode.Trap, c.want)
		if !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("%s: stored %x", c.name, b)
		}
	}
}

func TestMemoryAndReallocMayBeMissing(t *testing.T) {
	m := new(Mem)
	b := make([]byte, 8)
	compile(t, str).Store(m, b, value.String("x"))
	wantFailure(t, "store", m.Err(), errcode.Unsupported, "the guest gave no realloc")
	m.ClearErr()
	compile(t, str).Load(m, pointerTo(0, 1))
	wantFailure(t, "load", m.Err(), errcode.Trap, "memory has 0")
	m.ClearErr()
	m.PutU32(b, 7)
	if m.U32(b) != 7 || m.Err() != nil {
		t.Errorf("scalars need no memory: %v", m.Err())
	}
	if elems := m.PutList(b, 3, 8, 4); len(elems) != 24 || m.Err() == nil {
		t.Errorf("put list after a failure: %d bytes, %v", len(elems), m.Err())
	}
}

func TestHandleTablesMayBeMissing(t *testing.T) {
	m := new(Mem)
	r := &wit.Resource{Name: "bucket"}
	b := []byte{1, 0, 0, 0}
	for name, f := range map[string]func(){
		"own": func() { m.Own(b, r) }, "borrow": func() { m.Borrow(b, r) },
		"put own": func() { m.PutOwn(b, 1, r) }, "put borrow": func() { m.PutBorrow(b, 1, r) },
	} {
		m.ClearErr()
		f()
		wantFailure(t, name, m.Err(), errcode.Unsupported, `handle of resource "bucket": no table of handles`)
	}
	for _, k := range []wit.Kind{wit.KindStream, wit.KindFuture, wit.KindErrorContext} {
		c := compile(t, &wit.Type{Kind: k})
		if c.Size() != 4 || c.Align() != 4 || coreNames(c.Flat()) != "i32" {
			t.Errorf("kind %d: size %d, align %d, flat %v", k, c.Size(), c.Align(), c.Flat())
		}
		m.ClearErr()
		c.Load(m, b)
		wantFailure(t, "load async", m.Err(), errcode.Unsupported, "not supported here")
		m.ClearErr()
		c.Store(m, b, value.Async{})
		wantFailure(t, "store async", m.Err(), errcode.Unsupported, "not supported here")
	}
}

// asyncTable counts what passes through it.
type asyncTable struct{ rep any }

func (a *asyncTable) LiftAsync(i uint32, t *wit.Type) (any, error) { return a.rep, nil }

func (a *asyncTable) LowerAsync(rep any, t *wit.Type) (uint32, error) {
	a.rep = rep
	return 77, nil
}

func TestAsyncHandlesPass(t *testing.T) {
	table := new(asyncTable)
	m := &Mem{Async: table}
	c := compile(t, &wit.Type{Kind: wit.KindStream, Elem: u8})
	b := make([]byte, 4)
	c.Store(m, b, value.Async{Rep: "s"})
	if have := c.Load(m, b); m.Err() != nil || b[0] != 77 || !value.Equal(have, value.Async{Rep: "s"}) {
		t.Errorf("stored %x, loaded %v, %v", b, have, m.Err())
	}
	var e value.Encoder
	c.ToWire(m, b, &e)
	wantFailure(t, "to wire", e.Err(), errcode.Unsupported, "it cannot leave its host")
}

func TestForgedHandlesFail(t *testing.T) {
	m, _ := newMem(UTF8)
	r, other := &wit.Resource{Name: "bucket"}, &wit.Resource{Name: "other"}
	b := make([]byte, 4)
	m.PutOwn(b, "rep", r)
	if m.Borrow(b, r) != "rep" || m.Err() != nil {
		t.Fatalf("borrow: %v", m.Err())
	}
	if m.Own(b, other) != nil || errcode.Of(m.Err()) != errcode.Trap {
		t.Errorf("own of another type: %v", m.Err())
	}
	m.ClearErr()
	if m.Own(b, r) != "rep" || m.Err() != nil {
		t.Fatalf("own: %v", m.Err())
	}
	if m.Own(b, r) != nil || errcode.Of(m.Err()) != errcode.Trap {
		t.Errorf("own twice: %v", m.Err())
	}
}

// TestAliasesAreBounded: a small list can name one large string many times.
func TestAliasesAreBounded(t *testing.T) {
	c := compile(t, list(str))
	src := &Mem{Data: make([]byte, 1<<20)}
	const n = 1 << 12
	for i := range uint32(n) {
		copy(src.Data[8*i:], pointerTo(0, 1<<20))
	}
	b := pointerTo(0, n)
	src.MaxMoved = 8 << 20
	var e value.Encoder
	c.ToWire(src, b, &e)
	wantFailure(t, "to wire", src.Err(), errcode.Exhausted, "bytes moved > 8388608")
	src.ClearErr()
	c.Load(src, b)
	wantFailure(t, "load", src.Err(), errcode.Exhausted, "bytes moved > 8388608")
	src.ClearErr()
	dst, _ := newMem(UTF8)
	c.Copy(dst, place(t, dst, c), src, b)
	if src.Err() == nil && dst.Err() == nil {
		t.Error("copy moved 4 GiB")
	}
	src.ClearErr()
	src.MaxMoved = 0
	e.Reset(nil)
	c.ToWire(src, b, &e)
	wantFailure(t, "to wire", e.Err(), errcode.Exhausted, "> 67108864")

	src.ClearErr()
	lists := compile(t, list(list(boolT)))
	lists.Load(src, b)
	wantFailure(t, "load lists", src.Err(), errcode.Exhausted, "more than 2097152 values")
}

// TestHostileLengthsCostNothing: elements that are small on the wire and
// large in memory must not be allocated before that is found out.
func TestHostileLengthsCostNothing(t *testing.T) {
	big := variant(nil, &wit.Type{Kind: wit.KindFixedList, Elem: u8, Len: 1 << 27})
	c := compile(t, list(big))
	m, _ := newMem(UTF8)
	in := append([]byte{200, 1}, make([]byte, 200)...)
	c.FromWire(m, place(t, m, c), value.NewDecoder(in))
	wantFailure(t, "from wire", m.Err(), errcode.Exhausted, "store list: 200 elements")
	m.ClearErr()
	vs := make(value.List, 200)
	for i := range vs {
		vs[i] = value.Variant{}
	}
	c.Store(m, place(t, m, c), vs)
	wantFailure(t, "store", m.Err(), errcode.Exhausted, "store list: 200 elements")
}
