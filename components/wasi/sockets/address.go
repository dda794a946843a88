package sockets

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"latticework/wit/abi"
)

// family is the version of a socket's addresses. In every version of WASI the
// numbers are the same.
type family uint8

const (
	ipv4 family = iota
	ipv6
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// unspecified is every address of the machine, and any free port.
func (f family) unspecified() netip.AddrPort {
	if f == ipv4 {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
}

// The addresses of both versions of WASI are the same tuples.
type (
	tuple4 = abi.Tuple4[uint8, uint8, uint8, uint8]
	tuple6 = abi.Tuple8[uint16, uint16, uint16, uint16, uint16, uint16, uint16, uint16]
)

func addr4(a tuple4) netip.Addr {
	return netip.AddrFrom4([4]byte{a.F0, a.F1, a.F2, a.F3})
}

func addr6(a tuple6) netip.Addr {
	var b [16]byte
	for i, part := range [8]uint16{a.F0, a.F1, a.F2, a.F3, a.F4, a.F5, a.F6, a.F7} {
		binary.BigEndian.PutUint16(b[2*i:], part)
	}
	return netip.AddrFrom16(b)
}

func to4(a netip.Addr) tuple4 {
	b := a.As4()
	return tuple4{F0: b[0], F1: b[1], F2: b[2], F3: b[3]}
}

func to6(a netip.Addr) tuple6 {
	b := a.As16()
	at := func(i int) uint16 { return binary.BigEndian.Uint16(b[2*i:]) }
	return tuple6{F0: at(0), F1: at(1), F2: at(2), F3: at(3), F4: at(4), F5: at(5), F6: at(6), F7: at(7)}
}

// scoped gives a its scope, as a zone in figures.
func scoped(a netip.Addr, scope uint32) netip.Addr {
	if scope == 0 {
		return a
	}
	return a.WithZone(strconv.FormatUint(uint64(scope), 10))
}

// scopeOf returns the scope that a zone in figures stands for.
func scopeOf(a netip.Addr) uint32 {
	n, err := strconv.ParseUint(a.Zone(), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// checkLocal refuses an address that no socket of f could be bound to.
func checkLocal(f family, e netip.AddrPort) error {
	a := e.Addr()
	if familyOf(a) != f || a.Is4In6() || a.IsMulticast() || a == broadcast {
		return errInvalidArgument
	}
	return nil
}

// checkRemote refuses an address that is no single peer.
func checkRemote(f family, e netip.AddrPort) error {
	if err := checkLocal(f, e); err != nil {
		return err
	}
	if e.Addr().IsUnspecified() || e.Port() == 0 {
		return errInvalidArgument
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
