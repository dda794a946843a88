package sockets

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	api "latticework/components/wasi/bindings/wasisockets"
)

// addrOf converts an address from a guest.
func addrOf(a api.IpAddress) netip.Addr {
	if a.Case == api.IpAddressCaseIpv4 {
		return addr4(a.Ipv4)
	}
	return addr6(a.Ipv6)
}

func addr4(a api.Ipv4Address) netip.Addr {
	return netip.AddrFrom4([4]byte{a.F0, a.F1, a.F2, a.F3})
}

func addr6(a api.Ipv6Address) netip.Addr {
	var b [16]byte
	for i, part := range [8]uint16{a.F0, a.F1, a.F2, a.F3, a.F4, a.F5, a.F6, a.F7} {
		binary.BigEndian.PutUint16(b[2*i:], part)
	}
	return netip.AddrFrom16(b)
}

// toAddr converts an address for a guest; one of version 4 inside version 6
// becomes version 4.
func toAddr(a netip.Addr) api.IpAddress {
	if a = a.Unmap(); a.Is4() {
		return api.IpAddressIpv4(to4(a))
	}
	return api.IpAddressIpv6(to6(a))
}

func to4(a netip.Addr) api.Ipv4Address {
	b := a.As4()
	return api.Ipv4Address{F0: b[0], F1: b[1], F2: b[2], F3: b[3]}
}

func to6(a netip.Addr) api.Ipv6Address {
	b := a.As16()
	at := func(i int) uint16 { return binary.BigEndian.Uint16(b[2*i:]) }
	return api.Ipv6Address{F0: at(0), F1: at(1), F2: at(2), F3: at(3), F4: at(4), F5: at(5), F6: at(6), F7: at(7)}
}

// endpointOf converts a socket address from a guest; a scope becomes a zone
// in figures. The flow label is not carried.
func endpointOf(a api.IpSocketAddress) netip.AddrPort {
	if a.Case == api.IpSocketAddressCaseIpv4 {
		return netip.AddrPortFrom(addr4(a.Ipv4.Address), a.Ipv4.Port)
	}
	addr := addr6(a.Ipv6.Address)
	if a.Ipv6.ScopeId != 0 {
		addr = addr.WithZone(strconv.FormatUint(uint64(a.Ipv6.ScopeId), 10))
	}
	return netip.AddrPortFrom(addr, a.Ipv6.Port)
}

// toEndpoint converts a socket address for a guest.
func toEndpoint(e netip.AddrPort) api.IpSocketAddress {
	if e.Addr().Is4() {
		return api.IpSocketAddressIpv4(api.Ipv4SocketAddress{Port: e.Port(), Address: to4(e.Addr())})
	}
	return api.IpSocketAddressIpv6(api.Ipv6SocketAddress{
		Port: e.Port(), Address: to6(e.Addr()), ScopeId: scopeOf(e.Addr()),
	})
}

// scopeOf returns the scope that a zone in figures stands for.
func scopeOf(a netip.Addr) uint32 {
	n, err := strconv.ParseUint(a.Zone(), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// checkLocal refuses an address that no socket of family could be bound to.
func checkLocal(family api.IpAddressFamily, e netip.AddrPort) error {
	a := e.Addr()
	if familyOf(a) != family || a.Is4In6() || a.IsMulticast() || a == broadcast {
		return errInvalidArgument
	}
	return nil
}

// checkRemote refuses an address that is no single peer.
func checkRemote(family api.IpAddressFamily, e netip.AddrPort) error {
	if err := checkLocal(family, e); err != nil {
		return err
	}
	if e.Addr().IsUnspecified() || e.Port() == 0 {
		return errInvalidArgument
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func familyOf(a netip.Addr) api.IpAddressFamily {
	if a.Is4() {
		return api.IpAddressFamilyIpv4
	}
	return api.IpAddressFamilyIpv6
}
