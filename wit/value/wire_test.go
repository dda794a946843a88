package value_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
	"latticework/wit"
	"latticework/wit/value"
	"latticework/wit/value/valuetest"
)

// TestEncode pins the bytes of Binary.md's val productions.
func TestEncode(t *testing.T) {
	nan := value.F32(math.Float32frombits(0xffc12345))
	nan64 := value.F64(math.Float64frombits(0x7ff0000000000001))
	own := &wit.Type{Kind: wit.KindOwn, Resource: &wit.Resource{Name: "r"}}
	wide := &wit.Type{Kind: wit.KindFlags, Flags: strings.Split(strings.Repeat("f ", 11)+"f", " ")}
	for _, c := range []struct {
		t    *wit.Type
		v    value.Value
		want string
	}{
		{boolT, value.Bool(true), "\x01"},
		{u8, value.U8(200), "\xc8"},
		{s8, value.S8(-1), "\xff"},
		{s16, value.S16(-1), "\x7f"},
		{s16, value.S16(64), "\xc0\x00"},
		{s16, value.S16(-32768), "\x80\x80\x7e"},
		{u32, value.U32(624485), "\xe5\x8e\x26"},
		{s64, value.S64(-123456), "\xc0\xbb\x78"},
		{u64, value.U64(math.MaxUint64), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		{f32, value.F32(1), "\x00\x00\x80\x3f"},
		{f32, nan, "\x00\x00\xc0\x7f"},
		{f64, nan64, "\x00\x00\x00\x00\x00\x00\xf8\x7f"},
		{char, value.Char('é'), "é"},
		{str, value.String("hé"), "\x03hé"},
		{list(u8), value.Bytes("ab"), "\x02ab"},
		{list(u8), value.List{value.U8(1)}, "\x01\x01"},
		{list(boolT), value.List{value.Bool(false)}, "\x01\x00"},
		{two, value.List{value.S16(1), value.S16(2)}, "\x01\x02"},
		{ages, value.List{value.Tuple{value.String("a"), value.U32(7)}}, "\x01\x01a\x07"},
		{point, value.Record{value.U32(128), value.Option{Value: value.String("")}}, "\x80\x01\x01\x00"},
		{pair, value.Tuple{value.String("a"), value.U8(9)}, "\x01a\x09"},
		{shape, value.Variant{Case: 1, Payload: value.F64(0)}, "\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
		{level, value.Enum(1), "\x01"},
		{option(u8), value.Option{}, "\x00"},
		{result(u8, nil), value.Result{IsErr: true}, "\x01"},
		{result(u8, nil), value.Result{Value: value.U8(5)}, "\x00\x05"},
		{perms, value.Flags{5}, "\x05"},
		{wide, value.Flags{0x801}, "\x01\x08"},
		{own, value.Handle{Rep: uint32(300), Owned: true}, "\xac\x02"},
	} {
		var e value.Encoder
		value.Encode(&e, c.t, c.v)
		if e.Err() != nil || string(e.Buf) != c.want {
			t.Errorf("encode %v: have %x, %v, want %x", c.v, e.Buf, e.Err(), c.want)
		}
		d := value.NewDecoder([]byte(c.want))
		have := value.Decode(d, c.t)
		if d.Finish() != nil || !value.Equal(have, c.v) {
			t.Errorf("decode %x: have %v, %v, want %v", c.want, have, d.Err(), c.v)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	huge := &wit.Type{Kind: wit.KindFixedList, Elem: u32, Len: math.MaxUint32}
	for _, c := range []struct {
		t    *wit.Type
		in   string
		want string
		code errcode.Code
	}{
		{boolT, "\x02", "byte 1: bool 0x2 is neither 0 nor 1", errcode.Invalid},
		{u8, "", "need 1 bytes, have 0", errcode.Invalid},
		{f32, "\x00", "need 4 bytes, have 1", errcode.Invalid},
		{prim(wit.KindU16), "\x80\x80\x04", "does not fit into 16 bits", errcode.Invalid},
		{prim(wit.KindU16), "\x80\x80\x80\x00", "does not fit into 16 bits", errcode.Invalid},
		{s16, "\x80\x80\x02", "does not fit into 16 bits", errcode.Invalid},
		{s16, "\xff\xff\x7b", "does not fit into 16 bits", errcode.Invalid},
		{u64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "does not fit into 64 bits", errcode.Invalid},
		{s64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "does not fit into 64 bits", errcode.Invalid},
		{char, "\xff", "char is not valid UTF-8", errcode.Invalid},
		{char, "\xed\xa0\x80", "char is not valid UTF-8", errcode.Invalid},
		{str, "\x02\xc3(", "string of 2 bytes is not valid UTF-8", errcode.Invalid},
		{str, "\x05abc", "list of 5 elements of at least 1 bytes, 3 bytes left", errcode.Invalid},
		{list(f64), "\x02\x00\x00\x00\x00\x00\x00\x00\x00", "list of 2 elements of at least 8 bytes", errcode.Invalid},
		{list(u8), "\xff\xff\xff\xff\x0f", "list of 4294967295 elements", errcode.Invalid},
		{level, "\x02", "case 2 of 2", errcode.Invalid},
		{option(u8), "\x02", "bool 0x2", errcode.Invalid},
		{result(nil, nil), "\x00\x00", "1 bytes after the last value", errcode.Invalid},
		{huge, strings.Repeat("\x00", 10), "bytes of memory > 67108864", errcode.Exhausted},
		{prim(wit.KindErrorContext), "\x01", "decode error-context: it cannot leave its host", errcode.Unsupported},
	} {
		d := value.NewDecoder([]byte(c.in))
		v := value.Decode(d, c.t)
		err := d.Finish()
		if err == nil || !strings.Contains(err.Error(), c.want) || errcode.Of(err) != c.code {
			t.Errorf("decode %x: have %v, %v (%s), want %s (%s)", c.in, v, err, errcode.Of(err), c.want, c.code)
		}
	}
}

func TestDecodeBoundsMemory(t *testing.T) {
	empties := list(option(list(str)))
	in := append([]byte{0x80, 0x80, 0x40}, bytes.Repeat([]byte{0}, 1<<20)...) // 2^20 times none
	d := value.NewDecoder(in)
	d.MaxDecoded = 1 << 20
	if v := value.Decode(d, empties); v != nil || errcode.Of(d.Err()) != errcode.Exhausted {
		t.Errorf("decode 2^20 options within 1 MiB: have %T, %v", v, d.Err())
	}
	d.Reset(in)
	d.MaxDecoded = 0
	if v := value.Decode(d, empties); v == nil || d.Finish() != nil {
		t.Errorf("decode 2^20 options: %v", d.Err())
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		t    *wit.Type
		v    value.Value
		want string
	}{
		{u8, value.U32(1), "want u8, have u32"},
		{u8, nil, "want u8, have nothing"},
		{str, value.String("\xff"), "string is not valid UTF-8"},
		{char, value.Char(0xd800), "char 0xd800 is no Unicode scalar value"},
		{point, value.Record{value.U32(1)}, "want 2 fields, have 1"},
		{point, value.Record{value.U32(1), value.Option{Value: value.U8(1)}}, "want string, have u8"},
		{shape, value.Variant{Case: 3}, "case index 3 of 3 cases"},
		{shape, value.Variant{Case: 1}, "payload present is false, want true"},
		{level, value.Enum(-1), "case index -1 of 2 cases"},
		{two, value.List{value.S16(1)}, "want 2 elements, have 1"},
		{result(u8, nil), value.Result{}, "payload present is false, want true"},
		{perms, value.Flags{8}, "a flag beyond the 3 declared is set"},
		{ages, value.List{value.U8(1)}, "want key and value, have u8"},
	} {
		var e value.Encoder
		value.Encode(&e, c.t, c.v)
		for what, err := range map[string]error{"encode": e.Err(), "check": value.Check(c.t, c.v)} {
			if err == nil || !strings.Contains(err.Error(), c.want) || errcode.Of(err) != errcode.Invalid {
				t.Errorf("%s %v: have %v, want %s", what, c.v, err, c.want)
			}
		}
	}
	e := value.Encoder{MaxBytes: 8}
	e.PutString("123456")
	e.PutString("9")
	if errcode.Of(e.Err()) != errcode.Exhausted || len(e.Buf) != 7 {
		t.Errorf("encode beyond 8 bytes: have %q, %v", e.Buf, e.Err())
	}
}

func TestErrorsStick(t *testing.T) {
	d := value.NewDecoder([]byte{2, 1, 1, 1, 1, 1, 1, 1})
	d.Bool()
	first := d.Err()
	if d.U8() != 0 || d.U64() != 0 || d.S32() != 0 || d.F64() != 0 || d.String() != "" || d.Bytes() != nil ||
		d.Len(1) != 0 || d.Disc(3) != 0 || d.Char() != 0 || d.Bool() || len(d.Rest()) != 7 {
		t.Error("reads after a failure answered values or consumed input")
	}
	if d.Err() != first || d.Finish() != first {
		t.Errorf("first failure %v was replaced by %v", first, d.Err())
	}
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	g := valuetest.New(t, uint64(time.Now().UnixNano()))
	g.Resources = []*wit.Resource{{Name: "bucket"}}
	for range 3000 {
		typ := g.Type(4)
		v := g.Value(typ)
		var e value.Encoder
		value.Encode(&e, typ, v)
		d := value.NewDecoder(e.Buf)
		have := value.Decode(d, typ)
		if err := d.Finish(); err != nil || e.Err() != nil || !value.Equal(have, v) {
			t.Fatalf("type %+v: have %v, %v, %v\nwant %v", typ, have, e.Err(), err, v)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(16) {
		g := valuetest.New(f, seed)
		var e value.Encoder
		typ := g.Type(4)
		value.Encode(&e, typ, g.Value(typ))
		f.Add(seed, e.Buf)
	}
	f.Fuzz(func(t *testing.T, seed uint64, in []byte) {
		fuzzbound.Run(t, func() {
			typ := valuetest.New(t, seed).Type(4)
			d := value.NewDecoder(in)
			d.MaxDecoded = 1 << 20
			v := value.Decode(d, typ)
			if d.Err() != nil {
				return
			}
			if err := value.Check(typ, v); err != nil {
				t.Fatalf("decoded %v, which is no value of %+v: %v", v, typ, err)
			}
			var e value.Encoder
			value.Encode(&e, typ, v)
			again := value.NewDecoder(e.Buf)
			if have := value.Decode(again, typ); !value.Equal(have, v) || again.Finish() != nil {
				t.Fatalf("decoded %v, encoded and decoded %v, %v", v, have, again.Err())
			}
		})
	})
}
