// Package httpserver is the provider that takes HTTP requests from the
// network and gives them to components. It is a source: its links lead from
// it to the components that answer, and say for which host and path.
//
// It speaks HTTP/1.1 and HTTP/2, on one address, with TLS or without. Whatever
// wasi:http cannot express, upgraded connections and tunnels, it refuses by
// name.
package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
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
	name      string
	log       *slog.Logger
	addresses []string
	own       listenerConfig // of the provider's addresses
	config    map[string]string

	mu        sync.Mutex
	listeners map[string]*listener // guarded by mu; by the address that was asked for
	draining  bool                 // guarded by mu
}

// New returns a provider. Its settings are those of listeners and routes in
// docs/manifest.md; they stand for all links. Addresses are listened on from
// Open on. Without any, links bring their own, or [DefaultAddress] is used.
// No limit can be turned off.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
func New(s providers.Setup) (*Provider, error) {
	c := providers.ReadSettings("provider "+s.Name, s.Config)
	p := &Provider{name: s.Name, log: s.Logger(), config: s.Config, listeners: make(map[string]*listener)}
	p.addresses = readAddresses(c)
	p.own = readListener(c)
	readRoute(c)
	refuseForeign(c)
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
//   - errcode.Invalid, errcode.NotFound or errcode.Denied for certificates
//     that cannot be used; the message names the setting and the file.
func (p *Provider) Open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, address := range p.addresses {
		ln, err := p.listenLocked(ctx, address, &p.own)
		if err != nil {
			return err
		}
		ln.byOwn = true
	}
	return nil
}

// listenLocked returns the listener for an address with one user more. A new
// one goes by cfg; whether one that is there does is for [listener.agree].
func (p *Provider) listenLocked(ctx context.Context, address string, cfg *listenerConfig) (*listener, error) {
	if p.draining {
		return nil, errcode.New(errcode.Closed, "listen on %s: provider %s is closing", address, p.name)
	}
	ln := p.listeners[address]
	if ln == nil {
		var err error
		if ln, err = listen(ctx, address, cfg, p.log); err != nil {
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

// Counters returns the totals of each address, in the order of addresses.
func (p *Provider) Counters() []Counters {
	var out []Counters
	for _, ln := range p.all() {
		out = append(out, ln.totals())
	}
	slices.SortFunc(out, func(a, b Counters) int { return strings.Compare(a.Address, b.Address) })
	return out
}

func (p *Provider) all() []*listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.listeners))
}

// Drain says on every status path that the provider is not ready, takes
// requests for drain_delay longer, then no more connections; it waits for the
// requests that were accepted, as long as ctx allows. It implements
// [providers.Drainer], so that routes are there until the last request is
// answered.
//
// Errors:
//   - errcode.Deadline if requests had to be cut off; the message counts them.
func (p *Provider) Drain(ctx context.Context) error {
	p.mu.Lock()
	p.draining = true
	p.mu.Unlock()
	all := p.all()
	var wg sync.WaitGroup
	for _, ln := range all {
		wg.Go(func() { ln.drain(ctx) })
	}
	wg.Wait()
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
