package host

import (
	"context"
	"errors"
	"slices"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/providers"
)

// provider is a provider that this host runs: one start of it.
type provider struct {
	host   *Host
	record *linkstate.Provider
	tech   providers.Technology
	impl   providers.Provider
	// sessions by link key and generation, guarded by host.mu.
	sessions map[string]map[uint64]*session
}

// startProvider makes the provider of that name, with the sessions that link
// state wants. Beside an old one it must serve all links before it counts as
// started.
//
// Errors: those of the technology.
func (h *Host) startProvider(ctx context.Context, name string, old *provider) (*provider, uint64, error) {
	h.mu.Lock()
	v := h.view
	h.mu.Unlock()
	r := v.Provider(name)
	if r == nil {
		return nil, 0, errcode.New(errcode.NotFound, "provider %q is no longer in link state", name)
	}
	p, err := h.openProvider(ctx, v, r)
	if err != nil || old == nil {
		return p, r.Revision, err
	}
	if err := p.takeOver(ctx); err != nil {
		h.closeProvider(context.WithoutCancel(ctx), p)
		return nil, r.Revision, err
	}
	return p, r.Revision, nil
}

// openProvider starts the provider of record r.
//
// Errors: those of the technology.
func (h *Host) openProvider(ctx context.Context, v *linkstate.View, r *linkstate.Provider) (*provider, error) {
	tech, err := h.cfg.Registry.Get(r.Technology)
	if err != nil {
		return nil, err
	}
	cfg, err := v.ResolveConfig(r.Config)
	if err != nil {
		return nil, err
	}
	impl, err := h.cfg.Registry.New(r.Technology, providers.Setup{
		Name: r.Name, Config: cfg, DataFolder: h.cfg.DataFolder,
		Log: h.cfg.Log.With("provider", r.Name),
	})
	if err != nil {
		return nil, err
	}
	if err := impl.Open(ctx); err != nil {
		return nil, errors.Join(err, impl.Close(context.WithoutCancel(ctx)))
	}
	return &provider{host: h, record: r, tech: tech, impl: impl, sessions: map[string]map[uint64]*session{}}, nil
}

// takeOverTime is how long a provider has to open its sessions before it
// takes over from another one.
const takeOverTime = 15 * time.Second

// takeOver opens the sessions that link state wants and waits for them.
//
// Errors: the first one of a session.
func (p *provider) takeOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, takeOverTime)
	defer cancel()
	h := p.host
	h.mu.Lock()
	h.sessionsLocked(p, h.view) // there are none yet that it could end
	var all []*session
	for _, gens := range p.sessions {
		for _, s := range gens {
			all = append(all, s)
		}
	}
	h.mu.Unlock()
	for _, s := range all {
		select {
		case <-s.tried:
			if s.first != nil {
				return s.first
			}
		case <-ctx.Done():
			return errcode.New(errcode.Of(ctx.Err()), "link %s: the provider is not ready: %w", s.gate.linkKey, context.Cause(ctx))
		}
	}
	return nil
}

// providerTurned opens the sessions of a provider that runs now and leads
// routes to it.
func (h *Host) providerTurned(p *provider) {
	if p != nil {
		h.endLocked(h.sessionsLocked(p, h.view))
	}
	h.rerouteLocked()
	h.sourcesLocked(h.view)
}

// stopProvider ends a provider that routes no longer lead to, when what was
// opened on it is closed or Config.DrainTime is over.
func (h *Host) stopProvider(ctx context.Context, p *provider) {
	h.drainProvider(ctx, p)
	h.closeProvider(ctx, p)
}

// drain lets a provider that calls components finish what it accepted, while
// its sessions are there. What was cut off is for the provider's Close to say.
func (p *provider) drain(ctx context.Context) {
	if d, ok := p.impl.(providers.Drainer); ok {
		_ = d.Drain(ctx)
	}
}

// drainProvider waits until nothing is open on a provider, at most
// Config.DrainTime: until link state says that all callers have turned from
// its generations, for the gates of callers on this host, and for those of
// other hosts.
func (h *Host) drainProvider(ctx context.Context, p *provider) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.DrainTime)
	defer cancel()
	h.awaitDrains(ctx, p)
	var gates []*gate
	h.mu.Lock()
	for _, c := range h.liveComponents {
		for _, g := range c.gates {
			leads := g.place.kind == toProvider && g.place.target == p.record.Name
			if leads && g.closed.Load() && (g.place.at == p || g.place.at == nil) {
				gates = append(gates, g)
			}
		}
	}
	for _, gens := range p.sessions {
		for _, s := range gens {
			gates = append(gates, s.gate)
		}
	}
	h.mu.Unlock()
	h.drainGates(ctx, gates)
}

// awaitDrains waits until no session of a provider is one of a generation that
// link state says is draining.
func (h *Host) awaitDrains(ctx context.Context, p *provider) {
	for {
		draining := false
		h.mu.Lock()
		v := h.view
		for _, gens := range p.sessions {
			for gen, s := range gens {
				if l := v.Link(s.gate.linkKey); l != nil {
					draining = draining || slices.ContainsFunc(l.Drains, func(d linkstate.Drain) bool { return d.Generation == gen })
				}
			}
		}
		h.mu.Unlock()
		if !draining || h.follower.Wait(ctx, v.Index()+1) != nil {
			return
		}
	}
}

// closeProvider ends a provider's sessions and the provider.
func (h *Host) closeProvider(ctx context.Context, p *provider) {
	h.mu.Lock()
	var all []*session
	for _, gens := range p.sessions {
		for _, s := range gens {
			all = append(all, s)
		}
	}
	p.sessions = map[string]map[uint64]*session{}
	h.mu.Unlock()
	h.stopSources(ctx, p)
	for _, s := range all {
		s.end(ctx)
	}
	if err := p.impl.Close(ctx); err != nil {
		h.cfg.Log.Warn("close provider", "provider", p.record.Name, "error", err)
	}
}

// linkOf describes a generation of a link to the provider.
func (p *provider) linkOf(l *linkstate.Link, gen uint64, cfg map[string]string) providers.Link {
	pl := providers.Link{Source: l.Source, Name: l.Name, Target: p.record.Name, Config: cfg, Revision: gen}
	for _, name := range p.tech.Interfaces {
		pkg, iface, _ := splitInterface(name)
		if l.Covers(l.Source, l.Name, pkg, iface) {
			pl.Interfaces = append(pl.Interfaces, name)
		}
	}
	return pl
}

// serves reports why the provider cannot serve a link, nil if it can.
//
// Errors: ErrUnsupported if the link names an interface that the technology
// does not serve.
func (p *provider) serves(l *linkstate.Link) error {
	for _, i := range l.Interfaces {
		found := slices.ContainsFunc(p.tech.Interfaces, func(name string) bool {
			pkg, iface, _ := splitInterface(name)
			return pkg == l.PackageName() && iface == i
		})
		if !found {
			return errcode.New(errcode.Unsupported, "link %s: provider %s (%s) does not serve %s/%s", l.Key(), p.record.Name, p.tech.Name, l.PackageName(), i)
		}
	}
	return nil
}
