package httpserver

import (
	"context"
	"math"
	"sync/atomic"

	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Session is one link being served.
type Session struct {
	provider  *Provider
	route     *route
	listeners []*listener // guarded by provider.mu
	closed    atomic.Bool
}

// Interfaces implements [providers.Session]: a source serves none.
func (s *Session) Interfaces() []*abi.Interface { return nil }

// URLs returns where the link is served, such as https://127.0.0.1:8443, with
// the ports that were taken for 0; none once it is closed.
func (s *Session) URLs() []string {
	s.provider.mu.Lock()
	defer s.provider.mu.Unlock()
	var out []string
	for _, ln := range s.listeners {
		scheme := "http://"
		if ln.config().tls != nil {
			scheme = "https://"
		}
		out = append(out, scheme+ln.Addr())
	}
	return out
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
