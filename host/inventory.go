package host

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// heartbeat says how the host is.
func (h *Host) heartbeat() lattice.Heartbeat {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := lattice.Heartbeat{
		Host: h.cfg.ID, Epoch: h.epoch, Cluster: h.follower.Cluster(), Applied: h.follower.Applied(),
		Draining: h.draining.Load(), Inventory: h.inventory,
	}
	busy, room := int64(0), 0
	for _, c := range h.liveComponents {
		busy += c.running.Load()
		room += cap(c.slots)
	}
	if room > 0 {
		b.Load = float64(busy) / float64(room)
	}
	return b
}

// Inventory describes the host now, see [lattice.HostService].
func (h *Host) Inventory(context.Context) (lattice.Inventory, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	inv := lattice.Inventory{
		Host: h.cfg.ID, Epoch: h.epoch, Revision: h.inventory, Name: h.cfg.Name,
		Version: h.cfg.Version, Zone: h.cfg.Zone, Labels: h.cfg.Labels,
	}
	for _, w := range h.comps.all {
		r := lattice.RunningWorkload{Name: w.name, Revision: w.have, Count: w.count, State: w.state, Message: w.message}
		if w.running != nil {
			if missing := w.running.unlinked(h.view); len(missing) > 0 {
				r.State = stateFailed
				r.Message = "import " + strings.Join(missing, ", ") + " is not linked"
			}
		}
		inv.Components = append(inv.Components, r)
	}
	for _, w := range h.provs.all {
		inv.Providers = append(inv.Providers, lattice.RunningWorkload{
			Name: w.name, Revision: w.have, Count: 1, State: w.state, Message: w.message, Address: h.addressLocked(w.name),
		})
	}
	for _, l := range h.health {
		inv.Links = append(inv.Links, l)
	}
	byName := func(a, b lattice.RunningWorkload) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(inv.Components, byName)
	slices.SortFunc(inv.Providers, byName)
	slices.SortFunc(inv.Links, func(a, b lattice.LinkHealth) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return inv, nil
}

// linkHealth records how a generation of a link is; a nil err means well.
func (h *Host) linkHealth(key linkstate.LinkKey, gen uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.healthLocked(key, gen, err)
}

func (h *Host) healthLocked(key linkstate.LinkKey, gen uint64, err error) {
	k := key.String()
	old, had := h.health[k]
	switch {
	case err != nil:
		h.health[k] = lattice.LinkHealth{Key: key, Generation: gen,
			Error: lattice.WireError{Code: errcode.Of(err), Msg: err.Error(), Next: errcode.NextOf(err)}}
	case had && old.Generation <= gen:
		delete(h.health, k)
	default:
		return
	}
	h.changedLocked()
}

// healthOf forgets links that are gone. h.mu is held.
func (h *Host) healthOf(v *linkstate.View) {
	for k, l := range h.health {
		if v.Link(l.Key) == nil {
			delete(h.health, k)
		}
	}
}

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

func (p *peers) listen(b lattice.Bus, s lattice.Subjects) (lattice.Subscription, error) {
	p.seen = map[lattice.HostID]peer{}
	return b.Subscribe(s.Heartbeats(), lattice.SubscribeOptions{Ordered: true}, func(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
		var hb lattice.Heartbeat
		if err := json.Unmarshal(m.Data, &hb); err != nil || hb.Host.Validate() != nil {
			return lattice.Reply{}, nil // says nothing
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen[hb.Host] = peer{at: time.Now(), load: hb.Load, draining: hb.Draining, stopped: hb.Stopping}
		return lattice.Reply{}, nil
	})
}

// order sorts hosts by who should be asked first: those that are up, the less
// loaded of two random ones foremost; then those that are draining or silent.
func (p *peers) order(hosts []lattice.HostID) []lattice.HostID {
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	if len(hosts) < 2 {
		return hosts
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rank := func(h lattice.HostID) int {
		s, ok := p.seen[h]
		switch {
		case ok && !s.stopped && !s.draining && time.Since(s.at) < suspectAfter:
			return 0
		case ok && !s.stopped && time.Since(s.at) < suspectAfter:
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

// invokeReplica sends an invocation to the host pinned, or to the replicas of
// its target in turn until one accepts it.
func (h *Host) invokeReplica(ctx context.Context, pinned lattice.HostID, inv lattice.Invocation, params []byte) ([]byte, lattice.HostID, error) {
	if pinned != "" {
		inv.Handle = "held"
		data, err := lattice.Invoke(ctx, h.cfg.Bus, h.subjects, pinned, inv, params)
		return data, pinned, err
	}
	h.mu.Lock()
	a := h.view.AssignmentOf(inv.Target)
	h.mu.Unlock()
	var hosts []lattice.HostID
	if a != nil {
		for _, p := range a.Hosts {
			if id := lattice.HostID(p.Host); id != h.cfg.ID {
				hosts = append(hosts, id)
			}
		}
	}
	err := error(errcode.New(errcode.Unavailable, "%s runs on no host that can be reached", inv.Target).
		WithNext("lattice get hosts"))
	for _, id := range h.peers.order(hosts) {
		var data []byte
		data, err = lattice.Invoke(ctx, h.cfg.Bus, h.subjects, id, inv, params)
		if err == nil || !lattice.IsRefused(err) || ctx.Err() != nil {
			return data, id, err
		}
	}
	return nil, "", err
}
