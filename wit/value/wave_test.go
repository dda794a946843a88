package value_test

import (
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

func prim(k wit.Kind) *wit.Type          { return wit.Primitive(k) }
func list(t *wit.Type) *wit.Type         { return &wit.Type{Kind: wit.KindList, Elem: t} }
func option(t *wit.Type) *wit.Type       { return &wit.Type{Kind: wit.KindOption, Elem: t} }
func result(ok, err *wit.Type) *wit.Type { return &wit.Type{Kind: wit.KindResult, Elem: ok, Err: err} }

var (
	u8, s8, s16, u32, s64, u64 = prim(wit.KindU8), prim(wit.KindS8), prim(wit.KindS16), prim(wit.KindU32), prim(wit.KindS64), prim(wit.KindU64)
	f32, f64, char, str, boolT = prim(wit.KindF32), prim(wit.KindF64), prim(wit.KindChar), prim(wit.KindString), prim(wit.KindBool)

	point = &wit.Type{Kind: wit.KindRecord, Name: "point", Fields: []wit.Field{
		{Name: "x", Type: u32}, {Name: "label", Type: option(str)}}}
	shape = &wit.Type{Kind: wit.KindVariant, Name: "shape", Cases: []wit.Case{
		{Name: "dot"}, {Name: "circle", Type: f64}, {Name: "none"}}}
	level = &wit.Type{Kind: wit.KindEnum, Name: "level", Cases: []wit.Case{{Name: "low"}, {Name: "very-high"}}}
	perms = &wit.Type{Kind: wit.KindFlags, Name: "perms", Flags: []string{"read", "write", "x"}}
	pair  = &wit.Type{Kind: wit.KindTuple, Fields: []wit.Field{{Type: str}, {Type: u8}}}
	ages  = &wit.Type{Kind: wit.KindMap, Key: str, Elem: u32}
	two   = &wit.Type{Kind: wit.KindFixedList, Elem: s16, Len: 2}
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		t    *wit.Type
		text string
		want value.Value
	}{
		{boolT, " true ", value.Bool(true)},
		{boolT, "false // no", value.Bool(false)},
		{u8, "255", value.U8(255)},
		{s8, "-128", value.S8(-128)},
		{s16, "-32768", value.S16(-32768)},
		{u32, "4294967295", value.U32(math.MaxUint32)},
		{s64, "-9223372036854775808", value.S64(math.MinInt64)},
		{u64, "18446744073709551615", value.U64(math.MaxUint64)},
		{f32, "1.5", value.F32(1.5)},
		{f64, "-6.022e+23", value.F64(-6.022e23)},
		{f64, "0", value.F64(0)},
		{f64, "nan", value.F64(math.NaN())},
		{f64, "-inf", value.F64(math.Inf(-1))},
		{char, "'x'", value.Char('x')},
		{char, `'\''`, value.Char('\'')},
		{char, `'"'`, value.Char('"')},
		{char, `'\u{1F44B}'`, value.Char('👋')},
		{str, `"a\t\"b\" 'c' \\ \u{0}é"`, value.String("a\t\"b\" 'c' \\ \x00é")},
		{str, "\"\"\"\n  one\n   \"two\"\n\n  \"\"\"", value.String("one\n \"two\"\n")},
		{list(u8), "[1, 2,3,]", value.Bytes{1, 2, 3}},
		{list(u8), "[]", value.Bytes{}},
		{list(str), `["a"]`, value.List{value.String("a")}},
		{two, "[1, -1]", value.List{value.S16(1), value.S16(-1)}},
		{pair, `("a", 1)`, value.Tuple{value.String("a"), value.U8(1)}},
		{point, `{label: some("p"), x: 1}`, value.Record{value.U32(1), value.Option{Value: value.String("p")}}},
		{point, `{x: 1, label: "p"}`, value.Record{value.U32(1), value.Option{Value: value.String("p")}}},
		{point, `{x: 1}`, value.Record{value.U32(1), value.Option{}}},
		{shape, "dot", value.Variant{Case: 0}},
		{shape, "circle( 2 )", value.Variant{Case: 1, Payload: value.F64(2)}},
		{shape, "%none", value.Variant{Case: 2}},
		{level, "very-high", value.Enum(1)},
		{perms, "{x, read}", value.Flags{5}},
		{perms, "{}", value.Flags{0}},
		{ages, `{"ann": 3}`, value.List{value.Tuple{value.String("ann"), value.U32(3)}}},
		{ages, "{:}", value.List{}},
		{ages, "{}", value.List{}},
		{option(u8), "none", value.Option{}},
		{option(u8), "some(1)", value.Option{Value: value.U8(1)}},
		{option(u8), "1", value.Option{Value: value.U8(1)}},
		{option(shape), "%none", value.Option{Value: value.Variant{Case: 2}}},
		{option(option(u8)), "some(none)", value.Option{Value: value.Option{}}},
		{result(str, nil), `"flat"`, value.Result{Value: value.String("flat")}},
		{result(str, u8), "err(3)", value.Result{IsErr: true, Value: value.U8(3)}},
		{result(nil, nil), "ok", value.Result{}},
		{result(nil, nil), "err", value.Result{IsErr: true}},
	} {
		have, err := value.Parse(c.t, c.text)
		if err != nil || !value.Equal(have, c.want) {
			t.Errorf("parse %s: have %v, %v, want %v", c.text, have, err, c.want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	bucket := &wit.Type{Kind: wit.KindOwn, Resource: &wit.Resource{Name: "bucket"}}
	for _, c := range []struct {
		t    *wit.Type
		text string
		want string
	}{
		{u8, "256", "column 1: 256 is no u8, which is from 0 to 255"},
		{s8, "  -129", "column 3: -129 is no s8, which is from -128 to 127"},
		{u8, "-1", "column 1: -1 is no u8"},
		{u8, "007", `want u8, have "007"`},
		{u8, "1.5", `want u8, have "1.5"`},
		{u8, "", "column 1: want u8, have the end"},
		{u8, "1 2", `column 3: want the end, have "2"`},
		{f64, ".5", "want f64"},
		{f64, "1e999", "1e999 is too large for f64"},
		{str, "abc", `want string in double quotes, have "abc"`},
		{str, `"abc`, "column 1: string has no closing quote"},
		{str, `"a\q"`, "column 3: unknown escape"},
		{str, `"\u{d800}"`, "column 2: escape is not"},
		{str, "\"a\nb\"", "column 3: line break inside quotes"},
		{str, "\"\xff\"", "not valid UTF-8"},
		{char, "'ab'", "char does not end after one character"},
		{char, "''", "char is empty"},
		{list(str), `["é", 1]`, `column 7: want string in double quotes, have "1"`},
		{list(str), "[\n  1]", "line 2, column 3: want string"},
		{list(u8), "[1 2]", `want "," or "]"`},
		{two, "[1]", "want 2 elements, have 1"},
		{pair, `("a")`, "want 2 elements, have 1"},
		{pair, `("a", 1, 2)`, "column 10: tuple has 2 elements, no more"},
		{point, "{}", `field "x" of record point is missing`},
		{point, "{x: 1, x: 2}", `column 8: field "x" is given twice`},
		{point, "{y: 1}", `column 2: record point has no field "y"; it has x, label`},
		{shape, "none", `case "none" is also a keyword: write %none`},
		{shape, "box", "want variant shape, which is one of dot, circle, none"},
		{shape, "circle", `want "(" and a value of circle`},
		{shape, "dot(1)", "dot takes no value"},
		{perms, "{read, read}", `flag "read" is given twice`},
		{perms, "{wirte}", `has no flag "wirte"; it has read, write, x`},
		{option(option(u8)), "1", "want some(…) or none"},
		{bucket, "1", "parse own<bucket>: it has no text form"},
	} {
		v, err := value.Parse(c.t, c.text)
		if err == nil {
			t.Errorf("parse %s: have %v, want an error", c.text, v)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("parse %s:\nhave %v\nwant %s", c.text, err, c.want)
		}
		code := errcode.Of(err)
		if want := errcode.Invalid; c.t != bucket && code != want {
			t.Errorf("parse %s: code %s, want %s", c.text, code, want)
		}
	}
}

func TestFormat(t *testing.T) {
	bucket := &wit.Type{Kind: wit.KindBorrow, Resource: &wit.Resource{Name: "bucket"}}
	for _, c := range []struct {
		t    *wit.Type
		v    value.Value
		want string
	}{
		{f64, value.F64(1e-7), "1e-7"},
		{f32, value.F32(0.1), "0.1"},
		{str, value.String("a\x01\"\n"), `"a\u{1}\"\n"`},
		{char, value.Char('\''), `'\''`},
		{point, value.Record{value.U32(1), value.Option{}}, "{x: 1, label: none}"},
		{shape, value.Variant{Case: 2}, "%none"},
		{perms, value.Flags{3}, "{read, write}"},
		{result(nil, str), value.Result{IsErr: true, Value: value.String("no")}, `err("no")`},
		{list(u8), value.Bytes{1, 2}, "[1, 2]"},
		{bucket, value.Handle{Rep: 1}, "<borrow<bucket>>"},
		{u8, value.String("x"), "<invalid: want u8, have string>"},
	} {
		if have := value.Format(c.t, c.v); have != c.want {
			t.Errorf("format: have %s, want %s", have, c.want)
		}
	}
}

func TestParseReadsWhatFormatWrote(t *testing.T) {
	g := valuetest.New(t, uint64(time.Now().UnixNano()))
	for range 3000 {
		typ := g.Type(4)
		v := g.Value(typ)
		text := value.Format(typ, v)
		have, err := value.Parse(typ, text)
		if err != nil || !value.Equal(have, v) {
			t.Fatalf("type %+v\ntext %s\nhave %v, %v\nwant %v", typ, text, have, err, v)
		}
		if err := value.Check(typ, have); err != nil {
			t.Fatalf("%v\ntype %+v\nvalue %v", err, typ, have)
		}
	}
}

func TestParseCall(t *testing.T) {
	params := []wit.Param{{Name: "key", Type: str}, {Name: "n", Type: option(u32)}}
	for _, c := range []struct{ text, iface, fn string }{
		{`ns:pkg/iface.func("a(]", 1)`, "ns:pkg/iface", "func"},
		{`ns:pkg/iface@0.2.0-draft.1.func("a", none)`, "ns:pkg/iface@0.2.0-draft.1", "func"},
		{` ns:pkg/iface@1.0.0.[method]bucket.get ( "a" , // )` + "\n some(1), ) ", "ns:pkg/iface@1.0.0", "[method]bucket.get"},
		{`run("a", 1)`, "", "run"},
		{`[method]bucket.get("a", 1)`, "", "[method]bucket.get"},
	} {
		call, err := value.ParseCall(c.text)
		if err != nil {
			t.Errorf("parse %s: %v", c.text, err)
			continue
		}
		if call.Interface != c.iface || call.Func != c.fn {
			t.Errorf("parse %s: have %q and %q, want %q and %q", c.text, call.Interface, call.Func, c.iface, c.fn)
		}
		if args, err := call.Args(params); err != nil || len(args) != 2 {
			t.Errorf("arguments of %s: %v, %v", c.text, args, err)
		}
	}
}

func TestParseCallSaysWhatIsWrong(t *testing.T) {
	params := []wit.Param{{Name: "key", Type: str}, {Name: "n", Type: u32}}
	for _, c := range []struct{ text, want string }{
		{`ns:pkg/iface.func`, `column 18: want "(" and the arguments`},
		{`ns:pkg/iface()`, `names no function`},
		{`ns:pkg/iface@1.0.0()`, `column 17: "ns:pkg/iface@1.0.0" names no function`},
		{`.f()`, "want an interface"},
		{`a b.f()`, "column 2: want the name of a function"},
		{`f(`, `column 2: '(' is not closed`},
		{`f([)`, `column 4: ')' does not close '['`},
		{`f("a)`, "column 3: string has no closing quote"},
		{`f() x`, `column 5: want the end`},
		{`f("a")`, "f takes (key: string, n: u32), have 1"},
		{`f("a", 1, 2)`, "column 11: f takes (key: string, n: u32), no more"},
		{`f("a", -1)`, "argument n: parse column 8: -1 is no u32"},
	} {
		call, err := value.ParseCall(c.text)
		if err == nil {
			_, err = call.Args(params)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("parse %s:\nhave %v\nwant %s", c.text, err, c.want)
		} else if errcode.Of(err) != errcode.Invalid {
			t.Errorf("parse %s: code %s", c.text, errcode.Of(err))
		}
	}
}

func FuzzWAVE(f *testing.F) {
	types := []*wit.Type{u8, f64, char, str, boolT, point, shape, perms, pair, ages, two, level,
		list(list(str)), option(shape), result(point, option(char))}
	for i, text := range []string{"1", "1.5e3", "'a'", `"a\u{0}"`, "true", "{x: 1}", "circle(1)", "{read}", `("a", 1)`,
		`{"a": 1}`, "[1, 2]", "low", `[["a"], []]`, "%none", "err('a')", "\"\"\"\n a\n \"\"\""} {
		f.Add(text, uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		fuzzbound.Run(t, func() {
			typ := types[int(which)%len(types)]
			if call, err := value.ParseCall(text); err == nil {
				_, _ = call.Args([]wit.Param{{Name: "a", Type: typ}})
			}
			v, err := value.Parse(typ, text)
			if err != nil {
				return
			}
			again, err := value.Parse(typ, value.Format(typ, v))
			if err != nil || !value.Equal(v, again) {
				t.Fatalf("%q: parsed %v, formatted and parsed %v, %v", text, v, again, err)
			}
		})
	})
}
