package sockets

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/internal/errcode"
	"latticework/internal/grant"
)

// DefaultMaxSockets is how many sockets the guests of one System may have.
const DefaultMaxSockets = 1024

// Config says what guests may do with the network. The zero value allows
// nothing.
type Config struct {
	Policy Policy
	// MaxSockets bounds open sockets; 0 stands for DefaultMaxSockets.
	MaxSockets int
	// Limited is told when a guest hits MaxSockets, which its error code does
	// not say; nil for nobody. It may run on several goroutines at once.
	Limited func(error)
	// Resolver looks up names; nil stands for the system's.
	Resolver Resolver
}

// Resolver looks up the addresses of a host name; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// sendLinger is what linger is.
const sendLinger = 5 * time.Second

// System implements all interfaces of wasi:sockets of WASI 0.2; see [New3] for
// WASI 0.3. It is safe for concurrent use by several guests.
type System struct {
	policy   Policy
	resolver Resolver
	max      int64
	limited  func(error) // may be nil
	open     atomic.Int64

	// linger is how long a send may go on that nobody holds any more.
	linger time.Duration

	starved atomic.Int64 // how many wait for a slot

	mu       sync.Mutex
	resolved map[netip.Addr][]string // guarded by mu: names that gave an address
	freed    chan struct{}           // guarded by mu: closed when a slot is free and somebody waits
}

var (
	_ api.NetworkInterface         = (*System)(nil)
	_ api.InstanceNetworkInterface = (*System)(nil)
	_ api.TcpInterface             = (*System)(nil)
	_ api.TcpCreateSocketInterface = (*System)(nil)
	_ api.UdpInterface             = (*System)(nil)
	_ api.UdpCreateSocketInterface = (*System)(nil)
	_ api.IpNameLookupInterface    = (*System)(nil)
)

// New returns the interfaces under cfg.
func New(cfg Config) *System {
	s := &System{
		policy:   Policy{Rules: slices.Clone(cfg.Policy.Rules)},
		resolver: cfg.Resolver,
		max:      int64(cfg.MaxSockets),
		limited:  cfg.Limited,
		linger:   sendLinger,
		resolved: map[netip.Addr][]string{},
		freed:    make(chan struct{}),
	}
	if s.resolver == nil {
		s.resolver = net.DefaultResolver
	}
	if s.max <= 0 {
		s.max = DefaultMaxSockets
	}
	return s
}

// network is the one network: the rules decide what it reaches.
type network struct{}

// Drop implements wasi:sockets.
func (network) Drop(context.Context) {}

// InstanceNetwork implements wasi:sockets.
func (s *System) InstanceNetwork(context.Context) (api.Network, error) { return network{}, nil }

// takeSlot counts one more socket. The host is told where there is none left.
func (s *System) takeSlot() error {
	n, ok := s.trySlot()
	if ok {
		return nil
	}
	if s.limited != nil {
		s.limited(errcode.New(errcode.Exhausted, "sockets: %d > %d", n, s.max))
	}
	return errSocketLimit
}

// trySlot counts one more socket if that is allowed, and answers how many
// there are or would be.
func (s *System) trySlot() (int64, bool) {
	n := s.open.Add(1)
	if n > s.max {
		s.open.Add(-1)
		return n, false
	}
	return n, true
}

func (s *System) freeSlot() {
	s.open.Add(-1)
	if s.starved.Load() > 0 {
		s.mu.Lock()
		close(s.freed)
		s.freed = make(chan struct{})
		s.mu.Unlock()
	}
}

// waitSlot is takeSlot, but waits until there is a slot. It answers false if
// ctx ended before, or gone was closed.
func (s *System) waitSlot(ctx context.Context, gone <-chan struct{}) bool {
	if s.takeSlot() == nil {
		return true
	}
	s.starved.Add(1)
	defer s.starved.Add(-1)
	for {
		s.mu.Lock()
		freed := s.freed
		s.mu.Unlock()
		if _, ok := s.trySlot(); ok {
			return true
		}
		select {
		case <-freed:
		case <-gone:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// remember notes that name resolved to addrs. Addresses that are not public do
// not count, but for "localhost": a name must not open up what stands beside
// the host.
func (s *System) remember(name string, addrs []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		known := s.resolved[a]
		if !grant.Resolves(name, a) || slices.Contains(known, name) || len(s.resolved) >= maxResolved || len(known) >= 64 {
			continue
		}
		s.resolved[a] = append(known, name)
	}
}

// namesOf returns the names that resolved to a.
func (s *System) namesOf(a netip.Addr) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.resolved[a])
}

// mayReach reports whether the rules allow peer.
func (s *System) mayReach(proto Proto, peer netip.AddrPort) bool {
	return s.policy.Peer(proto, peer, s.namesOf)
}

// mayBind reports whether the rules allow a socket at local. Whoever may reach
// a peer may take any free port of any address for that: what comes in there
// is checked by itself.
func (s *System) mayBind(proto Proto, local netip.AddrPort) (allowed, listen bool) {
	if s.policy.Listens(proto, local) {
		return true, true
	}
	return local.Port() == 0 && s.policy.Connects(proto), false
}
