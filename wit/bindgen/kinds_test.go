package bindgen_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/bindgen/internal/zoo"
	"latticework/wit/value"
)

// echo implements the interface kinds: it answers what it is given, and keeps
// the last structured argument for tests to look at.
type echo struct {
	crate zoo.Crate
	calls int
	maps  []map[uint8]abi.Option[string]
}

func (e *echo) Bools(_ context.Context, v bool) (bool, error) { return v, nil }

func (e *echo) Ints(_ context.Context, a int8, b uint8, c int16, d uint16, f int32, g uint32, h int64, i uint64) (
	abi.Tuple8[int8, uint8, int16, uint16, int32, uint32, int64, uint64], error,
) {
	return abi.Tuple8[int8, uint8, int16, uint16, int32, uint32, int64, uint64]{F0: a, F1: b, F2: c, F3: d, F4: f, F5: g, F6: h, F7: i}, nil
}

func (e *echo) Floats(_ context.Context, a float32, b float64) (abi.Tuple2[float32, float64], error) {
	return abi.Tuple2[float32, float64]{F0: a, F1: b}, nil
}
func (e *echo) Chars(_ context.Context, v rune) (rune, error)           { return v, nil }
func (e *echo) Strings(_ context.Context, v string) (string, error)     { return v, nil }
func (e *echo) Bytes(_ context.Context, v []byte) ([]byte, error)       { return v, nil }
func (e *echo) Lists(_ context.Context, v zoo.Names) ([]string, error)  { return v, nil }
func (e *echo) Numbers(_ context.Context, v []uint32) ([]uint32, error) { return v, nil }
func (e *echo) Maps(_ context.Context, v map[uint8]abi.Option[string]) (map[uint8]abi.Option[string], error) {
	e.maps = append(e.maps, v)
	return v, nil
}
func (e *echo) Nothing(context.Context) error                               { e.calls++; return nil }
func (e *echo) EchoLevel(_ context.Context, v zoo.Level) (zoo.Level, error) { return v, nil }
func (e *echo) EchoFew(_ context.Context, v zoo.Few) (zoo.Few, error)       { return v, nil }
func (e *echo) EchoByteWide(_ context.Context, v zoo.ByteWide) (zoo.ByteWide, error) {
	return v, nil
}
func (e *echo) EchoMany(_ context.Context, v zoo.Many) (zoo.Many, error) { return v, nil }
func (e *echo) Single(_ context.Context, v abi.Tuple1[uint8]) (abi.Tuple1[uint8], error) {
	return v, nil
}
func (e *echo) Shapes(_ context.Context, v []zoo.Shape) ([]zoo.Shape, error) { return v, nil }

func (e *echo) Options(_ context.Context, v abi.Option[abi.Option[string]]) (abi.Option[abi.Option[string]], error) {
	return v, nil
}

func (e *echo) Results(_ context.Context, v abi.Result[[]byte, zoo.TypesError]) ([]byte, error) {
	if v.IsErr {
		return nil, abi.Fail(v.Err)
	}
	return v.Ok, nil
}

func (e *echo) Inner(_ context.Context, v []abi.Result[uint32, zoo.TypesError]) ([]abi.Result[uint32, zoo.TypesError], error) {
	return v, nil
}

func (e *echo) EchoCrate(_ context.Context, v zoo.Crate) (zoo.Crate, error) {
	e.crate = v
	return v, nil
}

var errHost = errors.New("the disk is on fire")

func (e *echo) UnitError(_ context.Context, v bool) (uint32, error) {
	if v {
		return 0, abi.Fail(struct{}{})
	}
	return 7, nil
}

func (e *echo) OnlyError(_ context.Context, v abi.Option[zoo.TypesError]) error {
	if !v.Some {
		return nil
	}
	if v.Value.Case == zoo.TypesErrorCaseOther && v.Value.Other == "host" {
		return errHost
	}
	return abi.Fail(v.Value)
}

func (e *echo) Bare(_ context.Context, v bool) error {
	if v {
		return abi.Fail(struct{}{})
	}
	return nil
}

// echoes are the functions of kinds whose result is their parameter.
var echoes = []string{
	"bools", "chars", "strings", "bytes", "lists", "numbers", "options", "results", "inner",
	"echo-crate", "shapes", "echo-level", "echo-few", "echo-byte-wide", "echo-many", "single",
}

// callers are the two ways into a bound function.
var callers = map[string]func(*guest, *abi.Func, ...value.Value) (value.Value, error){"mem": callMem, "wire": callWire}

func TestEveryKindTravelsBothWays(t *testing.T) {
	iface := zoo.BindKinds(&echo{})
	rng := rand.New(rand.NewPCG(1, 2))
	for way, call := range callers {
		for _, name := range echoes {
			f := fn(t, iface, name)
			for range 50 {
				arg := random(rng, f.Type.Params[0].Type)
				got, err := call(newGuest(), f, arg)
				if err != nil {
					t.Fatalf("%s %s(%s): %v", way, name, value.Format(f.Type.Params[0].Type, arg), err)
				}
				if !value.Equal(got, arg) {
					t.Fatalf("%s %s(%s) = %s", way, name, value.Format(f.Type.Params[0].Type, arg), value.Format(f.Type.Result, got))
				}
			}
		}
	}
}

func TestScalarsKeepTheirPlaces(t *testing.T) {
	iface := zoo.BindKinds(&echo{})
	args := []value.Value{value.S8(-1), value.U8(200), value.S16(-300), value.U16(60000), value.S32(-70000), value.U32(4e9), value.S64(-5e12), value.U64(1 << 63)}
	for way, call := range callers {
		got, err := call(newGuest(), fn(t, iface, "ints"), args...)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if !value.Equal(got, value.Tuple(args)) {
			t.Errorf("%s: ints answered %v", way, got)
		}
		got, err = call(newGuest(), fn(t, iface, "floats"), value.F32(1.5), value.F64(-2.25))
		if err != nil || !value.Equal(got, value.Tuple{value.F32(1.5), value.F64(-2.25)}) {
			t.Errorf("%s: floats answered %v, %v", way, got, err)
		}
	}
}

// TestMaps: entries come in no order, and of entries with one key the last
// counts.
func TestMaps(t *testing.T) {
	entry := func(k uint8, v string) value.Value {
		return value.Tuple{value.U8(k), value.Option{Value: value.String(v)}}
	}
	many := make(value.List, 0, 256)
	for k := range 256 {
		many = append(many, entry(uint8(k), "v"))
	}
	for way, call := range callers {
		impl := &echo{}
		f := fn(t, zoo.BindKinds(impl), "maps")
		got, err := call(newGuest(), f, value.List{entry(7, "first"), entry(3, "x"), entry(7, "last"), value.Tuple{value.U8(0), value.Option{}}})
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		want := map[uint8]abi.Option[string]{7: abi.Some("last"), 3: abi.Some("x"), 0: {}}
		if !maps.Equal(impl.maps[0], want) {
			t.Errorf("%s: Go got %v, want %v", way, impl.maps[0], want)
		}
		list := got.(value.List)
		slices.SortFunc(list, func(a, b value.Value) int {
			return cmp.Compare(a.(value.Tuple)[0].(value.U8), b.(value.Tuple)[0].(value.U8))
		})
		if !value.Equal(list, value.List{value.Tuple{value.U8(0), value.Option{}}, entry(3, "x"), entry(7, "last")}) {
			t.Errorf("%s: answered %v", way, got)
		}
		if got, err := call(newGuest(), f, many); err != nil || len(got.(value.List)) != 256 {
			t.Errorf("%s: 256 entries: %v, %v", way, got, err)
		}
		if got, err := call(newGuest(), f, value.List{}); err != nil || len(got.(value.List)) != 0 || impl.maps[2] == nil {
			t.Errorf("%s: no entries: %v, %v, Go got %#v", way, got, err, impl.maps[2])
		}
	}
}

func TestRecordArrivesAsGoStruct(t *testing.T) {
	impl := &echo{}
	f := fn(t, zoo.BindKinds(impl), "echo-crate")
	arg, err := value.Parse(f.Type.Params[0].Type, `{
		name: "n", tags: ["a", "b"], raw: [1, 2], size: some(9), where: ({x: -1, y: 2.5}, 'é'), level: medium-high,
		marks: {f0, f16}, nested: [none, some((3, 4))], outcome: err("bad"), plain: ok}`)
	if err != nil {
		t.Fatal(err)
	}
	for way, call := range callers {
		if _, err := call(newGuest(), f, arg); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		c := impl.crate
		switch {
		case c.Name != "n", strings.Join(c.Tags, ",") != "a,b", string(c.Raw) != "\x01\x02":
			t.Errorf("%s: name, tags, raw: %+v", way, c)
		case c.Size != abi.Some(uint64(9)), c.Where.F0 != zoo.Point{X: -1, Y: 2.5}, c.Where.F1 != 'é':
			t.Errorf("%s: size, where: %+v", way, c)
		case c.Level != zoo.LevelMediumHigh, c.Level.String() != "medium-high", c.Marks != zoo.ManyF0|zoo.ManyF16:
			t.Errorf("%s: level, marks: %+v", way, c)
		case len(c.Nested) != 2, c.Nested[0].Some, c.Nested[1].Value != abi.Tuple2[uint8, uint16]{F0: 3, F1: 4}:
			t.Errorf("%s: nested: %+v", way, c)
		case !c.Outcome.IsErr, c.Outcome.Err != "bad", c.Plain.IsErr:
			t.Errorf("%s: outcome, plain: %+v", way, c)
		}
		impl.crate = zoo.Crate{}
	}
}

func TestErrorCasesAndHostFailures(t *testing.T) {
	iface := zoo.BindKinds(&echo{})
	fault := func(name string, payload value.Value) value.Value {
		for i, c := range fn(t, iface, "only-error").Type.Result.Err.Cases {
			if c.Name == name {
				return value.Variant{Case: i, Payload: payload}
			}
		}
		t.Fatalf("no case %s", name)
		return nil
	}
	tests := []struct {
		name string
		arg  value.Value
		want value.Value
		err  error
	}{
		{name: "unit-error", arg: value.Bool(true), want: value.Result{IsErr: true}},
		{name: "unit-error", arg: value.Bool(false), want: value.Result{Value: value.U32(7)}},
		{name: "bare", arg: value.Bool(true), want: value.Result{IsErr: true}},
		{name: "bare", arg: value.Bool(false), want: value.Result{}},
		{name: "only-error", arg: value.Option{}, want: value.Result{}},
		{
			name: "only-error", arg: value.Option{Value: fault("at", value.Record{value.S32(1), value.F64(2)})},
			want: value.Result{IsErr: true, Value: fault("at", value.Record{value.S32(1), value.F64(2)})},
		},
		{name: "only-error", arg: value.Option{Value: fault("other", value.String("host"))}, err: errHost},
	}
	for way, call := range callers {
		for _, test := range tests {
			got, err := call(newGuest(), fn(t, iface, test.name), test.arg)
			if !errors.Is(err, test.err) {
				t.Errorf("%s %s(%v): error %v, want %v", way, test.name, test.arg, err, test.err)
			} else if err == nil && !value.Equal(got, test.want) {
				t.Errorf("%s %s(%v) = %v, want %v", way, test.name, test.arg, got, test.want)
			}
		}
	}
}

// TestBadInputNeverReachesTheImplementation checks that what the ABI forbids
// fails before the Go method is called.
func TestBadInputNeverReachesTheImplementation(t *testing.T) {
	iface := zoo.BindKinds(&echo{})
	for _, test := range []struct {
		name   string
		params []byte
	}{
		{"chars", []byte{0, 0xd8, 0, 0}},
		{"echo-level", []byte{3}},
		{"strings", []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0x0f}},
		{"numbers", []byte{2, 0, 0, 0, 1, 0, 0, 0}},
	} {
		f := fn(t, iface, test.name)
		g := newGuest()
		c, _, err := g.newCall(f.Type)
		if err != nil {
			t.Fatal(err)
		}
		copy(c.Params, test.params)
		allocs := g.allocs
		if err := f.Call(context.Background(), c); err == nil {
			t.Errorf("%s(% x): no error", test.name, test.params)
		}
		if g.allocs != allocs {
			t.Errorf("%s(% x): a result was written", test.name, test.params)
		}
	}
	w := &abi.WireCall{In: value.NewDecoder([]byte{9}), Out: &value.Encoder{}}
	if err := fn(t, iface, "echo-level").Wire(context.Background(), w); err == nil || len(w.Out.Buf) != 0 {
		t.Errorf("wire: case 9 of 3 gave error %v and %d bytes", err, len(w.Out.Buf))
	}
}

func TestFlagsWithoutMeaningAreCleared(t *testing.T) {
	f := fn(t, zoo.BindKinds(&echo{}), "echo-few")
	g := newGuest()
	c, _, err := g.newCall(f.Type)
	if err != nil {
		t.Fatal(err)
	}
	c.Params[0] = 0xfd
	if err := f.Call(context.Background(), c); err != nil || c.Result[0] != 0x05 {
		t.Errorf("flags 0xfd of 3 came back as %#x, %v", c.Result[0], err)
	}
}

func TestScalarCallsDoNotAllocate(t *testing.T) {
	f := fn(t, zoo.BindKinds(&echo{}), "ints")
	c, _, err := newGuest().newCall(f.Type)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() { _ = f.Call(ctx, c) }); n != 0 {
		t.Errorf("a call with scalars allocates %v times", n)
	}
}

// random returns a value of type t, which has no handles.
func random(rng *rand.Rand, t *wit.Type) value.Value {
	switch t.Kind {
	case wit.KindBool:
		return value.Bool(rng.IntN(2) == 1)
	case wit.KindU8:
		return value.U8(rng.Uint32())
	case wit.KindU16:
		return value.U16(rng.Uint32())
	case wit.KindS32:
		return value.S32(rng.Uint32())
	case wit.KindU32:
		return value.U32(rng.Uint32())
	case wit.KindU64:
		return value.U64(rng.Uint64())
	case wit.KindF32:
		return value.F32(rng.Float32())
	case wit.KindF64:
		return value.F64(rng.NormFloat64())
	case wit.KindChar:
		return value.Char([]rune("aß€😀")[rng.IntN(4)])
	case wit.KindString:
		return value.String(strings.Repeat("añ語😀", rng.IntN(4)))
	case wit.KindEnum:
		return value.Enum(rng.IntN(len(t.Cases)))
	case wit.KindFlags:
		return value.Flags{rng.Uint32() & (1<<len(t.Flags) - 1)}
	case wit.KindOption:
		if rng.IntN(3) == 0 {
			return value.Option{}
		}
		return value.Option{Value: random(rng, t.Elem)}
	case wit.KindResult:
		side := t.Elem
		isErr := rng.IntN(2) == 1
		if isErr {
			side = t.Err
		}
		if side == nil {
			return value.Result{IsErr: isErr}
		}
		return value.Result{IsErr: isErr, Value: random(rng, side)}
	case wit.KindVariant:
		i := rng.IntN(len(t.Cases))
		if t.Cases[i].Type == nil {
			return value.Variant{Case: i}
		}
		return value.Variant{Case: i, Payload: random(rng, t.Cases[i].Type)}
	case wit.KindList:
		n := rng.IntN(4)
		if t.Elem.Kind == wit.KindU8 {
			b := make(value.Bytes, n)
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			return b
		}
		list := make(value.List, n)
		for i := range list {
			list[i] = random(rng, t.Elem)
		}
		return list
	case wit.KindRecord, wit.KindTuple:
		vs := make([]value.Value, len(t.Fields))
		for i, f := range t.Fields {
			vs[i] = random(rng, f.Type)
		}
		if t.Kind == wit.KindTuple {
			return value.Tuple(vs)
		}
		return value.Record(vs)
	}
	panic("no random value of kind " + t.Name)
}
