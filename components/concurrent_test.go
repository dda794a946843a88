package components_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// addOne calls the relay's export of that name: 1 + x once work has answered.
func addOne(ctx context.Context, calls abi.Invoker, f abi.ExportedFunc, x uint32) (got uint32, err error) {
	err = calls.Invoke(ctx, f,
		func(c *abi.Call) error { c.PutU32(c.Params, x); return nil },
		func(c *abi.Call) error { got = c.U32(c.Result); return nil })
	return got, err
}

// acquired returns an instance and one of its exports.
func acquired(t *testing.T, tmpl *components.Template, export string) (*components.Instance, abi.ExportedFunc) {
	t.Helper()
	f, err := tmpl.Export("", export)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Release(context.Background()) })
	return in, f
}

// TestConcurrentCalls has many calls under way in one instance: none is
// answered before all have begun.
func TestConcurrentCalls(t *testing.T) {
	const n = 20
	var begun atomic.Int32
	all := make(chan struct{})
	tmpl := relayHost{work: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		x := c.U32(c.Params)
		if begun.Add(1) == n {
			close(all)
		}
		return func(ctx context.Context) (abi.Answer, error) {
			select {
			case <-all:
			case <-ctx.Done():
				return abi.Answer{}, context.Cause(ctx)
			}
			return abi.Answer{Store: func(c *abi.Call) error { c.PutU32(c.Result, x+1); return nil }}, nil
		}, nil
	}}.template(t, components.Limits{})
	in, f := acquired(t, tmpl, "stack")
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		var join sync.WaitGroup
		for i := range uint32(n) {
			join.Go(func() {
				if got, err := addOne(ctx, calls, f, i); err != nil || got != i+1 {
					t.Errorf("call %d answered %d, %v", i, got, err)
				}
			})
		}
		join.Wait()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestConcurrentCallCancelled cancels a call; another one goes on.
func TestConcurrentCallCancelled(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 2)
	tmpl := relayHost{work: func(ctx context.Context, c *abi.Call) (abi.Work, error) {
		begun <- struct{}{}
		return inBackground(release)(ctx, c)
	}}.template(t, components.Limits{})
	in, f := acquired(t, tmpl, "stack")
	gone := errors.New("the client is gone")
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		one, cancel := context.WithCancelCause(ctx)
		var join sync.WaitGroup
		join.Go(func() {
			// The guest waits synchronously where it cannot be told, so that the
			// call ends with the answer.
			if got, err := addOne(one, calls, f, 1); err != nil || got != 2 {
				t.Errorf("the call that was cancelled answered %d, %v", got, err)
			}
		})
		join.Go(func() {
			if got, err := addOne(ctx, calls, f, 2); err != nil || got != 3 {
				t.Errorf("the other call answered %d, %v", got, err)
			}
		})
		<-begun
		<-begun
		cancel(gone)
		close(release)
		join.Wait()
		if _, err := addOne(one, calls, f, 3); !errors.Is(err, context.Canceled) {
			t.Errorf("a call under an ended context: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestConcurrentTrap traps under one call: the others end too.
func TestConcurrentTrap(t *testing.T) {
	broken := errors.New("the disk is on fire")
	begun := make(chan struct{}, 2)
	fail := make(chan struct{})
	tmpl := relayHost{work: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		x := c.U32(c.Params)
		begun <- struct{}{}
		return func(ctx context.Context) (abi.Answer, error) {
			if x == 1 {
				<-fail
				return abi.Answer{}, broken
			}
			<-ctx.Done()
			return abi.Answer{}, context.Cause(ctx)
		}, nil
	}}.template(t, components.Limits{})
	in, f := acquired(t, tmpl, "stack")
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		var join sync.WaitGroup
		for i := range uint32(2) {
			join.Go(func() {
				if _, err := addOne(ctx, calls, f, i); !errors.Is(err, errcode.Closed) {
					t.Errorf("call %d answered %v, want that the instance is gone", i, err)
				}
			})
		}
		<-begun
		<-begun
		close(fail)
		join.Wait()
		return nil
	})
	if trap, ok := components.IsTrap(err); !ok || !errors.Is(err, broken) {
		t.Errorf("answered %v (%v), want a trap because %v", err, trap, broken)
	}
}

// TestConcurrentCallThatWaits cancels a call that the instance does not let in
// yet.
func TestConcurrentCallThatWaits(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 1)
	tmpl := relayHost{work: func(ctx context.Context, c *abi.Call) (abi.Work, error) {
		begun <- struct{}{}
		return inBackground(release)(ctx, c)
	}}.template(t, components.Limits{})
	in, f := acquired(t, tmpl, "call") // has the instance for itself
	gone := errors.New("the client is gone")
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		var join sync.WaitGroup
		join.Go(func() {
			if got, err := addOne(ctx, calls, f, 1); err != nil || got != 2 {
				t.Errorf("the call that was let in answered %d, %v", got, err)
			}
		})
		<-begun
		waits, cancel := context.WithCancelCause(ctx)
		join.Go(func() { cancel(gone) })
		if _, err := addOne(waits, calls, f, 2); !errors.Is(err, gone) {
			t.Errorf("the call that waited answered %v, want %v", err, gone)
		}
		close(release)
		join.Wait()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestConcurrentWithoutAsync calls an instance that uses nothing asynchronous
// from many goroutines: one after the other.
func TestConcurrentWithoutAsync(t *testing.T) {
	tmpl := linkSuite(t, components.EngineConfig{}, components.LinkConfig{}, "values__numerics__0002__L69")
	in, f := acquired(t, tmpl, "i-to-b")
	nothing := func(*abi.Call) error { return nil }
	err := in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		var join sync.WaitGroup
		for range 8 {
			join.Go(func() {
				for range 100 {
					if err := calls.Invoke(ctx, f, nothing, nothing); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		join.Wait()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
