package grant

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
		"[::1", "tcp:listen:", "-bad-", "host:1-", "*.:80", "[nope]:1", "http:listen:*", "https:bind:127.0.0.1",
		"127.1", "0x7f000001", "2130706433", "*.1", "::ffff:0:0/90", "user@host", "http://host", "tcp:udp:host",
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
		{"0.0.0.0/0", "[::ffff:127.0.0.1]:1", true, true},
		{"::/0", "[::ffff:127.0.0.1]:1", false, false},
		{"::ffff:10.0.0.0/104", "10.1.2.3:5", true, true},
		{"10.0.0.0/8", "[::ffff:10.1.2.3]:5", true, true},
		{"*", "[::ffff:10.1.2.3]:5", false, false},
		{"*", "127.0.0.1:1", false, false},
		{"*", "169.254.169.254:80", false, false},
		{"*", "[64:ff9b::7f00:1]:80", false, false},
		{"*", "[fd00:ec2::254]:80", false, false},
		{"connect:127.0.0.1", "127.0.0.1:1", true, true},
		{"http:127.0.0.1", "127.0.0.1:1", false, false},
		{"bind:127.0.0.1", "127.0.0.1:1", false, false},
	} {
		p := rules(t, c.rule)
		peer := netip.MustParseAddrPort(c.peer)
		if tcp, udp := p.Peer(TCP, peer, names), p.Peer(UDP, peer, names); tcp != c.tcp || udp != c.udp {
			t.Errorf("%s for %s: %v, %v; want %v, %v", c.rule, c.peer, tcp, udp, c.tcp, c.udp)
		}
	}
	var none Policy
	if none.Any(TCP) || none.Peer(TCP, netip.MustParseAddrPort("127.0.0.1:1"), names) || none.Names(TCP|UDP, "x") {
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
		if got := p.Listens(c.proto, netip.MustParseAddrPort(c.at)); got != c.want {
			t.Errorf("listen %d at %s: %v", c.proto, c.at, got)
		}
	}
	for name, want := range map[string]bool{"a.example": true, "a.b.example": true, "example": false, "badexample": false, "other": false} {
		if got := p.Names(TCP|UDP, name); got != want {
			t.Errorf("look up %s: %v", name, got)
		}
	}
	if any := rules(t, "*"); !any.Names(TCP|UDP, "whatever.test") {
		t.Error("* does not allow a name")
	}
	if listen := rules(t, "listen:*"); listen.Names(TCP|UDP, "whatever.test") {
		t.Error("a rule to listen allows a name")
	}
}

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "203.0.113.9": true, "2606:4700::1111": true, "11.0.0.1": true, "172.32.0.1": true,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "100.64.0.1": false,
		"127.0.0.1": false, "127.9.9.9": false, "0.0.0.0": false, "169.254.169.254": false, "168.63.129.16": false,
		"224.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "fe80::1": false, "fc00::1": false,
		"ff02::1": false, "::ffff:10.0.0.1": false, "::ffff:1.1.1.1": true, "::10.0.0.1": false, "2002:7f00:1::": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: public %v, want %v", text, got, want)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestNamesPort(t *testing.T) {
	p := rules(t, "https:api.example:443", "http:*.plain.example:80", "tcp:db.example")
	for _, c := range []struct {
		proto Proto
		name  string
		port  uint16
		want  bool
	}{
		{HTTPS, "api.example", 443, true}, {HTTPS, "api.example", 444, false}, {HTTP, "api.example", 443, false},
		{HTTP, "a.plain.example", 80, true}, {HTTPS, "a.plain.example", 80, true}, {HTTP, "plain.example", 80, false},
		{HTTP, "db.example", 80, false}, {TCP, "db.example", 5432, true}, {TCP, "api.example", 443, false},
	} {
		if got := p.NamesPort(c.proto, c.name, c.port); got != c.want {
			t.Errorf("%d %s:%d: %v", c.proto, c.name, c.port, got)
		}
	}
}
