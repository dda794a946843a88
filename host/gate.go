package host

import (
	"context"
	"sync"
	"sync/atomic"

	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/wit/abi"
)

// gate counts what is open on one generation of a link: calls in flight and
// resource handles. A generation is closed when its gates are empty. It is
// safe for concurrent use.
type gate struct {
	linkKey    linkstate.LinkKey
	generation uint64
	place      place // where the calls go; at a target, nowhere

	// open counts both in one word, so that nobody sees one before and the
	// other after a change: calls in the low 32 bits, handles above.
	open   atomic.Int64
	closed atomic.Bool // no call without a handle may enter

	mu      sync.Mutex
	waiters []chan struct{} // guarded by mu; told when nothing is open and closed is set

	// What follows is a caller's alone.

	policy atomic.Pointer[linkstate.Policy]
	// hosts are the other hosts that run the target.
	hosts atomic.Pointer[[]lattice.HostID]
	// routes are the gate's routes by binding, so that a call on a handle
	// finds the route that the handle came by.
	routes []atomic.Pointer[route]
}

// place is where the calls of a link go from this host.
type place struct {
	kind   routeKind
	target string
	// at is the provider that runs here; nil while it starts, and for other
	// kinds.
	at *provider
}

const oneHandle = 1 << 32

// enter begins a call. It answers false if the gate is closed: the caller
// loads the present route and tries there.
func (g *gate) enter() bool {
	g.open.Add(1)
	if g.closed.Load() {
		g.leave()
		return false
	}
	return true
}

// enterHeld begins a call on a handle that the gate has open, or one that a
// caller's gate has let in.
func (g *gate) enterHeld() { g.open.Add(1) }

func (g *gate) leave() {
	// Who drains sets closed before it looks, so one of the two sees the other.
	if g.open.Add(-1) == 0 && g.closed.Load() {
		g.wake()
	}
}

// Acquire counts a handle, see abi.Owner.
func (g *gate) Acquire() { g.open.Add(oneHandle) }

// Release counts a handle down.
func (g *gate) Release() {
	if g.open.Add(-oneHandle) == 0 && g.closed.Load() {
		g.wake()
	}
}

// counts returns how many calls and handles are open.
func (g *gate) counts() (calls, handles int64) {
	n := g.open.Load()
	return n & (oneHandle - 1), n >> 32
}

func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.waiters {
		select {
		case w <- struct{}{}:
		default:
		}
	}
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
		if g.open.Load() == 0 {
			return 0, 0
		}
		select {
		case <-w:
		case <-ctx.Done():
			return g.counts()
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
