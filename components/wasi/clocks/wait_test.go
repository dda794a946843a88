package clocks

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"latticework/internal/poll"
)

func TestWaitsEndInOrder(t *testing.T) {
	c := newFake()
	m := NewMonotonic3(c)
	var mu sync.Mutex
	var order []uint64
	var join sync.WaitGroup
	for _, at := range []uint64{30, 10, 20} {
		join.Go(func() {
			if err := m.WaitUntil(t.Context(), uint64(time.Second)+at); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, at)
			mu.Unlock()
		})
	}
	waitTimers(t, c, 3)
	c.advance(9)
	if n := c.waiting(); n != 3 {
		t.Errorf("%d timers left before their moment, want 3", n)
	}
	c.advance(100)
	join.Wait()
	if len(order) != 3 {
		t.Errorf("%d waits ended, want 3", len(order))
	}
	if err := m.WaitUntil(t.Context(), 1); err != nil {
		t.Errorf("a moment in the past: %v", err)
	}
}

// TestWaitBehindAnEarlierOne: a wait does not end before one for an earlier
// moment does, and does not wait for one that was given up.
func TestWaitBehindAnEarlierOne(t *testing.T) {
	c := newFake()
	m := NewMonotonic3(c)
	earlier := &wait{when: uint64(time.Second) + 5, over: make(chan struct{})}
	m.waits[earlier] = struct{}{}
	done := make(chan error, 1)
	var join sync.WaitGroup
	join.Go(func() { done <- m.WaitFor(t.Context(), 10) })
	waitTimers(t, c, 1)
	c.advance(10)
	select {
	case err := <-done:
		t.Errorf("ended before the earlier one: %v", err)
	case <-time.After(5 * time.Millisecond):
	}
	close(earlier.over)
	if err := <-done; err != nil {
		t.Error(err)
	}
	join.Wait()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the guest is gone")
	join.Go(func() { done <- m.WaitFor(ctx, math.MaxUint64) })
	waitTimers(t, c, 1)
	cancel(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Errorf("a wait that was given up answered %v", err)
	}
	join.Wait()
	if n := c.waiting(); n != 0 {
		t.Errorf("%d timers run on", n)
	}
}

func TestSystemClock3(t *testing.T) {
	c := newFake()
	s := NewSystem3(c)
	if now, _ := s.Now(t.Context()); now.Seconds != 1001 || now.Nanoseconds != 5 {
		t.Errorf("now %+v, want 1001 s and 5 ns", now)
	}
	if r, _ := s.GetResolution(t.Context()); r != 15e8 {
		t.Errorf("resolution %d, want 15e8", r)
	}
	if i := ToInstant(time.Unix(-5, 7)); i.Seconds != -5 || i.Nanoseconds != 7 {
		t.Errorf("before 1970: %+v", i)
	}
}

func waitTimers(t *testing.T, c *fake, n int) {
	t.Helper()
	poll.Until(t, 10*time.Second, "timers", func() (any, bool) { return c.waiting(), c.waiting() == n })
}
