package components

import (
	"context"
	"sync"
	"time"
)

// timed is a context that ends at a deadline, as that of [context.WithDeadline]
// does. Only who waits for its end has it start a timer: most calls end before
// anybody asks.
type timed struct {
	parent   context.Context
	deadline time.Time

	mu      sync.Mutex
	waited  context.Context    // with the timer; nil before somebody waits; guarded by mu
	cancel  context.CancelFunc // of waited; guarded by mu
	stopped bool               // guarded by mu
	err     error              // what Err found; guarded by mu
}

// withTime returns a context that ends after d, when parent ends or when it is
// stopped.
func withTime(parent context.Context, d time.Duration) *timed {
	t := &timed{parent: parent, deadline: time.Now().Add(d)}
	if earlier, ok := parent.Deadline(); ok && earlier.Before(t.deadline) {
		t.deadline = earlier
	}
	return t
}

// Deadline implements [context.Context].
func (t *timed) Deadline() (time.Time, bool) { return t.deadline, true }

// Done implements [context.Context].
func (t *timed) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waited == nil {
		t.waited, t.cancel = context.WithDeadline(t.parent, t.deadline)
		if t.stopped {
			t.cancel()
		}
	}
	return t.waited.Done()
}

// Err implements [context.Context].
func (t *timed) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.err != nil:
	case t.waited != nil:
		t.err = t.waited.Err()
	case t.parent.Err() != nil:
		t.err = t.parent.Err()
	case t.stopped:
		t.err = context.Canceled
	case time.Until(t.deadline) <= 0:
		t.err = context.DeadlineExceeded
	}
	return t.err
}

// Value implements [context.Context]. Package context finds by it that it need
// start no goroutine for a child.
func (t *timed) Value(key any) any {
	t.mu.Lock()
	of := t.waited
	t.mu.Unlock()
	if of == nil {
		of = t.parent
	}
	return of.Value(key)
}

// stop ends t.
func (t *timed) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	if t.cancel != nil {
		t.cancel()
	}
}
