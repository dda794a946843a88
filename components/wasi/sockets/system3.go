package sockets

import (
	"context"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/components/wasi/streams"
)

// System3 implements the interfaces of wasi:sockets of WASI 0.3. It shares
// rules, limits and resolver with the System it was made of.
type System3 struct {
	sys   *System
	group *streams.Group // sends what guests give
}

var (
	_ api3.TypesInterface        = (*System3)(nil)
	_ api3.IpNameLookupInterface = (*System3)(nil)
)

// New3 returns the interfaces over s. Group sends what guests give: its Close
// ends that, also where a peer does not take it.
func New3(s *System, group *streams.Group) *System3 { return &System3{s, group} }

// ResolveAddresses implements wasi:sockets.
func (s *System3) ResolveAddresses(ctx context.Context, name string) ([]api3.IpAddress, error) {
	q, err := s.sys.query(name)
	if err != nil {
		return nil, lookupResult3(err)
	}
	if q.host == "" {
		return []api3.IpAddress{toAddr3(q.addr)}, nil
	}
	if err := s.sys.takeSlot(); err != nil {
		return nil, lookupResult3(err)
	}
	addrs, err := s.sys.resolve(ctx, q.host)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, lookupResult3(err)
	case len(addrs) == 0:
		return nil, lookupResult3(errNameUnresolvable)
	}
	list := make([]api3.IpAddress, len(addrs))
	for i, a := range addrs {
		list[i] = toAddr3(a)
	}
	return list, nil
}
