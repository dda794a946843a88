package httpserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"latticework/internal/errcode"
	"latticework/providers"
)

// Serve gives the requests that the link is for to target, at once and until
// the session is closed. A link has the settings of routes in
// docs/manifest.md, and beside an address of its own those of listeners.
// Links with the same address share its listener and agree on its settings.
//
// A newer revision of a link takes over from the older one's session without
// a gap; requests in flight end where they began. It may change the settings
// of a listener that no other link uses: connections then end with their next
// answer, and new ones go by the new settings.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
//   - errcode.Exists if another link has the same host and path.
//   - errcode.Conflict if an address is in use, if other links of the address
//     have other settings for it, or if a newer revision of the link is being
//     served.
//   - errcode.Denied if an address may not be used.
//   - errcode.Invalid, errcode.NotFound or errcode.Denied for certificates
//     that cannot be used.
func (p *Provider) Serve(ctx context.Context, l providers.Link, target http.Handler) (providers.Session, error) {
	r, addresses, cfg, err := p.read(l)
	if err != nil {
		return nil, err
	}
	r.link, r.target = l, target
	return p.add(ctx, newRoute(r), addresses, cfg)
}

// Check implements [providers.Source]: certificates are read as well.
func (p *Provider) Check(l providers.Link) error {
	_, _, cfg, err := p.read(l)
	if err != nil {
		return err
	}
	return cfg.loadTLS()
}

// read returns what the settings of a link say, with those of the provider.
func (p *Provider) read(l providers.Link) (routeConfig, []string, *listenerConfig, error) {
	merged := providers.ReadSettings("link "+l.String(), inherited(p.config, l.Config), l.Config)
	cfg := readListener(merged)
	r := readRoute(merged)
	r.checkMode(merged)
	refuseForeign(merged)
	addresses := readAddresses(merged)
	if _, own := l.Config["address"]; !own {
		if _, own = l.Config["default_address"]; !own {
			addresses = p.addresses
			if keys := given(l.Config); len(keys) > 0 {
				merged.Fail("%s: settings of a listener are the provider's, or stand beside an address of the link", strings.Join(keys, ", "))
			}
		}
	}
	if len(addresses) == 0 {
		addresses = []string{DefaultAddress}
	}
	return r, addresses, &cfg, merged.Err()
}

// add puts a route into the tables of its listeners.
func (p *Provider) add(ctx context.Context, r *route, addresses []string, cfg *listenerConfig) (*Session, error) {
	p.mu.Lock()
	s := &Session{provider: p, route: r}
	err := p.addLocked(ctx, s, addresses, cfg)
	var idle []*listener
	if err != nil {
		idle = p.releaseLocked(s)
	}
	p.mu.Unlock()
	if err != nil {
		return nil, errors.Join(err, closeAll(ctx, idle))
	}
	return s, nil
}

func (p *Provider) addLocked(ctx context.Context, s *Session, addresses []string, cfg *listenerConfig) error {
	for _, ln := range p.listeners {
		if err := ln.table.Load().checkRevision(s.route.link); err != nil {
			return err
		}
	}
	for _, address := range addresses {
		ln, err := p.listenLocked(ctx, address, cfg)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, ln)
		if err := ln.table.Load().check(s.route); err != nil {
			return err
		}
		if err := ln.agree(s.route.link, cfg); err != nil {
			return err
		}
	}
	if err := reload(s.listeners, cfg); err != nil {
		return err
	}
	for _, ln := range p.listeners {
		t := ln.table.Load()
		if slices.Contains(s.listeners, ln) {
			ln.sessions = append(ln.sessions, s)
			delete(ln.wanted, s.route.link.Key())
			t = t.with(s.route)
		} else {
			t = t.withoutLink(s.route.link.Key()) // the link has moved away
		}
		ln.table.Store(t)
	}
	return nil
}

// agree reports whether a link may have the listener go by cfg: it does
// already, or nobody else uses it, or all others asked for the same before.
// What is refused is remembered, so that links whose settings change together
// do not wait for each other; [Provider] is locked.
func (ln *listener) agree(l providers.Link, cfg *listenerConfig) error {
	differs := ln.config().differs(cfg)
	if len(differs) == 0 {
		return nil
	}
	by := ""
	if ln.byOwn {
		by = "the provider"
	}
	for _, s := range ln.sessions {
		other := s.route.link
		if other.Key() == l.Key() {
			continue
		}
		if w, ok := ln.wanted[other.Key()]; !ok || w.revision < other.Revision || len(w.cfg.differs(cfg)) > 0 {
			by = "link " + other.String()
		}
	}
	if by == "" {
		return nil
	}
	ln.wanted[l.Key()] = wanted{revision: l.Revision, cfg: cfg}
	return errcode.New(errcode.Conflict, "link %s: %s listens on %s with other settings: %s", l, by, ln.address, strings.Join(differs, "; ")).
		WithNext("give all links of the address the same settings, or this one another address")
}

// reload has listeners that go by other settings go by cfg.
func reload(all []*listener, cfg *listenerConfig) error {
	all = slices.DeleteFunc(slices.Clone(all), func(ln *listener) bool { return len(ln.config().differs(cfg)) == 0 })
	if len(all) == 0 {
		return nil
	}
	if err := cfg.loadTLS(); err != nil {
		return err
	}
	for _, ln := range all {
		ln.log.Info("the settings of a listener changed", "address", ln.Addr(), "settings", ln.config().differs(cfg))
		ln.use(cfg)
	}
	return nil
}

// releaseLocked takes a session's route away and returns the listeners that
// have no user any more; the caller closes them.
func (p *Provider) releaseLocked(s *Session) (idle []*listener) {
	for _, ln := range s.listeners {
		ln.table.Store(ln.table.Load().without(s.route))
		ln.sessions = slices.DeleteFunc(ln.sessions, func(o *Session) bool { return o == s })
		if ln.users--; ln.users == 0 && p.listeners[ln.address] == ln {
			delete(p.listeners, ln.address)
			idle = append(idle, ln)
		}
	}
	s.listeners = nil
	return idle
}
