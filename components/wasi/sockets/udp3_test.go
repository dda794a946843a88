//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/wit/abi"
)

// udp3 returns a socket, bound unless where is a family alone.
func udp3(t testing.TB, s *System3, where string) *udpSocket3 {
	t.Helper()
	family := v4of3
	if where == "v6" || where != "v4" && familyOf3(at3(where)) == v6of3 {
		family = v6of3
	}
	u, err := s.UdpSocketCreate(t.Context(), family)
	if err != nil {
		t.Fatal(code3(err))
	}
	t.Cleanup(func() { u.Drop(context.Background()) })
	if len(where) > 2 {
		if err := u.Bind(t.Context(), at3(where)); err != nil {
			t.Fatal(code3(err))
		}
	}
	return u.(*udpSocket3)
}

func addr3(t testing.TB, u *udpSocket3) api3.IpSocketAddress {
	t.Helper()
	e, err := u.GetLocalAddress(t.Context())
	if err != nil {
		t.Fatal(code3(err))
	}
	return e
}

var toPeer = abi.None[api3.IpSocketAddress]()

func to3(e api3.IpSocketAddress) abi.Option[api3.IpSocketAddress] { return abi.Some(e) }

func TestDatagrams3(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(where, func(t *testing.T) {
			ctx := testCtx(t)
			s := system3(t, everything...)
			server := udp3(t, s, where)
			client := udp3(t, s, map[string]string{"127.0.0.1:0": "v4", "[::1]:0": "v6"}[where])
			wantCode3(t, "connect", client.Connect(ctx, addr3(t, server)), "ok")
			wantCode3(t, "send to the peer", client.Send(ctx, []byte("ping"), toPeer), "ok")
			got, err := server.Receive(ctx)
			if err != nil || string(got.F0) != "ping" || got.F1 != addr3(t, client) {
				t.Fatalf("received %q from %v, %v", got.F0, got.F1, err)
			}
			// What came in before there was a peer is not the peer's.
			stranger := udp3(t, s, where)
			wantCode3(t, "send", stranger.Send(ctx, []byte("stray"), to3(addr3(t, server))), "ok")
			wantCode3(t, "connect back", server.Connect(ctx, got.F1), "ok")
			wantCode3(t, "send", client.Send(ctx, []byte("again"), to3(addr3(t, server))), "ok")
			if got, err := server.Receive(ctx); err != nil || string(got.F0) != "again" {
				t.Errorf("received %q, %v", got.F0, err)
			}
			before := addr3(t, server)
			wantCode3(t, "disconnect", server.Disconnect(ctx), "ok")
			wantCode3(t, "disconnect again", server.Disconnect(ctx), "invalid-state")
			if after := addr3(t, server); after != before {
				t.Errorf("bound to %v after disconnect, %v before", after, before)
			}
			wantCode3(t, "send", stranger.Send(ctx, []byte("now"), to3(before)), "ok")
			if got, err := server.Receive(ctx); err != nil || string(got.F0) != "now" {
				t.Errorf("received %q, %v", got.F0, err)
			}
		})
	}
}

func TestDatagramRefusals3(t *testing.T) {
	ctx := testCtx(t)
	open := system3(t, everything...)
	u := udp3(t, open, "v4")
	_, err := u.Receive(ctx)
	wantCode3(t, "receive unbound", err, "invalid-state")
	_, err = u.GetLocalAddress(ctx)
	wantCode3(t, "local address unbound", err, "invalid-state")
	_, err = u.GetRemoteAddress(ctx)
	wantCode3(t, "remote address without a peer", err, "invalid-state")
	wantCode3(t, "send to nobody", u.Send(ctx, nil, toPeer), "invalid-argument")
	wantCode3(t, "send to another family", u.Send(ctx, nil, to3(at3("[::1]:9"))), "invalid-argument")
	wantCode3(t, "send to port 0", u.Send(ctx, nil, to3(at3("127.0.0.1:0"))), "invalid-argument")
	_, err = u.GetLocalAddress(ctx)
	wantCode3(t, "local address after refusals", err, "invalid-state")
	wantCode3(t, "send too much", u.Send(ctx, make([]byte, 65536), to3(at3("127.0.0.1:9"))), "datagram-too-large")
	_, err = u.GetLocalAddress(ctx)
	wantCode3(t, "local address after a send", err, "ok")
	wantCode3(t, "bind after a send", u.Bind(ctx, at3("127.0.0.1:0")), "invalid-state")
	peer := udp3(t, open, "127.0.0.1:0")
	wantCode3(t, "connect", u.Connect(ctx, addr3(t, peer)), "ok")
	wantCode3(t, "send to another than the peer", u.Send(ctx, nil, to3(at3("127.0.0.1:9"))), "invalid-argument")
	wantCode3(t, "bind to a mapped address", udp3(t, open, "v6").Bind(ctx, at3("[::ffff:127.0.0.1]:0")), "invalid-argument")
	u.Drop(ctx)
	u.Drop(ctx)
	wantCode3(t, "send after drop", u.Send(ctx, nil, toPeer), "invalid-state")
	_, err = u.Receive(ctx)
	wantCode3(t, "receive after drop", err, "invalid-state")
}

func TestDatagramRules3(t *testing.T) {
	ctx := testCtx(t)
	friend, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer friend.Close()
	stranger, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	s := system3(t, "udp:"+friend.LocalAddr().String())
	_, err = s.TcpSocketCreate(ctx, v4of3)
	wantCode3(t, "create tcp", err, "access-denied")
	u := udp3(t, s, "v4")
	wantCode3(t, "bind to a port", u.Bind(ctx, at3("127.0.0.1:9")), "access-denied")
	wantCode3(t, "send to a stranger", u.Send(ctx, nil, to3(at3(stranger.LocalAddr().String()))), "access-denied")
	wantCode3(t, "connect to a stranger", u.Connect(ctx, at3(stranger.LocalAddr().String())), "access-denied")
	wantCode3(t, "bind", u.Bind(ctx, at3("127.0.0.1:0")), "ok")
	local := net.UDPAddrFromAddrPort(endpointOf3(addr3(t, u)))
	for _, from := range []net.PacketConn{stranger, friend} {
		if _, err := from.WriteTo([]byte(from.LocalAddr().String()), local); err != nil {
			t.Fatal(err)
		}
	}
	got, err := u.Receive(ctx)
	if err != nil || string(got.F0) != friend.LocalAddr().String() {
		t.Errorf("received %q, %v", got.F0, err)
	}
}

// TestDatagramHammer3 has everything happen to one socket at the same time:
// each datagram is received once.
func TestDatagramHammer3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	u := udp3(t, s, "127.0.0.1:0")
	local := addr3(t, u)
	const count, readers = 200, 4
	var mu sync.Mutex
	seen := map[string]int{}
	var wg, reading sync.WaitGroup
	all, done := context.WithCancelCause(ctx)
	for range readers {
		reading.Go(func() {
			for {
				got, err := u.Receive(all)
				if err != nil {
					if code3(err) != "invalid-state" && all.Err() == nil {
						t.Error(code3(err))
					}
					return
				}
				mu.Lock()
				seen[string(got.F0)]++
				mu.Unlock()
			}
		})
		wg.Go(func() {
			for range 50 { // waits that are given up do no harm to others
				short, cancel := context.WithCancel(all)
				cancel()
				if _, err := u.Receive(short); err == nil {
					t.Error("received though the guest gave up")
				}
			}
		})
	}
	sent := make(chan struct{})
	wg.Go(func() {
		defer close(sent)
		for i := range count {
			if err := u.Send(ctx, fmt.Append(nil, i), to3(local)); err != nil {
				t.Error(code3(err))
			}
		}
	})
	wg.Go(func() { _ = u.SetUnicastHopLimit(ctx, 9); _, _ = u.GetReceiveBufferSize(ctx); _ = u.Disconnect(ctx) })
	wg.Wait()
	waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == count })
	u.Drop(ctx)
	reading.Wait()
	done(nil)
	for text, n := range seen {
		if n != 1 {
			t.Errorf("%s was received %d times", text, n)
		}
	}
}

func TestLookup3(t *testing.T) {
	ctx := testCtx(t)
	s := New3(New(Config{
		Policy:   rules(t, "*.test:80", "10.0.0.0/8"),
		Resolver: answers{"a.test": {"192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1"}, "busy.test": nil, "broken.test": {}},
	}), nil)
	for name, want := range map[string]string{
		"a.test":            "[192.0.2.1 192.0.2.2 2001:db8::1]",
		"none.test":         "name-unresolvable",
		"busy.test":         "temporary-resolver-failure",
		"broken.test":       "permanent-resolver-failure",
		"other.example":     "access-denied",
		"::ffff:192.0.2.77": "[192.0.2.77]",
		"":                  "invalid-argument",
		"a.test:80":         "invalid-argument",
	} {
		got := ""
		list, err := s.ResolveAddresses(ctx, name)
		if got = code3(err); err == nil {
			var text []string
			for _, a := range list {
				text = append(text, endpointOf3(socketAddress3(a)).Addr().String())
			}
			got = fmt.Sprint(text)
		}
		if got != want {
			t.Errorf("look up %q: %s, want %s", name, got, want)
		}
	}
	gone := errors.New("the guest gave up")
	short, cancel := context.WithCancelCause(ctx)
	cancel(gone)
	if _, err := s.ResolveAddresses(short, "slow.test"); !errors.Is(err, gone) {
		t.Errorf("cancelled look-up: %v", err)
	}
	s.sys.max = 0
	_, err := s.ResolveAddresses(ctx, "a.test")
	wantCode3(t, "one look-up too many", err, "other")
	if n := s.sys.open.Load(); n != 0 {
		t.Errorf("%d look-ups stay", n)
	}
}

func socketAddress3(a api3.IpAddress) api3.IpSocketAddress {
	if a.Case == api3.IpAddressCaseIpv4 {
		return api3.IpSocketAddressIpv4(api3.Ipv4SocketAddress{Address: a.Ipv4})
	}
	return api3.IpSocketAddressIpv6(api3.Ipv6SocketAddress{Address: a.Ipv6})
}
