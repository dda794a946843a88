package bindgen_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/bindgen/internal/zoo"
	"latticework/wit/value"
)

// flows implements the interface flows.
type flows struct{ bucket *bucket }

func (f *flows) Fetch(ctx context.Context, name string) (zoo.Bucket, error) {
	switch name {
	case "":
		return nil, abi.Fail(zoo.StoreErrorFailed("empty name"))
	case "broken":
		return nil, errHost
	case "slow":
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	f.bucket.name = name
	return f.bucket, nil
}

func (f *flows) Pause(context.Context, uint32) error               { return nil }
func (f *flows) Count(_ context.Context, n uint32) (uint32, error) { return n + 1, nil }
func (f *flows) Done(_ context.Context, s abi.Future[struct{}]) (abi.Future[uint64], error) {
	return abi.FutureFunc[uint64](func(ctx context.Context) (uint64, error) {
		_, err := s.Read(ctx)
		return 7, err
	}), nil
}

func (f *flows) Ticks(_ context.Context, s abi.Stream[struct{}]) (abi.Stream[struct{}], error) {
	return s, nil
}

func (f *flows) Upper(_ context.Context, s abi.Stream[byte]) (abi.Stream[byte], error) {
	return upper{s}, nil
}

func (f *flows) Words(_ context.Context, s abi.Stream[string]) (abi.Tuple2[abi.Stream[string], abi.Future[abi.Result[uint32, zoo.StoreError]]], error) {
	return abi.Tuple2[abi.Stream[string], abi.Future[abi.Result[uint32, zoo.StoreError]]]{
		F0: s, F1: abi.Ready(abi.Result[uint32, zoo.StoreError]{Err: zoo.StoreErrorFailed("late"), IsErr: true}),
	}, nil
}

type upper struct{ abi.Stream[byte] }

func (u upper) Read(ctx context.Context, b []byte) (int, error) {
	n, err := u.Stream.Read(ctx, b)
	copy(b, strings.ToUpper(string(b[:n])))
	return n, err
}

// ends is the guest's table of streams and futures: what Go gave comes back
// as it is.
type ends struct{ reps []any }

func (e *ends) LiftAsync(i uint32, _ *wit.Type) (any, error) { return e.reps[i], nil }

func (e *ends) LowerAsync(rep any, _ *wit.Type) (uint32, error) {
	e.reps = append(e.reps, rep)
	return uint32(len(e.reps) - 1), nil
}

// written is a stream or future of a guest: its elements are in its memory.
type written struct {
	m      abi.Mem
	elems  [][]byte
	closed bool
}

func (w *written) ReadElements(_ context.Context, n int, e abi.Elements) (int, error) {
	n = min(n, len(w.elems))
	for _, b := range w.elems[:n] {
		e.Load(&w.m, b)
	}
	w.elems = w.elems[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, w.m.Err()
}

func (w *written) Close() { w.closed = true }

// flow prepares a call of a function with rep as its only parameter.
func flow(t *testing.T, g *guest, f *abi.Func, reps ...any) (*abi.Call, *ends) {
	t.Helper()
	c, _, err := g.newCall(f.Type)
	if err != nil {
		t.Fatal(err)
	}
	e := &ends{}
	c.Async = e
	for i, r := range reps {
		c.PutAsync(c.Params[4*i:], r, f.Type.Params[i].Type)
	}
	return c, e
}

// pull stores what a guest gets of a stream or future of Go in its memory.
func pull(t *testing.T, g *guest, rep any, size int) [][]byte {
	t.Helper()
	var out [][]byte
	m := g.mem()
	for {
		e, n, err := rep.(abi.Source).Pull(t.Context(), 4)
		for i := range n {
			b := make([]byte, size)
			e.Store(&m, b, i)
			out = append(out, b)
		}
		if err != nil || n < 4 {
			return out
		}
	}
}

func TestAsyncFunctionStarts(t *testing.T) {
	for _, c := range []struct {
		name string
		want string // the error case's text
		err  error
	}{{name: "b"}, {name: "", want: "empty name"}, {name: "broken", err: errHost}, {name: "slow", err: context.Canceled}} {
		g := newGuest()
		f := fn(t, zoo.BindFlows(&flows{bucket: &bucket{}}), "fetch")
		if f.Call != nil || f.Start == nil {
			t.Fatal("an async function is called in place")
		}
		call, _ := flow(t, g, f)
		call.PutString(call.Params, c.name)
		work, err := f.Start(t.Context(), call)
		if err != nil || work == nil {
			t.Fatalf("%q: start: %v", c.name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if c.name == "slow" {
			cancel()
		}
		answer, err := work(ctx)
		cancel()
		if !errors.Is(err, c.err) {
			t.Errorf("%q: %v, want %v", c.name, err, c.err)
		}
		if c.err != nil {
			continue
		}
		if err := answer.Store(call); err != nil {
			t.Fatal(err)
		}
		switch call.Disc(call.Result, 2) {
		case 0:
			b := call.Own(call.Result[4:], zoo.ResourceBucket).(*bucket)
			if c.want != "" || b.name != c.name {
				t.Errorf("%q: bucket %q", c.name, b.name)
			}
			answer.Discard()
			if !b.dropped {
				t.Errorf("%q: what nobody takes was not dropped", c.name)
			}
		default:
			if got := call.String(call.Result[8:]); got != c.want || answer.Discard != nil {
				t.Errorf("%q: failed with %q, want %q", c.name, got, c.want)
			}
		}
	}
}

func TestPromptFunctionIsCalledInPlace(t *testing.T) {
	f := fn(t, zoo.BindFlows(&flows{}), "count")
	if f.Start != nil || !f.Type.Async {
		t.Fatal("not called in place, or not async")
	}
	call, _ := flow(t, newGuest(), f)
	call.PutU32(call.Params, 41)
	if err := f.Call(t.Context(), call); err != nil || call.U32(call.Result) != 42 {
		t.Errorf("answered %d, %v", call.U32(call.Result), err)
	}
}

func TestStreamsOfValues(t *testing.T) {
	g := newGuest()
	f := fn(t, zoo.BindFlows(&flows{}), "words")
	w := &written{m: g.mem()}
	want := []string{"one", "two", "three", "four", "five", "six"}
	for _, s := range want {
		b := make([]byte, 8)
		w.m.PutString(b, s)
		w.elems = append(w.elems, b)
	}
	call, e := flow(t, g, f, w)
	if err := f.Call(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	stream, future := e.reps[call.U32(call.Result)], e.reps[call.U32(call.Result[4:])]
	if stream != any(w) {
		t.Errorf("a guest's own stream comes back as %T", stream)
	}
	m := g.mem()
	out := pull(t, g, future, 16)
	if len(out) != 1 || m.Disc(out[0], 2) != 1 || m.String(out[0][8:]) != "late" {
		t.Errorf("the future gave %v", out)
	}
	future.(abi.Source).Close()

	// The same through Go: read by a contract's method and given again.
	mine := fn(t, zoo.BindFlows(&reader{t: t, want: want}), "words")
	call, e = flow(t, g, mine, w)
	if err := mine.Call(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range pull(t, g, e.reps[call.U32(call.Result)], 8) {
		got = append(got, m.String(b))
	}
	if !slices.Equal(got, want) || m.Err() != nil || !w.closed {
		t.Errorf("read %q, %v, closed %v", got, m.Err(), w.closed)
	}
}

// reader reads the words itself and gives them again.
type reader struct {
	flows
	t    *testing.T
	want []string
}

func (r *reader) Words(ctx context.Context, s abi.Stream[string]) (t abi.Tuple2[abi.Stream[string], abi.Future[abi.Result[uint32, zoo.StoreError]]], _ error) {
	var got []string
	b := make([]string, 4)
	for {
		n, err := s.Read(ctx, b)
		got = append(got, b[:n]...)
		if err != nil {
			break
		}
	}
	s.Close()
	if !slices.Equal(got, r.want) {
		r.t.Errorf("the method read %q, want %q", got, r.want)
	}
	t.F0, t.F1 = &list{got}, abi.Ready(abi.Result[uint32, zoo.StoreError]{})
	return t, nil
}

// list is a stream of what Go has.
type list struct{ left []string }

func (l *list) Read(_ context.Context, b []string) (int, error) {
	n := copy(b, l.left)
	if l.left = l.left[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (l *list) Close() {}

func TestElementsWithoutContent(t *testing.T) {
	g := newGuest()
	f := fn(t, zoo.BindFlows(&flows{}), "done")
	call, e := flow(t, g, f, &written{m: g.mem(), elems: [][]byte{nil}})
	if err := f.Call(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	out := pull(t, g, e.reps[call.U32(call.Result)], 8)
	if m := g.mem(); len(out) != 1 || m.U64(out[0]) != 7 {
		t.Errorf("the future gave %v, want 7", out)
	}
	f = fn(t, zoo.BindFlows(&flows{}), "ticks")
	ticks := &written{m: g.mem(), elems: [][]byte{nil, nil}}
	call, e = flow(t, g, f, ticks)
	if err := f.Call(t.Context(), call); err != nil || e.reps[call.U32(call.Result)] != any(ticks) {
		t.Errorf("ticks answered %v, %v", e.reps, err)
	}
}

func TestFlowsDoNotCrossHosts(t *testing.T) {
	iface := zoo.BindFlows(&flows{bucket: &bucket{}})
	for _, name := range []string{"upper", "words", "ticks", "done"} {
		if err := fn(t, iface, name).Wire(t.Context(), nil); !errors.Is(err, errcode.Unsupported) || !strings.Contains(err.Error(), "flows@1.2.0."+name) {
			t.Errorf("%s from another host: %v, want unsupported by name", name, err)
		}
	}
	got, err := callWire(newGuest(), fn(t, iface, "count"), value.U32(41))
	if err != nil || got != value.U32(42) {
		t.Errorf("an async function without streams answered another host %v, %v", got, err)
	}
}

// TestWrongStreams gives what is no stream of the type.
func TestWrongStreams(t *testing.T) {
	g := newGuest()
	iface := zoo.BindFlows(&flows{})
	for _, name := range []string{"upper", "words", "ticks", "done"} {
		f := fn(t, iface, name)
		call, _ := flow(t, g, f, "nonsense")
		if err := f.Call(t.Context(), call); err == nil {
			t.Errorf("%s took a string", name)
		}
	}
	f := fn(t, iface, "upper")
	call, e := flow(t, g, f, abi.Empty[byte]())
	if err := f.Call(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if s, ok := e.reps[call.U32(call.Result)].(abi.Stream[byte]); !ok {
		t.Error("a stream of bytes is not given as one")
	} else if _, err := s.Read(t.Context(), make([]byte, 1)); err != io.EOF {
		t.Errorf("read answered %v", err)
	}
}
