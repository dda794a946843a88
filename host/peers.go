package host

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"latticework/lattice"
)

// peers knows which other hosts are up. It is safe for concurrent use.
type peers struct {
	mu   sync.Mutex
	seen map[lattice.HostID]peer // guarded by mu
}

type peer struct {
	at       time.Time
	load     float64
	draining bool
	stopped  bool
}

// suspectAfter is three missed heartbeats.
const suspectAfter = 3 * time.Second

// forgetAfter is when a host that is silent is not even remembered.
const forgetAfter = 10 * time.Minute

// up reports whether a host was heard of lately. It may be draining.
func (s peer) up() bool { return !s.at.IsZero() && !s.stopped && time.Since(s.at) < suspectAfter }

func (p *peers) listen(b lattice.Bus, s lattice.Subjects) (lattice.Subscription, error) {
	p.seen = map[lattice.HostID]peer{}
	return b.Subscribe(s.Heartbeats(), lattice.SubscribeOptions{Ordered: true}, func(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
		var hb lattice.Heartbeat
		if err := json.Unmarshal(m.Data, &hb); err != nil || hb.Host.Validate() != nil {
			return lattice.Reply{}, nil // says nothing
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for id, s := range p.seen {
			if time.Since(s.at) > forgetAfter {
				delete(p.seen, id)
			}
		}
		p.seen[hb.Host] = peer{at: time.Now(), load: hb.Load, draining: hb.Draining, stopped: hb.Stopping}
		return lattice.Reply{}, nil
	})
}

// order returns hosts sorted by who should be asked first: those that are up,
// the less loaded of two random ones foremost; then those that are draining,
// and those that are silent.
func (p *peers) order(hosts []lattice.HostID) []lattice.HostID {
	if len(hosts) < 2 {
		return hosts
	}
	hosts = slices.Clone(hosts)
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	p.mu.Lock()
	defer p.mu.Unlock()
	rank := func(h lattice.HostID) int {
		s := p.seen[h]
		switch {
		case s.up() && !s.draining:
			return 0
		case s.up():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(hosts, func(a, b lattice.HostID) int { return rank(a) - rank(b) })
	if rank(hosts[1]) == 0 && p.seen[hosts[1]].load < p.seen[hosts[0]].load {
		hosts[0], hosts[1] = hosts[1], hosts[0]
	}
	return hosts
}

// others returns how many other hosts are up and not draining.
func (p *peers) others(own lattice.HostID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for id, s := range p.seen {
		if id != own && s.up() && !s.draining {
			n++
		}
	}
	return n
}
