package host

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/providers"
)

// source is a session of a link from a provider that calls components: it
// brings requests in.
type source struct {
	provider *provider
	link     *linkstate.Link
	impl     providers.Session // written before ready is closed; nil if it never served
	ready    chan struct{}     // closed when it serves, or never will
	cancel   context.CancelFunc
}

// follows reports whether s is to take over from o: the same link of a later
// generation, at the same start of the provider.
func (s *source) follows(o *source) bool {
	return s.provider == o.provider && s.link.Generation > o.link.Generation && s.link.Key().String() == o.link.Key().String()
}

// sourcesLocked starts and ends the sessions of links that lead from
// providers on this host.
func (h *Host) sourcesLocked(v *linkstate.View) {
	if h.closed {
		return
	}
	wanted := map[*source]bool{}
	for _, w := range h.provs.all {
		p := w.running
		if p == nil || !p.tech.Source {
			continue
		}
		for _, l := range v.LinksFrom(p.record.Name) {
			if s := h.sourceLocked(p, l, v); s != nil {
				wanted[s] = true
			}
		}
	}
	var old []*source
	h.sources = slices.DeleteFunc(h.sources, func(s *source) bool {
		if !wanted[s] {
			old = append(old, s)
		}
		return !wanted[s]
	})
	for _, s := range old {
		var next *source
		if i := slices.IndexFunc(h.sources, func(n *source) bool { return n.follows(s) }); i >= 0 {
			next = h.sources[i]
		}
		w := h.provs.all[s.provider.record.Name]
		stops := w == nil || w.running != s.provider
		if stops {
			s.cancel() // a provider that closes has no say about its links
		}
		h.sourcesEnding.Add(1)
		h.spawn(func() {
			defer h.sourcesEnding.Done()
			switch {
			case stops:
				s.provider.drain(h.hard)
			case next != nil: // it takes over before its predecessor ends
				<-next.ready
			}
			h.endSource(h.hard, s)
		})
	}
}

// sourceLocked returns the session of a link's present generation at p,
// starting it if there is none; nil if it cannot be started.
func (h *Host) sourceLocked(p *provider, l *linkstate.Link, v *linkstate.View) *source {
	for _, s := range h.sources {
		if s.provider == p && s.link.Generation == l.Generation && s.link.Key().String() == l.Key().String() {
			return s
		}
	}
	cfg, err := v.ResolveConfig(l.SourceConfig)
	if err != nil { // link state holds no link with a config that is absent
		h.healthLocked(l.Key(), l.Generation, err)
		return nil
	}
	ctx, cancel := context.WithCancel(h.ctx)
	s := &source{provider: p, link: l, ready: make(chan struct{}), cancel: cancel}
	h.sources = append(h.sources, s)
	h.spawn(func() { h.serveSource(ctx, s, cfg) })
	return s
}

// The pauses between attempts to serve a link from a provider. The first is
// short: an address may be about to be free.
const (
	minReserve = 20 * time.Millisecond
	maxReserve = 5 * time.Second
)

// serveSource serves the link, again while the provider cannot.
func (h *Host) serveSource(ctx context.Context, s *source, cfg map[string]string) {
	defer h.locked(h.changedLocked) // it no longer opens, and may have an address now
	defer close(s.ready)
	l := s.link
	src, ok := s.provider.impl.(providers.Source)
	if !ok || len(l.Targets) == 0 {
		h.linkHealth(l.Key(), l.Generation, errcode.New(errcode.Internal, "link %s: provider %s calls no component", l.Key(), l.Source))
		return
	}
	target := l.Targets[0].Name
	pl := providers.Link{Source: l.Source, Name: l.Name, Target: target, Config: cfg, Revision: l.Generation}
	for wait := minReserve; ; wait = min(2*wait, maxReserve) {
		impl, err := src.Serve(ctx, pl, &handler{host: h, target: target, source: l.Source, link: l.Name, policy: l.Policy})
		if ctx.Err() == nil {
			h.linkHealth(l.Key(), l.Generation, err)
		}
		if err == nil {
			s.impl = impl
			return
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

func (h *Host) endSource(ctx context.Context, s *source) {
	s.cancel()
	<-s.ready
	if s.impl == nil {
		return
	}
	if err := s.impl.Close(ctx); err != nil {
		h.cfg.Log.Warn("close session", "link", s.link.Key().String(), "error", err)
	}
}

// stopSources ends the sessions of links from p, or all if p is nil, once
// their providers are drained: until then each has its routes.
func (h *Host) stopSources(ctx context.Context, p *provider) {
	var all []*source
	h.mu.Lock()
	h.sources = slices.DeleteFunc(h.sources, func(s *source) bool {
		mine := p == nil || s.provider == p
		if mine {
			all = append(all, s)
		}
		return mine
	})
	h.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range all {
		s.cancel()
		wg.Go(func() { s.provider.drain(ctx) })
	}
	wg.Wait()
	for _, s := range all {
		h.endSource(ctx, s)
	}
}

// openingLocked returns the links whose sessions neither serve nor failed to.
func (h *Host) openingLocked() (list []lattice.LinkOpening) {
	for _, s := range h.sources {
		key := s.link.Key()
		select {
		case <-s.ready:
		default:
			if h.health[key.String()].Generation != s.link.Generation {
				list = append(list, lattice.LinkOpening{Key: key, Generation: s.link.Generation})
			}
		}
	}
	return list
}

// addressLocked returns the URLs that a provider listens at, with commas, ""
// for none.
func (h *Host) addressLocked(name string) string {
	var out []string
	for _, s := range h.sources {
		if s.provider.record.Name != name {
			continue
		}
		select {
		case <-s.ready:
			if a, ok := providers.As[interface{ URLs() []string }](s.impl); ok {
				out = append(out, a.URLs()...)
			}
		default:
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ",")
}
