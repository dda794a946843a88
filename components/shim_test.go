package components_test

import (
	"context"
	"strings"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
)

// shimmed is a component whose module calls the host by way of a shim and of a
// module that fills the shim's table, as toolchains make it. change changes the
// three modules: the shim, the user and the one that fills.
//
//	import next: func(x: u32) -> u32
//	export run: func(x: u32, y: u32) -> u32    // next(x)
func shimmed(change func(shim, user, fill *Module)) []byte {
	c := NewComponent()
	next := c.ImportFunc("next", c.FuncType([]byte{U32}, Param{Name: "x", Type: []byte{U32}}))
	shim, user, fill := &Module{}, &Module{}, &Module{}
	shim.Table(1, 1)
	typ := shim.Type("i", "i")
	shim.Export("0", Func, shim.Func(typ, "", get(0), I32(0), 0x11, U(typ), 0))
	shim.Export("$imports", Table, 0)
	call := user.Import("shim", "0", user.Type("i", "i"))
	user.Export("run", Func, user.Func(user.Type("ii", "i"), "", get(0), Call(call)))
	fill.Imports = append(fill.Imports, Cat(Name("shim"), Name("$imports"), []byte{1, 0x70, 0, 1}))
	fill.Elem(0, fill.Import("host", "0", fill.Type("i", "i")))
	if change != nil {
		change(shim, user, fill)
	}
	s := c.CoreInstance(c.CoreModule(shim.Bytes()))
	from := Arg{Name: "shim", Instance: s}
	u := c.CoreInstance(c.CoreModule(user.Bytes()), from)
	c.CoreInstance(c.CoreModule(fill.Bytes()), from, Arg{Name: "host", Instance: c.CoreExports(Item{Name: "0", Func: c.Lower(next)})})
	u32 := []byte{U32}
	c.Export("run", SortFunc, c.Lift(c.CoreFunc(u, "run"), c.FuncType(u32, Param{Name: "x", Type: u32}, Param{Name: "y", Type: u32})))
	return c.Bytes()
}

// TestShims: a shim is left out where nobody can tell; where somebody can, the
// component does what it says.
func TestShims(t *testing.T) {
	empty := func(m *Module) uint32 { return m.Func(m.Type("", ""), "") }
	for _, c := range []struct {
		what   string
		change func(shim, user, fill *Module)
		steps  int
		want   string
	}{
		{"as toolchains make it", nil, 1, "42"},
		{"a start function between", func(_, user, _ *Module) { user.Start = int(empty(user)) + 1 }, 3, "42"},
		{"a start function that calls the host too early", func(_, user, _ *Module) {
			user.Start = int(user.Func(user.Type("", ""), "", I32(1), Call(0), dropOp)) + 1
		}, 3, "invalid table access"},
		{"a function that calls another element", func(shim, _, _ *Module) {
			shim.Export("1", Func, shim.Func(0, "", get(0), I32(1), 0x11, 0, 0))
			shim.Tables = nil
			shim.Table(2, 2)
		}, 3, "42"},
		{"a function that computes", func(shim, _, _ *Module) {
			shim.Bodies, shim.Funcs = nil, nil
			shim.Func(0, "", get(0), I32(1), 0x6a, I32(0), 0x11, 0, 0)
		}, 3, "43"},
		{"another order of parameters", func(shim, user, _ *Module) {
			shim.Types = append(shim.Types, Cat([]byte{0x60, 2, I32Type, I32Type, 1, I32Type}))
			shim.Export("1", Func, shim.Func(1, "", get(1), I32(0), 0x11, 0, 0))
		}, 3, "42"},
		{"a table that others import", func(shim, user, _ *Module) {
			user.Imports = append(user.Imports, Cat(Name("shim"), Name("$imports"), []byte{1, 0x70, 0, 1}))
		}, 3, "42"},
		{"a shim with state", func(shim, _, _ *Module) { shim.Global(1) }, 3, "42"},
		{"a second segment", func(_, _, fill *Module) { fill.Elem(0, 0) }, 3, "42"},
		{"an element beyond the table", func(_, _, fill *Module) {
			fill.Elems = nil
			fill.Elem(0, 0, 0)
		}, 3, ""},
		{"a fill that exports", func(_, _, fill *Module) { fill.Export("0", Func, 0) }, 3, "42"},
	} {
		t.Run(c.what, func(t *testing.T) {
			code := shimmed(c.change)
			e, err := components.NewEngine(t.Context(), components.EngineConfig{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close(t.Context()) })
			p, err := e.Plan(code)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Steps) != c.steps {
				t.Errorf("%d steps, want %d", len(p.Steps), c.steps)
			}
			compiled, err := e.Compile(t.Context(), code)
			if err != nil {
				t.Fatal(err)
			}
			tmpl, err := compiled.Link(components.LinkConfig{Interfaces: []*abi.Interface{{Name: "next", Funcs: []abi.Func{{
				Name: "next", Type: &wit.FuncType{Params: []wit.Param{{Name: "x", Type: typeU32}}, Result: typeU32},
				Call: func(_ context.Context, c *abi.Call) error { c.PutU32(c.Result, c.U32(c.Params)+1); return nil },
			}}}}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			in, err := tmpl.Acquire(t.Context())
			if err != nil {
				got = err.Error()
			} else {
				got = say(t, in, "run", 41, 0)
				in.Release(t.Context())
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("answers %s, want %s", got, c.want)
			}
		})
	}
}

// TestShimIsValidated: a shim that is left out is valid all the same.
func TestShimIsValidated(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	code := shimmed(func(shim, _, _ *Module) { shim.Func(0, "", get(0), I32(0), 0x11, U(7), 0) })
	if _, err := e.Compile(t.Context(), code); err == nil {
		t.Error("a shim that calls by a type that is not there was compiled")
	}
	code = shimmed(func(_, _, fill *Module) { fill.Elems = [][]byte{Cat([]byte{0, 0x42, 0, 0x0b}, []byte{1, 0})} })
	if _, err := e.Compile(t.Context(), code); err == nil {
		t.Error("a segment at an offset of another type was compiled")
	}
}
