package components_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/bindgen/glue"
	"latticework/wit/value"
)

// bytesOf is a stream of Go that gives text in pieces and notes what happens
// to it.
type bytesOf struct {
	text   []byte
	piece  int
	fail   error  // after text; io.EOF if it is nil
	hang   func() // called before Read waits for ever, after text; nil if it does not
	reads  int
	closed atomic.Int32
	done   chan struct{} // closed by Close, if not nil
}

func (s *bytesOf) Read(ctx context.Context, b []byte) (int, error) {
	s.reads++
	if len(s.text) > 0 {
		n := copy(b[:min(len(b), s.piece)], s.text)
		s.text = s.text[n:]
		return n, nil
	}
	switch {
	case s.hang != nil:
		s.hang()
		<-ctx.Done()
		return 0, context.Cause(ctx)
	case s.fail != nil:
		return 0, s.fail
	}
	return 0, io.EOF
}

func (s *bytesOf) Close() {
	if s.closed.Add(1) == 1 && s.done != nil {
		close(s.done)
	}
}

// gives is a source that answers s.
func gives(s abi.Stream[byte]) relayHost {
	return relayHost{source: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, s, typeStream)
		return nil, c.Err()
	}}
}

func TestSourceIsRead(t *testing.T) {
	for _, fail := range []error{nil, errors.New("the disk is gone")} {
		s := &bytesOf{text: make([]byte, 1000), piece: 7, fail: fail}
		in := gives(s).link(t, components.Limits{})
		if got := call(t, in, "read-all"); got != value.U32(1000) {
			t.Errorf("the guest read %v bytes, want 1000", got)
		}
		in.Release(t.Context())
		if n := s.closed.Load(); n != 1 {
			t.Errorf("the source was closed %d times, want once", n)
		}
	}
}

// TestSourceThatNobodyReads is not read ahead, and closed with the instance.
func TestSourceThatNobodyReads(t *testing.T) {
	s := &bytesOf{text: []byte("x"), piece: 1}
	in := relayHost{source: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, s, typeStream)
		return nil, errors.New("no")
	}}.link(t, components.Limits{})
	if _, err := in.Call(t.Context(), "", "read-all"); !errors.Is(err, errcode.Trap) {
		t.Errorf("answered %v, want a trap", err)
	}
	in.Release(t.Context())
	if s.reads != 0 || s.closed.Load() != 1 {
		t.Errorf("%d reads, closed %d times, want none and once", s.reads, s.closed.Load())
	}
}

// TestSourceStopsWithInstance releases an instance while its source waits.
func TestSourceStopsWithInstance(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &bytesOf{text: []byte("x"), piece: 1, hang: cancel}
	in := gives(s).link(t, components.Limits{})
	if _, err := in.Call(ctx, "", "read-all"); !errors.Is(err, context.Canceled) && !errors.Is(err, errcode.Closed) {
		t.Errorf("answered %v, want that the call was cancelled", err)
	}
	in.Release(t.Context())
	if s.closed.Load() != 1 {
		t.Errorf("closed %d times, want once", s.closed.Load())
	}
}

// TestSourceBetweenInstances gives what one guest writes to another, through a
// Go stream in between.
func TestSourceBetweenInstances(t *testing.T) {
	a := relayHost{}.link(t, components.Limits{})
	r := call(t, a, "produce", value.U32(26)).(value.Async).Rep.(abi.Stream[byte])
	b := gives(upper{r}).link(t, components.Limits{})
	var got value.Value
	err := a.Drive(t.Context(), func(ctx context.Context) (err error) {
		got, err = b.Call(ctx, "", "read-all")
		return err
	})
	if err != nil || got != value.U32(26) {
		t.Errorf("the other instance read %v bytes, %v, want 26", got, err)
	}
}

// upper is a stream in capitals.
type upper struct{ abi.Stream[byte] }

func (u upper) Read(ctx context.Context, b []byte) (int, error) {
	n, err := u.Stream.Read(ctx, b)
	copy(b, bytes.ToUpper(b[:n]))
	return n, err
}

// pendingIs is a pending that answers f.
func pendingIs(f abi.Future[uint32]) relayHost {
	return relayHost{pending: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		glue.PutFuture(&c.Mem, c.Result, f, typeFuture, (*abi.Mem).PutU32)
		return nil, c.Err()
	}}
}

func TestFutureOfGo(t *testing.T) {
	set, later := abi.NewFuture[uint32]()
	in := pendingIs(later).link(t, components.Limits{})
	set(7)
	set(8)
	if got := call(t, in, "wait"); got != value.U32(7) {
		t.Errorf("answered %v, want 7", got)
	}
	in = pendingIs(abi.Ready[uint32](9)).link(t, components.Limits{})
	if got := call(t, in, "wait"); got != value.U32(9) {
		t.Errorf("answered %v, want 9", got)
	}
	broken := abi.FutureFunc[uint32](func(context.Context) (uint32, error) { return 0, errors.New("no value") })
	in = pendingIs(broken).link(t, components.Limits{})
	if _, err := in.Call(t.Context(), "", "wait"); !errors.Is(err, errcode.Trap) {
		t.Errorf("a future without a value answered %v, want a trap", err)
	}
}

// settledStream has ended, and says so.
type settledStream struct{ bytesOf }

func (s *settledStream) Settled() bool { return true }

// settledFuture says that its value is there.
type settledFuture struct {
	v      uint32
	err    error
	closed int
}

func (f *settledFuture) Read(context.Context) (uint32, error) { return f.v, f.err }
func (f *settledFuture) Close()                               { f.closed++ }
func (f *settledFuture) Settled() bool                        { return true }

// TestSettledSources: what does not wait is not waited for, and it is closed once
// all the same.
func TestSettledSources(t *testing.T) {
	s := &settledStream{}
	in := gives(s).link(t, components.Limits{})
	if got := call(t, in, "read-all"); got != value.U32(0) {
		t.Errorf("the guest read %v bytes, want none", got)
	}
	in.Release(t.Context())
	if s.reads != 0 || s.closed.Load() != 1 {
		t.Errorf("%d reads, closed %d times, want none and once", s.reads, s.closed.Load())
	}
	f := &settledFuture{v: 5}
	in = pendingIs(f).link(t, components.Limits{})
	if got := call(t, in, "wait"); got != value.U32(5) {
		t.Errorf("answered %v, want 5", got)
	}
	in.Release(t.Context())
	bad := &settledFuture{err: errors.New("no value")}
	in = pendingIs(bad).link(t, components.Limits{})
	if _, err := in.Call(t.Context(), "", "wait"); !errors.Is(err, errcode.Trap) {
		t.Errorf("a future without a value answered %v, want a trap", err)
	}
	if f.closed != 1 || bad.closed != 1 {
		t.Errorf("the futures were closed %d and %d times, want once each", f.closed, bad.closed)
	}
}

// TestAnswerOfAGoneGuest: what nobody takes is let go of.
func TestAnswerOfAGoneGuest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	let := make(chan struct{})
	in := relayHost{work: func(context.Context, *abi.Call) (abi.Work, error) {
		return func(ctx context.Context) (abi.Answer, error) {
			cancel()
			<-ctx.Done()
			return abi.Answer{
				Store:   func(*abi.Call) error { t.Error("the answer was stored"); return nil },
				Discard: func() { close(let) },
			}, nil
		}, nil
	}}.link(t, components.Limits{})
	if _, err := in.Call(ctx, "", "call", value.U32(1)); err == nil {
		t.Error("the call returned")
	}
	in.Release(t.Context())
	select {
	case <-let:
	default:
		t.Error("the answer was not let go of")
	}
}
