package components_test

import (
	"context"
	"errors"
	"strings"
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

// linked compiles a component and binds its imports.
func linked(t testing.TB, code []byte, imports ...*abi.Interface) *components.Template {
	t.Helper()
	return linkedWithin(t, code, components.Limits{}, imports...)
}

func linkedWithin(t testing.TB, code []byte, limits components.Limits, imports ...*abi.Interface) *components.Template {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(components.LinkConfig{Interfaces: imports, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// within fails the test, and does not wait for f any longer, if f takes much
// longer than it may.
func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		f()
	}()
	select {
	case <-over:
	case <-time.After(limit):
		t.Fatalf("%s: not over after %s", what, limit)
	}
}

// liar is a component whose strings are no UTF-8:
//
//	export produce: async func() -> stream<string>
//	export say: async func() -> string
func liar() []byte {
	c, core, holder := NewComponent(), &Module{}, &Module{}
	stream := U(c.Type([]byte{0x66, 1, String}))
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	holder.Data(1024, []byte{0, 8, 0, 0, 1, 0, 0, 0})
	holder.Data(2048, []byte{0xff})
	memory := c.CoreInstance(c.CoreModule(holder.Bytes()))
	mem := MemoryOpt(c.CoreMemory(memory, "m"))
	newStream := core.Import("", "new", core.Type("", "l"))
	write := core.Import("", "write", core.Type("iii", "i"))
	ret := core.Import("", "return", core.Type("i", ""))
	say := core.Import("", "say", core.Type("ii", ""))
	core.Export("say", Func, core.Func(core.Type("", ""), "", I32(2048), I32(1), Call(say)))
	core.Export("produce", Func, core.Func(core.Type("", ""), "l", Call(newStream), setOp, 0,
		get(0), 0xa7, Call(ret),
		get(0), []byte{0x42, 32}, 0x88, 0xa7, I32(1024), I32(1), Call(write), dropOp))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "new", Func: c.Canon([]byte{0x0e}, stream)},
		Item{Name: "write", Func: c.Canon([]byte{0x10}, stream, Vec(mem))},
		Item{Name: "return", Func: c.Canon([]byte{0x09, 0}, stream, Vec(mem))},
		Item{Name: "say", Func: c.Canon([]byte{0x09, 0, String}, Vec(mem))})})
	c.Export("say", SortFunc, c.Lift(c.CoreFunc(inst, "say"), asyncFunc(c, []byte{String}), []byte{6}, mem))
	c.Export("produce", SortFunc, c.Lift(c.CoreFunc(inst, "produce"), asyncFunc(c, stream), []byte{6}, mem))
	return c.Bytes()
}

// TestReadOfWhatIsNoValue reads what a guest wrote that is no value of the
// stream's type: the guest traps, and whoever reads is told, however it waits.
func TestReadOfWhatIsNoValue(t *testing.T) {
	tmpl := linked(t, liar())
	for what, run := range map[string]func(in *components.Instance, f func(context.Context) error) error{
		"driven": func(in *components.Instance, f func(context.Context) error) error { return in.Drive(t.Context(), f) },
		"along": func(in *components.Instance, f func(context.Context) error) error {
			return in.Along(t.Context(), nil, f)
		},
	} {
		t.Run(what, func(t *testing.T) {
			in := keep(t, tmpl)
			r := call(t, in, "produce").(value.Async).Rep.(*components.StreamReader)
			within(t, 10*time.Second, "read", func() {
				err := run(in, func(ctx context.Context) error {
					_, err := r.ReadValues(ctx, 1)
					if err == nil {
						t.Error("a string that is no UTF-8 was read")
					}
					return err
				})
				if _, ok := components.IsTrap(err); !ok || !in.Dead() {
					t.Errorf("answered %v, want a trap", err)
				}
				in.Release(context.Background())
			})
		})
	}
}

// TestReallocOfATask gives a guest a string when its call of the host is over,
// where none of its tasks runs: its realloc has what a task has all the same.
func TestReallocOfATask(t *testing.T) {
	c, core, holder := NewComponent(), &Module{}, &Module{}
	contextGet := holder.Import("", "get", holder.Type("", "i"))
	contextSet := holder.Import("", "set", holder.Type("i", ""))
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	holder.Export("realloc", Func, holder.Func(holder.Type("iiii", "i"), "",
		// What it finds must be nothing; it leaves something.
		Call(contextGet), 0x04, void, 0x00, endOp, I32(7), Call(contextSet), I32(256)))
	memory := c.CoreInstance(c.CoreModule(holder.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "get", Func: c.Canon([]byte{0x0a, 0x7f, 0})}, Item{Name: "set", Func: c.Canon([]byte{0x0b, 0x7f, 0})})})
	mem, realloc := MemoryOpt(c.CoreMemory(memory, "m")), ReallocOpt(c.CoreFunc(memory, "realloc"))
	text := c.ImportFunc("text", asyncFunc(c, []byte{String}))
	lower := core.Import("", "text", core.Type("i", ""))
	core.ImportMemory("mem", "m", 1)
	core.Export("run", Func, core.Func(core.Type("", "i"), "", I32(16), Call(lower), I32(16), Call(lower), load(20)))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()),
		Arg{Name: "", Instance: c.CoreExports(Item{Name: "text", Func: c.Lower(text, mem, realloc)})}, Arg{Name: "mem", Instance: memory})
	c.Export("run", SortFunc, c.Lift(c.CoreFunc(inst, "run"), asyncFunc(c, []byte{U32})))
	in := keep(t, linked(t, c.Bytes(), &abi.Interface{Name: "text", Funcs: []abi.Func{{
		Name: "text", Type: &wit.FuncType{Async: true, Result: wit.Primitive(wit.KindString)},
		Start: func(context.Context, *abi.Call) (abi.Work, error) {
			return func(context.Context) (abi.Answer, error) {
				return abi.Answer{Store: func(c *abi.Call) error { c.PutString(c.Result, "four"); return nil }}, nil
			}, nil
		},
	}}}))
	defer in.Release(context.Background())
	if got := call(t, in, "run"); got != value.U32(4) {
		t.Errorf("answered %v, want 4", got)
	}
}

// slowDone is a context that says late that it may end: when late is closed.
type slowDone struct {
	context.Context
	late <-chan struct{}
}

func (c slowDone) Done() <-chan struct{} {
	<-c.late
	return c.Context.Done()
}

// TestConcurrentCallAnsweredBeforeATrap: a call that was answered is answered,
// whatever becomes of the instance before the caller looks.
func TestConcurrentCallAnsweredBeforeATrap(t *testing.T) {
	c, core := NewComponent(), &Module{}
	u32 := []byte{U32}
	ret := core.Import("", "return", core.Type("i", ""))
	core.Export("run", Func, core.Func(core.Type("", ""), "", I32(5), Call(ret), 0x00))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "return", Func: c.Canon([]byte{0x09, 0}, u32, Vec())})})
	c.Export("run", SortFunc, c.Lift(c.CoreFunc(inst, "run"), asyncFunc(c, u32), []byte{6}))
	tmpl := linked(t, c.Bytes())
	for range 20 {
		in, f := acquired(t, tmpl, "run")
		dead := make(chan struct{})
		var join sync.WaitGroup
		err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
			join.Go(func() {
				got := uint32(0)
				err := calls.Invoke(slowDone{context.Background(), dead}, f, func(*abi.Call) error { return nil },
					func(c *abi.Call) error { got = c.U32(c.Result); return nil })
				if err != nil || got != 5 {
					t.Errorf("answered %d, %v; want 5", got, err)
				}
			})
			<-ctx.Done()
			close(dead)
			return nil
		})
		join.Wait()
		if !errors.Is(err, errcode.Trap) {
			t.Fatalf("ended with %v, want a trap", err)
		}
		in.Release(context.Background())
	}
}

// TestConcurrentCallOfNoValue: a result that is no value of its type is no
// answer.
func TestConcurrentCallOfNoValue(t *testing.T) {
	in, f := acquired(t, linked(t, liar()), "say")
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		text := "nothing"
		err := calls.Invoke(ctx, f, func(*abi.Call) error { return nil },
			func(c *abi.Call) error { text = c.String(c.Result); return nil })
		if err == nil {
			t.Errorf("answered %q, want the trap", text)
		}
		return nil
	})
	if !errors.Is(err, errcode.Trap) {
		t.Errorf("ended with %v, want a trap", err)
	}
}

// TestWaitingForWhoYields starts a call that yields until its caller calls
// something else, and behind it one that cannot begin before: the caller goes on.
func TestWaitingForWhoYields(t *testing.T) {
	in, inner := NewComponent(), &Module{}
	yield := inner.Import("", "yield", inner.Type("", "i"))
	ret := inner.Import("", "return", inner.Type("", ""))
	inner.Global(0)
	none := inner.Type("", "")
	inner.Export("spin", Func, inner.Func(none, "", loopOp, void, Call(yield), dropOp, 0x23, 0, 0x45, brIfOp, 0, endOp))
	inner.Export("behind", Func, inner.Func(none, ""))
	inner.Export("go", Func, inner.Func(none, "", I32(1), 0x24, 0, Call(ret)))
	ii := in.CoreInstance(in.CoreModule(inner.Bytes()), Arg{Name: "", Instance: in.CoreExports(
		Item{Name: "yield", Func: in.Canon([]byte{0x0c, 0})}, Item{Name: "return", Func: in.Canon([]byte{0x09, 1, 0}, Vec())})})
	in.Export("spin", SortFunc, in.Lift(in.CoreFunc(ii, "spin"), asyncFunc(in, nil)))
	in.Export("behind", SortFunc, in.Lift(in.CoreFunc(ii, "behind"), asyncFunc(in, nil)))
	in.Export("go", SortFunc, in.Lift(in.CoreFunc(ii, "go"), asyncFunc(in, nil), []byte{6}))

	out, outer := NewComponent(), &Module{}
	var items []Item
	var code []any
	for _, name := range []string{"spin", "behind", "go"} {
		f := outer.Import("", name, outer.Type("", "i"))
		items = append(items, Item{Name: name, Func: out.Lower(out.ImportFunc(name, asyncFunc(out, nil)), []byte{6})})
		code = append(code, get(0), I32(16), 0x6c, Call(f), I32(15), 0x71, 0x6a, setOp, 0)
	}
	outer.Export("run", Func, outer.Func(outer.Type("", "i"), "i", append(code, get(0))...))
	oi := out.CoreInstance(out.CoreModule(outer.Bytes()), Arg{Name: "", Instance: out.CoreExports(items...)})
	out.Export("run", SortFunc, out.Lift(out.CoreFunc(oi, "run"), asyncFunc(out, []byte{U32})))

	c := NewComponent()
	a := c.Instance(c.Component(in.Bytes()))
	var with []With
	for _, name := range []string{"spin", "behind", "go"} {
		with = append(with, With{Name: name, Sort: SortFunc, Index: c.AliasFunc(a, name)})
	}
	b := c.Instance(c.Component(out.Bytes()), with...)
	c.Export("run", SortFunc, c.AliasFunc(b, "run"))
	tmpl := linked(t, c.Bytes())
	inst := keep(t, tmpl)
	defer inst.Release(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := inst.Call(ctx, "", "run")
	if want := value.U32(0x102); err != nil || got != want { // started, starting, returned
		t.Errorf("answered %#x, %v; want %#x", got, err, want)
	}
}

// TestTypesMadeForEachCall gives a guest streams whose types are made anew each
// time, and so are alike only: what a template remembers of them is bounded.
func TestTypesMadeForEachCall(t *testing.T) {
	c, core := NewComponent(), &Module{}
	pair := U(c.Type([]byte{0x6f, 2, U8, U32})) // a tuple
	take := asyncFunc(c, []byte{U32}, Param{Name: "s", Type: U(c.Type(Cat([]byte{0x66, 1}, pair)))})
	core.Export("take", Func, core.Func(core.Type("i", "i"), "", get(0)))
	c.Export("take", SortFunc, c.Lift(c.CoreFunc(c.CoreInstance(c.CoreModule(core.Bytes())), "take"), take))
	tmpl := linked(t, c.Bytes())
	for range 3_000 {
		_, r := components.NewStream(&wit.Type{Kind: wit.KindTuple, Fields: []wit.Field{{Type: typeU8}, {Type: typeU32}}})
		in := keep(t, tmpl)
		if got := call(t, in, "take", value.Async{Rep: r}); got != value.U32(1) {
			t.Fatalf("the guest got handle %v, want 1", got)
		}
		in.Release(context.Background())
	}
	if n := tmpl.Matches(); n > 1_000 {
		t.Errorf("%d comparisons are remembered, want at most 1000", n)
	}
	_, r := components.NewStream(&wit.Type{Kind: wit.KindTuple, Fields: []wit.Field{{Type: typeU8}, {Type: typeU8}}})
	in := keep(t, tmpl)
	defer in.Release(context.Background())
	if _, err := in.Call(t.Context(), "", "take", value.Async{Rep: r}); !errors.Is(err, components.ErrInvalid) {
		t.Errorf("a stream of other elements: %v", err)
	}
}

// numbers is elements of Go type uint32.
type numbers struct{ all []uint32 }

func (n *numbers) Store(m *abi.Mem, b []byte, i int) { m.PutU32(b, n.all[i]) }
func (n *numbers) Load(m *abi.Mem, b []byte)         { n.all = append(n.all, m.U32(b)) }
func (n *numbers) At(i int) any                      { return n.all[i] }
func (n *numbers) Append(v any) bool {
	x, ok := v.(uint32)
	n.all = append(n.all, x)
	return ok
}
func (n *numbers) Discard(int) {}

// TestEndsThatDoNotFit has Go read as elements of a contract what Go writes as
// dynamic values: both sides are told, whichever comes first.
func TestEndsThatDoNotFit(t *testing.T) {
	w, r := components.NewStream(typeU32)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	within(t, 10*time.Second, "both", func() {
		var join sync.WaitGroup
		join.Go(func() {
			if _, err := w.WriteValues(ctx, value.U32(1)); !errors.Is(err, components.ErrUnsupported) {
				t.Errorf("write: %v", err)
			}
		})
		if _, err := r.ReadElements(ctx, 1, &numbers{}); !errors.Is(err, components.ErrUnsupported) {
			t.Errorf("read: %v", err)
		}
		join.Wait()
	})
}

// asked is a context that counts how often it is asked whether it has ended.
type asked struct {
	context.Context
	times int
}

func (a *asked) Err() error {
	a.times++
	return a.Context.Err()
}

// TestLongCopyLooksAtTheTime moves many megabytes by one read: the call can be
// stopped meanwhile.
func TestLongCopyLooksAtTheTime(t *testing.T) {
	const size = 16 << 20
	c, core, holder := NewComponent(), &Module{}, &Module{}
	stream := U(c.Type([]byte{0x66, 1, U8}))
	holder.Memory(2*size>>16, 2*size>>16)
	holder.Export("m", Memory, 0)
	holder.Data(size-1, []byte{7})
	memory := c.CoreInstance(c.CoreModule(holder.Bytes()))
	mem := MemoryOpt(c.CoreMemory(memory, "m"))
	newStream := core.Import("", "new", core.Type("", "l"))
	write := core.Import("", "write", core.Type("iii", "i"))
	read := core.Import("", "read", core.Type("iii", "i"))
	core.ImportMemory("mem", "m", 1)
	core.Export("run", Func, core.Func(core.Type("", "i"), "l", Call(newStream), setOp, 0,
		get(0), []byte{0x42, 32}, 0x88, 0xa7, I32(0), I32(size), Call(write), dropOp,
		get(0), 0xa7, I32(size), I32(size), Call(read), dropOp,
		I32(2*size-1), 0x2d, 0, 0)) // the last byte
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "mem", Instance: memory}, Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "new", Func: c.Canon([]byte{0x0e}, stream)},
		Item{Name: "write", Func: c.Canon([]byte{0x10}, stream, Vec([]byte{6}, mem))},
		Item{Name: "read", Func: c.Canon([]byte{0x0f}, stream, Vec(mem))})})
	c.Export("run", SortFunc, c.Lift(c.CoreFunc(inst, "run"), asyncFunc(c, []byte{U32})))
	in := keep(t, linked(t, c.Bytes()))
	defer in.Release(context.Background())
	ctx := &asked{Context: t.Context()}
	if got, err := in.Call(ctx, "", "run"); err != nil || got != value.U32(7) {
		t.Fatalf("answered %v, %v; want 7", got, err)
	}
	if ctx.times < size>>20 {
		t.Errorf("it was asked %d times in %d MiB", ctx.times, size>>20)
	}
}

// TestWorkThatPanics: a panic in what goes on of a call ends the guest, as one in
// a function that is called does.
func TestWorkThatPanics(t *testing.T) {
	in := relayHost{work: func(context.Context, *abi.Call) (abi.Work, error) {
		return func(context.Context) (abi.Answer, error) { panic("out of ink") }, nil
	}}.link(t, components.Limits{})
	_, err := in.Call(t.Context(), "", "call", value.U32(1))
	if trap, ok := components.IsTrap(err); !ok || !strings.Contains(trap.Reason, "out of ink") {
		t.Errorf("answered %v", err)
	}
}
