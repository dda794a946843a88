//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

func udp(t *testing.T, s *System, where string) (api.UdpSocket, api.IpSocketAddress) {
	t.Helper()
	e := at(where)
	family := v4
	if e.Case == api.IpSocketAddressCaseIpv6 {
		family = v6
	}
	ctx := t.Context()
	u, err := s.CreateUdpSocket(ctx, family)
	if err != nil {
		t.Fatal(code(err))
	}
	t.Cleanup(func() { u.Drop(context.Background()) })
	wantCode(t, "start-bind", u.StartBind(ctx, network{}, e), "ok")
	wantCode(t, "finish-bind", u.FinishBind(ctx), "ok")
	local, err := u.LocalAddress(ctx)
	if err != nil {
		t.Fatal(code(err))
	}
	return u, local
}

type pair struct {
	in  api.IncomingDatagramStream
	out api.OutgoingDatagramStream
}

func stream(t *testing.T, u api.UdpSocket, peer ...api.IpSocketAddress) pair {
	t.Helper()
	remote := abi.None[api.IpSocketAddress]()
	if len(peer) > 0 {
		remote = abi.Some(peer[0])
	}
	got, err := u.Stream(t.Context(), remote)
	if err != nil {
		t.Fatal(code(err))
	}
	t.Cleanup(func() { got.F0.Drop(context.Background()); got.F1.Drop(context.Background()) })
	return pair{got.F0, got.F1}
}

// send sends texts to one peer, or to the associated one.
func (p pair) send(ctx context.Context, t *testing.T, to abi.Option[api.IpSocketAddress], texts ...string) (uint64, error) {
	t.Helper()
	n, err := p.out.CheckSend(ctx)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		t.Fatal("nothing may be sent")
	}
	var list []api.OutgoingDatagram
	for _, s := range texts {
		list = append(list, api.OutgoingDatagram{Data: []byte(s), RemoteAddress: to})
	}
	return p.out.Send(ctx, list)
}

// receive waits for the next datagrams.
func (p pair) receive(ctx context.Context, t *testing.T) []api.IncomingDatagram {
	t.Helper()
	for {
		if err := mustSubscribe(t, p.in).Block(ctx); err != nil {
			t.Fatal(err)
		}
		list, err := p.in.Receive(ctx, 100)
		if err != nil {
			t.Fatal(code(err))
		}
		if len(list) > 0 {
			return list
		}
	}
}

func TestDatagrams(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(where, func(t *testing.T) {
			ctx := testCtx(t)
			s := system(t, "0.0.0.0/0", "::/0", "listen:*")
			u1, a1 := udp(t, s, where)
			u2, a2 := udp(t, s, where)
			p1, p2 := stream(t, u1), stream(t, u2, a1)
			if list, err := p1.in.Receive(ctx, 10); len(list) != 0 || err != nil {
				t.Errorf("received %v, %v", list, err)
			}
			if n, err := p2.send(ctx, t, abi.None[api.IpSocketAddress](), "one", "", "three"); n != 3 || err != nil {
				t.Fatalf("sent %d, %v", n, err)
			}
			var got []string
			for len(got) < 3 {
				for _, d := range p1.receive(ctx, t) {
					got = append(got, string(d.Data))
					if d.RemoteAddress != a2 {
						t.Errorf("from %v, want %v", d.RemoteAddress, a2)
					}
				}
			}
			if fmt.Sprint(got) != "[one  three]" {
				t.Errorf("received %q", got)
			}
			if n, err := p1.send(ctx, t, abi.Some(a2), "back"); n != 1 || err != nil {
				t.Errorf("sent %d, %v", n, err)
			}
			if back := p2.receive(ctx, t); string(back[0].Data) != "back" {
				t.Errorf("received %q", back[0].Data)
			}
			if list, err := p2.in.Receive(ctx, 0); len(list) != 0 || err != nil {
				t.Errorf("received %v, %v", list, err)
			}
		})
	}
}

func TestAssociatedStreamHearsItsPeerAlone(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0", "listen:*")
	u, a := udp(t, s, "127.0.0.1:0")
	friend, fa := udp(t, s, "127.0.0.1:0")
	stranger, sa := udp(t, s, "127.0.0.1:0")
	old := stream(t, u, sa)
	p := stream(t, u, fa)
	if remote, err := u.RemoteAddress(ctx); remote != fa || err != nil {
		t.Errorf("remote address %v, %v", remote, err)
	}
	fp, sp := stream(t, friend), stream(t, stranger)
	for _, from := range []pair{sp, fp} {
		if n, err := from.send(ctx, t, abi.Some(a), "hello"); n != 1 || err != nil {
			t.Fatalf("sent %d, %v", n, err)
		}
	}
	if got := p.receive(ctx, t); len(got) != 1 || got[0].RemoteAddress != fa {
		t.Errorf("received %v", got)
	}
	_, err := p.send(ctx, t, abi.Some(sa), "x")
	wantCode(t, "send to another", err, "invalid-argument")
	if n, err := p.send(ctx, t, abi.Some(fa), "x"); n != 1 || err != nil {
		t.Errorf("send to the peer by name: %d, %v", n, err)
	}
	_, err = old.in.Receive(ctx, 1)
	wantCode(t, "receive on the older pair", err, "invalid-state")
	_, err = old.out.CheckSend(ctx)
	wantCode(t, "check-send on the older pair", err, "invalid-state")
	free := stream(t, u)
	if _, err := u.RemoteAddress(ctx); code(err) != "invalid-state" {
		t.Errorf("remote address without a peer: %v", err)
	}
	if n, err := sp.send(ctx, t, abi.Some(a), "again"); n != 1 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	if got := free.receive(ctx, t); got[0].RemoteAddress != sa {
		t.Errorf("received %v", got)
	}
}

func TestDatagramRefusals(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "udp:127.0.0.1:9")
	u, err := s.CreateUdpSocket(ctx, v4)
	if err != nil {
		t.Fatal(code(err))
	}
	defer u.Drop(ctx)
	_, err = u.Stream(ctx, abi.None[api.IpSocketAddress]())
	wantCode(t, "stream unbound", err, "invalid-state")
	wantCode(t, "finish-bind at first", u.FinishBind(ctx), "not-in-progress")
	wantCode(t, "bind to a port", u.StartBind(ctx, network{}, at("127.0.0.1:5353")), "access-denied")
	wantCode(t, "bind to another family", u.StartBind(ctx, network{}, at("[::1]:0")), "invalid-argument")
	wantCode(t, "bind", u.StartBind(ctx, network{}, at("0.0.0.0:0")), "ok")
	wantCode(t, "bind again", u.StartBind(ctx, network{}, at("0.0.0.0:0")), "concurrency-conflict")
	wantCode(t, "finish-bind", u.FinishBind(ctx), "ok")
	for to, want := range map[string]string{
		"127.0.0.1:0": "invalid-argument", "0.0.0.0:9": "invalid-argument", "[::1]:9": "invalid-argument",
		"127.0.0.1:10": "access-denied", "127.0.0.2:9": "access-denied",
	} {
		_, err := u.Stream(ctx, abi.Some(at(to)))
		wantCode(t, "stream to "+to, err, want)
	}
	p := stream(t, u)
	_, err = p.send(ctx, t, abi.None[api.IpSocketAddress](), "x")
	wantCode(t, "send to nobody", err, "invalid-argument")
	_, err = p.send(ctx, t, abi.Some(at("127.0.0.1:10")), "x")
	wantCode(t, "send elsewhere", err, "access-denied")
	_, err = p.send(ctx, t, abi.Some(at("127.0.0.1:9")), string(make([]byte, 70000)))
	wantCode(t, "send too much", err, "datagram-too-large")
	_, err = p.out.Send(ctx, make([]api.OutgoingDatagram, maxDatagrams+1))
	if errcode.Of(err) != errcode.Trap {
		t.Errorf("send beyond what is allowed: %v, want a trap", err)
	}
	// What no rule allows to come in is not seen.
	local, _ := u.LocalAddress(ctx)
	sender, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(local.Ipv4.Port)})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if _, err := sender.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := mustSubscribe(t, p.in).Block(ctx); err != nil {
		t.Fatal(err)
	}
	if list, err := p.in.Receive(ctx, 10); len(list) != 0 || err != nil {
		t.Errorf("received %v, %v from a stranger", list, err)
	}
}

// answers is a resolver with fixed answers; it blocks for "slow.test".
type answers map[string][]string

func (a answers) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	if host == "slow.test" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	list, ok := a[host]
	switch {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case list == nil:
		return nil, &net.DNSError{Err: "try again", Name: host, IsTemporary: true}
	case len(list) == 0:
		return nil, errors.New("broken")
	}
	var addrs []netip.Addr
	for _, s := range list {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs, nil
}

func TestLookup(t *testing.T) {
	ctx := testCtx(t)
	s := New(Config{
		Policy:   rules(t, "*.test:80", "xn--bcher-kva.example", "10.0.0.0/8"),
		Resolver: answers{"a.test": {"192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1"}, "busy.test": nil, "broken.test": {}, "xn--bcher-kva.example": {"192.0.2.9"}},
	})
	all := func(name string) string {
		l, err := s.ResolveAddresses(ctx, network{}, name)
		if err != nil {
			return code(err)
		}
		defer l.Drop(ctx)
		if err := mustSubscribe(t, l).Block(ctx); err != nil {
			t.Fatal(err)
		}
		var list []string
		for {
			a, err := l.ResolveNextAddress(ctx)
			if err != nil {
				return code(err)
			}
			if !a.Some {
				return fmt.Sprint(list)
			}
			list = append(list, addrOf(a.Value).String())
		}
	}
	for name, want := range map[string]string{
		"a.test":                  "[192.0.2.1 192.0.2.2 2001:db8::1]",
		"A.TEST.":                 "[192.0.2.1 192.0.2.2 2001:db8::1]",
		"bücher.example":          "[192.0.2.9]",
		"none.test":               "name-unresolvable",
		"busy.test":               "temporary-resolver-failure",
		"broken.test":             "permanent-resolver-failure",
		"other.example":           "access-denied",
		"192.0.2.77":              "[192.0.2.77]",
		"::ffff:192.0.2.77":       "[192.0.2.77]",
		"":                        "invalid-argument",
		"a b":                     "invalid-argument",
		"http://a.test":           "invalid-argument",
		"a.test:80":               "invalid-argument",
		string(make([]byte, 300)): "invalid-argument",
	} {
		if got := all(name); got != want {
			t.Errorf("look up %q: %s, want %s", name, got, want)
		}
	}
	if !s.mayReach(TCP, netip.MustParseAddrPort("192.0.2.1:80")) || s.mayReach(TCP, netip.MustParseAddrPort("192.0.2.1:81")) {
		t.Error("the rule for a name does not bound what it resolved to")
	}
	if s.mayReach(TCP, netip.MustParseAddrPort("192.0.2.77:80")) {
		t.Error("a literal address opened itself up")
	}
	l, err := s.ResolveAddresses(ctx, network{}, "slow.test")
	if err != nil {
		t.Fatal(code(err))
	}
	_, err = l.ResolveNextAddress(ctx)
	wantCode(t, "look up what takes time", err, "would-block")
	l.Drop(ctx)
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d look-ups stay", n)
	}
}
