package host

import (
	"context"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/wit"
	"latticework/wit/abi"
)

// session is one generation of a link at its target on this host. It may
// still be opening.
type session struct {
	provider *provider
	gate     *gate // calls and handles of other hosts
	wire     *wireTable
	cancel   context.CancelFunc
	tried    chan struct{} // closed after the first attempt to open it
	ready    chan struct{} // closed when impl or err is set for good

	first error // of the first attempt; written before tried is closed
	// Written before ready is closed.
	impl  providers.Session
	funcs map[funcName]*abi.Func
	err   error
}

// funcName names a function of an interface.
type funcName struct{ iface, fn string }

// sessionLocked returns the session of a link generation, opening it if there
// is none; with retry it goes on trying. host.mu is held.
func (p *provider) sessionLocked(l *linkstate.Link, gen uint64, cfg map[string]string, retry bool) *session {
	key := l.Key().String()
	if s := p.sessions[key][gen]; s != nil {
		return s
	}
	ctx, cancel := context.WithCancel(p.host.ctx)
	g := &gate{linkKey: l.Key(), generation: gen}
	s := &session{
		provider: p, gate: g, cancel: cancel, wire: newWireTable(p.host, g),
		tried: make(chan struct{}), ready: make(chan struct{}),
	}
	if p.sessions[key] == nil {
		p.sessions[key] = map[uint64]*session{}
	}
	p.sessions[key][gen] = s
	p.host.openSessions[s] = struct{}{}
	record := *l
	p.host.spawn(func() { s.open(ctx, &record, cfg, retry) })
	return s
}

// The pauses between attempts to open a session, and the time that one has.
const (
	minReopen   = 100 * time.Millisecond
	maxReopen   = 5 * time.Second
	attemptTime = 20 * time.Second
)

// open opens the session, again while the provider cannot and retry is set.
// What is wrong with a session that is tried again is part of the host's
// inventory.
func (s *session) open(ctx context.Context, l *linkstate.Link, cfg map[string]string, retry bool) {
	defer close(s.ready)
	h := s.provider.host
	for wait := minReopen; ; wait = min(2*wait, maxReopen) {
		impl, err := s.attempt(ctx, l, cfg)
		if err == nil {
			s.adopt(impl)
		}
		if wait == minReopen {
			s.first = err
			close(s.tried)
		}
		if retry && ctx.Err() == nil {
			h.linkHealth(s.gate.linkKey, s.gate.generation, err)
		}
		if err == nil {
			return
		}
		if !retry || !pause(ctx, wait) {
			s.err = err
			return
		}
	}
}

// attempt tries once to open and probe a session.
func (s *session) attempt(ctx context.Context, l *linkstate.Link, cfg map[string]string) (providers.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return s.provider.connect(ctx, l, s.gate.generation, cfg)
}

// connect opens a session of the provider and proves that it works.
//
// Errors: ErrUnsupported if it does not serve what the link names; those of
// the provider.
func (p *provider) connect(ctx context.Context, l *linkstate.Link, gen uint64, cfg map[string]string) (providers.Session, error) {
	if err := p.serves(l); err != nil {
		return nil, err
	}
	impl, err := p.impl.Link(ctx, p.linkOf(l, gen, cfg))
	if err != nil {
		return nil, err
	}
	if err := impl.Probe(ctx); err != nil {
		if closeErr := impl.Close(context.WithoutCancel(ctx)); closeErr != nil {
			p.host.cfg.Log.Warn("close session", "link", l.Key().String(), "error", closeErr)
		}
		return nil, err
	}
	return impl, nil
}

// adopt takes the open session over.
func (s *session) adopt(impl providers.Session) {
	s.impl = impl
	s.funcs = map[funcName]*abi.Func{}
	for _, i := range s.provider.host.interfacesOf(impl, s.gate.linkKey) {
		for k := range i.Funcs {
			s.funcs[funcName{i.Name, i.Funcs[k].Name}] = &i.Funcs[k]
		}
	}
}

// pause waits d and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
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
	}
	why := context.Cause(ctx)
	select {
	case <-s.tried:
		if s.first != nil {
			why = s.first
		}
	default:
	}
	return errcode.New(errcode.Of(ctx.Err()), "link %s: the provider is not ready: %w", s.gate.linkKey, why)
}

// function returns the function that serves fn of interface iface, nil if none
// does.
func (s *session) function(iface, fn string) *abi.Func {
	if f := s.funcs[funcName{iface, fn}]; f != nil {
		return f
	}
	for name, f := range s.funcs {
		if name.fn == fn && wit.MatchVersion(iface, name.iface) {
			return f
		}
	}
	return nil
}

// functions returns the session's functions for binding b.
func (s *session) functions(b *binding) []callee {
	calls := make([]callee, len(b.funcs))
	for n := range b.funcs {
		if f := s.function(b.decl.Name, b.funcs[n].name); f != nil {
			calls[n] = callee{f.Call, f.Start}
			continue
		}
		err := errcode.New(errcode.Unsupported, "provider %s does not serve %s.%s", s.provider.record.Name, b.decl.Name, b.funcs[n].name)
		calls[n].call = func(context.Context, *abi.Call) error { return err }
	}
	return calls
}

// end closes the session, after it was taken out of its provider's map.
func (s *session) end(ctx context.Context) {
	h := s.provider.host
	s.cancel()
	<-s.ready
	h.mu.Lock()
	delete(h.openSessions, s)
	h.mu.Unlock()
	s.wire.close(ctx)
	if s.impl != nil {
		if err := s.impl.Close(ctx); err != nil {
			h.cfg.Log.Warn("close session", "link", s.gate.linkKey.String(), "generation", s.gate.generation, "error", err)
		}
	}
}

// sessionsLocked opens the sessions that link state wants at p, and takes out
// and returns those that it no longer names.
func (h *Host) sessionsLocked(p *provider, v *linkstate.View) []*session {
	type name struct {
		key string
		gen uint64
	}
	named := map[name]bool{}
	for _, l := range v.LinksTo(p.record.Name) {
		key := l.Key().String()
		named[name{key, l.Generation}] = true
		if l.Swap != nil {
			named[name{key, l.Swap.Generation}] = true
		}
		for _, d := range l.Drains {
			named[name{key, d.Generation}] = true
		}
		if len(l.Targets) == 0 || l.Targets[0].Name != p.record.Name {
			continue
		}
		cfg, err := v.ResolveConfig(l.Targets[0].Config)
		if err != nil { // link state holds no link with a config that is absent
			h.healthLocked(l.Key(), l.Generation, err)
			continue
		}
		p.sessionLocked(l, l.Generation, cfg, true)
	}
	var old []*session
	for key, gens := range p.sessions {
		for gen, s := range gens {
			// A generation above the applied index is prepared for a change
			// that is still to come.
			if !named[name{key, gen}] && gen <= v.Index() {
				delete(gens, gen)
				old = append(old, s)
			}
		}
		if len(gens) == 0 {
			delete(p.sessions, key)
		}
	}
	return old
}

// endLocked ends sessions that were taken out. One whose link was deleted may
// have calls in flight: nothing has drained it, so it waits for them.
func (h *Host) endLocked(old []*session) {
	for _, s := range old {
		gates := []*gate{s.gate}
		for _, c := range h.liveComponents {
			for _, g := range c.gates {
				if g.generation == s.gate.generation && g.place.target == s.provider.record.Name {
					gates = append(gates, g)
				}
			}
		}
		deleted := h.view.Link(s.gate.linkKey) == nil
		h.spawn(func() {
			if deleted {
				h.drainGates(h.hard, gates)
			}
			s.end(h.hard)
		})
	}
}

// drainGates waits until nothing is open, at most Config.DrainTime.
func (h *Host) drainGates(ctx context.Context, gates []*gate) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.DrainTime)
	defer cancel()
	for _, g := range gates {
		if calls, handles := g.drain(ctx); calls+handles > 0 {
			h.cfg.Log.Warn("link ends with something open", "link", g.linkKey.String(), "generation", g.generation, "calls", calls, "handles", handles)
		}
	}
}
