package clocks

import (
	"context"
	"sync"
	"time"

	"latticework/components/wasi/bindings/wasiclocks3"
	"latticework/wit/abi"
)

// Monotonic3 implements monotonic-clock of WASI 0.3.
type Monotonic3 struct {
	clock Clock
	mu    sync.Mutex
	waits map[*wait]struct{} // guarded by mu: those under way
}

// wait is one wait under way.
type wait struct {
	when uint64
	over chan struct{}
}

var _ wasiclocks3.MonotonicClockInterface = (*Monotonic3)(nil)

// NewMonotonic3 returns the interface over clock.
func NewMonotonic3(clock Clock) *Monotonic3 {
	return &Monotonic3{clock: clock, waits: map[*wait]struct{}{}}
}

// Bind returns the bound interface: a wait for a moment in the past is over
// before it began, without a goroutine.
func (m *Monotonic3) Bind() *abi.Interface {
	iface := wasiclocks3.BindMonotonicClock(m)
	for i := range iface.Funcs {
		f := &iface.Funcs[i]
		over := func(uint64) bool { return false }
		switch f.Name {
		case "wait-until":
			over = func(when uint64) bool { return when <= m.now() }
		case "wait-for":
			over = func(howLong uint64) bool { return howLong == 0 }
		default:
			continue
		}
		start := f.Start
		f.Start = func(ctx context.Context, c *abi.Call) (abi.Work, error) {
			if over(c.U64(c.Params)) {
				return nil, c.Err()
			}
			return start(ctx, c)
		}
	}
	return iface
}

func (m *Monotonic3) now() uint64 { return uint64(m.clock.Monotonic()) }

// Now implements wasi:clocks.
func (m *Monotonic3) Now(context.Context) (wasiclocks3.Mark, error) { return m.now(), nil }

// GetResolution implements wasi:clocks.
func (m *Monotonic3) GetResolution(context.Context) (wasiclocks3.Duration, error) {
	return uint64(m.clock.Resolution()), nil
}

// WaitFor implements wasi:clocks.
func (m *Monotonic3) WaitFor(ctx context.Context, howLong wasiclocks3.Duration) error {
	return m.WaitUntil(ctx, after(m.now(), howLong))
}

// WaitUntil implements wasi:clocks. Waits end in the order of their moments.
func (m *Monotonic3) WaitUntil(ctx context.Context, when wasiclocks3.Mark) error {
	w := &wait{when: when, over: make(chan struct{})}
	m.mu.Lock()
	m.waits[w] = struct{}{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.waits, w)
		m.mu.Unlock()
		close(w.over)
	}()
	if err := m.sleep(ctx, when); err != nil {
		return err
	}
	for _, earlier := range m.before(w) {
		select {
		case <-earlier.over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// before returns the waits for a moment before that of w. Their timers have
// fired, or are about to.
func (m *Monotonic3) before(w *wait) (list []*wait) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for x := range m.waits {
		if x.when < w.when {
			list = append(list, x)
		}
	}
	return list
}

// sleep waits until when. A timer that fires too early, as one of more than
// the longest duration does, is started again.
func (m *Monotonic3) sleep(ctx context.Context, when uint64) error {
	for {
		now := m.now()
		if now >= when {
			return nil
		}
		fired := make(chan struct{})
		stop := m.clock.AfterFunc(duration(when-now), func() { close(fired) })
		select {
		case <-fired:
		case <-ctx.Done():
			stop()
			return context.Cause(ctx)
		}
	}
}

// System3 implements system-clock of WASI 0.3.
type System3 struct{ clock Clock }

var _ wasiclocks3.SystemClockInterface = System3{}

// NewSystem3 returns the interface over clock.
func NewSystem3(clock Clock) System3 { return System3{clock} }

// Now implements wasi:clocks.
func (s System3) Now(context.Context) (wasiclocks3.Instant, error) {
	return ToInstant(s.clock.Wall()), nil
}

// GetResolution implements wasi:clocks.
func (s System3) GetResolution(context.Context) (wasiclocks3.Duration, error) {
	return uint64(s.clock.Resolution()), nil
}

// ToInstant converts t.
func ToInstant(t time.Time) wasiclocks3.Instant {
	return wasiclocks3.Instant{Seconds: t.Unix(), Nanoseconds: uint32(t.Nanosecond())}
}
