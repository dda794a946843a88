// Package membus is an in-memory lattice.Bus for tests: many members in one
// process, on a network whose delay, loss, duplication and partitions the
// test sets.
package membus

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
)

// DefaultMaxPayload is the limit of one message, as that of NATS.
const DefaultMaxPayload = 1 << 20

// Faults say how a network treats messages between different members. Those
// to oneself always arrive at once. The zero value is a perfect network.
type Faults struct {
	DelayMin, DelayMax time.Duration // uniformly in between; the order between two members is kept
	Drop               float64       // probability that a message is lost
	Duplicate          float64       // probability that a message arrives twice
}

// Network connects members. It is safe for concurrent use.
type Network struct {
	mu      sync.Mutex
	rand    *rand.Rand              // guarded by mu
	faults  Faults                  // guarded by mu
	cut     map[[2]string]bool      // from, to; guarded by mu
	members map[string]*Bus         // guarded by mu
	queue   deliveries              // guarded by mu
	last    map[[2]string]time.Time // latest delivery between two members; guarded by mu
	seq     uint64                  // guarded by mu
	wake    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
	maxSize int
}

// New returns a network whose random choices come from seed. Close must
// follow.
func New(seed uint64) *Network {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Network{
		rand: rand.New(rand.NewPCG(seed, 0)), cut: map[[2]string]bool{}, members: map[string]*Bus{},
		last: map[[2]string]time.Time{}, wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
		done: make(chan struct{}), maxSize: DefaultMaxPayload,
	}
	go n.run()
	return n
}

// SetFaults changes how messages sent from now on are treated.
func (n *Network) SetFaults(f Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// Cut loses messages from one member to another, one way.
func (n *Network) Cut(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]string{from, to}] = true
}

// Partition separates the groups from each other, both ways. Members in no
// group are not affected.
func (n *Network) Partition(groups ...[]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, a := range groups {
		for j, b := range groups {
			if i == j {
				continue
			}
			for _, from := range a {
				for _, to := range b {
					n.cut[[2]string{from, to}] = true
				}
			}
		}
	}
}

// Heal ends all cuts. Subscribers learn that messages may have been lost.
func (n *Network) Heal() {
	n.mu.Lock()
	n.cut = map[[2]string]bool{}
	var all []*Bus
	for _, b := range n.members {
		all = append(all, b)
	}
	n.mu.Unlock()
	for _, b := range all {
		b.lost()
	}
}

// Bus connects a member. The name must be new.
//
// Errors:
//   - errcode.Exists if a member of the name is connected.
func (n *Network) Bus(name string) (*Bus, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.members[name] != nil {
		return nil, errcode.New(errcode.Exists, "connect to membus: member %q is connected", name)
	}
	b := &Bus{net: n, name: name, subs: map[*subscription]struct{}{}, waiting: map[uint64]chan *lattice.Message{}}
	n.members[name] = b
	return b, nil
}

// Close closes all members and joins the network's goroutine.
func (n *Network) Close() error {
	n.mu.Lock()
	var all []*Bus
	for _, b := range n.members {
		all = append(all, b)
	}
	n.mu.Unlock()
	for _, b := range all {
		_ = b.Close()
	}
	n.cancel()
	<-n.done
	return nil
}

// send carries fn from one member to another: now, later, twice or never.
func (n *Network) send(from, to string, fn func()) {
	n.mu.Lock()
	if from == to {
		n.mu.Unlock()
		fn()
		return
	}
	pair := [2]string{from, to}
	if n.cut[pair] || n.rand.Float64() < n.faults.Drop {
		n.mu.Unlock()
		return
	}
	copies := 1
	if n.rand.Float64() < n.faults.Duplicate {
		copies = 2
	}
	delay := n.faults.DelayMin
	if spread := n.faults.DelayMax - n.faults.DelayMin; spread > 0 {
		delay += time.Duration(n.rand.Int64N(int64(spread)))
	}
	now := time.Now()
	at := now.Add(delay)
	if at.Before(n.last[pair]) {
		at = n.last[pair]
	}
	if !at.After(now) {
		n.mu.Unlock()
		for range copies {
			fn()
		}
		return
	}
	n.last[pair] = at
	for range copies {
		n.seq++
		heap.Push(&n.queue, scheduled{at: at, seq: n.seq, fn: fn})
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run delivers what was delayed.
func (n *Network) run() {
	defer close(n.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		n.mu.Lock()
		wait := time.Hour
		var due []func()
		for now := time.Now(); len(n.queue) > 0; {
			if d := n.queue[0].at.Sub(now); d > 0 {
				wait = d
				break
			}
			due = append(due, heap.Pop(&n.queue).(scheduled).fn)
		}
		n.mu.Unlock()
		for _, fn := range due {
			fn()
		}
		if len(due) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-n.ctx.Done():
			return
		case <-n.wake:
		case <-timer.C:
		}
	}
}

// scheduled is one delayed delivery.
type scheduled struct {
	at  time.Time
	seq uint64
	fn  func()
}

// deliveries is a heap, earliest first.
type deliveries []scheduled

func (d deliveries) Len() int { return len(d) }
func (d deliveries) Less(i, j int) bool {
	if d[i].at.Equal(d[j].at) {
		return d[i].seq < d[j].seq
	}
	return d[i].at.Before(d[j].at)
}
func (d deliveries) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deliveries) Push(x any)   { *d = append(*d, x.(scheduled)) }
func (d *deliveries) Pop() any {
	old := *d
	x := old[len(old)-1]
	*d = old[:len(old)-1]
	return x
}
