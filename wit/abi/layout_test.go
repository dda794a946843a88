package abi

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/value"
)

func TestCompileTypeRefuses(t *testing.T) {
	nested := func(n int) *wit.Type {
		typ := u8
		for range n {
			typ = option(typ)
		}
		return typ
	}
	if _, err := CompileType(nested(value.MaxDepth)); err != nil {
		t.Errorf("compile %d levels: %v", value.MaxDepth, err)
	}
	half := nested(value.MaxDepth / 2)
	shared := half
	for range value.MaxDepth/2 + 1 {
		shared = option(shared)
	}
	cycle := option(nil)
	cycle.Elem = record(cycle, cycle)
	double := u64
	for range 40 { // 2^40 times 8 bytes in 40 types
		double = record(double, double)
	}
	for _, c := range []struct {
		name string
		t    *wit.Type
		want string
	}{
		{"nothing", nil, "a part of it is missing"},
		{"deep", nested(value.MaxDepth + 1), "nesting 101 > 100"},
		{"deep by a part mentioned before", record(half, shared), "nesting 102 > 100"},
		{"a cycle", cycle, "nesting 101 > 100"},
		{"doubled", double, "bytes > 268435455"},
		{"long", &wit.Type{Kind: wit.KindFixedList, Elem: u64, Len: math.MaxUint32}, "4294967295 elements of 8 bytes"},
		{"list of nothing", list(nil), "a part of it is missing"},
		{"option of nothing", option(nil), "a part of it is missing"},
		{"map of nothing", &wit.Type{Kind: wit.KindMap, Key: str}, "a part of it is missing"},
		{"empty record", record(), "a record or tuple of nothing"},
		{"empty variant", variant(), "without cases"},
		{"empty flags", &wit.Type{Kind: wit.KindFlags}, "0 flags, want 1 to 32"},
		{"33 flags", &wit.Type{Kind: wit.KindFlags, Flags: make([]string, 33)}, "33 flags, want 1 to 32"},
		{"empty fixed list", &wit.Type{Kind: wit.KindFixedList, Elem: u8}, "a fixed-length list of nothing"},
		{"no kind", &wit.Type{}, "unknown kind 0"},
	} {
		_, err := CompileType(c.t)
		wantFailure(t, c.name, err, errcode.Invalid, c.want)
		if Size(c.t) != 0 || Align(c.t) != 0 || Flatten(c.t) != nil {
			t.Errorf("%s has a size", c.name)
		}
	}
}

// TestSharedTypesAreCheap: types that mention one another twice must not cost
// twice each time.
func TestSharedTypesAreCheap(t *testing.T) {
	typ := u32
	for range value.MaxDepth {
		typ = variant(typ, typ)
	}
	c := compile(t, typ)
	if c.Size() != 4*value.MaxDepth+4 || c.Flat() != nil {
		t.Errorf("size %d, flat %v", c.Size(), c.Flat())
	}
}

// TestFlat pins core values: what each type is passed as, and that what a
// guest leaves beyond a value's own bits is cut off.
func TestFlat(t *testing.T) {
	const junk = 0xdead_beef << 32
	mixed := variant(nil, u8, f32, u64, record(f32, s8), str)
	for _, c := range []struct {
		name  string
		t     *wit.Type
		types string
		v     value.Value
		flat  []uint64 // what it is lowered to
		junk  []uint64 // what lifts to the same, nil for flat
	}{
		{"bool", boolT, "i32", value.Bool(true), []uint64{1}, []uint64{junk | 2}},
		{"false", boolT, "i32", value.Bool(false), []uint64{0}, []uint64{junk}},
		{"s8", s8, "i32", value.S8(-1), []uint64{math.MaxUint32}, []uint64{0x1ff}},
		{"u8", u8, "i32", value.U8(200), []uint64{200}, []uint64{junk | 0x3c8}},
		{"s16", s16, "i32", value.S16(-2), []uint64{math.MaxUint32 - 1}, []uint64{0xabfffe}},
		{"s32", prim(wit.KindS32), "i32", value.S32(-1), []uint64{math.MaxUint32}, []uint64{math.MaxUint64}},
		{"s64", prim(wit.KindS64), "i64", value.S64(-1), []uint64{math.MaxUint64}, nil},
		{"f32", f32, "f32", value.F32(1), []uint64{0x3f800000}, []uint64{junk | 0x3f800000}},
		{"f32 nan", f32, "f32", value.F32(math.NaN()), []uint64{0x7fc00000}, []uint64{0xff800001}},
		{"f64 nan", f64, "f64", value.F64(math.NaN()), []uint64{0x7ff8 << 48}, []uint64{math.MaxUint64}},
		{"flags", flags3, "i32", value.Flags{5}, []uint64{5}, []uint64{0xfffffffd}},
		{"i32 and f32", variant(u32, f32), "i32 i32", value.Variant{Case: 1, Payload: value.F32(1)}, []uint64{1, 0x3f800000}, []uint64{1, junk | 0x3f800000}},
		{"f32 and f64", variant(f32, f64), "i32 i64", value.Variant{Case: 0, Payload: value.F32(1)}, []uint64{0, 0x3f800000}, []uint64{0, junk | 0x3f800000}},
		{"f32 and f32", variant(f32, f32), "i32 f32", value.Variant{Case: 1, Payload: value.F32(1)}, []uint64{1, 0x3f800000}, nil},
		{"i32 in i64", mixed, "i32 i64 i32", value.Variant{Case: 1, Payload: value.U8(9)}, []uint64{1, 9, 0}, []uint64{1, junk | 0x109, 7}},
		{"no payload", mixed, "i32 i64 i32", value.Variant{}, []uint64{0, 0, 0}, []uint64{junk, 1, 2}},
		{"record in a case", mixed, "i32 i64 i32", value.Variant{Case: 4, Payload: value.Tuple{value.F32(1), value.S8(-1)}},
			[]uint64{4, 0x3f800000, math.MaxUint32}, []uint64{4, junk | 0x3f800000, 0xff}},
		{"fixed list", &wit.Type{Kind: wit.KindFixedList, Elem: s8, Len: 2}, "i32 i32", value.List{value.S8(-1), value.S8(1)},
			[]uint64{math.MaxUint32, 1}, nil},
	} {
		codec := compile(t, c.t)
		if have := coreNames(codec.Flat()); have != c.types {
			t.Errorf("%s: flat %s, want %s", c.name, have, c.types)
			continue
		}
		m := new(Mem)
		b := make([]byte, codec.Size())
		codec.Store(m, b, c.v)
		have := make([]uint64, len(c.flat))
		for i := range have {
			have[i] = junk
		}
		if err := codec.Unspill(b, have); err != nil || m.Err() != nil || !reflect.DeepEqual(have, c.flat) {
			t.Errorf("%s: lowered to %x, %v, %v, want %x", c.name, have, err, m.Err(), c.flat)
		}
		if c.junk == nil {
			c.junk = c.flat
		}
		err := codec.Spill(c.junk, b)
		if v := codec.Load(m, b); err != nil || m.Err() != nil || !value.Equal(v, c.v) {
			t.Errorf("%s: lifted %v, %v, %v, want %v", c.name, v, err, m.Err(), c.v)
		}
	}
	wide := compile(t, &wit.Type{Kind: wit.KindEnum, Cases: make([]wit.Case, 256)})
	wantFailure(t, "case 256 of 256", wide.Spill([]uint64{256}, make([]byte, 1)), errcode.Trap, "256 of 256 cases")
	flat17 := compile(t, &wit.Type{Kind: wit.KindFixedList, Elem: u8, Len: 17})
	wantFailure(t, "17 values", flat17.Spill(make([]uint64, 17), make([]byte, 17)), errcode.Internal, "more than 16")
	wantFailure(t, "17 values", flat17.Unspill(make([]byte, 17), make([]uint64, 17)), errcode.Internal, "more than 16")
}

// TestCopyCleans: a guest must not see another's bits that are no value.
func TestCopyCleans(t *testing.T) {
	for _, c := range []struct {
		name     string
		t        *wit.Type
		from, to string
	}{
		{"bool", boolT, "\x80", "\x01"},
		{"flags", flags3, "\xfd", "\x05"},
		{"f32", f32, "\x01\x00\x80\xff", "\x00\x00\xc0\x7f"},
		{"f64", f64, "\x01\x00\x00\x00\x00\x00\xf0\x7f", "\x00\x00\x00\x00\x00\x00\xf8\x7f"},
		{"padding of a record", record(u8, u32), "\x01\xff\xff\xff\x02\x00\x00\x00", "\x01\x00\x00\x00\x02\x00\x00\x00"},
		{"padding at the end", record(u32, u8), "\x02\x00\x00\x00\x01\xff\xff\xff", "\x02\x00\x00\x00\x01\x00\x00\x00"},
		{"payload of another case", option(u32), "\x00\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"integers", record(u32, s16, s8, u8), "\x02\x00\x00\x80\x01\xff\xff\xff", "\x02\x00\x00\x80\x01\xff\xff\xff"},
	} {
		codec := compile(t, c.t)
		src, dst := new(Mem), new(Mem)
		b := make([]byte, codec.Size())
		codec.Copy(dst, b, src, []byte(c.from))
		if !bytes.Equal(b, []byte(c.to)) {
			t.Errorf("copy %s: have %x, want %x", c.name, b, c.to)
		}
		// The same once more as the elements of a list.
		lists := compile(t, list(c.t))
		from, _ := newMem(UTF8)
		ptr, elem := from.Allocate(codec.Size(), codec.Align())
		copy(elem, c.from)
		to, h := newMem(UTF8)
		lists.Copy(to, place(t, to, lists), from, pointerTo(ptr, 1))
		if have := h.mem[h.last-codec.Size() : h.last]; !bytes.Equal(have, []byte(c.to)) {
			t.Errorf("copy list of %s: have %x, want %x", c.name, have, c.to)
		}
	}
}

func TestNaNsAreCanonical(t *testing.T) {
	m := new(Mem)
	b := make([]byte, 8)
	for _, bits := range []uint32{0x7f800001, 0xffffffff, 0x7fc00001} {
		le.PutUint32(b, bits)
		if have := math.Float32bits(m.F32(b)); have != canonicalNaN32 {
			t.Errorf("load %x: have %x", bits, have)
		}
		if m.PutF32(b, math.Float32frombits(bits)); le.Uint32(b) != canonicalNaN32 {
			t.Errorf("store %x: have %x", bits, b)
		}
	}
	for _, bits := range []uint64{0x7ff0000000000001, math.MaxUint64} {
		le.PutUint64(b, bits)
		if have := math.Float64bits(m.F64(b)); have != canonicalNaN64 {
			t.Errorf("load %x: have %x", bits, have)
		}
		if m.PutF64(b, math.Float64frombits(bits)); le.Uint64(b) != canonicalNaN64 {
			t.Errorf("store %x: have %x", bits, b)
		}
	}
	if m.PutF32(b, float32(math.Inf(-1))); !math.IsInf(float64(m.F32(b)), -1) {
		t.Error("infinity is no NaN")
	}
}

func TestCompileFunc(t *testing.T) {
	r := &wit.Resource{Name: "bucket"}
	own, borrow := &wit.Type{Kind: wit.KindOwn, Resource: r}, &wit.Type{Kind: wit.KindBorrow, Resource: r}
	fn := func(result *wit.Type, params ...*wit.Type) *wit.FuncType {
		ft := &wit.FuncType{Result: result}
		for _, p := range params {
			ft.Params = append(ft.Params, wit.Param{Name: "p", Type: p})
		}
		return ft
	}
	sixteen := make([]*wit.Type, 8)
	for i := range sixteen {
		sixteen[i] = str
	}
	for _, c := range []struct {
		name                    string
		ft                      *wit.FuncType
		first                   int
		size, align             uint32
		liftIndirect, liftRet   bool
		asyncIndirect, asyncRet bool
		lower                   string
	}{
		{"nothing", fn(nil), -1, 0, 1, false, false, false, false, " -> "},
		{"method", fn(u32, borrow, str), 0, 12, 4, false, false, false, true, "i32 i32 i32 -> i32"},
		{"second handle", fn(str, u64, own, borrow), 8, 16, 8, false, true, false, true, "i64 i32 i32 i32 -> "},
		{"handle inside", fn(nil, list(own)), -1, 8, 4, false, false, false, false, "i32 i32 -> "},
		{"sixteen", fn(str, sixteen...), -1, 64, 4, false, true, true, true, "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 -> "},
		{"seventeen", fn(u8, append(sixteen, u8)...), -1, 68, 4, true, false, true, true, "i32 -> i32"},
	} {
		f, err := CompileFunc(c.ft)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f.FirstHandle != c.first || f.Params.Size() != c.size || f.Params.Align() != c.align {
			t.Errorf("%s: first handle %d, size %d, align %d", c.name, f.FirstHandle, f.Params.Size(), f.Params.Align())
		}
		if f.Lift.ParamsIndirect != c.liftIndirect || f.Lower.ParamsIndirect != c.liftIndirect ||
			f.Lift.ResultIndirect != c.liftRet || f.Lower.ResultIndirect != c.liftRet {
			t.Errorf("%s: lift %+v, lower %+v", c.name, f.Lift, f.Lower)
		}
		if f.LowerAsync.ParamsIndirect != c.asyncIndirect || f.LowerAsync.ResultIndirect != c.asyncRet {
			t.Errorf("%s: lower async %+v", c.name, f.LowerAsync)
		}
		if have := coreNames(f.Lower.Params) + " -> " + coreNames(f.Lower.Results); have != c.lower {
			t.Errorf("%s: lower %s, want %s", c.name, have, c.lower)
		}
		sig, err := FlatFunc(c.ft, Lower, true)
		if err != nil || !reflect.DeepEqual(sig, f.LowerAsync) {
			t.Errorf("%s: flat %+v, %v", c.name, sig, err)
		}
	}
	_, err := CompileFunc(fn(nil, nil))
	wantFailure(t, "parameter of no type", err, errcode.Invalid, "a part of it is missing")
	_, err = CompileFunc(nil)
	wantFailure(t, "no type", err, errcode.Invalid, "no type")
}
