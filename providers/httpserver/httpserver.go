// Package httpserver is the provider that takes HTTP requests from the
// network and gives them to components. It is a source: its links lead from
// it to the components that answer, and say for which host and path.
//
// It speaks HTTP/1.1 and, on the same address, HTTP/2 without TLS.
package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"latticework/internal/errcode"
	"latticework/providers"
)

// Name is how manifests call the technology.
const Name = "http-server"

// What is called for each request: the one of them that a component exports.
const (
	InterfaceName = "wasi:http/incoming-handler@0.2.12"
	HandlerName   = "wasi:http/handler@0.3.0"
)

// DefaultAddress is where a link is served if neither it nor the provider
// names an address.
const DefaultAddress = "127.0.0.1:8000"

// Technology describes it for a registry.
func Technology() providers.Technology {
	return providers.Technology{
		Name:       Name,
		Summary:    "takes HTTP requests from the network and gives them to components",
		Interfaces: []string{InterfaceName, HandlerName},
		Source:     true,
		New:        func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// Provider listens on addresses and routes requests by host and path.
type Provider struct {
	name     string
	log      *slog.Logger
	settings settings
	config   map[string]string

	mu        sync.Mutex
	listeners map[string]*listener // guarded by mu; by the address that was asked for
	draining  bool                 // guarded by mu
}

// New returns a provider. Settings for the provider as a whole:
//
//   - address: one or more addresses between commas, such as 0.0.0.0:8080;
//     port 0 takes a free one. They are listened on from Open on. Without
//     it links bring their own addresses, or [DefaultAddress] is used.
//   - max_header_bytes, default 64KiB: 431 above it.
//   - read_header_timeout, default 10s, and idle_timeout, default 2m: when a
//     silent connection is closed.
//   - max_connections, default 10000: others wait to be accepted.
//   - max_in_flight, default 1000 requests for each address: 503 above it.
//   - access_log, default false: one line a request.
//
// Also those of a route, see [Provider.Serve], which stand for all links. No
// limit can be turned off.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
func New(s providers.Setup) (*Provider, error) {
	c := providers.ReadSettings("provider "+s.Name, s.Config)
	p := &Provider{name: s.Name, log: s.Logger(), config: s.Config, listeners: make(map[string]*listener)}
	p.settings = readSettings(c)
	readRoute(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.name, Technology: Name, Interfaces: []string{InterfaceName, HandlerName}}
}

// Open listens on the provider's addresses.
//
// Errors:
//   - errcode.Conflict if an address is in use, errcode.Denied if it may not
//     be used, errcode.Invalid if this machine has no such address.
func (p *Provider) Open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, address := range p.settings.addresses {
		if _, err := p.listenLocked(ctx, address); err != nil {
			return err
		}
	}
	return nil
}

// listenLocked returns the listener for an address with one user more.
func (p *Provider) listenLocked(ctx context.Context, address string) (*listener, error) {
	if p.draining {
		return nil, errcode.New(errcode.Closed, "listen on %s: provider %s is closing", address, p.name)
	}
	ln := p.listeners[address]
	if ln == nil {
		var err error
		if ln, err = listen(ctx, address, &p.settings, p.log); err != nil {
			return nil, err
		}
		p.listeners[address] = ln
	}
	ln.users++
	return ln, nil
}

// Link implements [providers.Provider]: nothing calls this provider.
//
// Errors:
//   - errcode.Unsupported, always.
func (p *Provider) Link(_ context.Context, l providers.Link) (providers.Session, error) {
	return nil, errcode.New(errcode.Unsupported, "link %s: provider %s calls components and serves no interface", l, p.name).
		WithNext("link from the provider to the component: source %s, target %s", p.name, l.Source)
}

// Health says whether every listener still accepts.
func (p *Provider) Health(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ln := range p.listeners {
		select {
		case <-ln.done:
			return errcode.New(errcode.Unavailable, "listen on %s: it ended: %w", ln.address, ln.err)
		default:
		}
	}
	return nil
}

// Addrs returns what is listened on, with the ports that were taken for 0.
func (p *Provider) Addrs() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, ln := range p.listeners {
		all = append(all, ln.Addr())
	}
	slices.Sort(all)
	return all
}

// Drain takes no more connections and waits for the requests that were
// accepted, as long as ctx allows. It implements [providers.Drainer], so that
// routes are there until the last request is answered.
func (p *Provider) Drain(ctx context.Context) error {
	p.mu.Lock()
	p.draining = true
	all := make([]*listener, 0, len(p.listeners))
	for _, ln := range p.listeners {
		all = append(all, ln)
	}
	p.mu.Unlock()
	return closeAll(ctx, all)
}

// Close drains the provider; what is not finished when ctx ends is cut off.
func (p *Provider) Close(ctx context.Context) error { return p.Drain(ctx) }

func closeAll(ctx context.Context, all []*listener) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, ln := range all {
		wg.Go(func() { errs[i] = ln.close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Serve gives the requests that the link is for to target, at once and until
// the session is closed. Settings of a link:
//
//   - path: the prefix that the path begins with, whole segments, default /.
//     The longest prefix wins; target sees the whole path.
//   - host: the name in the request's Host, default any; a name wins over any.
//   - address: where to listen, default the provider's addresses. Links with
//     the same address share it.
//   - max_body_bytes, default 16MiB: 413 above it, or a read error if the
//     length was not announced.
//   - request_timeout, default 60s: when the request's context ends.
//
// A newer revision of a link takes over from the older one's session without
// a gap; requests in flight end where they began.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
//   - errcode.Exists if another link has the same host and path.
//   - errcode.Conflict if an address is in use, or a newer revision of the
//     link is being served.
//   - errcode.Denied if an address may not be used.
func (p *Provider) Serve(ctx context.Context, l providers.Link, target http.Handler) (providers.Session, error) {
	merged := providers.ReadSettings("link "+l.String(), p.config, l.Config)
	readSettings(merged)
	r := readRoute(merged)
	if err := merged.Err(); err != nil {
		return nil, err
	}
	// What only the provider as a whole can have is not for links.
	own := providers.ReadSettings("link "+l.String(), l.Config)
	readRoute(own)
	addresses := readAddresses(own)
	if err := own.Err(); err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		addresses = p.settings.addresses
	}
	if len(addresses) == 0 {
		addresses = []string{DefaultAddress}
	}
	r.link, r.target = l, target
	return p.add(ctx, newRoute(r), addresses)
}

// add puts a route into the tables of its listeners.
func (p *Provider) add(ctx context.Context, r *route, addresses []string) (*Session, error) {
	p.mu.Lock()
	s := &Session{provider: p, route: r}
	err := p.addLocked(ctx, s, addresses)
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

func (p *Provider) addLocked(ctx context.Context, s *Session, addresses []string) error {
	for _, ln := range p.listeners {
		if err := ln.table.Load().checkRevision(s.route.link); err != nil {
			return err
		}
	}
	for _, address := range addresses {
		ln, err := p.listenLocked(ctx, address)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, ln)
		if err := ln.table.Load().check(s.route); err != nil {
			return err
		}
	}
	for _, ln := range p.listeners {
		t := ln.table.Load()
		if slices.Contains(s.listeners, ln) {
			t = t.with(s.route)
		} else {
			t = t.withoutLink(s.route.link.Key()) // the link has moved away
		}
		ln.table.Store(t)
	}
	return nil
}

// releaseLocked takes a session's route away and returns the listeners that
// have no user any more; the caller closes them.
func (p *Provider) releaseLocked(s *Session) (idle []*listener) {
	for _, ln := range s.listeners {
		ln.table.Store(ln.table.Load().without(s.route))
		if ln.users--; ln.users == 0 && p.listeners[ln.address] == ln {
			delete(p.listeners, ln.address)
			idle = append(idle, ln)
		}
	}
	s.listeners = nil
	return idle
}
