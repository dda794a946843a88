package grant

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"latticework/internal/errcode"
)

// Proto is a set of protocols.
type Proto uint8

// The protocols: sockets of the transports, and requests over HTTP that the
// host sends, without and with TLS.
const (
	TCP Proto = 1 << iota
	UDP
	HTTP
	HTTPS
)

// Rule allows one kind of use of the network.
type Rule struct {
	// Proto is the set of protocols; 0 stands for all.
	Proto Proto
	// Listen makes Prefix one of local addresses to listen at; otherwise the
	// rule is about peers to connect to, send to and receive from.
	Listen bool
	// Host is a host name, "*.suffix", or "*" for every name and every public
	// address. A guest may look the name up and reach the public addresses that
	// it resolved to; others need a rule with a Prefix, but for "localhost". With
	// Listen, "*" is every local address. With Host, Prefix is not used.
	Host string
	// Prefix is a range of addresses.
	Prefix netip.Prefix
	// First and Last bound the ports; both 0 stands for all.
	First, Last uint16
}

// Grammar is how rules are written, for help texts.
const Grammar = `RULE is [PROTOCOL:][USE:]WHAT[:PORT[-PORT]]
  PROTOCOL  tcp, udp, http (with or without TLS) or https; all without it
  USE       connect (the default), or listen or bind for a local address
  WHAT      a host name, *.suffix, an address, a range such as 10.0.0.0/8,
            or * for every name and every public address
An address of version 6 with ports stands in brackets. A name reaches the
public addresses that it resolves to; private, link-local and loopback
addresses are reached only where a rule has the address or its range.`

// protocols by their names in rules.
var protocols = []struct {
	name  string
	proto Proto
}{{"tcp", TCP}, {"udp", UDP}, {"https", HTTPS}, {"http", HTTP | HTTPS}}

// uses of an address, true for listening.
var uses = []struct {
	name   string
	listen bool
}{{"connect", false}, {"listen", true}, {"bind", true}}

const ruleExamples = "write for example 10.0.0.0/8, tcp:db.example:5432, https:*.example.com, udp:[::1]:53 or tcp:listen:127.0.0.1:8080"

// ParseRule reads a rule, see [Grammar].
//
// Errors: invalid, with the rule.
func ParseRule(text string) (Rule, error) {
	var r Rule
	rest := text
	for _, p := range protocols {
		if s, ok := strings.CutPrefix(rest, p.name+":"); ok {
			r.Proto, rest = p.proto, s
			break
		}
	}
	for _, u := range uses {
		if s, ok := strings.CutPrefix(rest, u.name+":"); ok {
			r.Listen, rest = u.listen, s
			break
		}
	}
	what, ports := splitPorts(rest)
	if err := r.setPorts(ports); err != nil {
		return Rule{}, errcode.New(errcode.Invalid, "parse network rule %q: %w", text, err).WithNext("a port is a number from 1 to 65535, or a range such as 8000-8010")
	}
	if r.Listen && r.Proto&(HTTP|HTTPS) != 0 {
		return Rule{}, errcode.New(errcode.Invalid, "parse network rule %q: http is for requests that go out", text).
			WithNext("link an HTTP server to the component to answer requests, or listen with tcp:")
	}
	bracketed := strings.HasPrefix(rest, "[") && !strings.Contains(what, ":")
	if bracketed || !r.setWhat(what) || r.Listen && r.Host != "" && r.Host != "*" {
		return Rule{}, errcode.New(errcode.Invalid, "parse network rule %q: %q is no address, range or host name that fits", text, what).
			WithNext(ruleExamples)
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
		if p.Addr().Is4In6() { // such addresses are held against rules as version 4
			if p.Bits() < 96 {
				return false
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		r.Prefix = p.Masked()
		return true
	}
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		r.Prefix = netip.PrefixFrom(a, a.BitLen())
		return true
	}
	if s == "*" {
		r.Host = "*"
		return true
	}
	name, suffix := strings.CutPrefix(s, "*.")
	name, err := ASCIIName(name)
	if err != nil || numeric(name) {
		return false
	}
	r.Host = name
	if suffix {
		r.Host = "*." + name
	}
	return true
}

// ASCIIName returns a host name as rules have it: lower case, ASCII, without a
// final dot.
//
// Errors: invalid.
func ASCIIName(name string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || ascii == "" || len(ascii) > 253 {
		return "", errcode.New(errcode.Invalid, "%q is no host name", name)
	}
	return ascii, nil
}

// numeric reports whether a name ends in a number: it would be taken for an
// address by some resolvers (127.1, 0x7f000001), and no real domain does.
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil
}

// ParseNet reads what --net and a manifest's net hold: allow= and rules
// separated by commas.
//
// Errors: invalid.
func ParseNet(text string) ([]Rule, error) {
	list, ok := strings.CutPrefix(text, "allow=")
	if !ok {
		return nil, errcode.New(errcode.Invalid, "%q: want allow=RULE, or several rules separated by commas", text).
			WithNext("write for example allow=https:api.example.com")
	}
	var rules []Rule
	for one := range strings.SplitSeq(list, ",") {
		r, err := ParseRule(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func (r *Rule) hasPort(port uint16) bool {
	return r.First == 0 && r.Last == 0 || port >= r.First && port <= r.Last
}

func (r *Rule) hasProto(p Proto) bool { return r.Proto == 0 || r.Proto&p != 0 }

// hasName reports whether the rule is for connections to name.
func (r *Rule) hasName(name string) bool {
	if r.Listen || r.Host == "" {
		return false
	}
	if suffix, ok := strings.CutPrefix(r.Host, "*"); ok {
		return suffix == "" || strings.HasSuffix(name, suffix)
	}
	return r.Host == name
}

// Policy says what guests may do with the network. The zero value allows
// nothing. Ranges of addresses are held against unmapped addresses.
type Policy struct{ Rules []Rule }

// Any reports whether anything could ever be allowed for proto.
func (p *Policy) Any(proto Proto) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.hasProto(proto) })
}

// Connects reports whether there is any rule for peers of proto.
func (p *Policy) Connects(proto Proto) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return !r.Listen && r.hasProto(proto) })
}

// Listens reports whether a socket may be bound to at in order to take
// connections or datagrams from anyone. Port 0 is any port: it needs a rule
// for all.
func (p *Policy) Listens(proto Proto, at netip.AddrPort) bool {
	addr := at.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		return r.Listen && r.hasProto(proto) && r.hasPort(at.Port()) && (r.Host == "*" || r.Host == "" && r.Prefix.Contains(addr))
	})
}

// Names reports whether a rule for any of protos has name, which is in the
// form of [ASCIIName]: it may be looked up.
func (p *Policy) Names(protos Proto, name string) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.hasProto(protos) && r.hasName(name) })
}

// NamesPort is Names for one port.
func (p *Policy) NamesPort(protos Proto, name string, port uint16) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		return r.hasProto(protos) && r.hasPort(port) && r.hasName(name)
	})
}

// Peer reports whether peer may be reached. names gives the names that
// resolved to an address; nil stands for none.
func (p *Policy) Peer(proto Proto, peer netip.AddrPort, names func(netip.Addr) []string) bool {
	addr := peer.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		switch {
		case r.Listen || !r.hasProto(proto) || !r.hasPort(peer.Port()):
			return false
		case r.Host == "":
			return r.Prefix.Contains(addr)
		case r.Host == "*":
			return Public(addr)
		case names == nil:
			return false
		}
		return slices.ContainsFunc(names(addr), func(name string) bool { return r.hasName(name) && Resolves(name, addr) })
	})
}
