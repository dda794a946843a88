package host

import (
	"context"
	"sync"
	"sync/atomic"

	"latticework/lattice/linkstate"
	"latticework/wit/abi"
)

// gate counts what is open on one generation of a link: calls in flight and
// resource handles. A link's old generation is closed when its gates are
// empty. It is safe for concurrent use.
type gate struct {
	key        string // of the link
	linkKey    linkstate.LinkKey
	generation uint64

	calls   atomic.Int64
	handles atomic.Int64
	closed  atomic.Bool // no call without a handle may enter

	mu      sync.Mutex
	waiters []chan struct{} // guarded by mu; told when a count falls to zero

	// routes are the generation's routes by binding, so that a call on a
	// handle finds the route that the handle came by. At a target it is empty.
	routes []atomic.Pointer[route]
}

// enter begins a call. It answers false if the gate is closed: the caller
// loads the present route and tries there.
func (g *gate) enter() bool {
	g.calls.Add(1)
	if g.closed.Load() {
		g.leave()
		return false
	}
	return true
}

// enterHeld begins a call on a handle that the gate has open.
func (g *gate) enterHeld() { g.calls.Add(1) }

func (g *gate) leave() {
	if g.calls.Add(-1) == 0 {
		g.wake()
	}
}

// Acquire counts a handle, see abi.Owner.
func (g *gate) Acquire() { g.handles.Add(1) }

// Release counts a handle down.
func (g *gate) Release() {
	if g.handles.Add(-1) == 0 {
		g.wake()
	}
}

func (g *gate) wake() {
	g.mu.Lock()
	for _, w := range g.waiters {
		select {
		case w <- struct{}{}:
		default:
		}
	}
	g.mu.Unlock()
}

// drain closes the gate for new calls and waits until nothing is open on it.
// It reports what is still open if ctx ends first.
func (g *gate) drain(ctx context.Context) (calls, handles int64) {
	w := make(chan struct{}, 1)
	g.mu.Lock()
	g.waiters = append(g.waiters, w)
	g.mu.Unlock()
	defer g.forget(w)
	g.closed.Store(true)
	for {
		calls, handles = g.calls.Load(), g.handles.Load()
		if calls == 0 && handles == 0 {
			return 0, 0
		}
		select {
		case <-w:
		case <-ctx.Done():
			return calls, handles
		}
	}
}

func (g *gate) forget(w chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.waiters {
		if g.waiters[i] == w {
			g.waiters = append(g.waiters[:i], g.waiters[i+1:]...)
			return
		}
	}
}

var _ abi.Owner = (*gate)(nil)
