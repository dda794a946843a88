package sockets

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/internal/grant"
	"latticework/wit/abi"
)

// query is what a guest may ask for: a name to resolve, or the address that it
// wrote in place of a name.
type query struct {
	host string
	addr netip.Addr // valid without host
}

// query checks what a guest asks for.
func (s *System) query(name string) (query, error) {
	if !s.policy.Connects(TCP | UDP) {
		return query{}, errAccessDenied
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return query{addr: a.Unmap()}, nil
	}
	host, err := grant.ASCIIName(name)
	if err != nil {
		return query{}, errInvalidArgument
	}
	if !s.policy.Names(TCP|UDP, host) {
		return query{}, errAccessDenied
	}
	return query{host: host}, nil
}

// resolve returns the addresses of host, which a query allowed, and lets rules
// that name it allow them. It gives back the slot that its caller took.
func (s *System) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	defer s.freeSlot()
	addrs, err := s.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, resolveError(err)
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap().WithZone("")
	}
	s.remember(host, addrs)
	return addrs, nil
}

// resolveError returns the code for a failed look-up.
func resolveError(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return errNameUnresolvable
	case errors.As(err, &dns) && (dns.IsTemporary || dns.IsTimeout):
		return errTemporaryResolverFailure
	}
	return errPermanentResolverFailure
}

// lookup is a resolve-address-stream.
type lookup struct {
	done   streams.Event
	cancel context.CancelFunc
	work   sync.WaitGroup

	addrs []netip.Addr // written before done is set
	err   error        // written before done is set
}

var _ api.ResolveAddressStream = (*lookup)(nil)

// ResolveAddresses implements wasi:sockets.
func (s *System) ResolveAddresses(ctx context.Context, _ api.Network, name string) (api.ResolveAddressStream, error) {
	q, err := s.query(name)
	if err != nil {
		return nil, result(err)
	}
	l := &lookup{cancel: func() {}}
	if q.host == "" {
		l.addrs = []netip.Addr{q.addr}
		l.done.Set()
		return l, nil
	}
	if err := s.takeSlot(); err != nil {
		return nil, result(err)
	}
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.work.Go(func() {
		defer l.done.Set()
		l.addrs, l.err = s.resolve(ctx, q.host)
	})
	return l, nil
}

// ResolveNextAddress implements wasi:sockets.
func (l *lookup) ResolveNextAddress(context.Context) (abi.Option[api.IpAddress], error) {
	none := abi.None[api.IpAddress]()
	if !l.done.Ready() {
		return none, result(errWouldBlock)
	}
	if l.err != nil {
		return none, result(l.err)
	}
	if len(l.addrs) == 0 {
		return none, nil
	}
	next := l.addrs[0]
	l.addrs = l.addrs[1:]
	return abi.Some(toAddr(next)), nil
}

// Subscribe implements wasi:sockets.
func (l *lookup) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(&l.done), nil
}

// Drop implements wasi:sockets: it ends a look-up in progress.
func (l *lookup) Drop(context.Context) {
	l.cancel()
	l.work.Wait()
}
