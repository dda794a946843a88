package guests

import (
	"errors"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/value"
)

// counters calls the resource counter that a library exports, from Go.
type counters struct {
	t     *testing.T
	in    *components.Instance
	iface string
}

func (c counters) call(name string, args ...value.Value) (value.Value, error) {
	return c.in.Call(c.t.Context(), c.iface, name, args...)
}

func (c counters) handle(v value.Value, err error) value.Handle {
	c.t.Helper()
	h, ok := v.(value.Handle)
	if err != nil || !ok || !h.Owned {
		c.t.Fatalf("%#v, %v; want an owned counter", v, err)
	}
	return h
}

func (c counters) make(step uint64) value.Handle {
	c.t.Helper()
	return c.handle(c.call("[constructor]counter", value.U64(step)))
}

func (c counters) add(h value.Handle, want uint64) {
	c.t.Helper()
	h.Owned = false
	if got, err := c.call("[method]counter.add", h); err != nil || got != value.U64(want) {
		c.t.Errorf("add: %v, %v; want %d", got, err, want)
	}
}

// resources makes, lends, gives away and drops resources of a library. forgets
// says that the toolchain's own glue forgets another resource than the one
// that is given to it, as it does under other runtimes.
func resources(t *testing.T, tmpl *components.Template, iface string, forgets bool) {
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	c := counters{t, in, iface}
	a, b := c.make(3), c.make(1<<62)
	c.add(a, 3)
	c.add(b, 1<<62)
	c.add(a, 6) // each keeps its own sum
	lent := a
	lent.Owned = false
	merged := c.handle(c.call("[static]counter.merged", lent, b))
	c.add(merged, 9+1<<63)
	if !forgets {
		c.add(a, 9) // it was lent, and is still ours
	}
	for _, h := range []value.Handle{merged, a} {
		if err := in.Drop(t.Context(), h.Rep.(*components.GuestResource)); err != nil {
			t.Errorf("drop: %v", err)
		}
	}
	for range 100 {
		if err := in.Drop(t.Context(), c.make(1).Rep.(*components.GuestResource)); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Drop(t.Context(), b.Rep.(*components.GuestResource)); !errors.Is(err, errcode.Invalid) {
		t.Errorf("drop of what was given away: %v", err)
	}
	if got, err := c.call("[method]counter.add", value.Handle{Rep: b.Rep, Resource: b.Resource}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("add of what was given away: %v, %v", got, err)
	}
}
