package clocks

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiclocks"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// fake is a clock that stands until it is advanced.
type fake struct {
	mu     sync.Mutex
	now    time.Duration  // guarded by mu
	timers map[int]*timer // guarded by mu
	next   int            // guarded by mu
}

type timer struct {
	at time.Duration
	f  func()
}

func newFake() *fake { return &fake{now: time.Second, timers: map[int]*timer{}} }

func (c *fake) Monotonic() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}
func (c *fake) Wall() time.Time           { return time.Unix(1000, 5).Add(c.Monotonic()) }
func (c *fake) Resolution() time.Duration { return 1500 * time.Millisecond }

func (c *fake) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.next
	c.next++
	c.timers[id] = &timer{at: c.now + d, f: f}
	if c.timers[id].at < 0 { // overflow: never
		c.timers[id].at = math.MaxInt64
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, id)
	}
}

func (c *fake) advance(d time.Duration) {
	c.mu.Lock()
	c.now += d
	var due []func()
	for id, t := range c.timers {
		if t.at <= c.now {
			due = append(due, t.f)
			delete(c.timers, id)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}

func (c *fake) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

func TestMonotonic(t *testing.T) {
	ctx := t.Context()
	c := newFake()
	m := NewMonotonic(c)
	if now, _ := m.Now(ctx); now != 1e9 {
		t.Errorf("now %d, want 1e9", now)
	}
	if res, _ := m.Resolution(ctx); res != 15e8 {
		t.Errorf("resolution %d, want 15e8", res)
	}
	past, _ := m.SubscribeInstant(ctx, 1e9)
	soon, _ := m.SubscribeDuration(ctx, 10)
	never, _ := m.SubscribeDuration(ctx, math.MaxUint64)
	for _, p := range []struct {
		name  string
		p     wasiio.Pollable
		ready bool
	}{{"past", past, true}, {"soon", soon, false}, {"never", never, false}} {
		if got, _ := p.p.Ready(ctx); got != p.ready {
			t.Errorf("%s: ready %v, want %v", p.name, got, p.ready)
		}
	}
	if n := c.waiting(); n != 0 {
		t.Errorf("%d timers run while nobody waits", n)
	}
	var wg sync.WaitGroup
	var got []uint32
	wg.Go(func() {
		got, _ = streams.Interfaces{}.Poll(ctx, []wasiio.Pollable{never, soon})
	})
	for c.waiting() < 2 {
		time.Sleep(time.Millisecond) // until the poll has registered
	}
	c.advance(9)
	c.advance(1)
	wg.Wait()
	if !slices.Equal(got, []uint32{1}) {
		t.Errorf("poll gave %v, want [1]", got)
	}
	if n := c.waiting(); n != 0 {
		t.Errorf("%d timers run after the poll", n)
	}
}

// early fires its timers at once, as one does whose duration was cut.
type early struct{ *fake }

func (c early) AfterFunc(d time.Duration, f func()) func() {
	return c.fake.AfterFunc(min(d, 3), f)
}

func TestEarlyTimerIsStartedAgain(t *testing.T) {
	ctx := t.Context()
	c := early{newFake()}
	p, _ := NewMonotonic(c).SubscribeDuration(ctx, 10)
	done := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { done <- p.Block(ctx) })
	for range 4 {
		for c.waiting() == 0 {
			time.Sleep(time.Millisecond) // until the next timer runs
		}
		select {
		case err := <-done:
			t.Fatalf("ended too early: %v", err)
		default:
		}
		c.advance(3)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

func TestSystemClock(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m := NewMonotonic(System())
	start, _ := m.Now(ctx)
	if start == 0 {
		t.Error("the monotonic clock gives 0")
	}
	p, _ := m.SubscribeDuration(ctx, uint64(20*time.Millisecond))
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	end, _ := m.Now(ctx)
	if d := time.Duration(end - start); d < 20*time.Millisecond || d > 5*time.Second {
		t.Errorf("a wait of 20ms took %v", d)
	}
	w := NewWall(System())
	now, _ := w.Now(ctx)
	if d := time.Since(time.Unix(int64(now.Seconds), int64(now.Nanoseconds))); d < 0 || d > time.Minute {
		t.Errorf("the wall clock is off by %v", d)
	}
}

func TestWall(t *testing.T) {
	ctx := t.Context()
	w := NewWall(newFake())
	if now, _ := w.Now(ctx); now != (wasiclocks.Datetime{Seconds: 1001, Nanoseconds: 5}) {
		t.Errorf("now %+v", now)
	}
	if res, _ := w.Resolution(ctx); res != (wasiclocks.Datetime{Seconds: 1, Nanoseconds: 5e8}) {
		t.Errorf("resolution %+v", res)
	}
	if d := ToDatetime(time.Unix(-1, 0)); d != (wasiclocks.Datetime{}) {
		t.Errorf("a time before 1970 gives %+v", d)
	}
}
