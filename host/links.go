package host

import (
	"context"
	"slices"
	"sync/atomic"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// rerouteLocked points every component's bindings where link state leads now.
// A call that begins after it goes there.
func (h *Host) rerouteLocked() {
	for _, c := range h.liveComponents {
		h.routeLocked(c, h.view)
	}
}

// routeLocked points the bindings of c where link state v leads, closes the
// gates of what it led to before, and forgets those that are empty.
func (h *Host) routeLocked(c *component, v *linkstate.View) {
	present := map[*gate]bool{}
	for _, b := range c.bindings {
		l := v.LinkFor(c.record.Name, b.link, b.pkg, b.iface)
		if l == nil || len(l.Targets) == 0 {
			b.current.Store(nil)
			continue
		}
		hosts := h.othersLocked(v, l.Targets[0].Name)
		g := c.gateLocked(l, h.placeLocked(l, hosts))
		g.policy.Store(&l.Policy)
		g.hosts.Store(&hosts)
		present[g] = true
		r := g.routes[b.index].Load()
		if r == nil {
			r = h.newRoute(b, g)
			g.routes[b.index].Store(r)
		}
		b.current.Store(r)
	}
	c.gates = slices.DeleteFunc(c.gates, func(g *gate) bool {
		if present[g] {
			return false
		}
		// Who was about to enter finds it closed and takes the new route; who
		// holds a handle of it still finds its routes.
		g.closed.Store(true)
		return g.open.Load() == 0
	})
}

// gateLocked returns the gate of a link's present generation at a place.
func (c *component) gateLocked(l *linkstate.Link, p place) *gate {
	for _, g := range c.gates {
		if g.generation == l.Generation && g.place == p && !g.closed.Load() && g.linkKey.String() == l.Key().String() {
			return g
		}
	}
	g := &gate{linkKey: l.Key(), generation: l.Generation, place: p, routes: make([]atomic.Pointer[route], len(c.bindings))}
	c.gates = append(c.gates, g)
	return g
}

// othersLocked returns the other hosts that are to run a workload.
func (h *Host) othersLocked(v *linkstate.View, target string) []lattice.HostID {
	var hosts []lattice.HostID
	if a := v.AssignmentOf(target); a != nil {
		for _, p := range a.Hosts {
			if id := lattice.HostID(p.Host); id != h.cfg.ID {
				hosts = append(hosts, id)
			}
		}
	}
	return hosts
}

// placeLocked says how a link's target is reached from here: on this host if
// it runs here, or is about to and nobody else has it.
func (h *Host) placeLocked(l *linkstate.Link, others []lattice.HostID) place {
	target := l.Targets[0].Name
	if h.isLocal(h.view, target) {
		place := place{toProvider, target, nil}
		if w := h.provs.all[target]; w != nil && !w.gone {
			place.at = w.running
		}
		return place
	}
	if w := h.provs.all[target]; w != nil && !w.gone && (w.running != nil || len(others) == 0) {
		return place{toProvider, target, w.running}
	}
	if w := h.comps.all[target]; w != nil && !w.gone && (w.running != nil || len(others) == 0) {
		return place{toComponent, target, nil}
	}
	return place{toHost, target, nil}
}

func (h *Host) newRoute(b *binding, g *gate) *route {
	r := &route{gate: g}
	if sendsRequests(b.pkg, b.iface) && g.place.kind != toProvider {
		calls := h.componentCalls(b, g)
		r.calls.Store(&calls)
		return r
	}
	switch g.place.kind {
	case toProvider:
		r.wait = func(ctx context.Context) error { return h.awaitSession(ctx, r, b) }
	case toComponent:
		calls := h.localCalls(b, g.place.target)
		r.calls.Store(&calls)
	default:
		calls := (&remoteTarget{binding: b, gate: g}).calls()
		r.calls.Store(&calls)
	}
	return r
}

// awaitSession waits for the link's session on this host and lets r lead to
// it.
func (h *Host) awaitSession(ctx context.Context, r *route, b *binding) error {
	g := r.gate
	p := g.place.at
	if p == nil {
		h.mu.Lock()
		w := h.provs.all[g.place.target]
		h.mu.Unlock()
		if w == nil {
			return errcode.New(errcode.Unavailable, "provider %s left host %s", g.place.target, h.cfg.Name)
		}
		var err error
		if p, err = w.get(ctx); err != nil {
			return err
		}
	}
	s := h.sessionOf(p, g)
	if s == nil {
		return errcode.New(errcode.Unavailable, "provider %s has no session of the link %s", g.place.target, g.linkKey)
	}
	if err := s.await(ctx); err != nil {
		return err
	}
	calls := s.functions(b)
	r.calls.CompareAndSwap(nil, &calls)
	return nil
}

// sessionOf returns the session of a provider that a gate leads to, also if
// link state no longer names it; nil if it has none.
func (h *Host) sessionOf(p *provider, g *gate) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := g.linkKey.String()
	if s := p.sessions[key][g.generation]; s != nil {
		return s
	}
	for s := range h.openSessions {
		if s.provider == p && s.gate.generation == g.generation && s.gate.linkKey.String() == key {
			return s
		}
	}
	return nil
}
