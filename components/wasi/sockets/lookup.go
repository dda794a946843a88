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
	if !s.policy.Connects(TCP | UDP) {
		return nil, result(errAccessDenied)
	}
	l := &lookup{cancel: func() {}}
	if a, err := netip.ParseAddr(name); err == nil {
		l.addrs = []netip.Addr{a.Unmap()}
		l.done.Set()
		return l, nil
	}
	host, err := grant.ASCIIName(name)
	if err != nil {
		return nil, result(errInvalidArgument)
	}
	if !s.policy.Names(TCP|UDP, host) {
		return nil, result(errAccessDenied)
	}
	if err := s.takeSlot(); err != nil {
		return nil, result(err)
	}
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.work.Go(func() {
		defer s.freeSlot()
		l.resolve(ctx, s, host)
	})
	return l, nil
}

func (l *lookup) resolve(ctx context.Context, s *System, host string) {
	defer l.done.Set()
	addrs, err := s.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		l.err = resolveError(err)
		return
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap().WithZone("")
	}
	s.remember(host, addrs)
	l.addrs = addrs
}

// resolveError returns the code for a failed look-up.
func resolveError(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return codeError(api.ErrorCodeNameUnresolvable)
	case errors.As(err, &dns) && (dns.IsTemporary || dns.IsTimeout):
		return codeError(api.ErrorCodeTemporaryResolverFailure)
	}
	return codeError(api.ErrorCodePermanentResolverFailure)
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
