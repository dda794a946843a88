package sockets

import (
	"net/netip"
	"testing"

	api "latticework/components/wasi/bindings/wasisockets"
)

func rules(t testing.TB, texts ...string) Policy {
	t.Helper()
	var p Policy
	for _, s := range texts {
		r, err := ParseRule(s)
		if err != nil {
			t.Fatal(err)
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

func TestResolvedLocalAddressesAllowNothing(t *testing.T) {
	s := New(Config{Policy: rules(t, "evil.example", "localhost")})
	local := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("::1")}
	s.remember("evil.example", append(local, netip.MustParseAddr("192.0.2.7")))
	for _, a := range local {
		if s.mayReach(TCP, netip.AddrPortFrom(a, 80)) {
			t.Errorf("a name opened %s", a)
		}
	}
	if !s.mayReach(TCP, netip.MustParseAddrPort("192.0.2.7:80")) {
		t.Error("what a name resolved to is refused")
	}
	s.remember("localhost", local[:1])
	if !s.mayReach(TCP, netip.MustParseAddrPort("127.0.0.1:80")) {
		t.Error("localhost is refused")
	}
}

func TestAddressesSurviveTheWayThere(t *testing.T) {
	for _, text := range []string{"1.2.3.4:5", "[2001:db8::1:ff]:65535", "[fe80::1%7]:1"} {
		e := netip.MustParseAddrPort(text)
		if got := endpointOf(toEndpoint(e)); got != e {
			t.Errorf("%s became %s", e, got)
		}
		if got := addrOf(toAddr(e.Addr().WithZone(""))); got != e.Addr().WithZone("") {
			t.Errorf("%s became %s", e.Addr(), got)
		}
	}
	if got := addrOf(toAddr(netip.MustParseAddr("::ffff:1.2.3.4"))); got != netip.MustParseAddr("1.2.3.4") {
		t.Errorf("a mapped address became %s", got)
	}
}

// addrOf converts an address from a guest.
func addrOf(a api.IpAddress) netip.Addr {
	if a.Case == api.IpAddressCaseIpv4 {
		return addr4(a.Ipv4)
	}
	return addr6(a.Ipv6)
}
