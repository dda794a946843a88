package components

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Guests make garbage in Go's heap where the engine allocates for them: the
// stack that it copies at each try block, exceptions. A guest that does nothing
// else has Go collect hundreds of times a second, at the cost of everybody in
// the process. So guests wait when all of them together make more than
// what collections a second are worth.
const (
	// collections is how many collections a second guests may cause by what is
	// paced here. So few are not in the p99 of a guest beside them; see Exceptions
	// in docs/performance.md.
	collections = 1
	// bursts is how many at once, after they caused none for long enough.
	bursts = 0.5
	// settleBytes is how much garbage a guest may make before it is looked at.
	settleBytes = 32 << 10
	// garbageUnit is how many bytes of it cost a unit of fuel, besides what the
	// instructions do: copies of a deep stack take longer than those.
	garbageUnit = 8
	// minWait is how long a wait must be to be worth it.
	minWait = 5 * time.Millisecond
	// roomBytes is after how much garbage it is asked how much room there is.
	roomBytes = 1 << 20
	// leastRoom and mostRoom bound the answer.
	leastRoom, mostRoom = 1 << 20, 1 << 40
)

// garbage is what a guest made.
type garbage struct {
	fresh float64 // bytes that nobody looked at yet
	owed  float64 // bytes that it did not wait for yet, though it should
}

// made adds n bytes and reports whether that is to be settled.
func (g *garbage) made(n int) bool {
	g.fresh += float64(n)
	return g.fresh >= settleBytes
}

// pacer has guests wait. There is one in a process, as there is one collector.
type pacer struct {
	now  func() time.Time
	room func() uint64 // by how many bytes the heap grows from a collection to the next

	mu      sync.Mutex
	last    time.Time // when left was right; guarded by mu
	left    float64   // bytes that may be made without a wait; guarded by mu
	bytes   float64   // what room said; guarded by mu
	unasked float64   // bytes since then; guarded by mu
	waiting int       // guests; guarded by mu
}

// ofProcess is the one of this process.
var ofProcess = &pacer{now: time.Now, room: heapRoom}

// settle waits as long as g is to wait for what it made, until deadline if that
// is not zero, and at most until ctx ends.
func (p *pacer) settle(ctx context.Context, deadline time.Time, g *garbage) {
	wait := p.take(g)
	if wait == 0 {
		return
	}
	if !deadline.IsZero() {
		wait = min(wait, deadline.Sub(p.now()))
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	p.waiting--
	p.mu.Unlock()
}

// take takes what g made from what is left, and returns how long g is to wait;
// if it is, it counts as waiting from now on. A guest waits for its share, not
// for what others owe.
func (p *pacer) take(g *garbage) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := g.fresh
	g.fresh = 0
	if p.unasked += n; p.unasked >= roomBytes || p.bytes == 0 {
		p.bytes, p.unasked = float64(min(max(p.room(), leastRoom), mostRoom)), 0
	}
	now, rate := p.now(), collections*p.bytes // a second
	p.left = min(p.left+now.Sub(p.last).Seconds()*rate, bursts*p.bytes) - n
	p.last = now
	if p.left >= 0 {
		g.owed = 0
		return 0
	}
	g.owed += n
	wait := time.Duration(min(-p.left, g.owed*float64(p.waiting+1)) / rate * float64(time.Second))
	if wait < minWait {
		return 0
	}
	g.owed = 0
	p.waiting++
	return wait
}

// heapRoom returns by how many bytes Go's heap grows from a collection to the
// next, or fewer: how many are left of them when it is asked first after a
// collection. That stops the world once, as a collection does twice; to find out
// whether there was one does not. It must not be called by several goroutines at
// the same time.
//
// Package runtime/metrics tells the same, but each program that has it linked
// takes a tenth of a millisecond longer to start.
func heapRoom() uint64 {
	k := &knownRoom
	debug.ReadGCStats(&k.stats)
	if k.room == 0 || k.stats.NumGC != k.asked {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		k.room, k.asked = 1, k.stats.NumGC
		if m.NextGC > m.HeapAlloc {
			k.room = m.NextGC - m.HeapAlloc
		}
	}
	return k.room
}

// knownRoom is what heapRoom knows.
var knownRoom struct {
	stats debug.GCStats
	asked int64  // how many collections there had been when room was found
	room  uint64 // 0 before
}
