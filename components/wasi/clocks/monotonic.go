package clocks

import (
	"context"
	"math"
	"math/bits"
	"sync"

	"latticework/components/wasi/bindings/wasiclocks"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
)

// Monotonic implements monotonic-clock.
type Monotonic struct{ clock Clock }

var _ wasiclocks.MonotonicClockInterface = Monotonic{}

// NewMonotonic returns the interface over clock.
func NewMonotonic(clock Clock) Monotonic { return Monotonic{clock} }

func (m Monotonic) now() uint64 { return uint64(m.clock.Monotonic()) }

// Now implements wasi:clocks.
func (m Monotonic) Now(context.Context) (wasiclocks.Instant, error) { return m.now(), nil }

// Resolution implements wasi:clocks.
func (m Monotonic) Resolution(context.Context) (wasiclocks.Duration, error) {
	return uint64(m.clock.Resolution()), nil
}

// SubscribeInstant implements wasi:clocks. An instant in the past is ready at
// once.
func (m Monotonic) SubscribeInstant(_ context.Context, when wasiclocks.Instant) (wasiio.Pollable, error) {
	return m.pollable(when), nil
}

// SubscribeDuration implements wasi:clocks. A moment that is too far away to
// be written down never comes.
func (m Monotonic) SubscribeDuration(_ context.Context, when wasiclocks.Duration) (wasiio.Pollable, error) {
	return m.pollable(after(m.now(), when)), nil
}

// after returns the moment d after now, the last one if it cannot be written
// down.
func after(now, d uint64) uint64 {
	sum, carry := bits.Add64(now, d, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
}

func (m Monotonic) pollable(when uint64) wasiio.Pollable {
	if when <= m.now() {
		return streams.NewPollable(streams.Always)
	}
	return streams.NewPollable(&deadline{clock: m.clock, when: when})
}

// deadline is ready from an instant on. A timer runs only while somebody
// waits.
type deadline struct {
	clock Clock
	when  uint64

	mu    sync.Mutex
	stops map[*streams.Waiter]func() // guarded by mu
}

// Ready implements [streams.Source].
func (d *deadline) Ready() bool { return uint64(d.clock.Monotonic()) >= d.when }

// Watch implements [streams.Source].
func (d *deadline) Watch(w *streams.Waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.stops[w]; ok {
		return
	}
	if d.stops == nil {
		d.stops = map[*streams.Waiter]func(){}
	}
	d.stops[w] = d.startLocked(w)
}

// startLocked starts a timer for w. A timer that fires too early, as one of
// more than the longest duration does, is started again.
func (d *deadline) startLocked(w *streams.Waiter) (stop func()) {
	now := uint64(d.clock.Monotonic())
	if now >= d.when {
		w.Wake()
		return func() {}
	}
	return d.clock.AfterFunc(duration(d.when-now), func() { d.fire(w) })
}

func (d *deadline) fire(w *streams.Waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.stops[w]; !ok {
		return
	}
	if d.Ready() {
		w.Wake()
		return
	}
	d.stops[w] = d.startLocked(w)
}

// Unwatch implements [streams.Source].
func (d *deadline) Unwatch(w *streams.Waiter) {
	d.mu.Lock()
	stop := d.stops[w]
	delete(d.stops, w)
	d.mu.Unlock()
	if stop != nil {
		stop()
	}
}
