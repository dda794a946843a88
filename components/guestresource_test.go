package components_test

import (
	"context"
	"errors"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
	"latticework/wit/value"
)

// ledger is a component with a resource whose destructor adds its number to a sum,
// or traps for the number 13:
//
//	export make: func(n: u32) -> own<entry>
//	export look: func(e: borrow<entry>) -> u32  // its number
//	export take: func(e: own<entry>) -> u32     // drops it and returns the sum
//	export sum: func() -> u32                   // of the numbers that were dropped
func ledger() []byte {
	c := NewComponent()
	a := &Module{}
	a.Global(0)
	a.Export("sum", Func, a.Func(a.Type("", "i"), "", 0x23, 0))
	a.Export("dtor", Func, a.Func(a.Type("i", ""), "", get(0), I32(13), 0x46, 0x04, 0x40, 0x00, 0x0b, 0x23, 0, get(0), 0x6a, 0x24, 0))
	ai := c.CoreInstance(c.CoreModule(a.Bytes()))
	sum := c.CoreFunc(ai, "sum")
	res := c.Resource(int(c.CoreFunc(ai, "dtor")))
	b := &Module{}
	b.Import("", "new", b.Type("i", "i"))
	b.Import("", "drop", b.Type("i", ""))
	b.Import("", "sum", b.Type("", "i"))
	b.Export("make", Func, b.Func(b.Type("i", "i"), "", get(0), Call(0)))
	b.Export("look", Func, b.Func(b.Type("i", "i"), "", get(0)))
	b.Export("take", Func, b.Func(b.Type("i", "i"), "", get(0), Call(1), Call(2)))
	bi := c.CoreInstance(c.CoreModule(b.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "new", Func: c.ResourceNew(res)}, Item{Name: "drop", Func: c.ResourceDrop(res)}, Item{Name: "sum", Func: sum})})
	entry := c.Export("entry", SortType, res)
	own, borrow, u32 := U(c.Own(entry)), U(c.Borrow(entry)), []byte{U32}
	lift := func(name string, f uint32, result []byte, params ...Param) {
		c.Export(name, SortFunc, c.Lift(f, c.FuncType(result, params...)))
	}
	lift("make", c.CoreFunc(bi, "make"), own, Param{Name: "n", Type: u32})
	lift("look", c.CoreFunc(bi, "look"), u32, Param{Name: "e", Type: borrow})
	lift("take", c.CoreFunc(bi, "take"), u32, Param{Name: "e", Type: own})
	lift("sum", sum, u32)
	return c.Bytes()
}

// ledgers instantiates the component twice.
func ledgers(t *testing.T) (a, b *components.Instance) {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), ledger())
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(components.LinkConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return keep(t, tmpl), keep(t, tmpl)
}

// entryOf makes an entry.
func entryOf(t *testing.T, in *components.Instance, n uint32) (value.Handle, *components.GuestResource) {
	t.Helper()
	v, err := in.Call(t.Context(), "", "make", value.U32(n))
	if err != nil {
		t.Fatal(err)
	}
	h, ok := v.(value.Handle)
	if !ok || !h.Owned {
		t.Fatalf("make answered %#v, want an owned handle", v)
	}
	return h, h.Rep.(*components.GuestResource)
}

func lent(h value.Handle) value.Handle {
	h.Owned = false
	return h
}

// calls checks what a call answers.
func calls(t *testing.T, in *components.Instance, name string, want value.Value, args ...value.Value) {
	t.Helper()
	if got, err := in.Call(t.Context(), "", name, args...); err != nil || !value.Equal(got, want) {
		t.Errorf("%s: %v, %v; want %v", name, got, err, want)
	}
}

func TestGuestResourceDrop(t *testing.T) {
	in, other := ledgers(t)
	defer in.Release(context.Background())
	defer other.Release(context.Background())
	h, r := entryOf(t, in, 5)
	calls(t, in, "look", value.U32(5), lent(h))
	calls(t, in, "look", value.U32(5), lent(h)) // lending leaves it with the host
	calls(t, in, "sum", value.U32(0))
	if err := other.Drop(t.Context(), r); !errors.Is(err, errcode.Invalid) {
		t.Errorf("drop by another instance: %v", err)
	}
	if err := in.Drop(t.Context(), nil); !errors.Is(err, errcode.Invalid) {
		t.Errorf("drop of nothing: %v", err)
	}
	if err := in.Drop(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	calls(t, in, "sum", value.U32(5))
	if err := in.Drop(t.Context(), r); !errors.Is(err, errcode.Invalid) {
		t.Errorf("dropped twice: %v", err)
	}
	calls(t, in, "sum", value.U32(5))
	given, _ := entryOf(t, in, 7)
	calls(t, in, "take", value.U32(12), given)
	if err := in.Drop(t.Context(), given.Rep.(*components.GuestResource)); !errors.Is(err, errcode.Invalid) {
		t.Errorf("dropped after it was given away: %v", err)
	}
	calls(t, in, "sum", value.U32(12))
}

// TestGuestResourceGone checks that what the host gave away or dropped reaches
// no guest again, as owned or lent: its destructor has run.
func TestGuestResourceGone(t *testing.T) {
	for _, k := range []struct {
		name string
		end  func(in *components.Instance, h value.Handle) error
	}{
		{"given away", func(in *components.Instance, h value.Handle) error {
			_, err := in.Call(t.Context(), "", "take", h)
			return err
		}},
		{"dropped", func(in *components.Instance, h value.Handle) error {
			return in.Drop(t.Context(), h.Rep.(*components.GuestResource))
		}},
	} {
		for _, again := range []string{"take", "look"} {
			t.Run(k.name+" "+again, func(t *testing.T) {
				in, other := ledgers(t)
				defer in.Release(context.Background())
				defer other.Release(context.Background())
				h, _ := entryOf(t, in, 5)
				if err := k.end(in, h); err != nil {
					t.Fatal(err)
				}
				if again == "look" {
					h = lent(h)
				}
				if v, err := in.Call(t.Context(), "", again, h); !errors.Is(err, errcode.Invalid) {
					t.Errorf("%s afterwards: %v, %v; want that it is invalid", again, v, err)
				}
			})
		}
	}
}

func TestGuestResourceDestructorTraps(t *testing.T) {
	in, other := ledgers(t)
	defer other.Release(context.Background())
	_, r := entryOf(t, in, 13)
	_, second := entryOf(t, in, 1)
	err := in.Drop(t.Context(), r)
	if _, trapped := components.IsTrap(err); !trapped || !in.Dead() {
		t.Errorf("the destructor ended with %v, dead: %t", err, in.Dead())
	}
	if err := in.Drop(t.Context(), second); !errors.Is(err, errcode.Trap) {
		t.Errorf("drop in an instance that is gone: %v", err)
	}
	in.Release(context.Background())
	if err := in.Drop(t.Context(), second); !errors.Is(err, errcode.Closed) {
		t.Errorf("drop in an instance that was released: %v", err)
	}
}
