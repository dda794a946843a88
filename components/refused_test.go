package components_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

var errNoInk = errors.New("out of ink")

// failing is what writes parameters and cannot.
func failing(*abi.Call) error { return errNoInk }

func ignored(*abi.Call) error { return nil }

// soon is the test's context, which ends before the test times out.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestRefusedCall: a call whose parameters Go cannot give, before the guest ran
// for it, is all that fails.
func TestRefusedCall(t *testing.T) {
	release := make(chan struct{})
	close(release)
	tmpl := relayHost{work: inBackground(release)}.template(t, components.Limits{})
	for _, export := range []string{"call", "stack"} {
		in, f := acquired(t, tmpl, export)
		for range 3 {
			err := in.Invoke(t.Context(), f, failing, ignored)
			if _, trap := components.IsTrap(err); trap || !errors.Is(err, errNoInk) || in.Dead() {
				t.Fatalf("%s: answered %v, dead %v", export, err, in.Dead())
			}
		}
		if got, err := addOne(t.Context(), in, f, 1); err != nil || got != 2 || in.Busy() {
			t.Errorf("%s: the call after it answered %d, %v; busy %v", export, got, err, in.Busy())
		}
	}
}

// TestRefusedCallBesideOthers: the same, while other calls are under way in the
// instance or wait for it.
func TestRefusedCallBesideOthers(t *testing.T) {
	for _, k := range []struct {
		export string
		limits components.Limits
		lower  func(*abi.Call) error
		err    error
	}{
		{export: "stack", lower: failing, err: errNoInk},
		{export: "stack", limits: components.Limits{Threads: 2}, lower: ignored, err: errcode.Exhausted},
	} {
		release := make(chan struct{})
		begun := make(chan struct{}, 1)
		tmpl := relayHost{work: func(ctx context.Context, c *abi.Call) (abi.Work, error) {
			begun <- struct{}{}
			return inBackground(release)(ctx, c)
		}}.template(t, k.limits)
		in, f := acquired(t, tmpl, k.export)
		err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
			var join sync.WaitGroup
			defer join.Wait()
			join.Go(func() {
				if got, err := addOne(ctx, calls, f, 1); err != nil || got != 2 {
					t.Errorf("the other call answered %d, %v", got, err)
				}
			})
			<-begun
			if err := calls.Invoke(ctx, f, k.lower, ignored); !errors.Is(err, k.err) || errors.Is(err, errcode.Closed) {
				t.Errorf("answered %v, want %v", err, k.err)
			}
			close(release)
			return nil
		})
		if err != nil || in.Dead() {
			t.Errorf("ended with %v", err)
		}
	}
}

// TestRefusedCallThatWaited: a call that the instance lets in late and whose
// parameters fail then lets in the next.
func TestRefusedCallThatWaited(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 1)
	tmpl := relayHost{work: func(ctx context.Context, c *abi.Call) (abi.Work, error) {
		select {
		case begun <- struct{}{}:
		default:
		}
		return inBackground(release)(ctx, c)
	}}.template(t, components.Limits{})
	in, f := acquired(t, tmpl, "call") // has the instance for itself
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		var join sync.WaitGroup
		defer join.Wait()
		good := func() {
			if got, err := addOne(ctx, calls, f, 1); err != nil || got != 2 {
				t.Errorf("a call beside it answered %d, %v", got, err)
			}
		}
		join.Go(good)
		<-begun
		for range 4 {
			join.Go(func() {
				if err := calls.Invoke(ctx, f, failing, ignored); !errors.Is(err, errNoInk) {
					t.Errorf("answered %v, want %v", err, errNoInk)
				}
			})
			join.Go(good)
		}
		close(release)
		return nil
	})
	if err != nil || in.Dead() {
		t.Errorf("ended with %v", err)
	}
}

// penKeeper is a component that is given pens:
//
//	export take: func(p: own<pen>, text: string) -> u32        // the handle
//	export collect: func(ps: list<own<pen>>) -> u32            // how many
//	export look: func(p: borrow<pen>, s: stream<u8>) -> u32    // the handle
//
// Its realloc traps for 13 bytes.
func penKeeper() []byte {
	c, core := NewComponent(), &Module{}
	pen := c.ImportResource("pen")
	stream := U(c.Type([]byte{0x66, 1, U8}))
	drop := Call(core.Import("", "drop", core.Type("i", "")))
	core.Memory(1, 1)
	core.Export("m", Memory, 0)
	core.Export("realloc", Func, core.Func(core.Type("iiii", "i"), "", get(3), I32(13), 0x46, 0x04, void, 0x00, endOp, I32(64)))
	core.Export("take", Func, core.Func(core.Type("iii", "i"), "", get(0)))
	core.Export("collect", Func, core.Func(core.Type("ii", "i"), "", get(1)))
	core.Export("look", Func, core.Func(core.Type("ii", "i"), "", get(0), drop, get(0)))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "", Instance: c.CoreExports(Item{Name: "drop", Func: c.ResourceDrop(pen)})})
	mem, realloc := MemoryOpt(c.CoreMemory(inst, "m")), ReallocOpt(c.CoreFunc(inst, "realloc"))
	c.Export("take", SortFunc, c.Lift(c.CoreFunc(inst, "take"), c.FuncType([]byte{U32},
		Param{Name: "p", Type: U(c.Own(pen))}, Param{Name: "text", Type: []byte{String}}), mem, realloc))
	c.Export("collect", SortFunc, c.Lift(c.CoreFunc(inst, "collect"), c.FuncType([]byte{U32},
		Param{Name: "ps", Type: U(c.Type(Cat([]byte{0x70}, U(c.Own(pen)))))}), mem, realloc))
	c.Export("look", SortFunc, c.Lift(c.CoreFunc(inst, "look"), asyncFunc(c, []byte{U32},
		Param{Name: "p", Type: U(c.Borrow(pen))}, Param{Name: "s", Type: stream})))
	return c.Bytes()
}

func penKeepers(t *testing.T, limits components.Limits) (*components.Template, *wit.Resource) {
	t.Helper()
	resource := &wit.Resource{Name: "pen"}
	return linkedWithin(t, penKeeper(), limits, &abi.Interface{Name: "pen", Resources: []*wit.Resource{resource}}), resource
}

// TestHandlesOfARefusedCall: a guest keeps no handle of a call that is refused.
func TestHandlesOfARefusedCall(t *testing.T) {
	tmpl, resource := penKeepers(t, components.Limits{Handles: 2})
	in, take := acquired(t, tmpl, "take")
	look := exported(t, tmpl, "look")
	p := &pen{}
	for range 3 {
		err := in.Invoke(t.Context(), take, func(c *abi.Call) error {
			c.Handles.SetOwner(p)
			c.PutOwn(c.Params, p, resource)
			return errNoInk
		}, ignored)
		if !errors.Is(err, errNoInk) || in.Dead() {
			t.Fatalf("answered %v", err)
		}
		w, r := components.NewStream(typeU8)
		err = in.Invoke(t.Context(), look, func(c *abi.Call) error {
			c.PutBorrow(c.Params, p, resource)
			c.PutAsync(c.Params[4:], r, typeStream)
			return errNoInk
		}, ignored)
		if !errors.Is(err, errNoInk) || in.Dead() {
			t.Fatalf("answered %v", err)
		}
		err = in.Drive(soon(t), func(ctx context.Context) error {
			_, err := w.Write(ctx, []byte{1})
			return err
		})
		if !errors.Is(err, components.ErrClosed) || in.Dead() {
			t.Errorf("write to a stream that was given in vain: %v", err)
		}
	}
	if p.held != 0 || p.dropped != 3 {
		t.Errorf("held by %d, dropped %d times; want 0, 3", p.held, p.dropped)
	}
	_, r := components.NewStream(typeU8)
	if got := call(t, in, "look", value.Handle{Rep: p}, value.Async{Rep: r}); got != value.U32(1) {
		t.Errorf("the next handle is %v, want 1", got)
	}
}

// TestRefusedCallKeepsGuestResource: the host has a resource of the component
// after a call that it was given to in vain.
func TestRefusedCallKeepsGuestResource(t *testing.T) {
	in, other := ledgers(t)
	defer in.Release(context.Background())
	defer other.Release(context.Background())
	_, r := entryOf(t, in, 5)
	f, err := in.Template().Export("", "take")
	if err != nil {
		t.Fatal(err)
	}
	err = in.Invoke(t.Context(), f, func(c *abi.Call) error {
		c.PutOwn(c.Params, r, r.Resource())
		return errNoInk
	}, ignored)
	if !errors.Is(err, errNoInk) {
		t.Fatal(err)
	}
	if err := in.Drop(t.Context(), r); err != nil {
		t.Errorf("drop: %v", err)
	}
	calls(t, in, "sum", value.U32(5))
}

// TestParametersThatFailLate: once the guest ran for a call that fails, it is
// gone.
func TestParametersThatFailLate(t *testing.T) {
	tmpl, resource := penKeepers(t, components.Limits{})
	for what, text := range map[string]string{"a realloc that traps": "thirteen byte", "a realloc that does not": "twelve bytes"} {
		in, take := acquired(t, tmpl, "take")
		err := in.Invoke(t.Context(), take, func(c *abi.Call) error {
			c.PutString(c.Params[4:], text)
			c.PutOwn(c.Params, &pen{}, resource)
			return errNoInk
		}, ignored)
		if _, trap := components.IsTrap(err); !trap || !in.Dead() {
			t.Errorf("%s: answered %v, dead %v; want a trap", what, err, in.Dead())
		}
	}
}

// TestParametersThatAreLost: what was to be the guest's own ends, once, wherever
// among the parameters the failure is.
func TestParametersThatAreLost(t *testing.T) {
	tmpl, resource := penKeepers(t, components.Limits{Handles: 2})
	pens := func(n int) (ps []*pen, list value.List) {
		for range n {
			ps = append(ps, &pen{})
			list = append(list, value.Handle{Rep: ps[len(ps)-1], Owned: true})
		}
		return ps, list
	}
	for what, run := range map[string]func(in *components.Instance) (lost []*pen, err error){
		"before": func(in *components.Instance) ([]*pen, error) {
			ps, _ := pens(1)
			return ps, in.Invoke(t.Context(), exported(t, tmpl, "take"), func(c *abi.Call) error {
				c.PutChar(c.Params[4:], -1)
				c.PutOwn(c.Params, ps[0], resource)
				return nil
			}, ignored)
		},
		"after": func(in *components.Instance) ([]*pen, error) {
			ps, _ := pens(1)
			return ps, in.Invoke(t.Context(), exported(t, tmpl, "take"), func(c *abi.Call) error {
				c.PutOwn(c.Params, ps[0], resource)
				c.PutString(c.Params[4:], "\xff")
				return nil
			}, ignored)
		},
		"in the middle of a list": func(in *components.Instance) ([]*pen, error) {
			ps, list := pens(5)
			_, err := in.Call(t.Context(), "", "collect", list)
			return ps, err
		},
		"a list that finds no room": func(in *components.Instance) ([]*pen, error) {
			ps, list := pens(16 << 10) // of 4 bytes, from 64 on
			_, err := in.Call(t.Context(), "", "collect", list)
			return ps, err
		},
	} {
		in := keep(t, tmpl)
		ps, err := run(in)
		if err == nil {
			t.Errorf("%s: it was given", what)
		}
		in.Release(context.Background())
		for i, p := range ps {
			if p.dropped != 1 {
				t.Errorf("%s: resource %d ended %d times (%v)", what, i, p.dropped, err)
				break
			}
		}
	}
}

func exported(t *testing.T, tmpl *components.Template, name string) abi.ExportedFunc {
	t.Helper()
	f, err := tmpl.Export("", name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestStreamsThatAreLost: the same for streams, which are closed.
func TestStreamsThatAreLost(t *testing.T) {
	tmpl, resource := penKeepers(t, components.Limits{Handles: 1})
	look := exported(t, tmpl, "look")
	for what, fail := range map[string]func(c *abi.Call){
		"before":  func(c *abi.Call) { c.Fail(errNoInk) },
		"no room": func(c *abi.Call) { c.PutBorrow(c.Params, &pen{}, resource) },
	} {
		in := keep(t, tmpl)
		w, r := components.NewStream(typeU8)
		source := &closedBytes{}
		for _, rep := range []any{r, source} {
			err := in.Invoke(t.Context(), look, func(c *abi.Call) error {
				fail(c)
				c.PutAsync(c.Params[4:], rep, typeStream)
				return nil
			}, ignored)
			if err == nil || in.Dead() {
				t.Errorf("%s: answered %v", what, err)
			}
		}
		err := in.Drive(soon(t), func(ctx context.Context) error {
			_, err := w.Write(ctx, []byte{1})
			return err
		})
		if !errors.Is(err, components.ErrClosed) {
			t.Errorf("%s: write: %v", what, err)
		}
		in.Release(context.Background())
		if source.closed != 1 {
			t.Errorf("%s: the source was closed %d times", what, source.closed)
		}
	}
}

// closedBytes is a stream that counts how often it is closed.
type closedBytes struct{ closed int }

func (s *closedBytes) Read(context.Context, []byte) (int, error) { return 0, io.EOF }
func (s *closedBytes) Close()                                    { s.closed++ }
