package sockets

import (
	"errors"
	"net/netip"
	"testing"

	"latticework/internal/errcode"
)

func rules(t *testing.T, texts ...string) Policy {
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

func TestParseRuleRefusals(t *testing.T) {
	for _, s := range []string{
		"", "tcp:", "10.0.0.0/33", "host:0", "host:70000", "host:9-3", "host:x", "a b", "listen:host.example:80",
		"[::1", "tcp:listen:", "-bad-", "host:1-", "*.:80", "[nope]:1",
	} {
		if r, err := ParseRule(s); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%q: rule %+v, error %v; want invalid", s, r, err)
		}
	}
}

func TestPeers(t *testing.T) {
	names := func(a netip.Addr) []string {
		if a == netip.MustParseAddr("192.0.2.1") {
			return []string{"db.example"}
		}
		return nil
	}
	for _, c := range []struct {
		rule, peer string
		tcp, udp   bool
	}{
		{"10.0.0.0/8", "10.1.2.3:5", true, true},
		{"10.0.0.0/8", "11.1.2.3:5", false, false},
		{"tcp:10.0.0.0/8:80", "10.1.2.3:80", true, false},
		{"tcp:10.0.0.0/8:80", "10.1.2.3:81", false, false},
		{"udp:10.0.0.0/8:80-90", "10.1.2.3:90", false, true},
		{"udp:10.0.0.0/8:80-90", "10.1.2.3:91", false, false},
		{"127.0.0.1:8080", "127.0.0.1:8080", true, true},
		{"127.0.0.1:*", "127.0.0.1:1", true, true},
		{"[::1]:53", "[::1]:53", true, true},
		{"::1", "[::1]:53", true, true},
		{"fe80::/10", "[fe80::1%3]:53", true, true},
		{"[fe80::/10]:53", "[fe80::1%3]:54", false, false},
		{"*", "203.0.113.9:1", true, true},
		{"tcp:*:443", "203.0.113.9:443", true, false},
		{"db.example", "192.0.2.1:5432", true, true},
		{"DB.Example.:5432", "192.0.2.1:5432", true, true},
		{"*.example", "192.0.2.1:5432", true, true},
		{"*.other", "192.0.2.1:5432", false, false},
		{"db.example", "192.0.2.2:5432", false, false},
		{"listen:10.0.0.0/8", "10.1.2.3:5", false, false},
		{"listen:*", "10.1.2.3:5", false, false},
		{"0.0.0.0/0", "[::1]:1", false, false},
	} {
		p := rules(t, c.rule)
		peer := netip.MustParseAddrPort(c.peer)
		if tcp, udp := p.peer(TCP, peer, names), p.peer(UDP, peer, names); tcp != c.tcp || udp != c.udp {
			t.Errorf("%s for %s: %v, %v; want %v, %v", c.rule, c.peer, tcp, udp, c.tcp, c.udp)
		}
	}
	var none Policy
	if none.any(TCP) || none.peer(TCP, netip.MustParseAddrPort("127.0.0.1:1"), names) || none.lookup("x") {
		t.Error("no rules allow something")
	}
}

func TestListenAndLookupRules(t *testing.T) {
	p := rules(t, "tcp:listen:127.0.0.1:8080", "udp:listen:*", "*.example:80")
	for _, c := range []struct {
		proto Proto
		at    string
		want  bool
	}{
		{TCP, "127.0.0.1:8080", true}, {TCP, "127.0.0.1:8081", false}, {TCP, "0.0.0.0:8080", false},
		{TCP, "127.0.0.1:0", false}, {UDP, "0.0.0.0:0", true}, {UDP, "[::]:53", true},
	} {
		if got := p.listen(c.proto, netip.MustParseAddrPort(c.at)); got != c.want {
			t.Errorf("listen %d at %s: %v", c.proto, c.at, got)
		}
	}
	for name, want := range map[string]bool{"a.example": true, "a.b.example": true, "example": false, "badexample": false, "other": false} {
		if got := p.lookup(name); got != want {
			t.Errorf("look up %s: %v", name, got)
		}
	}
	if any := rules(t, "*"); !any.lookup("whatever.test") {
		t.Error("* does not allow a name")
	}
	if listen := rules(t, "listen:*"); listen.lookup("whatever.test") {
		t.Error("a rule to listen allows a name")
	}
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
