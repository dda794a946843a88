package components_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// asyncKeeper is a component that keeps what it is told, in what the
// asynchronous ABI has besides memories and globals. Its exports are async
// functions of x and y:
//
//	import work: async func(x: u32) -> u32
//	peek / poke: the word at x / y into it
//	set: a new waitable set
//	stream: both ends of a new stream, the index of the first
//	read / write: begins to read or write the end x; its answer
//	drop-r / drop-w: an end
//	join: waitable x into set y
//	work: starts work of x; its status
//	finish: drops subtask x
//	index: that of the thread
//	press: begins backpressure
//	trap
//
// and give: async func() -> stream<u8>, whose writable end it keeps.
type asyncKeeper struct {
	names []string
	fresh bool // link it so that no instance is set back
	bytes []byte
}

func newAsyncKeeper() *asyncKeeper {
	c, m := NewComponent(), &Module{}
	stream := c.Type([]byte{0x66, 1, U8})
	u32, ofStream := []byte{U32}, U(stream)
	work := c.ImportFunc("work", asyncFunc(c, u32, Param{Name: "x", Type: u32}))
	holder := &Module{}
	holder.Memory(1, 4)
	holder.Export("m", Memory, 0)
	memory := c.CoreInstance(c.CoreModule(holder.Bytes()))
	mem := c.CoreMemory(memory, "m")
	opts := Vec([]byte{6}, MemoryOpt(mem))

	k := &asyncKeeper{}
	var args []Item
	imports := func(name, params, results string, f uint32) []byte {
		args = append(args, Item{Name: name, Func: f})
		return Call(m.Import("", name, m.Type(params, results)))
	}
	start := imports("start", "ii", "i", c.Lower(work, []byte{6}, MemoryOpt(mem)))
	finish := imports("finish", "i", "", c.Canon([]byte{0x0d}))
	newStream := imports("new", "", "l", c.Canon([]byte{0x0e}, ofStream))
	read := imports("read", "iii", "i", c.Canon([]byte{0x0f}, ofStream, opts))
	write := imports("write", "iii", "i", c.Canon([]byte{0x10}, ofStream, opts))
	dropR := imports("drop-r", "i", "", c.Canon([]byte{0x13}, ofStream))
	dropW := imports("drop-w", "i", "", c.Canon([]byte{0x14}, ofStream))
	newSet := imports("set", "", "i", c.Canon([]byte{0x1f}))
	join := imports("join", "ii", "", c.Canon([]byte{0x23}))
	index := imports("index", "", "i", c.Canon([]byte{0x26}))
	press := imports("press", "", "", c.Canon([]byte{0x24}))
	m.ImportMemory("mem", "m", 1)
	add := func(name string, code ...any) {
		m.Export(name, Func, m.Func(m.Type("ii", "i"), "", code...))
		k.names = append(k.names, name)
	}
	add("peek", get(0), 0x28, 2, 0)
	add("poke", get(0), get(1), 0x36, 2, 0, I32(0))
	add("set", newSet)
	add("stream", newStream, 0xa7)
	add("read", get(0), I32(64), get(1), read)
	add("write", get(0), I32(64), get(1), write)
	add("drop-r", get(0), dropR, I32(0))
	add("drop-w", get(0), dropW, I32(0))
	add("join", get(0), get(1), join, I32(0))
	add("work", get(0), I32(16), start)
	add("finish", get(0), finish, I32(0))
	add("index", index)
	add("press", press, I32(0))
	add("trap", 0x00)
	m.Export("give", Func, m.Func(m.Type("", "i"), "", newStream, 0xa7))
	core := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "", Instance: c.CoreExports(args...)}, Arg{Name: "mem", Instance: memory})
	typ := asyncFunc(c, u32, Param{Name: "x", Type: u32}, Param{Name: "y", Type: u32})
	for _, name := range k.names {
		c.Export(name, SortFunc, c.Lift(c.CoreFunc(core, name), typ))
	}
	c.Export("give", SortFunc, c.Lift(c.CoreFunc(core, "give"), asyncFunc(c, ofStream)))
	k.bytes = c.Bytes()
	return k
}

// link compiles the keeper. Work of an even number answers at once, other work
// when it is cancelled, of which stopped is told.
func (k *asyncKeeper) link(t testing.TB, cfg components.EngineConfig, stopped func(error)) *components.Template {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), k.bytes)
	if err != nil {
		t.Fatal(err)
	}
	start := func(_ context.Context, c *abi.Call) (abi.Work, error) {
		if x := c.U32(c.Params); x%2 == 0 {
			c.PutU32(c.Result, x)
			return nil, nil
		}
		return func(ctx context.Context) (abi.Answer, error) {
			<-ctx.Done()
			if stopped != nil {
				stopped(context.Cause(ctx))
			}
			return abi.Answer{}, context.Cause(ctx)
		}, nil
	}
	tmpl, err := c.Link(components.LinkConfig{NoReset: k.fresh, Interfaces: []*abi.Interface{{Name: "work", Funcs: []abi.Func{{
		Name: "work", Start: start,
		Type: &wit.FuncType{Async: true, Params: []wit.Param{{Name: "x", Type: typeU32}}, Result: typeU32},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// asyncProgram is a sequence of calls at random.
func asyncProgram(r *rand.Rand, in *components.Instance, names []string, t testing.TB) []string {
	var out []string
	for range 1 + r.IntN(15) {
		name := names[r.IntN(len(names))]
		x, y := 1+r.Uint32N(6), r.Uint32N(6)
		switch name {
		case "peek", "poke":
			x *= 4
		case "set", "stream", "index":
		default: // what may trap, seldom
			if r.IntN(6) > 0 {
				continue
			}
		}
		out = append(out, fmt.Sprintf("%s(%d, %d) = %s", name, x, y, say(t, in, name, x, y)))
	}
	return out
}

// TestAsyncResetAnswersAsFresh runs the same calls on instances that were set
// back, where that was possible, and on new ones.
func TestAsyncResetAnswersAsFresh(t *testing.T) {
	for engine, cfg := range engines() {
		t.Run(engine, func(t *testing.T) {
			k := newAsyncKeeper()
			reset := k.link(t, cfg, nil)
			k.fresh = true
			fresh := k.link(t, cfg, nil)
			again, kept := 0, 0
			for seed := range uint64(300) {
				again += reset.Kept()
				var got [2][]string
				for i, tmpl := range []*components.Template{reset, fresh} {
					in := keep(t, tmpl)
					got[i] = asyncProgram(rand.New(rand.NewPCG(seed, 11)), in, k.names, t)
					in.Release(t.Context())
				}
				if fmt.Sprint(got[0]) != fmt.Sprint(got[1]) {
					t.Fatalf("seed %d:\n set back: %q\n fresh:    %q", seed, got[0], got[1])
				}
				kept += reset.Kept()
			}
			if again < 50 || kept == 300 {
				t.Fatalf("of 300 programs %d had an instance that was set back, after %d it could be", again, kept)
			}
		})
	}
}

// TestAsyncResetDiscards has instances in which something goes on, and others
// in which something was left that nobody uses.
func TestAsyncResetDiscards(t *testing.T) {
	type step struct {
		name string
		x, y uint32
		want string
	}
	blocked := fmt.Sprint(uint32(1<<32 - 1))
	for _, c := range []struct {
		what  string
		steps []step
		kept  int
	}{
		{"nothing", nil, 1},
		{"a word", []step{{"poke", 64, 7, "0"}}, 1},
		{"a waitable set", []step{{"set", 0, 0, "1"}}, 1},
		{"an idle stream", []step{{"stream", 0, 0, "1"}}, 1},
		{"an idle stream in a set", []step{{"stream", 0, 0, "1"}, {"set", 0, 0, "3"}, {"join", 1, 3, "0"}}, 1},
		{"half a stream", []step{{"stream", 0, 0, "1"}, {"drop-r", 1, 0, "0"}}, 1},
		{"a call that answered", []step{{"work", 4, 0, "2"}}, 1},
		{"a read under way", []step{{"stream", 0, 0, "1"}, {"read", 1, 9, blocked}}, 0},
		{"a write under way", []step{{"stream", 0, 0, "1"}, {"write", 2, 9, blocked}}, 0},
		{"a call under way", []step{{"work", 5, 0, fmt.Sprint(1<<4 | 1)}}, 0},
		{"backpressure", []step{{"press", 0, 0, "0"}}, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			var stopped error
			tmpl := newAsyncKeeper().link(t, components.EngineConfig{}, func(why error) { stopped = why })
			in := keep(t, tmpl)
			for _, s := range c.steps {
				if got := say(t, in, s.name, s.x, s.y); got != s.want {
					t.Fatalf("%s(%d, %d) = %s, want %s", s.name, s.x, s.y, got, s.want)
				}
			}
			in.Release(t.Context())
			if n := tmpl.Kept(); n != c.kept {
				t.Errorf("%d instances are kept, want %d", n, c.kept)
			}
			if strings.HasPrefix(c.what, "a call under") && !errors.Is(stopped, errcode.Closed) {
				t.Errorf("work was told %v when its instance ended", stopped)
			}
			next := keep(t, tmpl)
			defer next.Release(t.Context())
			for _, s := range []step{{"peek", 64, 0, "0"}, {"index", 0, 0, "1"}, {"set", 0, 0, "1"}, {"stream", 0, 0, "2"}} {
				if got := say(t, next, s.name, s.x, s.y); got != s.want {
					t.Errorf("the next instance answers %s(%d, %d) = %s, want %s", s.name, s.x, s.y, got, s.want)
				}
			}
		})
	}
}

// TestAsyncResetLetsGo has Go keep the end of a stream whose other end the
// instance had: it learns that the instance is gone, though that is used again
// and has a stream in the same place.
func TestAsyncResetLetsGo(t *testing.T) {
	tmpl := newAsyncKeeper().link(t, components.EngineConfig{}, nil)
	var readers []*components.StreamReader
	for range 2 {
		in := keep(t, tmpl)
		readers = append(readers, call(t, in, "give").(value.Async).Rep.(*components.StreamReader))
		if len(readers) == 2 {
			if got := say(t, in, "write", 2, 3); got != fmt.Sprint(uint32(1<<32-1)) {
				t.Fatal(got)
			}
			old, mine := readers[0], readers[1]
			err := in.Drive(t.Context(), func(ctx context.Context) error {
				buf := make([]byte, 8)
				if n, err := old.Read(ctx, buf); n != 0 || !errors.Is(err, errcode.Closed) {
					t.Errorf("%d bytes, %v from a stream of an instance that was released", n, err)
				}
				old.Close()
				n, err := mine.Read(ctx, buf)
				if n != 3 {
					t.Errorf("%d bytes from the stream, want 3", n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		in.Release(t.Context())
		if n := tmpl.Kept(); len(readers) == 1 && n != 1 {
			t.Fatalf("%d instances are kept", n)
		}
	}
	if n, err := readers[1].Read(t.Context(), make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("%d bytes, %v after the release", n, err)
	}
}

// TestAsyncResetBesideReaders has goroutines read and close streams of instances
// that are released and used again meanwhile.
func TestAsyncResetBesideReaders(t *testing.T) {
	tmpl := newAsyncKeeper().link(t, components.EngineConfig{}, nil)
	var readers sync.WaitGroup
	again := 0
	for i := range 300 {
		again += tmpl.Kept()
		in := keep(t, tmpl)
		if got := say(t, in, "peek", 64, 0); got != "0" {
			t.Fatalf("round %d: the word is %s", i, got)
		}
		r := call(t, in, "give").(value.Async).Rep.(*components.StreamReader)
		readers.Go(func() {
			if i%3 > 0 {
				if n, err := r.Read(context.Background(), make([]byte, 4)); n != 0 || !errors.Is(err, errcode.Closed) {
					t.Errorf("round %d: %d bytes, %v", i, n, err)
				}
			}
			r.Close()
		})
		say(t, in, "poke", 64, uint32(i)+1)
		if got := say(t, in, "peek", 64, 0); got != fmt.Sprint(i+1) {
			t.Fatalf("round %d: the word is %s", i, got)
		}
		in.Release(t.Context())
	}
	readers.Wait()
	if again < 250 {
		t.Errorf("%d of 300 instances were set back", again)
	}
}

// TestAsyncResetHammer has goroutines share a template, each with a secret.
func TestAsyncResetHammer(t *testing.T) {
	tmpl := newAsyncKeeper().link(t, components.EngineConfig{}, nil)
	var wg sync.WaitGroup
	for g := range uint32(8) {
		wg.Go(func() {
			for i := range uint32(200) {
				in, err := tmpl.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, at := range []uint32{128, 256 + 4*g} {
					if got := say(t, in, "peek", at, 0); got != "0" {
						t.Errorf("goroutine %d finds %s", g, got)
					}
					say(t, in, "poke", at, 1000*g+i+1)
				}
				if got := say(t, in, "stream", 0, 0); got != "1" {
					t.Errorf("goroutine %d: the first handle is %s", g, got)
				}
				if i%5 == 0 {
					say(t, in, "work", 1, 0)
				}
				if got := say(t, in, "peek", 128, 0); got != fmt.Sprint(1000*g+i+1) {
					t.Errorf("goroutine %d reads %s, wrote %d", g, got, 1000*g+i+1)
				}
				in.Release(t.Context())
			}
		})
	}
	wg.Wait()
	if n := tmpl.Kept(); n == 0 || n > 8 {
		t.Fatalf("%d instances are kept", n)
	}
}

// TestHTTP3Reset serves requests with a guest of WASI 0.3 that leaves futures
// behind, whose instance serves them all the same, one after the other.
func TestHTTP3Reset(t *testing.T) {
	system, err := wasi.Open(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = system.Close() })
	tmpl, err := compileGuest(t, components.EngineConfig{}, "p3-http-qjs").Link(components.LinkConfig{
		Interfaces: append(system.Interfaces(), wasihttp3.Interfaces(nil)...),
	})
	if err != nil {
		t.Fatal(err)
	}
	exports, err := contract.ResolveHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		in := keep(t, tmpl)
		w, path := httptest.NewRecorder(), fmt.Sprintf("/%d", i)
		if err := wasihttp3.Serve(t.Context(), in, exports, w, httptest.NewRequest(http.MethodGet, path, nil), nil); err != nil {
			t.Fatal(err)
		}
		if err := in.Drive(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if want := "Hello from wasi:http 0.3, " + path + "\n"; w.Code != http.StatusOK || w.Body.String() != want {
			t.Fatalf("%d %q, want %q", w.Code, w.Body, want)
		}
		in.Release(t.Context())
		if n := tmpl.Kept(); n != 1 {
			t.Fatalf("%d instances are kept after request %d", n, i)
		}
	}
}

// TestRoomOfManyHandles: an instance that once had many handles does not keep the
// room for them.
func TestRoomOfManyHandles(t *testing.T) {
	tmpl := newAsyncKeeper().link(t, components.EngineConfig{}, nil)
	in := keep(t, tmpl)
	for range 5_000 {
		call(t, in, "set", value.U32(0), value.U32(0))
	}
	in.Release(context.Background())
	if kept, room := tmpl.Kept(), tmpl.Room(); kept != 1 || room > 1_024 {
		t.Errorf("%d instances are kept, with room for %d handles", kept, room)
	}
}
