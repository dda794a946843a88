package keyvalue

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
)

// gate counts calls in progress and lets none in once it is closed, at the
// cost of two atomic additions a call.
type gate struct {
	state atomic.Int64 // calls in progress, plus math.MinInt64 once closed
	once  sync.Once    // closes empty
	empty chan struct{}
	shut  atomic.Bool
}

func newGate() *gate { return &gate{empty: make(chan struct{})} }

// enter reports whether a call may begin; if so, leave ends it.
func (g *gate) enter() bool {
	if g.state.Add(1) > 0 {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.state.Add(-1) == math.MinInt64 {
		g.once.Do(func() { close(g.empty) })
	}
}

// close lets nobody in any more and waits until all have left or ctx ends.
// It reports false at once if the gate was closed before.
func (g *gate) close(ctx context.Context) bool {
	if g.shut.Swap(true) {
		return false
	}
	if g.state.Add(math.MinInt64) == math.MinInt64 {
		g.once.Do(func() { close(g.empty) })
	}
	select {
	case <-g.empty:
	case <-ctx.Done():
	}
	return true
}
