package components_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// inBackground answers x + 1 once release is closed.
func inBackground(release <-chan struct{}) func(context.Context, *abi.Call) (abi.Work, error) {
	return func(_ context.Context, c *abi.Call) (abi.Work, error) {
		x := c.U32(c.Params)
		return func(ctx context.Context) (abi.Answer, error) {
			select {
			case <-release:
			case <-ctx.Done():
				return abi.Answer{}, context.Cause(ctx)
			}
			return abi.Answer{Store: func(c *abi.Call) error {
				c.PutU32(c.Result, x+1)
				return nil
			}}, nil
		}, nil
	}
}

func call(t *testing.T, in *components.Instance, name string, args ...value.Value) value.Value {
	t.Helper()
	v, err := in.Call(t.Context(), "", name, args...)
	if err != nil {
		t.Fatalf("call %s: %v", name, err)
	}
	return v
}

// TestAlong reads what a guest writes on the goroutine that runs the guest.
func TestAlong(t *testing.T) {
	in, other := relayHost{}.link(t, components.Limits{}), relayHost{}.link(t, components.Limits{})
	r := call(t, in, "produce", value.U32(26)).(value.Async).Rep.(*components.StreamReader)
	if r.Driven(t.Context()) {
		t.Error("the guest is driven though nothing drives it")
	}
	var outside context.Context
	answer := errors.New("an answer")
	err := in.Along(t.Context(), nil, func(ctx context.Context) error {
		outside = ctx
		if !r.Driven(ctx) {
			t.Error("the guest is not driven")
		}
		if err := other.Along(ctx, nil, func(ctx context.Context) error {
			if r.Driven(ctx) {
				t.Error("the guest is driven where another one is")
			}
			return nil
		}); err != nil {
			return err
		}
		var all []byte
		for buf := make([]byte, 7); ; {
			n, err := r.Read(ctx, buf)
			all = append(all, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		if string(all) != "abcdefghijklmnopqrstuvwxyz" {
			t.Errorf("read %q", all)
		}
		return answer
	})
	if err != answer {
		t.Errorf("answered %v, want what the function did", err)
	}
	if r.Driven(outside) {
		t.Error("the guest is driven after the end")
	}
}

// TestAlongWaits reads from a guest that does not write: that is told, and the
// context ends it.
func TestAlongWaits(t *testing.T) {
	in := keep(t, newAsyncKeeper().link(t, components.EngineConfig{}, nil))
	defer in.Release(context.Background())
	r := call(t, in, "give").(value.Async).Rep.(*components.StreamReader)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	paused := 0
	err := in.Along(ctx, func() { paused++; cancel() }, func(ctx context.Context) error {
		_, err := r.Read(ctx, make([]byte, 1))
		return err
	})
	if !errors.Is(err, context.Canceled) || paused == 0 {
		t.Errorf("answered %v after %d pauses", err, paused)
	}
}

func TestAsyncImport(t *testing.T) {
	release := make(chan struct{})
	in := relayHost{work: inBackground(release)}.link(t, components.Limits{})
	time.AfterFunc(time.Millisecond, func() { close(release) })
	if got := call(t, in, "call", value.U32(41)); got != value.U32(42) {
		t.Errorf("call answered %v, want 42", got)
	}
	at := relayHost{work: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutU32(c.Result, c.U32(c.Params)+2)
		return nil, nil
	}}.link(t, components.Limits{})
	if got := call(t, at, "call", value.U32(41)); got != value.U32(43) {
		t.Errorf("call answered %v, want 43", got)
	}
}

func TestAsyncImportFails(t *testing.T) {
	broken := errors.New("the disk is on fire")
	in := relayHost{work: func(context.Context, *abi.Call) (abi.Work, error) {
		return func(context.Context) (abi.Answer, error) { return abi.Answer{}, broken }, nil
	}}.link(t, components.Limits{})
	_, err := in.Call(t.Context(), "", "call", value.U32(1))
	if trap, ok := components.IsTrap(err); !ok || !errors.Is(err, broken) || trap.Function != "call" {
		t.Errorf("answered %v, want a trap of call because %v", err, broken)
	}
	if !in.Dead() {
		t.Error("the instance lives")
	}
}

func TestSubtaskCancel(t *testing.T) {
	in := relayHost{work: inBackground(nil)}.link(t, components.Limits{})
	if got := call(t, in, "cancel", value.U32(1)); got != value.U32(4) {
		t.Errorf("answered %v, want 4: cancelled before it returned", got)
	}
	stubborn := relayHost{work: func(context.Context, *abi.Call) (abi.Work, error) {
		return func(ctx context.Context) (abi.Answer, error) {
			<-ctx.Done()
			return abi.Answer{}, nil
		}, nil
	}}.link(t, components.Limits{})
	if got := call(t, stubborn, "cancel", value.U32(1)); got != value.U32(2) {
		t.Errorf("answered %v, want 2: returned", got)
	}
}

func TestStreamToGuest(t *testing.T) {
	w, r := components.NewStream(typeU8)
	in := relayHost{source: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, r, typeStream)
		return nil, nil
	}}.link(t, components.Limits{})
	var wrote error
	var join sync.WaitGroup
	join.Go(func() {
		defer w.Close()
		_, wrote = w.Write(t.Context(), make([]byte, 1000))
	})
	if got := call(t, in, "read-all"); got != value.U32(1000) {
		t.Errorf("the guest read %v bytes, want 1000", got)
	}
	join.Wait()
	if wrote != nil {
		t.Error(wrote)
	}
}

func TestStreamFromGuest(t *testing.T) {
	in := relayHost{}.link(t, components.Limits{})
	v := call(t, in, "produce", value.U32(26))
	r := v.(value.Async).Rep.(*components.StreamReader)
	var got bytes.Buffer
	err := in.Drive(t.Context(), func(ctx context.Context) error {
		b := make([]byte, 10)
		for {
			n, err := r.Read(ctx, b)
			got.Write(b[:n])
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	if err != nil || got.String() != "abcdefghijklmnopqrstuvwxyz" {
		t.Errorf("read %q, %v", got.String(), err)
	}
}

func TestStreamDroppedByGo(t *testing.T) {
	in := relayHost{}.link(t, components.Limits{})
	v := call(t, in, "produce", value.U32(26))
	v.(value.Async).Rep.(*components.StreamReader).Close()
	if err := in.Drive(t.Context(), nil); err != nil { // the writer learns it and ends
		t.Error(err)
	}
}

func TestStreamAsParameter(t *testing.T) {
	in := relayHost{drain: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		r := c.AsyncHandle(c.Params, typeStream).(*components.StreamReader)
		return func(ctx context.Context) (abi.Answer, error) {
			defer r.Close()
			sum := uint32(0)
			for {
				vs, err := r.ReadValues(ctx, 16)
				if err == io.EOF {
					break
				}
				if err != nil {
					return abi.Answer{}, err
				}
				for _, v := range vs {
					sum += uint32(v.(value.U8))
				}
			}
			return abi.Answer{Store: func(c *abi.Call) error {
				c.PutU32(c.Result, sum)
				return nil
			}}, nil
		}, nil
	}}.link(t, components.Limits{})
	if got, want := call(t, in, "give"), value.U32('a'+'b'+'c'+'d'+'e'); got != want {
		t.Errorf("answered %v, want %v", got, want)
	}
}

// future returns a host whose pending answers the readable end of a future.
func future() (*components.FutureWriter, relayHost) {
	w, r := components.NewFuture(typeU32)
	return w, relayHost{pending: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, r, typeFuture)
		return nil, nil
	}}
}

func TestFutureToGuest(t *testing.T) {
	w, h := future()
	in := h.link(t, components.Limits{})
	var join sync.WaitGroup
	join.Go(func() {
		if err := w.Write(t.Context(), value.U32(7)); err != nil {
			t.Error(err)
		}
	})
	if got := call(t, in, "wait"); got != value.U32(7) {
		t.Errorf("answered %v, want 7", got)
	}
	join.Wait()
}

func TestFutureDroppedByGo(t *testing.T) {
	w, h := future()
	in := h.link(t, components.Limits{})
	var join sync.WaitGroup
	join.Go(w.Close)
	_, err := in.Call(t.Context(), "", "wait")
	join.Wait()
	if !errors.Is(err, errcode.Trap) || !strings.Contains(err.Error(), "dropped a future") {
		t.Errorf("answered %v, want a trap", err)
	}
}

// TestStopWhileParked ends calls whose guest waits for Go, or runs for ever.
func TestStopWhileParked(t *testing.T) {
	for _, c := range []struct {
		name  string
		call  string
		limit time.Duration // of the instance; else of the context
	}{
		{"work", "call", 0}, {"future", "wait", 0}, {"yields", "spin", 0},
		{"work by limit", "call", time.Millisecond}, {"yields by limit", "spin", time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, h := future()
			defer w.Close()
			h.work = inBackground(nil)
			in := h.link(t, components.Limits{Time: c.limit})
			ctx := t.Context()
			if c.limit == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 5*time.Millisecond)
				defer cancel()
			}
			var args []value.Value
			if c.call == "call" {
				args = append(args, value.U32(1))
			}
			_, err := in.Call(ctx, "", c.call, args...)
			if !errors.Is(err, errcode.Deadline) {
				t.Errorf("answered %v, want a deadline", err)
			}
			if _, err := in.Call(t.Context(), "", c.call, args...); !errors.Is(err, errcode.Trap) {
				t.Errorf("a second call answered %v, want trap", err)
			}
		})
	}
}

// TestReleaseWhileParked releases an instance whose task waits for Go.
func TestReleaseWhileParked(t *testing.T) {
	in := relayHost{}.link(t, components.Limits{})
	r := call(t, in, "produce", value.U32(26)).(value.Async).Rep.(*components.StreamReader)
	var join sync.WaitGroup
	started := make(chan struct{})
	join.Go(func() {
		close(started)
		if _, err := r.Read(t.Context(), make([]byte, 1)); !errors.Is(err, errcode.Closed) {
			t.Errorf("read answered %v, want closed", err)
		}
	})
	<-started
	in.Release(t.Context())
	join.Wait()
	if _, err := r.Read(t.Context(), make([]byte, 1)); !errors.Is(err, errcode.Closed) {
		t.Errorf("read afterwards answered %v, want closed", err)
	}
	r.Close()
}

// TestGoToGo moves elements between two ends that Go holds.
func TestGoToGo(t *testing.T) {
	w, r := components.NewStream(typeU8)
	var join sync.WaitGroup
	join.Go(func() {
		defer w.Close()
		for range 100 {
			if n, err := w.Write(t.Context(), []byte("hello")); n != 5 || err != nil {
				t.Error(n, err)
			}
		}
	})
	var got bytes.Buffer
	for b := make([]byte, 7); ; {
		n, err := r.Read(t.Context(), b)
		got.Write(b[:n])
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
	}
	join.Wait()
	if got.String() != strings.Repeat("hello", 100) {
		t.Errorf("read %d bytes: %q", got.Len(), got.String())
	}
	if _, err := w.Write(t.Context(), []byte("x")); !errors.Is(err, errcode.Closed) {
		t.Errorf("write after close answered %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, r = components.NewStream(typeU8)
	if _, err := r.Read(ctx, make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read under an ended context answered %v", err)
	}
}

// TestStreamHammer writes to a guest from a goroutine whose writes are given
// up again and again. What was written is what the guest read.
func TestStreamHammer(t *testing.T) {
	w, r := components.NewStream(typeU8)
	in := relayHost{source: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, r, typeStream)
		return nil, nil
	}}.link(t, components.Limits{})
	var join sync.WaitGroup
	var wrote int
	join.Go(func() {
		defer w.Close()
		for i := range 2000 {
			ctx, cancel := context.WithCancel(t.Context())
			if i%3 == 0 {
				join.Go(cancel)
			}
			n, err := w.Write(ctx, make([]byte, i%20))
			wrote += n
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
				return
			}
		}
	})
	got := call(t, in, "read-all")
	join.Wait()
	if got != value.U32(wrote) {
		t.Errorf("the guest read %v bytes, want %d", got, wrote)
	}
}

func TestWrongElements(t *testing.T) {
	w, r := components.NewStream(typeU32)
	if _, err := w.Write(t.Context(), []byte("x")); !errors.Is(err, errcode.Invalid) {
		t.Errorf("bytes into a stream of u32: %v", err)
	}
	if _, err := w.WriteValues(t.Context(), value.String("x")); !errors.Is(err, errcode.Invalid) {
		t.Errorf("a string into a stream of u32: %v", err)
	}
	in := relayHost{source: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, r, typeStream)
		return nil, nil
	}}.link(t, components.Limits{})
	if _, err := in.Call(t.Context(), "", "read-all"); !errors.Is(err, errcode.Invalid) {
		t.Errorf("a stream of u32 for one of u8: %v", err)
	}
}

// TestCallsUnderWay: a call that there is no room for ends the guest, and what
// was begun for it is run as that of the others is, to let go of what it holds.
func TestCallsUnderWay(t *testing.T) {
	var begun, ended atomic.Int64
	work := inBackground(nil)
	in := relayHost{work: func(ctx context.Context, c *abi.Call) (abi.Work, error) {
		w, err := work(ctx, c)
		begun.Add(1)
		return func(ctx context.Context) (abi.Answer, error) {
			defer ended.Add(1)
			return w(ctx)
		}, err
	}}.link(t, components.Limits{Threads: 10})
	_, err := in.Call(t.Context(), "", "flood")
	if !errors.Is(err, errcode.Exhausted) || !strings.Contains(err.Error(), "11 > 10") {
		t.Errorf("answered %v, want exhausted and both sides", err)
	}
	in.Release(t.Context())
	if b, e := begun.Load(), ended.Load(); b != 10 || e != b { // beside the guest's own thread
		t.Errorf("%d were begun, %d have ended, want 10", b, e)
	}
}

// TestBetweenInstances hands a stream of one instance to another one.
func TestBetweenInstances(t *testing.T) {
	a := relayHost{}.link(t, components.Limits{})
	r := call(t, a, "produce", value.U32(26)).(value.Async).Rep
	b := relayHost{source: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutAsync(c.Result, r, typeStream)
		return nil, nil
	}}.link(t, components.Limits{})
	var got value.Value
	err := a.Drive(t.Context(), func(ctx context.Context) (err error) {
		got, err = b.Call(ctx, "", "read-all")
		return err
	})
	if err != nil || got != value.U32(26) {
		t.Errorf("the other instance read %v bytes, %v, want 26", got, err)
	}
}
