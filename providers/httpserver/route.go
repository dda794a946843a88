package httpserver

import (
	"cmp"
	"context"
	"math"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/wit/abi"
)

// routeConfig is what a link says about its requests.
type routeConfig struct {
	link           providers.Link
	target         http.Handler
	path, host     string
	maxBody        int64
	requestTimeout time.Duration
}

// route is one link at one revision.
type route struct {
	routeConfig
	ctx    context.Context // ends when requests that are left are cut off
	cancel context.CancelCauseFunc
	late   error // why a request's context ends after requestTimeout

	state atomic.Int64 // requests in flight, plus math.MinInt64 once closed
	once  sync.Once    // closes empty
	empty chan struct{}
}

func newRoute(c routeConfig) *route {
	r := &route{routeConfig: c, empty: make(chan struct{})}
	r.late = errcode.New(errcode.Deadline, "serve request: it took longer than %s", c.requestTimeout)
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	return r
}

// enter reports whether the route takes a request; if so, leave ends it.
func (r *route) enter() bool {
	if r.state.Add(1) > 0 {
		return true
	}
	r.leave()
	return false
}

func (r *route) leave() {
	if r.state.Add(-1) == math.MinInt64 {
		r.once.Do(func() { close(r.empty) })
	}
}

// shut takes no more requests.
func (r *route) shut() {
	if r.state.Add(math.MinInt64) == math.MinInt64 {
		r.once.Do(func() { close(r.empty) })
	}
}

// table is the routes of one address, immutable: names before any, longer
// paths before shorter ones.
type table []*route

// check reports whether another link has the same requests as r.
func (t *table) check(r *route) error {
	for _, have := range t.routes() {
		if have.host == r.host && have.path == r.path && have.link.Key() != r.link.Key() {
			return errcode.New(errcode.Exists, "link %s: the requests of host %q, path %q go to %s already", r.link, r.host, r.path, have.link.Target).
				WithNext("give one of the two links another path or host")
		}
	}
	return nil
}

// checkRevision reports whether a newer revision of l is in the table.
func (t *table) checkRevision(l providers.Link) error {
	for _, have := range t.routes() {
		if have.link.Key() == l.Key() && have.link.Revision > l.Revision {
			return errcode.New(errcode.Conflict, "link %s: revision %d is served already, newer than %d", l, have.link.Revision, l.Revision)
		}
	}
	return nil
}

func (t *table) routes() []*route {
	if t == nil {
		return nil
	}
	return *t
}

// with returns the table with r in the place of its link's older revisions.
func (t *table) with(r *route) *table {
	routes := append(*t.withoutLink(r.link.Key()), r)
	slices.SortStableFunc(routes, func(a, b *route) int {
		return cmp.Or(cmp.Compare(len(b.host), len(a.host)), cmp.Compare(len(b.path), len(a.path)))
	})
	return &routes
}

func (t *table) withoutLink(key string) *table {
	return t.filter(func(r *route) bool { return r.link.Key() != key })
}

func (t *table) without(gone *route) *table {
	return t.filter(func(r *route) bool { return r != gone })
}

func (t *table) filter(keep func(*route) bool) *table {
	routes := make(table, 0, len(t.routes())+1)
	for _, r := range t.routes() {
		if keep(r) {
			routes = append(routes, r)
		}
	}
	return &routes
}

// match returns the route for a request, nil if there is none.
func (t *table) match(host, path string) *route {
	routes := t.routes()
	if len(routes) == 1 && routes[0].path == "/" && routes[0].host == "" {
		return routes[0]
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	path = clean(path)
	for _, r := range routes {
		if (r.host == "" || r.host == host) && covers(r.path, path) {
			return r
		}
	}
	return nil
}

func covers(prefix, path string) bool {
	return prefix == "/" || (strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/'))
}

// clean resolves . and .. and empty segments, so that no spelling of a path
// leads around a longer prefix.
func clean(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "/"
	}
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p
	}
	return path.Clean(p)
}

// Session is one link being served.
type Session struct {
	provider  *Provider
	route     *route
	listeners []*listener // guarded by provider.mu
	closed    atomic.Bool
}

// Interfaces implements [providers.Session]: a source serves none.
func (s *Session) Interfaces() []*abi.Interface { return nil }

// Addr returns where the link is served, the first of several addresses, with
// the port that was taken for 0; "" once it is closed.
func (s *Session) Addr() string {
	s.provider.mu.Lock()
	defer s.provider.mu.Unlock()
	if len(s.listeners) == 0 {
		return ""
	}
	return s.listeners[0].Addr()
}

// Probe implements [providers.Session].
func (s *Session) Probe(ctx context.Context) error {
	if s.closed.Load() {
		return errcode.New(errcode.Closed, "probe link %s: it was closed", s.route.link)
	}
	return s.provider.Health(ctx)
}

// Close takes no more requests for the link and waits for those in flight.
// When ctx ends their contexts end too.
//
// Errors:
//   - errcode.Deadline if requests had to be cut off; the message counts them.
func (s *Session) Close(ctx context.Context) error {
	if s.closed.Swap(true) {
		return nil
	}
	p := s.provider
	p.mu.Lock()
	idle := p.releaseLocked(s)
	p.mu.Unlock()
	s.route.shut()
	var err error
	select {
	case <-s.route.empty:
	case <-ctx.Done():
		left := s.route.state.Load() - math.MinInt64
		err = errcode.New(errcode.Deadline, "close link %s: %d requests were cut off: %w", s.route.link, left, context.Cause(ctx))
	}
	s.route.cancel(errcode.New(errcode.Closed, "link %s was closed", s.route.link))
	if e := closeAll(ctx, idle); err == nil {
		err = e
	}
	return err
}
