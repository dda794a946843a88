package components_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// named is a component of two core modules. fail of the second calls inner of
// the first, which traps where its argument is 0 and else calls the import
// touch. names are the entries of the first module's name section.
func named(names []byte) []byte {
	c := NewComponent()
	touch := c.CoreExports(Item{Name: "touch", Func: c.Lower(c.ImportFunc("touch", c.FuncType([]byte{U32})))})
	m := &Module{}
	call := m.Import("env", "touch", m.Type("", "i"))
	inner := m.Func(m.Type("i", "i"), "", 0x20, 0, 0x45, 0x04, 0x40, 0x00, 0x0b, Call(call))
	m.Export("inner", Func, m.Func(m.Type("i", "i"), "", 0x20, 0, Call(inner)))
	code := m.Bytes()
	if names != nil {
		code = Cat(code, Section(0, Name("name"), []byte{1}, U(len(names)), names))
	}
	first := c.CoreInstance(c.CoreModule(code), Arg{Name: "env", Instance: touch})
	outer := &Module{}
	fn := outer.Import("first", "inner", outer.Type("i", "i"))
	outer.Export("fail", Func, outer.Func(outer.Type("i", "i"), "", 0x20, 0, Call(fn)))
	second := c.CoreInstance(c.CoreModule(outer.Bytes()), Arg{Name: "first", Instance: first})
	typ := c.FuncType([]byte{U32}, Param{Name: "x", Type: []byte{U32}})
	c.Export("fail", SortFunc, c.Lift(c.CoreFunc(second, "fail"), typ))
	return c.Bytes()
}

// trapStack calls fail and returns the stack of its trap.
func trapStack(t *testing.T, cfg components.EngineConfig, data []byte, arg uint32) []string {
	t.Helper()
	e := planEngine(t, cfg)
	c, err := e.Compile(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	refuse := abi.Func{Name: "touch", Type: &wit.FuncType{Result: wit.Primitive(wit.KindU32)}, Call: func(context.Context, *abi.Call) error {
		return errcode.New(errcode.Denied, "not today")
	}}
	tmpl, err := c.Link(components.LinkConfig{Interfaces: []*abi.Interface{{Name: "touch", Funcs: []abi.Func{refuse}}}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(context.Background())
	_, err = in.Call(t.Context(), "", "fail", value.U32(arg))
	trap, ok := components.IsTrap(err)
	if !ok || arg > 0 && !errors.Is(err, errcode.Denied) {
		t.Fatalf("no trap: %v", err)
	}
	if strings.Contains(err.Error(), "core module") {
		t.Errorf("the error itself has the stack: %v", err)
	}
	return trap.Stack
}

// TestTrapStack looks at the frames of traps: names of functions, their
// modules, and what a guest might do with its names.
func TestTrapStack(t *testing.T) {
	entry := func(i int, name string) []byte { return Cat(U(i), Name(name)) }
	long := strings.Repeat("ä", 100)
	for _, c := range []struct {
		what  string
		names []byte
		arg   uint32
		want  []string
	}{
		{"names", Cat(U(3), entry(0, "touch_import"), entry(1, "inner::run<T>"), entry(2, "wrap")), 0,
			[]string{"inner::run<T> (core module 0, function 1)", "wrap (core module 0, function 2)", "fail (core module 1, function 1)"}},
		{"a host function fails", Cat(U(1), entry(1, "inner")), 1,
			[]string{"touch (host)", "inner (core module 0, function 1)", "function 2 (core module 0)", "fail (core module 1, function 1)"}},
		{"no name section", nil, 0,
			[]string{"function 1 (core module 0)", "inner (core module 0, function 2)", "fail (core module 1, function 1)"}},
		{"control characters and too long", Cat(U(2), entry(1, "a\n\x1b[31m\u202e\xff"), entry(2, long)), 0,
			[]string{`a\u{a}\u{1b}[31m\u{202e}\xff (core module 0, function 1)`, strings.Repeat("ä", 60) + "… (core module 0, function 2)", "fail (core module 1, function 1)"}},
		{"out of order, then cut off", Cat(U(9), entry(2, "two"), entry(1, "one"), U(1), U(200), []byte("x")), 0,
			[]string{"one (core module 0, function 1)", "two (core module 0, function 2)", "fail (core module 1, function 1)"}},
		{"a lying count", Cat([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, entry(1, "one")), 0,
			[]string{"one (core module 0, function 1)", "function 2 (core module 0)", "fail (core module 1, function 1)"}},
	} {
		for _, e := range suiteEngines {
			if have := trapStack(t, e.cfg, named(c.names), c.arg); !slices.Equal(have, c.want) {
				t.Errorf("%s, %s:\n%s\nwant\n%s", c.what, e.name, strings.Join(have, "\n"), strings.Join(c.want, "\n"))
			}
		}
	}
}

// calling is a component of two: caller of one calls trapping of the other,
// which is code.
func calling(code ...any) []byte {
	u32 := []byte{U32}
	x := Param{Name: "x", Type: u32}
	inner := NewComponent()
	m := &Module{}
	m.Export("trapping", Func, m.Func(m.Type("i", "i"), "", code...))
	inner.Export("run", SortFunc, inner.Lift(inner.CoreFunc(inner.CoreInstance(inner.CoreModule(m.Bytes())), "trapping"), inner.FuncType(u32, x)))

	outer := NewComponent()
	typ := outer.FuncType(u32, x)
	called := outer.CoreExports(Item{Name: "called", Func: outer.Lower(outer.ImportFunc("called", typ))})
	n := &Module{}
	n.Import("env", "called", n.Type("i", "i"))
	n.Export("caller", Func, n.Func(n.Type("i", "i"), "", 0x20, 0, Call(0)))
	instance := outer.CoreInstance(outer.CoreModule(n.Bytes()), Arg{Name: "env", Instance: called})
	outer.Export("run", SortFunc, outer.Lift(outer.CoreFunc(instance, "caller"), typ))

	c := NewComponent()
	a := c.Instance(c.Component(inner.Bytes()))
	b := c.Instance(c.Component(outer.Bytes()), With{Name: "called", Sort: SortFunc, Index: c.AliasFunc(a, "run")})
	c.Export("fail", SortFunc, c.AliasFunc(b, "run"))
	return c.Bytes()
}

// TestTrapOfCalledComponent has a component call another one, which traps: it
// is a trap like any other, with the stack of both.
func TestTrapOfCalledComponent(t *testing.T) {
	for name, cfg := range engines() {
		for _, k := range []struct {
			what   string
			bytes  []byte
			code   errcode.Code
			reason string
		}{
			{"unreachable", calling(0x00), errcode.Trap, "unreachable"},
			{"recursion", calling(0x20, 0, Call(0)), errcode.Exhausted, "call stack"},
		} {
			t.Run(name+" "+k.what, func(t *testing.T) {
				code, err := planEngine(t, cfg).Compile(t.Context(), k.bytes)
				if err != nil {
					t.Fatal(err)
				}
				tmpl, err := code.Link(components.LinkConfig{})
				if err != nil {
					t.Fatal(err)
				}
				in := keep(t, tmpl)
				defer in.Release(context.Background())
				_, err = in.Call(t.Context(), "", "fail", value.U32(1))
				trap, ok := components.IsTrap(err)
				if !ok || errcode.Of(err) != k.code || !strings.HasPrefix(trap.Reason, k.reason) {
					t.Fatalf("ended with code %v, %v", errcode.Of(err), err)
				}
				stack := strings.Join(trap.Stack, "\n")
				at, above := strings.Index(stack, "trapping (core module"), strings.Index(stack, "caller (core module")
				if at < 0 || above < at || strings.Contains(stack, "stack trace") || strings.Contains(stack, "wazero") {
					t.Errorf("stack:\n%s", stack)
				}
			})
		}
	}
}
