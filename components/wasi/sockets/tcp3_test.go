//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/internal/poll"
	"latticework/wit/abi"
)

func TestEcho3(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(where, func(t *testing.T) {
			ctx := testCtx(t)
			s := system3(t, "listen:127.0.0.1", "listen:::1", "127.0.0.1", "::1")
			client, server := connected3(ctx, t, s, where)
			// The server sends what it receives, from stream to stream.
			back, backEnd := receive3(t, server)
			echoed := send3(t, server, back)
			big := strings.Repeat("0123456789", 300_000)
			in, inEnd := receive3(t, client)
			sent := send3(t, client, says(big))
			if got := readAll3(ctx, t, in); got != big {
				t.Errorf("%d bytes came back, want %d", len(got), len(big))
			}
			for what, f := range map[string]abi.Future[outcome]{"send": sent, "receive": inEnd, "echo's send": echoed, "echo's receive": backEnd} {
				if got := outcome3(ctx, f); got != "ok" {
					t.Errorf("%s: %s", what, got)
				}
			}
			if n, err := in.Read(ctx, make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("read after the end: %d, %v", n, err)
			}
		})
	}
}

func TestStates3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	client, server := connected3(ctx, t, s, "127.0.0.1:0")
	addr, err := client.GetRemoteAddress(ctx)
	if err != nil {
		t.Fatal(code3(err))
	}
	fresh := func() *tcpSocket3 { return tcp3(t, s, v4of3) }
	bound := fresh()
	wantCode3(t, "bind", bound.Bind(ctx, at3("127.0.0.1:0")), "ok")
	listening := fresh()
	conns, err := listening.Listen(ctx)
	wantCode3(t, "listen unbound", err, "ok")
	defer conns.Close()
	if on, _ := listening.GetIsListening(ctx); !on {
		t.Error("not listening")
	}
	failed := fresh()
	closedPort := at3("127.0.0.1:1")
	wantCode3(t, "connect to a closed port", failed.Connect(ctx, closedPort), "connection-refused")
	second := func(_ any, err error) error { return err }
	for _, step := range []struct {
		what string
		err  error
		want string
	}{
		{"bind to another family", fresh().Bind(ctx, at3("[::1]:0")), "invalid-argument"},
		{"bind to multicast", fresh().Bind(ctx, at3("224.0.0.1:0")), "invalid-argument"},
		{"bind to broadcast", fresh().Bind(ctx, at3("255.255.255.255:0")), "invalid-argument"},
		{"bind elsewhere", fresh().Bind(ctx, at3("192.0.2.1:0")), "address-not-bindable"},
		{"bind to what is in use", fresh().Bind(ctx, addr), "address-in-use"},
		{"bind again", bound.Bind(ctx, at3("127.0.0.1:0")), "invalid-state"},
		{"bind when connected", client.Bind(ctx, at3("127.0.0.1:0")), "invalid-state"},
		{"connect to port 0", fresh().Connect(ctx, at3("127.0.0.1:0")), "invalid-argument"},
		{"connect to nobody", fresh().Connect(ctx, at3("0.0.0.0:80")), "invalid-argument"},
		{"connect to a mapped address", tcp3(t, s, v6of3).Connect(ctx, at3("[::ffff:127.0.0.1]:80")), "invalid-argument"},
		{"connect again", client.Connect(ctx, addr), "invalid-state"},
		{"connect when listening", listening.Connect(ctx, addr), "invalid-state"},
		{"connect after a failure", failed.Connect(ctx, addr), "invalid-state"},
		{"listen again", second(listening.Listen(ctx)), "invalid-state"},
		{"listen when connected", second(server.Listen(ctx)), "invalid-state"},
		{"local address unbound", second(fresh().GetLocalAddress(ctx)), "invalid-state"},
		{"local address after a failure", second(failed.GetLocalAddress(ctx)), "invalid-state"},
		{"remote address when listening", second(listening.GetRemoteAddress(ctx)), "invalid-state"},
		{"option after a failure", second(failed.GetHopLimit(ctx)), "invalid-state"},
		{"backlog 0", fresh().SetListenBacklogSize(ctx, 0), "invalid-argument"},
		{"backlog when listening", listening.SetListenBacklogSize(ctx, 7), "ok"},
		{"backlog when connected", client.SetListenBacklogSize(ctx, 7), "invalid-state"},
	} {
		wantCode3(t, step.what, step.err, step.want)
	}
	unread := says("x")
	if got := outcome3(ctx, send3(t, fresh(), unread)); got != "invalid-state" {
		t.Errorf("send unconnected: %s", got)
	}
	select {
	case <-unread.closed:
	default:
		t.Error("the data of a refused send is not let go of")
	}
	first := send3(t, client, says("hello"))
	if got := outcome3(ctx, send3(t, client, says("again"))); got != "invalid-state" {
		t.Errorf("send again: %s", got)
	}
	if got := outcome3(ctx, first); got != "ok" {
		t.Errorf("send: %s", got)
	}
	in, end := receive3(t, server)
	again, endAgain := receive3(t, server)
	if got := readAll3(ctx, t, again) + outcome3(ctx, endAgain); got != "invalid-state" {
		t.Errorf("receive again: %s", got)
	}
	if got := readAll3(ctx, t, in) + outcome3(ctx, end); got != "hellook" {
		t.Errorf("receive: %s", got)
	}
}

func TestNothingIsAllowedByDefault3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t)
	_, err := s.TcpSocketCreate(ctx, v4of3)
	wantCode3(t, "create tcp", err, "access-denied")
	_, err = s.UdpSocketCreate(ctx, v6of3)
	wantCode3(t, "create udp", err, "access-denied")
	for _, name := range []string{"localhost", "127.0.0.1", "bad name"} {
		_, err = s.ResolveAddresses(ctx, name)
		wantCode3(t, "look up "+name, err, "access-denied")
	}
}

func TestRulesBoundWhatASocketDoes3(t *testing.T) {
	ctx := testCtx(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s := system3(t, "tcp:"+server.Addr().String(), "tcp:listen:127.0.0.2")
	fresh := func() *tcpSocket3 { return tcp3(t, s, v4of3) }
	for _, to := range []string{"127.0.0.1:1", "127.0.0.3:80", "192.0.2.1:80"} {
		wantCode3(t, "connect to "+to, fresh().Connect(ctx, at3(to)), "access-denied")
	}
	wantCode3(t, "bind elsewhere", fresh().Bind(ctx, at3("127.0.0.1:9")), "access-denied")
	wantCode3(t, "bind to all", fresh().Bind(ctx, at3("0.0.0.0:9")), "access-denied")
	_, err = s.UdpSocketCreate(ctx, v4of3)
	wantCode3(t, "create udp", err, "access-denied")
	// A free port may be taken to connect from, but not to listen at.
	k := fresh()
	wantCode3(t, "bind to connect", k.Bind(ctx, at3("0.0.0.0:0")), "ok")
	_, err = k.Listen(ctx)
	wantCode3(t, "listen where only connecting is allowed", err, "access-denied")
	_, err = fresh().Listen(ctx)
	wantCode3(t, "listen unbound where only connecting is allowed", err, "access-denied")
	wantCode3(t, "connect", k.Connect(ctx, at3(server.Addr().String())), "ok")
	listen3(t, s, "127.0.0.2:0")
}

// TestCancel3 ends each wait that a guest may be in.
func TestCancel3(t *testing.T) {
	bg := testCtx(t)
	s := system3(t, everything...)
	gone := errors.New("the guest gave up")
	cancelled := func(what string, f func(ctx context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithCancelCause(bg)
		timer := time.AfterFunc(20*time.Millisecond, func() { cancel(gone) })
		defer timer.Stop()
		if err := f(ctx); !errors.Is(err, gone) {
			t.Errorf("%s: %v", what, err)
		}
	}
	conns, _ := listen3(t, s, "127.0.0.1:0")
	accept := func(ctx context.Context) error {
		_, err := conns.Read(ctx, make([]api3.TcpSocket, 1))
		return err
	}
	client, _ := connected3(bg, t, s, "127.0.0.1:0")
	in, _ := receive3(t, client)
	receive := func(ctx context.Context) error { _, err := in.Read(ctx, make([]byte, 1)); return err }
	u := udp3(t, s, "127.0.0.1:0")
	datagram := func(ctx context.Context) error { _, err := u.Receive(ctx); return err }
	for range 2 { // a cancelled wait does not harm the next one
		cancelled("accept", accept)
		cancelled("receive", receive)
		cancelled("receive a datagram", datagram)
	}
	to := stuck(t)
	k := tcp3(t, s, v4of3)
	cancelled("connect", func(ctx context.Context) error { return k.Connect(ctx, to) })
	wantCode3(t, "connect after a cancelled one", k.Connect(bg, to), "invalid-state")
}

// stuck returns the address of a listener whose queue is full: connecting to
// it takes forever.
func stuck(t *testing.T) api3.IpSocketAddress {
	t.Helper()
	s := New(Config{Policy: rules(t, everything...)})
	l := newStreamSocket(mustSock(t, s), unbound, result3)
	t.Cleanup(l.release)
	l.backlog = 0
	if err := errors.Join(l.bind(netip.MustParseAddrPort("127.0.0.1:0")), l.listen()); err != nil {
		t.Fatal(err)
	}
	e, err := l.local()
	if err != nil {
		t.Fatal(err)
	}
	for range 16 {
		c, err := net.DialTimeout("tcp", e.String(), 100*time.Millisecond)
		if err != nil {
			return toEndpoint3(e)
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue of a listener does not fill")
	return api3.IpSocketAddress{}
}

// TestDropEndsWaits drops what a wait is in progress on.
func TestDropEndsWaits(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	var wg sync.WaitGroup
	wait := func(what string, f func() error, want string, drop func()) {
		done := make(chan error, 1)
		wg.Go(func() { done <- f() })
		timer := time.NewTimer(20 * time.Millisecond) // so that it waits, most times
		defer timer.Stop()
		<-timer.C
		drop()
		if got := code3(<-done); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	conns, _ := listen3(t, s, "127.0.0.1:0")
	wait("accept", func() error { _, err := conns.Read(ctx, make([]api3.TcpSocket, 1)); return err }, "given up", conns.Close)
	client, _ := connected3(ctx, t, s, "127.0.0.1:0")
	in, end := receive3(t, client)
	wait("receive", func() error { _, err := in.Read(ctx, make([]byte, 1)); return err }, "given up", in.Close)
	if got := outcome3(ctx, end); got != "ok" {
		t.Errorf("receive whose stream was dropped: %s", got)
	}
	u := udp3(t, s, "127.0.0.1:0")
	wait("receive a datagram", func() error { _, err := u.Receive(ctx); return err }, "invalid-state", func() { u.Drop(ctx) })
	to := stuck(t)
	k := tcp3(t, s, v4of3)
	wait("connect", func() error { return k.Connect(ctx, to) }, "invalid-state", func() { k.Drop(ctx) })
	wg.Wait()
}

func TestStreamsOutliveTheSocket3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	client, server := connected3(ctx, t, s, "127.0.0.1:0")
	g := newGuest()
	sent := send3(t, client, g)
	in, _ := receive3(t, client)
	theirs, _ := receive3(t, server)
	client.Drop(ctx)
	client.Drop(ctx)
	g.text <- "still here"
	g.over(io.EOF)
	if got := outcome3(ctx, sent) + readAll3(ctx, t, theirs); got != "okstill here" {
		t.Error(got)
	}
	send3(t, server, says("and back"))
	if got := readAll3(ctx, t, in); got != "and back" {
		t.Error(got)
	}
}

func TestConnectionFailures3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	k := tcp3(t, s, v4of3)
	wantCode3(t, "connect", k.Connect(ctx, at3(raw.Addr().String())), "ok")
	peer, err := raw.Accept()
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest()
	sent := send3(t, k, g)
	in, end := receive3(t, k)
	_ = peer.(*net.TCPConn).SetLinger(0)
	_ = peer.Close() // with a reset
	if _, err := in.Read(ctx, make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("read from a connection that was reset: %v", err)
	}
	if got := outcome3(ctx, end); got != "connection-reset" {
		t.Errorf("receive: %s", got)
	}
	select {
	case g.text <- "x":
	case <-ctx.Done():
	}
	if got := outcome3(ctx, sent); got != "connection-broken" && got != "connection-reset" {
		t.Errorf("send: %s", got)
	}
	select {
	case <-g.closed:
	case <-ctx.Done():
		t.Error("the data of a send that failed is not let go of")
	}
}

// TestAcceptWaitsForASocket has more connections than sockets.
func TestAcceptWaitsForASocket(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	conns, addr := listen3(t, s, "127.0.0.1:0")
	s.sys.max = 2
	var said int
	s.sys.limited = func(error) { said++ }
	for range 2 {
		c, err := net.Dial("tcp", endpointOf3(addr).String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := accept3(ctx, t, conns)
	done := make(chan struct{})
	go func() {
		defer close(done)
		accept3(ctx, t, conns)
	}()
	poll.Until(t, 10*time.Second, "a wait for a socket", func() (any, bool) {
		n := s.sys.starved.Load()
		return n, n == 1
	})
	first.Drop(ctx)
	<-done
	if said != 1 {
		t.Errorf("the host was told %d times", said)
	}
	if s.sys.open.Load() != 2 {
		t.Errorf("%d sockets, want 2", s.sys.open.Load())
	}
}

func TestInheritedOptions3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	for _, where := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := tcp3(t, s, familyOf3(at3(where)))
		for _, err := range []error{
			l.Bind(ctx, at3(where)), l.SetHopLimit(ctx, 9), l.SetKeepAliveEnabled(ctx, true),
			l.SetKeepAliveIdleTime(ctx, 33e9), l.SetKeepAliveInterval(ctx, 1), l.SetKeepAliveCount(ctx, 1<<30),
		} {
			wantCode3(t, "set up a listener", err, "ok")
		}
		conns, err := l.Listen(ctx)
		if err != nil {
			t.Fatal(code3(err))
		}
		defer conns.Close()
		addr, _ := l.GetLocalAddress(ctx)
		client := tcp3(t, s, familyOf3(at3(where)))
		wantCode3(t, "connect", client.Connect(ctx, addr), "ok")
		c := accept3(ctx, t, conns)
		hops, _ := c.GetHopLimit(ctx)
		on, _ := c.GetKeepAliveEnabled(ctx)
		idle, _ := c.GetKeepAliveIdleTime(ctx)
		interval, _ := c.GetKeepAliveInterval(ctx)
		count, _ := c.GetKeepAliveCount(ctx)
		if hops != 9 || !on || idle != 33e9 || interval != 1e9 || count != maxKeepAliveCount {
			t.Errorf("%s: hops %d, keep-alive %v, %d, %d, %d", where, hops, on, idle, interval, count)
		}
	}
}

// TestHammer3 has everything happen to one connection at the same time.
func TestHammer3(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	conns, addr := listen3(t, s, "127.0.0.1:0")
	for i := range 50 {
		client := tcp3(t, s, v4of3)
		if err := client.Connect(ctx, addr); err != nil {
			t.Fatal(code3(err))
		}
		server := accept3(ctx, t, conns)
		var wg sync.WaitGroup
		for _, k := range []*tcpSocket3{client, server} {
			g := newGuest()
			for range 2 { // one of each is refused
				wg.Go(func() {
					f, _ := k.Send(ctx, g)
					_ = outcome3(ctx, f)
					f.Close()
				})
				wg.Go(func() {
					pair, _ := k.Receive(ctx)
					_, _ = pair.F0.Read(ctx, make([]byte, 100))
					pair.F0.Close()
					_ = outcome3(ctx, pair.F1)
				})
			}
			wg.Go(func() {
				select {
				case g.text <- strings.Repeat("x", 1000*i):
				case <-g.closed:
				}
				g.over(io.EOF)
			})
			wg.Go(func() { _, _ = k.GetRemoteAddress(ctx); _, _ = k.GetHopLimit(ctx); _ = k.SetSendBufferSize(ctx, 4096) })
			wg.Go(func() { k.Drop(ctx) })
			wg.Go(func() { _ = k.Connect(ctx, addr); _ = k.Bind(ctx, at3("127.0.0.1:0")) })
		}
		wg.Wait()
	}
}
