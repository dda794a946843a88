package host

import (
	"context"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/wit"
	"latticework/wit/abi"
)

// provider is a provider that this host runs.
type provider struct {
	host   *Host
	record *linkstate.Provider
	tech   providers.Technology
	impl   providers.Provider
	// sessions by link key and generation, guarded by host.mu.
	sessions map[string]map[uint64]*session
}

// session is one generation of a link at its target on this host. It may
// still be opening.
type session struct {
	provider *provider
	link     linkstate.LinkKey
	gen      uint64
	gate     *gate // calls and handles of other hosts
	wire     *wireTable
	ready    chan struct{} // closed when impl or err is set for good
	cancel   context.CancelFunc

	// Written before ready is closed.
	impl  providers.Session
	funcs map[string]*abi.Func // "interface#function"
	err   error
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
		_ = impl.Close(ctx)
		return nil, err
	}
	return &provider{host: h, record: r, tech: tech, impl: impl, sessions: map[string]map[uint64]*session{}}, nil
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

// open opens a session, trying again while the provider cannot and retry is
// set. It is run by the goroutine that the session belongs to.
func (s *session) open(ctx context.Context, pl providers.Link, retry bool) {
	wait := 100 * time.Millisecond
	for {
		impl, err := s.provider.impl.Link(ctx, pl)
		if err == nil {
			if err = impl.Probe(ctx); err != nil {
				_ = impl.Close(ctx)
			}
		}
		if err == nil {
			s.impl = impl
			s.funcs = map[string]*abi.Func{}
			for _, i := range impl.Interfaces() {
				for k := range i.Funcs {
					s.funcs[i.Name+"#"+i.Funcs[k].Name] = &i.Funcs[k]
				}
			}
			break
		}
		s.provider.host.linkHealth(s.link, s.gen, err)
		if !retry || ctx.Err() != nil {
			s.err = err
			break
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			wait = min(2*wait, 5*time.Second)
		case <-ctx.Done():
			t.Stop()
		}
	}
	if s.err == nil {
		s.provider.host.linkHealth(s.link, s.gen, nil)
	}
	close(s.ready)
}

// await waits until the session is open.
//
// Errors: the provider's own; ErrDeadline and ErrUnavailable when ctx ends.
func (s *session) await(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.err
	default:
	}
	select {
	case <-s.ready:
		return s.err
	case <-ctx.Done():
		return errcode.New(errcode.Of(ctx.Err()), "link %s: the provider is not ready: %w", s.link, context.Cause(ctx))
	}
}

// functions returns the session's functions for binding b.
func (s *session) functions(b *binding) []callFunc {
	calls := make([]callFunc, len(b.funcs))
	for _, i := range s.impl.Interfaces() {
		if !wit.MatchVersion(b.decl.Name, i.Name) {
			continue
		}
		for k := range i.Funcs {
			for n := range b.funcs {
				if b.funcs[n].name == i.Funcs[k].Name {
					calls[n] = i.Funcs[k].Call
				}
			}
		}
	}
	for n := range calls {
		if calls[n] == nil {
			err := errcode.New(errcode.Unsupported, "provider %s does not serve %s.%s", s.provider.record.Name, b.decl.Name, b.funcs[n].name)
			calls[n] = func(context.Context, *abi.Call) error { return err }
		}
	}
	return calls
}

// session returns the session of a link generation, opening it if there is
// none. The host's lock is held.
func (p *provider) sessionLocked(l *linkstate.Link, gen uint64, cfg map[string]string, retry bool) *session {
	key := l.Key().String()
	if s := p.sessions[key][gen]; s != nil {
		return s
	}
	ctx, cancel := context.WithCancel(p.host.ctx)
	s := &session{
		provider: p, link: l.Key(), gen: gen, cancel: cancel,
		gate:  &gate{key: key, linkKey: l.Key(), generation: gen},
		ready: make(chan struct{}),
	}
	s.wire = newWireTable(s.gate)
	if p.sessions[key] == nil {
		p.sessions[key] = map[uint64]*session{}
	}
	p.sessions[key][gen] = s
	p.host.spawn(func() { s.open(ctx, p.linkOf(l, gen, cfg), retry) })
	return s
}

// end closes the session, after it was taken out of its provider's map.
func (s *session) end(ctx context.Context) {
	s.cancel()
	<-s.ready
	s.wire.close(ctx)
	if s.impl != nil {
		if err := s.impl.Close(ctx); err != nil {
			s.provider.host.cfg.Log.Warn("close session", "link", s.link.String(), "generation", s.gen, "error", err)
		}
	}
}

// PrepareLink opens the session of a coming generation, see
// [lattice.HostService].
func (h *Host) PrepareLink(ctx context.Context, p lattice.PrepareLink) error {
	l := p.Link
	if len(l.Targets) == 0 {
		return errcode.New(errcode.Invalid, "prepare link %s: no target", l.Key())
	}
	h.mu.Lock()
	pr := h.provs.all[l.Targets[0].Name]
	if pr == nil || pr.running == nil {
		w := pr
		h.mu.Unlock()
		if w != nil {
			return h.awaitProvider(ctx, w, p)
		}
		return nil // another host has the target; or it is a component
	}
	return h.prepareAt(ctx, pr.running, p)
}

// prepareAt opens the session at a running provider. h.mu is held and let go.
func (h *Host) prepareAt(ctx context.Context, pr *provider, p lattice.PrepareLink) error {
	l := p.Link
	var cfg map[string]string
	if len(p.TargetConfig) > 0 {
		cfg = p.TargetConfig[0]
	}
	if p.DryRun {
		h.mu.Unlock()
		s, err := pr.impl.Link(ctx, pr.linkOf(&l, 0, cfg))
		if err != nil {
			return err
		}
		defer func() { _ = s.Close(context.WithoutCancel(ctx)) }()
		return s.Probe(ctx)
	}
	s := pr.sessionLocked(&l, l.Generation, cfg, false)
	h.mu.Unlock()
	if err := s.await(ctx); err != nil {
		h.mu.Lock()
		if pr.sessions[s.gate.key][s.gen] == s {
			delete(pr.sessions[s.gate.key], s.gen)
		}
		h.mu.Unlock()
		s.end(context.WithoutCancel(ctx))
		h.linkHealth(s.link, s.gen, nil) // it never came to be
		return err
	}
	return nil
}

// awaitProvider waits for a provider that is starting.
func (h *Host) awaitProvider(ctx context.Context, w *workload[provider], p lattice.PrepareLink) error {
	if err := w.await(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	if w.running == nil {
		h.mu.Unlock()
		return errcode.New(errcode.Unavailable, "provider %s is not running", p.Link.Targets[0].Name)
	}
	return h.prepareAt(ctx, w.running, p)
}
