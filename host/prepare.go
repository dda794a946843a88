package host

import (
	"context"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/providers"
)

// PrepareLink makes a coming generation of a link ready: where its target
// runs, the session is opened and proven to work; where its source runs, it
// is checked that calls can go there. See [lattice.HostService].
//
// Errors:
//   - the provider's own, if it cannot serve the link.
//   - ErrConflict if link state went on without this generation.
//   - ErrUnsupported for what no call could use.
func (h *Host) PrepareLink(ctx context.Context, p lattice.PrepareLink) error {
	l := p.Link
	if len(l.Targets) == 0 {
		return errcode.New(errcode.Invalid, "prepare link %s: no target", l.Key())
	}
	h.mu.Lock()
	source := h.comps.all[l.Source]
	w := h.provs.all[l.Targets[0].Name]
	h.mu.Unlock()
	if source != nil {
		if err := usable(&l); err != nil {
			return err
		}
	}
	for name, cfg := range p.OwnConfig {
		if _, err := h.newProvider(name, cfg); err != nil {
			return err
		}
	}
	if err := h.trySource(&p); err != nil {
		return err
	}
	if _, changes := p.OwnConfig[l.Targets[0].Name]; w == nil || changes {
		return nil // another host has the target, it is a component, or it will be another start of it
	}
	pr, err := w.get(ctx)
	if err != nil {
		return err
	}
	var cfg map[string]string
	if len(p.TargetConfig) > 0 {
		cfg = p.TargetConfig[0]
	}
	if p.DryRun {
		return pr.try(ctx, &l, cfg)
	}
	return pr.prepare(ctx, &l, cfg)
}

// newProvider makes a provider that is on this host with other settings of its
// own, without opening it; nil if it is not here. The error is what the provider
// has against them.
func (h *Host) newProvider(name string, cfg map[string]string) (providers.Provider, error) {
	h.mu.Lock()
	r := h.view.Provider(name)
	here := h.provs.all[name] != nil
	h.mu.Unlock()
	if r == nil || !here {
		return nil, nil
	}
	return h.cfg.Registry.New(r.Technology, providers.Setup{Name: name, Config: cfg, DataFolder: h.cfg.DataFolder, Log: h.cfg.Log})
}

// trySource reports what a provider that calls components has against a link
// that leads from it, if it runs here.
func (h *Host) trySource(p *lattice.PrepareLink) error {
	l := &p.Link
	h.mu.Lock()
	w := h.provs.all[l.Source]
	var impl providers.Provider
	if w != nil && w.running != nil {
		impl = w.running.impl
	}
	h.mu.Unlock()
	if cfg, changes := p.OwnConfig[l.Source]; changes {
		var err error
		if impl, err = h.newProvider(l.Source, cfg); err != nil {
			return err
		}
	}
	src, ok := impl.(providers.Source)
	if !ok {
		return nil
	}
	return src.Check(providers.Link{Source: l.Source, Name: l.Name, Target: l.Targets[0].Name, Config: p.SourceConfig, Revision: l.Generation})
}

// usable reports why no call of a component could go over a link, nil if one
// could.
//
// Errors: ErrUnsupported.
func usable(l *linkstate.Link) error {
	switch {
	case l.Name != linkstate.DefaultLinkName && l.Name != "":
		return errcode.New(errcode.Unsupported, "link %s: component %s cannot choose the link named %q: link names other than %q are not supported yet", l.Key(), l.Source, l.Name, linkstate.DefaultLinkName).
			WithNext("leave the name out: lattice link put %s %s %s", l.Source, l.PackageName(), l.Targets[0].Name)
	case len(l.Targets) > 1:
		return errcode.New(errcode.Unsupported, "link %s: several targets are not routed yet: %d > 1", l.Key(), len(l.Targets))
	}
	return nil
}

// try opens a session, proves that it works, and closes it.
//
// Errors: those of connect.
func (p *provider) try(ctx context.Context, l *linkstate.Link, cfg map[string]string) error {
	s, err := p.connect(ctx, l, l.Generation, cfg)
	if err != nil {
		return err
	}
	return s.Close(context.WithoutCancel(ctx))
}

// prepare opens the session of a coming generation and keeps it.
//
// Errors: those of session.await; ErrConflict if link state no longer names
// the generation.
func (p *provider) prepare(ctx context.Context, l *linkstate.Link, cfg map[string]string) error {
	h := p.host
	h.mu.Lock()
	if now := h.view.Link(l.Key()); h.view.Index() >= l.Generation && !names(now, l.Generation) {
		h.mu.Unlock()
		return errcode.New(errcode.Conflict, "prepare link %s: generation %d is no longer wanted", l.Key(), l.Generation)
	}
	s := p.sessionLocked(l, l.Generation, cfg, false)
	h.mu.Unlock()
	err := s.await(ctx)
	if err == nil {
		return nil
	}
	h.mu.Lock()
	gens := p.sessions[l.Key().String()]
	mine := gens[l.Generation] == s
	if mine {
		delete(gens, l.Generation)
		// It may have become the present one meanwhile.
		h.endLocked(h.sessionsLocked(p, h.view))
	}
	h.mu.Unlock()
	if mine {
		s.end(context.WithoutCancel(ctx))
	}
	return err
}

// names reports whether a link's record names a generation as present or
// coming.
func names(l *linkstate.Link, gen uint64) bool {
	return l != nil && (l.Generation == gen || l.Swap != nil && l.Swap.Generation == gen)
}

// DrainLink waits until nothing is open on a replaced generation, see
// [lattice.HostService]. What is still open when the budget is over is no
// error.
func (h *Host) DrainLink(ctx context.Context, d lattice.DrainLink) (lattice.DrainReport, error) {
	if d.Budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Budget)
		defer cancel()
	}
	rep := lattice.DrainReport{Host: h.cfg.ID}
	for {
		gates, present := h.gatesOf(d.Key, d.Generation)
		if present > 0 {
			// This host has not heard yet that the generation was replaced.
			if err := h.follower.Wait(ctx, present+1); err == nil {
				continue
			}
		}
		for _, g := range gates {
			var calls, handles int64
			if present > 0 {
				calls, handles = g.counts()
			} else {
				calls, handles = g.drain(ctx)
			}
			rep.Calls += int(calls)
			rep.Handles += int(handles)
		}
		return rep, nil
	}
}

// gatesOf returns what this host counts of a link's generation: callers' gates
// first, then the target's. If the generation is still the link's present one
// here, present is the index of the state that says so, else 0.
func (h *Host) gatesOf(key linkstate.LinkKey, gen uint64) (gates []*gate, present uint64) {
	k := key.String()
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.view.Link(key); l != nil && l.Generation == gen {
		present = h.view.Index()
	}
	for _, c := range h.liveComponents {
		for _, g := range c.gates {
			if g.generation == gen && g.linkKey.String() == k {
				gates = append(gates, g)
			}
		}
	}
	for s := range h.openSessions {
		if s.gate.generation == gen && s.gate.linkKey.String() == k {
			gates = append(gates, s.gate)
		}
	}
	return gates, present
}
