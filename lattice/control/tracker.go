package control

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// The states of a host as the control member sees it.
const (
	hostLive    = "live"
	hostSuspect = "suspect" // three heartbeats missed: gets no new work
	hostLost    = "lost"    // silent for so long that its work goes elsewhere
	hostStopped = "stopped" // said so
)

// forgetAfter is how long a host that is gone is listed.
const forgetAfter = 5 * time.Minute

// tracker knows the hosts by their heartbeats. It is soft state.
type tracker struct {
	s *Service

	mu      sync.Mutex
	hosts   map[lattice.HostID]*trackedHost // guarded by mu
	changed chan struct{}                   // closed and replaced when anything but times changes; guarded by mu
}

// trackedHost is what is known of a host.
type trackedHost struct {
	// beat is the last heartbeat, with the highest Applied that was ever heard.
	beat lattice.Heartbeat
	// said is the Applied of that heartbeat: its Inventory speaks of that state.
	said      uint64
	inventory lattice.Inventory
	seen      time.Time // last heartbeat, or when we began to wait for it
	heard     bool      // a heartbeat was ever received
	state     string
	fetching  bool
}

// newTracker expects the hosts that have work: until they had time to say
// something they keep it.
func newTracker(s *Service, v *linkstate.View) *tracker {
	t := &tracker{s: s, hosts: map[lattice.HostID]*trackedHost{}, changed: make(chan struct{})}
	for _, a := range v.Assignments() {
		for _, p := range a.Hosts {
			id := lattice.HostID(p.Host)
			t.hosts[id] = &trackedHost{beat: lattice.Heartbeat{Host: id}, seen: time.Now(), state: hostSuspect}
		}
	}
	return t
}

// receive takes a heartbeat.
func (t *tracker) receive(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
	var b lattice.Heartbeat
	if err := json.Unmarshal(m.Data, &b); err != nil || b.Host.Validate() != nil || b.Cluster != t.s.cluster ||
		m.Subject != t.s.subjects.Heartbeat(b.Host) {
		return lattice.Reply{}, nil // not one of ours
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hosts[b.Host]
	if h == nil {
		h = &trackedHost{}
		t.hosts[b.Host] = h
	}
	said := b.Applied
	if b.Epoch == h.beat.Epoch {
		b.Applied = max(b.Applied, h.beat.Applied) // an await may have told us more
	}
	old, oldSaid, state := h.beat, h.said, h.state
	h.beat, h.said, h.seen, h.heard, h.state = b, said, time.Now(), true, hostLive
	if b.Stopping {
		h.state = hostStopped
	}
	if h.state != state || b.Draining != old.Draining || b.Applied != old.Applied || said > oldSaid || b.Epoch != old.Epoch {
		t.changeLocked()
	}
	if (b.Epoch != h.inventory.Epoch || b.Inventory != h.inventory.Revision) && h.state == hostLive && !h.fetching {
		h.fetching = true
		t.s.start(func() { t.fetch(b.Host) })
	}
	return lattice.Reply{}, nil
}

// fetch asks a host for its inventory.
func (t *tracker) fetch(id lattice.HostID) {
	ctx, cancel := context.WithTimeout(t.s.ctx, 3*t.s.cfg.Heartbeat)
	defer cancel()
	inv, err := askHost[none, lattice.Inventory](ctx, t.s, id, lattice.HostOpInventory, none{})
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hosts[id]
	if h == nil {
		return
	}
	h.fetching = false // the next heartbeat tries again if it must
	if err != nil {
		t.s.log.Debug("inventory not received", "host", id, "error", err)
		return
	}
	h.inventory = inv
	t.changeLocked()
}

// applied notes that a host acts on link state of an index.
func (t *tracker) applied(id lattice.HostID, index uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.hosts[id]; h != nil && index > h.beat.Applied {
		h.beat.Applied = index
		t.changeLocked()
	}
}

// age notices hosts that fell silent, unless it is us who hear nothing.
func (t *tracker) age() {
	if t.s.cutOff() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, h := range t.hosts {
		silent := time.Since(h.seen)
		state := h.state
		switch {
		case silent > t.s.cfg.LostAfter+forgetAfter || h.state == hostStopped && silent > forgetAfter:
			delete(t.hosts, id)
			t.changeLocked()
			continue
		case h.state == hostStopped:
		case silent > t.s.cfg.LostAfter:
			state = hostLost
		case silent > 3*t.s.cfg.Heartbeat:
			state = hostSuspect
		}
		if state != h.state {
			h.state = state
			t.s.log.Info("host changed state", "host", id, "name", h.inventory.Name, "state", state)
			t.changeLocked()
		}
	}
}

// notify wakes who waits for a change.
func (t *tracker) notify() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.changed)
	t.changed = make(chan struct{})
}

// changeLocked wakes who waits for a change, and the placement.
func (t *tracker) changeLocked() {
	close(t.changed)
	t.changed = make(chan struct{})
	select {
	case t.s.place <- struct{}{}:
	default:
	}
}

// next returns a channel that is closed at the next change.
func (t *tracker) next() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// live returns which of the hosts are live, as given.
func (t *tracker) live(ids []string) []lattice.HostID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []lattice.HostID
	for _, id := range ids {
		if h := t.hosts[lattice.HostID(id)]; h != nil && h.state == hostLive {
			out = append(out, lattice.HostID(id))
		}
	}
	return out
}

// get returns what is known of a host.
func (t *tracker) get(id lattice.HostID) (trackedHost, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hosts[id]
	if h == nil {
		return trackedHost{}, false
	}
	return *h, true
}

// list returns all hosts, sorted by id.
func (t *tracker) list() []trackedHost {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]trackedHost, 0, len(t.hosts))
	for _, h := range t.hosts {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b trackedHost) int { return strings.Compare(string(a.beat.Host), string(b.beat.Host)) })
	return out
}

// running returns what a host says of a workload.
func (h *trackedHost) running(kind linkstate.WorkloadKind, name string) (lattice.RunningWorkload, bool) {
	list := h.inventory.Components
	if kind == linkstate.ProviderWorkload {
		list = h.inventory.Providers
	}
	for _, w := range list {
		if w.Name == name {
			return w, true
		}
	}
	return lattice.RunningWorkload{}, false
}

// linkError returns what a host says is wrong with a link.
func (h *trackedHost) linkError(l *linkstate.Link) *lattice.WireError {
	key := l.LinkKey.String()
	for _, e := range h.inventory.Links {
		if e.Key.String() == key && e.Generation == l.Generation {
			return &e.Error
		}
	}
	return nil
}

// opening reports whether a link does not serve yet on a host.
func (h *trackedHost) opening(l *linkstate.Link) bool {
	key := l.LinkKey.String()
	return slices.ContainsFunc(h.inventory.Opening, func(o lattice.LinkOpening) bool {
		return o.Generation == l.Generation && o.Key.String() == key
	})
}

// askHost sends a request to a host.
func askHost[Req, Rep any](ctx context.Context, s *Service, id lattice.HostID, op string, r Req) (Rep, error) {
	return lattice.Ask[Req, Rep](ctx, s.bus, s.subjects.Host(id, op), lattice.Header{lattice.HeaderCluster: string(s.cluster)}, r)
}

// tryFor bounds one request that is repeated until it is answered: a lost
// message must not cost more.
const tryFor = 2 * time.Second

// waitApplied waits until the hosts act on link state of an index, or are no
// longer live. Those still pending when ctx ends are returned apart.
func (s *Service) waitApplied(ctx context.Context, ids []lattice.HostID, index uint64) (applied, pending []lattice.HostID) {
	done := make([]bool, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			for ctx.Err() == nil {
				if h, ok := s.hosts.get(id); ok && h.beat.Applied >= index {
					done[i] = true
					return
				}
				if len(s.hosts.live([]string{string(id)})) == 0 {
					return
				}
				try, cancel := context.WithTimeout(ctx, tryFor)
				rep, err := askHost[lattice.AwaitRequest, lattice.AwaitReply](try, s, id, lattice.HostOpAwait, lattice.AwaitRequest{Index: index})
				cancel()
				if err == nil && rep.Applied >= index {
					s.hosts.applied(id, rep.Applied)
					done[i] = true
					return
				}
				if !pause(ctx, 20*time.Millisecond) {
					return
				}
			}
		})
	}
	wg.Wait()
	for i, id := range ids {
		if done[i] {
			applied = append(applied, id)
		} else if len(s.hosts.live([]string{string(id)})) > 0 {
			pending = append(pending, id)
		}
	}
	return applied, pending
}
