// Package bustest is the suite that every lattice.Bus must pass.
package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
)

// Run tests buses that connect makes; all are on one network and closed by
// the test.
func Run(t *testing.T, connect func(t *testing.T) lattice.Bus) {
	for name, fn := range map[string]func(*testing.T, lattice.Bus, lattice.Bus){
		"request": request, "typed errors": typedErrors, "no responder": noResponder, "deadline": deadline,
		"limit": limit, "payload": payload, "publish": publish, "ordered": ordered, "overflow": overflow,
		"close ends handlers": closeEndsHandlers, "closed": closed, "closed while a reply is awaited": closedWaiting, "hammer": hammer,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := connect(t), connect(t)
			fn(t, a, b)
			for _, bus := range []lattice.Bus{a, b, a} { // twice: Close is idempotent
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func subscribe(t *testing.T, b lattice.Bus, subject string, o lattice.SubscribeOptions, h lattice.Handler) lattice.Subscription {
	t.Helper()
	s, err := b.Subscribe(subject, o, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func echo(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
	return lattice.Reply{Header: m.Header, Data: m.Data}, nil
}

func want(t *testing.T, err error, code errcode.Code, refused bool) {
	t.Helper()
	if !errors.Is(err, code) || lattice.IsRefused(err) != refused {
		t.Errorf("error %v (%s, refused %t), want %s, refused %t", err, errcode.Of(err), lattice.IsRefused(err), code, refused)
	}
}

func request(t *testing.T, a, b lattice.Bus) {
	subscribe(t, b, "x.echo", lattice.SubscribeOptions{}, func(ctx context.Context, m *lattice.Message) (lattice.Reply, error) {
		d, ok := ctx.Deadline()
		if left := time.Until(d); !ok || left > 3*time.Second || left < time.Second {
			return lattice.Reply{}, fmt.Errorf("deadline in %s", left)
		}
		if m.Subject != "x.echo" {
			return lattice.Reply{}, fmt.Errorf("subject %s", m.Subject)
		}
		return echo(ctx, m)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	h := lattice.Header{"Lw-One": "1", "Lw-Two": "two words"}
	rep, err := a.Request(ctx, "x.echo", h, []byte{0, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rep.Data, []byte{0, 1, 2}) || rep.Header["Lw-One"] != "1" || rep.Header["Lw-Two"] != "two words" {
		t.Errorf("reply %+v", rep)
	}
	if len(h) != 2 {
		t.Errorf("the caller's header was changed: %v", h)
	}
	if !a.Connected() {
		t.Error("not connected")
	}
}

func typedErrors(t *testing.T, a, b lattice.Bus) {
	subscribe(t, b, "x.fail", lattice.SubscribeOptions{}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		return lattice.Reply{}, errcode.New(errcode.Denied, "open %q: no", "db").WithNext("ask")
	})
	subscribe(t, b, "x.refuse", lattice.SubscribeOptions{}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		return lattice.Reply{}, fmt.Errorf("wrapped: %w", lattice.Refuse(errcode.New(errcode.Unavailable, "draining")))
	})
	_, err := a.Request(t.Context(), "x.fail", nil, nil)
	want(t, err, errcode.Denied, false)
	if err.Error() != `open "db": no` || errcode.NextOf(err) != "ask" {
		t.Errorf("error %q, next %q", err, errcode.NextOf(err))
	}
	_, err = a.Request(t.Context(), "x.refuse", nil, nil)
	want(t, err, errcode.Unavailable, true)
}

func noResponder(t *testing.T, a, _ lattice.Bus) {
	start := time.Now()
	_, err := a.Request(t.Context(), "x.nobody", nil, nil)
	want(t, err, errcode.Unavailable, true)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %s", d)
	}
}

func deadline(t *testing.T, a, b lattice.Bus) {
	ended := make(chan error, 1)
	subscribe(t, b, "x.slow", lattice.SubscribeOptions{}, func(ctx context.Context, _ *lattice.Message) (lattice.Reply, error) {
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return lattice.Reply{}, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := a.Request(ctx, "x.slow", nil, nil)
	want(t, err, errcode.Deadline, false)
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("handler's context ended with %v", err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, err = a.Request(gone, "x.slow", nil, nil)
	want(t, err, errcode.Unavailable, false)
}

func limit(t *testing.T, a, b lattice.Bus) {
	entered, release := make(chan struct{}), make(chan struct{})
	subscribe(t, b, "x.two", lattice.SubscribeOptions{Concurrency: 2}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		entered <- struct{}{}
		<-release
		return lattice.Reply{}, nil
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := a.Request(t.Context(), "x.two", nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	<-entered
	<-entered
	_, err := a.Request(t.Context(), "x.two", nil, nil)
	want(t, err, errcode.Exhausted, true)
	close(release)
	wg.Wait()
	go func() { <-entered }()
	if _, err := a.Request(t.Context(), "x.two", nil, nil); err != nil {
		t.Errorf("after the others ended: %v", err)
	}
}

func payload(t *testing.T, a, b lattice.Bus) {
	subscribe(t, b, "x.echo", lattice.SubscribeOptions{}, echo)
	subscribe(t, b, "x.big", lattice.SubscribeOptions{}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		return lattice.Reply{Data: make([]byte, b.MaxPayload()+1)}, nil
	})
	if _, err := a.Request(t.Context(), "x.echo", nil, make([]byte, a.MaxPayload()-1024)); err != nil {
		t.Error(err)
	}
	_, err := a.Request(t.Context(), "x.echo", nil, make([]byte, a.MaxPayload()+1))
	want(t, err, errcode.Invalid, true)
	want(t, a.Publish("x.echo", nil, make([]byte, a.MaxPayload()+1)), errcode.Invalid, true)
	_, err = a.Request(t.Context(), "x.big", nil, nil)
	if !errors.Is(err, errcode.Exhausted) && !errors.Is(err, errcode.Invalid) {
		t.Errorf("reply above the limit: %v", err)
	}
}

func publish(t *testing.T, a, b lattice.Bus) {
	var got atomic.Int32
	count := func(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
		got.Add(1)
		return lattice.Reply{}, nil
	}
	one := subscribe(t, a, "x.*.up", lattice.SubscribeOptions{}, count)
	subscribe(t, b, "x.>", lattice.SubscribeOptions{}, count)
	subscribe(t, b, "x.other", lattice.SubscribeOptions{}, count)
	if err := a.Publish("x.1.up", nil, []byte("a")); err != nil {
		t.Fatal(err)
	}
	poll.Until(t, 5*time.Second, "both subscribers", func() (any, bool) { return got.Load(), got.Load() == 2 })
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Publish("x.1.up", nil, []byte("b")); err != nil {
		t.Fatal(err)
	}
	poll.Until(t, 5*time.Second, "the remaining subscriber", func() (any, bool) { return got.Load(), got.Load() == 3 })
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := got.Load(); n != 3 {
		t.Errorf("%d deliveries, want 3", n)
	}
}

func ordered(t *testing.T, a, b lattice.Bus) {
	done := make(chan error, 1)
	next := byte(0)
	subscribe(t, b, "x.seq", lattice.SubscribeOptions{Ordered: true}, func(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
		if m.Data[0] != next {
			done <- fmt.Errorf("got %d, want %d", m.Data[0], next)
		}
		if next++; next == 200 {
			done <- nil
		}
		return lattice.Reply{}, nil
	})
	for i := range byte(200) {
		if err := a.Publish("x.seq", nil, []byte{i}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("messages are missing")
	}
}

func overflow(t *testing.T, a, b lattice.Bus) {
	release, lost := make(chan struct{}), make(chan struct{}, 100)
	subscribe(t, b, "x.seq", lattice.SubscribeOptions{Ordered: true, Pending: 2, OnLost: func() { lost <- struct{}{} }},
		func(context.Context, *lattice.Message) (lattice.Reply, error) {
			<-release
			return lattice.Reply{}, nil
		})
	for range 10 {
		if err := a.Publish("x.seq", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-lost:
	case <-time.After(5 * time.Second):
		t.Error("the loss went unnoticed")
	}
	close(release)
}

func closeEndsHandlers(t *testing.T, a, b lattice.Bus) {
	entered := make(chan struct{})
	var ended atomic.Bool
	sub := subscribe(t, b, "x.wait", lattice.SubscribeOptions{}, func(ctx context.Context, _ *lattice.Message) (lattice.Reply, error) {
		close(entered)
		<-ctx.Done()
		ended.Store(true)
		return lattice.Reply{}, errcode.New(errcode.Unavailable, "stopped")
	})
	result := make(chan error, 1)
	go func() {
		_, err := a.Request(t.Context(), "x.wait", nil, nil)
		result <- err
	}()
	<-entered
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if !ended.Load() {
		t.Error("Close did not wait for the handler")
	}
	if err := <-result; !errors.Is(err, errcode.Unavailable) {
		t.Errorf("caller got %v", err)
	}
}

func closed(t *testing.T, a, b lattice.Bus) {
	subscribe(t, b, "x.echo", lattice.SubscribeOptions{}, echo)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := a.Request(t.Context(), "x.echo", nil, nil)
	want(t, err, errcode.Closed, true)
	want(t, a.Publish("x.echo", nil, nil), errcode.Closed, true)
	_, err = a.Subscribe("x.echo", lattice.SubscribeOptions{}, echo)
	want(t, err, errcode.Closed, true)
	if a.Connected() {
		t.Error("still connected")
	}
}

// closedWaiting: what was sent may have been executed, and the error says so.
func closedWaiting(t *testing.T, a, b lattice.Bus) {
	entered := make(chan struct{})
	subscribe(t, b, "x.hold", lattice.SubscribeOptions{}, func(ctx context.Context, _ *lattice.Message) (lattice.Reply, error) {
		close(entered)
		<-ctx.Done()
		return lattice.Reply{}, ctx.Err()
	})
	result := make(chan error, 1)
	go func() {
		_, err := a.Request(context.Background(), "x.hold", nil, nil)
		result <- err
	}()
	<-entered
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	err := <-result
	want(t, err, errcode.Closed, false)
	if !lattice.IsReplyLost(err) {
		t.Errorf("%v: it does not say that the reply is lost", err)
	}
}

func hammer(t *testing.T, a, b lattice.Bus) {
	subscribe(t, b, "x.echo", lattice.SubscribeOptions{}, echo)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				data := fmt.Appendf(nil, "%d-%d", i, j)
				rep, err := a.Request(t.Context(), "x.echo", lattice.Header{"Lw-I": "v"}, data)
				if err != nil || !bytes.Equal(rep.Data, data) {
					t.Errorf("%s: %v %v", data, rep, err)
					return
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				s, err := a.Subscribe(fmt.Sprintf("x.tmp%d", i), lattice.SubscribeOptions{Ordered: i%2 == 0}, echo)
				if err != nil {
					t.Error(err)
					return
				}
				_ = a.Publish(fmt.Sprintf("x.tmp%d", i), nil, nil)
				_ = s.Close()
			}
		})
	}
	wg.Wait()
}
