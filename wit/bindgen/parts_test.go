package bindgen_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/bindgen"
	"latticework/wit/bindgen/internal/zoo"
	"latticework/wit/value"
)

// till implements what world bare imports outside of named interfaces.
type till struct{}

func (till) Toss(_ context.Context, c zoo.Coin) (zoo.Coin, error) {
	if c.Worth == 0 {
		return c, abi.Fail("worthless " + c.Side)
	}
	c.Side, c.Worth = "other than "+c.Side, c.Worth+1
	return c, nil
}

func (till) Fill(_ context.Context, into zoo.Bucket, with []zoo.Coin) (uint32, error) {
	return uint32(len(with)) + uint32(len(into.(*bucket).name)), nil
}

func (till) Weigh(_ context.Context, name string) (zoo.BareScalePoint, error) {
	return zoo.BareScalePoint{Weight: float64(len(name))}, nil
}

// TestWorldImports: each function that a world imports by itself is an
// interface of its own to a linker, and an interface in place has a plain name.
func TestWorldImports(t *testing.T) {
	g := newGuest()
	bound := zoo.BindBareImports(till{})
	var names []string
	for _, iface := range bound {
		names = append(names, iface.Name)
		if len(iface.Funcs) != 1 || iface.Funcs[0].Name != iface.Name {
			t.Errorf("import %s has %d functions", iface.Name, len(iface.Funcs))
		}
	}
	if !slices.Equal(names, []string{"toss", "fill"}) {
		t.Fatalf("imports %q", names)
	}
	coin := func(side string, worth uint32) value.Value { return value.Record{value.String(side), value.U32(worth)} }
	for _, call := range []func(*guest, *abi.Func, ...value.Value) (value.Value, error){callMem, callWire} {
		got, err := call(g, &bound[0].Funcs[0], coin("head", 2))
		if want := (value.Result{Value: coin("other than head", 3)}); err != nil || !value.Equal(got, want) {
			t.Errorf("toss: %v, %v", got, err)
		}
		got, err = call(g, &bound[0].Funcs[0], coin("tail", 0))
		if want := (value.Result{IsErr: true, Value: value.String("worthless tail")}); err != nil || !value.Equal(got, want) {
			t.Errorf("toss of nothing: %v, %v", got, err)
		}
		got, err = call(g, fn(t, zoo.BindBareScale(till{}), "weigh"), value.String("abc"))
		if err != nil || !value.Equal(got, value.Record{value.F64(3)}) {
			t.Errorf("weigh: %v, %v", got, err)
		}
	}
	got, err := callMem(g, &bound[1].Funcs[0], value.Handle{Rep: &bucket{name: "ab"}}, value.List{coin("a", 1), coin("b", 2), coin("c", 3)})
	if err != nil || got != value.U32(5) {
		t.Errorf("fill: %v, %v", got, err)
	}
	if scale := zoo.BindBareScale(till{}); scale.Name != "scale" {
		t.Errorf("the interface in place is called %q", scale.Name)
	}
}

// TestWorldExports: functions are found without an interface, and an interface
// in place by its plain name.
func TestWorldExports(t *testing.T) {
	ctx := context.Background()
	inst := &component{guest: newGuest(), exports: &abi.Interface{Funcs: zoo.BindBareImports(till{})[0].Funcs}}
	inst.exports.Funcs[0].Name = "spend"
	exp, err := zoo.ResolveBareWorld(inst)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := exp.Spend(ctx, inst, zoo.Coin{Side: "x", Worth: 1}); err != nil || got != (zoo.Coin{Side: "other than x", Worth: 2}) {
		t.Errorf("spend: %+v, %v", got, err)
	}
	var failed *abi.Failure[string]
	if _, err := exp.Spend(ctx, inst, zoo.Coin{Side: "y"}); !errors.As(err, &failed) || failed.Value != "worthless y" {
		t.Errorf("spend nothing: %v", err)
	}
	if _, err := zoo.ResolveBareScaleExport(inst); err == nil || !strings.Contains(err.Error(), "convert of scale") {
		t.Errorf("an export that is not there: %v", err)
	}
}

// TestExportsAreChosen: interfaces with resources get stubs if a world exports
// them, or if they are named.
func TestExportsAreChosen(t *testing.T) {
	const text = `package a:b;
interface out { resource r { m: func(); } }
interface in { resource s { m: func(); } f: func(v: borrow<s>); }
interface plain { use out.{r}; use in.{s}; f: func(v: r, w: s); }
world w { import in; export out; export plain; }`
	_, pkg, err := wit.ParseText("t.wit", text)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		exports   []string
		want, not []string
	}{
		"by the world": {nil, []string{"ResolveOut(", "ResolvePlain(", "type guestR struct", "guests.resR", "m.PutOwn(call.Params[4:], w, ResourceS)"}, []string{"ResolveIn(", "guestS"}},
		"named":        {[]string{"in"}, []string{"ResolveIn(", "type guestS struct"}, []string{"ResolveOut(", "ResolvePlain("}},
		"users alone":  {[]string{"plain"}, []string{"ResolvePlain(", "m.PutOwn(call.Params, v, ResourceR)"}, []string{"guestR", "guests"}},
		"none":         {[]string{"none"}, nil, []string{"Resolve", "guest"}},
	} {
		src, err := bindgen.Generate(pkg, bindgen.Config{Name: "b", Exports: test.exports})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(string(src), want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
		for _, not := range test.not {
			if strings.Contains(string(src), not) {
				t.Errorf("%s: it has %s", name, not)
			}
		}
	}
}

// TestWorldsAreChosen: what is outside of named interfaces is written unless
// it is not wanted, and never left out in silence.
func TestWorldsAreChosen(t *testing.T) {
	const text = `package a:b;
interface i { record r { a: u8 } f: func(v: r); }
world w { record r { b: u8 } import f: func(v: r); }
world x { record r { c: u8 } import f: func(v: r); export only: func(); }
world y { resource res { m: func(); } import f: func(v: own<res>); }`
	_, pkg, err := wit.ParseText("t.wit", text)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  bindgen.Config
		want []string
		not  []string
	}{
		"none":       {bindgen.Config{Worlds: []string{"none"}}, []string{"BindI("}, []string{"BindWImports", "BindXImports"}},
		"two":        {bindgen.Config{Worlds: []string{"w", "x"}}, []string{"BindI(", "BindWImports(", "BindXImports(", "type WR struct", "type XR struct", "type R struct", "ResolveXWorld("}, nil},
		"one":        {bindgen.Config{Worlds: []string{"x"}}, []string{"BindXImports("}, []string{"BindWImports"}},
		"interfaces": {bindgen.Config{Interfaces: []string{"i"}}, []string{"BindI("}, []string{"BindWImports", "BindXImports"}},
	} {
		test.cfg.Name = "b"
		src, err := bindgen.Generate(pkg, test.cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(string(src), want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
		for _, not := range test.not {
			if strings.Contains(string(src), not) {
				t.Errorf("%s: it has %s", name, not)
			}
		}
	}
	if _, err := bindgen.Generate(pkg, bindgen.Config{Name: "b"}); !errors.Is(err, bindgen.ErrUnsupported) || !strings.Contains(err.Error(), "world y") {
		t.Errorf("a world's own resource: %v", err)
	}
	if _, err := bindgen.Generate(pkg, bindgen.Config{Name: "b", Worlds: []string{"z"}}); err == nil || !strings.Contains(err.Error(), `no world "z"`) {
		t.Errorf("an unknown world: %v", err)
	}
}
