package streams

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"latticework/internal/errcode"
)

// Source is what a pollable stands for: something that is ready or not.
//
// Implementations are safe for concurrent use.
type Source interface {
	// Ready reports whether an operation would go on without waiting. It does
	// not block; it may start what makes the source ready.
	Ready() bool
	// Watch has w woken whenever Ready may have turned true, until Unwatch.
	Watch(w *Waiter)
	// Unwatch ends a Watch. A wake may still be under way when it returns.
	Unwatch(w *Waiter)
}

// Waiter is one sleeper. It is woken at least once after each Wake that comes
// while it sleeps; it may be woken for nothing.
type Waiter struct{ ch chan struct{} }

// NewWaiter returns a Waiter that has not been woken.
func NewWaiter() *Waiter { return &Waiter{ch: make(chan struct{}, 1)} }

// Wake wakes the sleeper, or makes its next sleep end at once. It never blocks.
func (w *Waiter) Wake() {
	select {
	case w.ch <- struct{}{}:
	default:
	}
}

// sleep waits for a wake.
//
// Errors: the cause of ctx's end, with code deadline or unavailable.
func (w *Waiter) sleep(ctx context.Context) error {
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// interrupted returns the error of a wait that ctx ended.
func interrupted(ctx context.Context) error {
	cause := context.Cause(ctx)
	return errcode.New(errcode.Of(cause), "wait for input or output: %w", cause)
}

var waiters = sync.Pool{New: func() any { return NewWaiter() }}

// Wait blocks until src is ready.
//
// Errors: the cause of ctx's end.
func Wait(ctx context.Context, src Source) error {
	if src.Ready() {
		return nil
	}
	w := waiters.Get().(*Waiter)
	defer waiters.Put(w)
	src.Watch(w)
	defer src.Unwatch(w)
	for !src.Ready() {
		if err := w.sleep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Watchers is a list of waiters: embedded, it gives a Source its Watch and
// Unwatch. The zero value is empty.
type Watchers struct {
	mu   sync.Mutex
	list []*Waiter // guarded by mu
}

// Watch adds w.
func (s *Watchers) Watch(w *Waiter) {
	s.mu.Lock()
	s.list = append(s.list, w)
	s.mu.Unlock()
}

// Unwatch removes w once; it does nothing if w is not there.
func (s *Watchers) Unwatch(w *Waiter) {
	s.mu.Lock()
	if i := slices.Index(s.list, w); i >= 0 {
		// The order means nothing, and a guest may be in the list often.
		last := len(s.list) - 1
		s.list[i], s.list[last] = s.list[last], nil
		s.list = s.list[:last]
	}
	s.mu.Unlock()
}

// Notify wakes all.
func (s *Watchers) Notify() {
	s.mu.Lock()
	for _, w := range s.list {
		w.Wake()
	}
	s.mu.Unlock()
}

// Event is a Source that turns ready once and stays so. The zero value is not
// ready.
type Event struct {
	set atomic.Bool
	Watchers
}

// Set makes the event ready.
func (e *Event) Set() {
	e.set.Store(true)
	e.Notify()
}

// Ready implements [Source].
func (e *Event) Ready() bool { return e.set.Load() }

// always is the Source of what never waits.
type always struct{}

func (always) Ready() bool     { return true }
func (always) Watch(*Waiter)   {}
func (always) Unwatch(*Waiter) {}

// Always is ready at any time.
var Always Source = always{}
