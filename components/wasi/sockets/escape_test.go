//go:build linux || darwin

package sockets

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// TestUngrantedAddresses tries to reach, under *, what no rule names: nothing
// arrives there.
func TestUngrantedAddresses(t *testing.T) {
	ctx := testCtx(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	tcpPort := l.Addr().(*net.TCPAddr).AddrPort().Port()
	s := system(t, "*")
	for _, text := range []string{"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.0.1", "168.63.129.16"} {
		k := tcp(t, s, v4)
		err := k.StartConnect(ctx, network{}, at(netip.AddrPortFrom(netip.MustParseAddr(text), tcpPort).String()))
		if got := code(err); got != "access-denied" && !(text == "0.0.0.0" && got == "invalid-argument") {
			t.Errorf("connect to %s: %s, want access-denied", text, got)
		}
	}
	for _, text := range []string{"::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254", "fe80::1"} {
		k := tcp(t, s, v6)
		err := k.StartConnect(ctx, network{}, at(netip.AddrPortFrom(netip.MustParseAddr(text), tcpPort).String()))
		if got := code(err); got != "access-denied" && got != "invalid-argument" {
			t.Errorf("connect to %s: %s, want access-denied or invalid-argument", text, got)
		}
	}
	for _, rule := range []string{"udp:*", "tcp:127.0.0.1", "listen:127.0.0.1"} {
		s := system(t, rule)
		for _, to := range []string{packets.LocalAddr().String()} {
			if s.mayReach(UDP, netip.MustParseAddrPort(to)) {
				t.Errorf("a datagram to %s is allowed under %s", to, rule)
			}
		}
	}
}

// resolvesTo answers each look-up with the next list of addresses.
type resolvesTo struct{ answers [][]string }

func (r *resolvesTo) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range r.answers[0] {
		out = append(out, netip.MustParseAddr(text))
	}
	r.answers = r.answers[1:]
	return out, nil
}

// TestNamesThatMove: a name that is granted resolves to what is not, at once or
// the second time.
func TestNamesThatMove(t *testing.T) {
	ctx := testCtx(t)
	s := New(Config{Policy: rules(t, "*.example"), Resolver: &resolvesTo{[][]string{
		{"203.0.113.7", "127.0.0.1", "::ffff:10.0.0.1"}, {"169.254.169.254", "::1", "fd00::1"},
	}}})
	for range 2 {
		l, err := s.ResolveAddresses(ctx, network{}, "moving.example")
		if err != nil {
			t.Fatal(code(err))
		}
		if err := await(ctx, t, l, func() error { _, err := l.ResolveNextAddress(ctx); return err }); err != nil {
			t.Fatal(code(err))
		}
		l.Drop(ctx)
	}
	for text, want := range map[string]bool{
		"203.0.113.7": true, "127.0.0.1": false, "10.0.0.1": false, "::ffff:10.0.0.1": false, "169.254.169.254": false, "::1": false, "fd00::1": false,
		"203.0.113.8": false,
	} {
		if got := s.mayReach(TCP, netip.AddrPortFrom(netip.MustParseAddr(text), 80)); got != want {
			t.Errorf("%s: reachable %v, want %v", text, got, want)
		}
	}
}
