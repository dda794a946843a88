package streams

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
)

func TestPollGivesAllThatAreReady(t *testing.T) {
	ctx := testCtx(t)
	var a, b Event
	b.Set()
	got, err := Interfaces{}.Poll(ctx, []wasiio.Pollable{NewPollable(&a), NewPollable(&b), NewPollable(Always), NewPollable(&b)})
	if err != nil || !slices.Equal(got, []uint32{1, 2, 3}) {
		t.Errorf("poll: %v, %v; want [1 2 3]", got, err)
	}
}

func TestPollWaitsForTheFirst(t *testing.T) {
	ctx := testCtx(t)
	events := make([]Event, 1000)
	var in []wasiio.Pollable
	for i := range events {
		in = append(in, NewPollable(&events[i]))
	}
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	wg.Go(func() {
		for len(events[777].watchersNow()) == 0 {
			runtime.Gosched()
		}
		if n := runtime.NumGoroutine(); n > before+5 {
			t.Errorf("%d goroutines while polling 1000 pollables, %d before", n, before)
		}
		events[777].Set()
	})
	got, err := Interfaces{}.Poll(ctx, in)
	if err != nil || !slices.Equal(got, []uint32{777}) {
		t.Errorf("poll: %v, %v; want [777]", got, err)
	}
	wg.Wait()
	for i := range events {
		if n := len(events[i].watchersNow()); n != 0 {
			t.Fatalf("event %d keeps %d waiters", i, n)
		}
	}
}

func (s *Watchers) watchersNow() []*Waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

func TestPollRefusals(t *testing.T) {
	ctx := testCtx(t)
	_, err := Interfaces{}.Poll(ctx, nil)
	wantCode(t, "poll of nothing", err, errcode.Trap)
	_, err = Interfaces{}.Poll(ctx, make([]wasiio.Pollable, MaxPoll+1))
	wantCode(t, "poll of too many", err, errcode.Exhausted)
	_, err = Interfaces{}.Poll(ctx, []wasiio.Pollable{struct{ wasiio.Pollable }{}})
	wantCode(t, "poll of a stranger", err, errcode.Internal)
}

func TestPollEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(testCtx(t), 10*time.Millisecond)
	defer cancel()
	var never Event
	_, err := Interfaces{}.Poll(ctx, []wasiio.Pollable{NewPollable(&never)})
	wantCode(t, "poll", err, errcode.Deadline)
	wantCode(t, "block", NewPollable(&never).Block(ctx), errcode.Deadline)
	if n := len(never.watchersNow()); n != 0 {
		t.Errorf("%d waiters stay", n)
	}
}

// TestEventHammer sets events while several goroutines wait for them, with
// waiters that come back from the pool with a stale wake.
func TestEventHammer(t *testing.T) {
	ctx := testCtx(t)
	for range 200 {
		events := make([]Event, 3)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range events {
					if err := Wait(ctx, &events[i]); err != nil || !events[i].Ready() {
						t.Errorf("wait: %v", err)
					}
				}
			})
		}
		for i := range events {
			wg.Go(events[i].Set)
		}
		wg.Wait()
	}
}
