//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"latticework/internal/errcode"
)

// waits makes the waits in one direction of an open socket end with their
// context. There is one wait at a time; end may be called by anyone.
type waits struct {
	// deadline sets the direction's deadline.
	deadline func(time.Time) error

	mu      sync.Mutex
	watched <-chan struct{} // guarded by mu: of the context, nil for none
	stop    func() bool     // guarded by mu: ends watching, nil for nothing to end
	over    chan struct{}   // guarded by mu: closed when it was too late for that
	ended   bool            // guarded by mu
}

// until makes the waits to come end with ctx. The same context again costs
// nothing.
func (w *waits) until(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	done := ctx.Done()
	if done == w.watched || w.ended {
		return
	}
	w.unwatchLocked()
	if done == nil {
		return
	}
	over := make(chan struct{})
	w.watched, w.over = done, over
	w.stop = context.AfterFunc(ctx, func() {
		defer close(over)
		_ = w.deadline(past) // the socket may be closed
	})
}

func (w *waits) unwatchLocked() {
	if w.stop != nil && !w.stop() {
		<-w.over
		_ = w.deadline(time.Time{})
	}
	w.stop, w.watched = nil, nil
}

// pause forgets the context until the next one.
func (w *waits) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwatchLocked()
}

// end makes waits end at once, for good.
func (w *waits) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.unwatchLocked()
	_ = w.deadline(past)
}

// errGone: whoever waits let go of the socket meanwhile.
var errGone = errcode.New(errcode.Closed, "wait for a socket: it was given up")

// why returns the reason for err, with which a wait until ctx ended.
func (w *waits) why(ctx context.Context, err error) error {
	w.mu.Lock()
	ended := w.ended
	w.mu.Unlock()
	switch {
	case ended:
		return errGone
	case ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return context.Cause(ctx)
	}
	return err
}

// turn lets waits in one direction that begin at the same time happen one
// after the other.
type turn struct {
	taken chan struct{} // holds one while somebody has it
	waits waits
}

func newTurn() turn { return turn{taken: make(chan struct{}, 1)} }

// take waits until it is the caller's turn, who gives it back.
func (t *turn) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case t.taken <- struct{}{}:
		t.waits.until(ctx)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *turn) give() {
	t.waits.pause()
	<-t.taken
}
