package host

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestGateHammer: while callers follow a gate that is replaced again and again,
// a drain ends only when nothing is open on it, and nothing opens on it
// afterwards. Some calls leave a handle behind that another call closes.
func TestGateHammer(t *testing.T) {
	type tracked struct {
		gate
		drained atomic.Bool
	}
	var current atomic.Pointer[tracked]
	current.Store(&tracked{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var calls atomic.Int64
	check := func(g *tracked) {
		if g.drained.Load() {
			t.Error("something was open on a gate after its drain")
		}
	}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				g := current.Load()
				runtime.Gosched() // there are more of us than processors
				if !g.enter() {
					continue
				}
				check(g)
				if rand.IntN(2) == 0 {
					g.leave()
					calls.Add(1)
					continue
				}
				g.Acquire()
				g.leave()
				check(g)
				g.enterHeld()
				check(g)
				g.Release()
				check(g) // the call is still open
				g.leave()
				calls.Add(1)
			}
		})
	}
	// At least 2,000 exchanges, and as many as it takes for calls to be made in
	// between: on a busy machine the callers may start late.
	for i := 0; i < 2_000 || calls.Load() < 100 && !t.Failed(); i++ {
		old := current.Load()
		current.Store(&tracked{})
		if n, held := old.drain(context.Background()); n != 0 || held != 0 {
			t.Errorf("drain: %d calls, %d handles", n, held)
		}
		old.drained.Store(true)
	}
	close(stop)
	wg.Wait()
	if calls.Load() == 0 {
		t.Error("no call was made")
	}
}

func TestGateDrainReports(t *testing.T) {
	var g gate
	g.enter()
	g.Acquire()
	g.Acquire()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if calls, handles := g.drain(ctx); calls != 1 || handles != 2 {
		t.Errorf("drain: %d calls, %d handles, want 1 and 2", calls, handles)
	}
	if g.enter() {
		t.Error("a closed gate let a call in")
	}
	g.leave()
	g.Release()
	g.Release()
	if calls, handles := g.drain(t.Context()); calls != 0 || handles != 0 {
		t.Errorf("drain: %d calls, %d handles", calls, handles)
	}
	if len(g.waiters) != 0 {
		t.Errorf("%d waiters stayed", len(g.waiters))
	}
}
