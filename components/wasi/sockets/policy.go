package sockets

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"latticework/internal/errcode"
)

// Proto is a set of transport protocols.
type Proto uint8

// The protocols.
const (
	TCP Proto = 1 << iota
	UDP
)

// Rule allows one kind of use of the network.
type Rule struct {
	// Proto is the set of protocols; 0 stands for all.
	Proto Proto
	// Listen makes Prefix one of local addresses to listen at; otherwise the
	// rule is about peers to connect to, send to and receive from.
	Listen bool
	// Host is a host name, "*.suffix", or "*" for every address and name; a
	// guest may look it up, and what it resolved to is allowed. Such an answer
	// never allows loopback or link-local addresses, except for "localhost".
	// With Host, Prefix is not used.
	Host string
	// Prefix is a range of addresses.
	Prefix netip.Prefix
	// First and Last bound the ports; both 0 stands for all.
	First, Last uint16
}

// ParseRule reads a rule:
//
//	[tcp:|udp:][listen:]WHAT[:PORT[-PORT]]
//
// WHAT is an address (version 6 in brackets), a prefix such as 10.0.0.0/8, a
// host name, *.suffix, or *.
//
// Errors: invalid, with the rule.
func ParseRule(text string) (Rule, error) {
	var r Rule
	rest := text
	if s, ok := strings.CutPrefix(rest, "tcp:"); ok {
		r.Proto, rest = TCP, s
	} else if s, ok := strings.CutPrefix(rest, "udp:"); ok {
		r.Proto, rest = UDP, s
	}
	if s, ok := strings.CutPrefix(rest, "listen:"); ok {
		r.Listen, rest = true, s
	}
	what, ports := splitPorts(rest)
	if err := r.setPorts(ports); err != nil {
		return Rule{}, errcode.New(errcode.Invalid, "parse network rule %q: %w", text, err)
	}
	bracketed := strings.HasPrefix(rest, "[") && !strings.Contains(what, ":")
	if bracketed || !r.setWhat(what) || r.Listen && r.Host != "" && r.Host != "*" {
		return Rule{}, errcode.New(errcode.Invalid, "parse network rule %q: %q is no address, prefix or host name that fits", text, what).
			WithNext("write for example 10.0.0.0/8, tcp:db.example:5432, udp:[::1]:53 or listen:127.0.0.1:8080")
	}
	return r, nil
}

// splitPorts cuts the ports off; colons inside brackets belong to an address,
// and so do those of an address without them.
func splitPorts(s string) (what, ports string) {
	if end := strings.LastIndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		return s[1:end], strings.TrimPrefix(s[end+1:], ":")
	}
	if strings.Count(s, ":") != 1 {
		return s, ""
	}
	what, ports, _ = strings.Cut(s, ":")
	return what, ports
}

func (r *Rule) setPorts(s string) error {
	if s == "" || s == "*" {
		return nil
	}
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return err
	}
	b, err := strconv.ParseUint(last, 10, 16)
	if err != nil {
		return err
	}
	if a == 0 || a > b {
		return errcode.New(errcode.Invalid, "ports %s are no range from 1 up", s)
	}
	r.First, r.Last = uint16(a), uint16(b)
	return nil
}

func (r *Rule) setWhat(s string) bool {
	if p, err := netip.ParsePrefix(s); err == nil {
		r.Prefix = p.Masked()
		return true
	}
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		r.Prefix = netip.PrefixFrom(a, a.BitLen())
		return true
	}
	name, err := asciiName(strings.TrimPrefix(s, "*."))
	if s == "*" {
		name, err = "*", nil
	} else if strings.HasPrefix(s, "*.") {
		name = "*." + name
	}
	r.Host = name
	return err == nil
}

func (r *Rule) hasPort(port uint16) bool {
	return r.First == 0 && r.Last == 0 || port >= r.First && port <= r.Last
}

func (r *Rule) hasProto(p Proto) bool { return r.Proto == 0 || r.Proto&p != 0 }

// hasName reports whether the guest may look up name.
func (r *Rule) hasName(name string) bool {
	if r.Listen || r.Host == "" {
		return false
	}
	if suffix, ok := strings.CutPrefix(r.Host, "*"); ok {
		return suffix == "" || strings.HasSuffix(name, suffix)
	}
	return r.Host == name
}

// Policy says what guests may do. The zero value allows nothing.
type Policy struct{ Rules []Rule }

// maxResolved bounds the addresses remembered from look-ups.
const maxResolved = 4096

// any reports whether anything could ever be allowed for proto.
func (p *Policy) any(proto Proto) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.hasProto(proto) })
}

// listen reports whether a socket may be bound to at in order to take
// connections or datagrams from anyone. Port 0 is any port: it needs a rule
// for all.
func (p *Policy) listen(proto Proto, at netip.AddrPort) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		return r.Listen && r.hasProto(proto) && r.hasPort(at.Port()) && (r.Host == "*" || r.Prefix.Contains(at.Addr().WithZone("")))
	})
}

// outgoing reports whether there is any rule for peers of proto.
func (p *Policy) outgoing(proto Proto) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return !r.Listen && r.hasProto(proto) })
}

// lookup reports whether name may be looked up.
func (p *Policy) lookup(name string) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.hasName(name) })
}

// peer reports whether peer may be reached. names gives the names that
// resolved to an address.
func (p *Policy) peer(proto Proto, peer netip.AddrPort, names func(netip.Addr) []string) bool {
	addr := peer.Addr().WithZone("")
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		switch {
		case r.Listen || !r.hasProto(proto) || !r.hasPort(peer.Port()):
			return false
		case r.Host == "*":
			return true
		case r.Host == "":
			return r.Prefix.Contains(addr)
		}
		return slices.ContainsFunc(names(addr), r.hasName)
	})
}
