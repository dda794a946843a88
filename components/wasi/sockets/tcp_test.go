//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/internal/errcode"
)

func TestEcho(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(where, func(t *testing.T) {
			ctx := testCtx(t)
			s := system(t, "listen:127.0.0.1", "listen:::1", "127.0.0.1", "::1")
			l, addr := listener(ctx, t, s, where)
			if on, _ := l.IsListening(ctx); !on {
				t.Error("not listening")
			}
			_, err := l.Accept(ctx)
			wantCode(t, "accept without a connection", err, "would-block")
			big := strings.Repeat("0123456789", 100_000)
			var wg sync.WaitGroup
			wg.Go(func() {
				c := accept(ctx, t, l)
				defer c.drop(ctx)
				for {
					n, err := c.out.BlockingSplice(ctx, c.in, 1<<20)
					if err != nil {
						break
					}
					_ = n
				}
				if err := c.out.BlockingFlush(ctx); err != nil {
					t.Error(err)
				}
				wantCode(t, "shutdown", c.Shutdown(ctx, api.ShutdownTypeSend), "ok")
			})
			c := dial(ctx, t, s, addr)
			defer c.drop(ctx)
			remote, err := c.RemoteAddress(ctx)
			if err != nil || remote != addr {
				t.Errorf("remote address %v, %v; want %v", remote, err, addr)
			}
			wg.Go(func() {
				writeAll(ctx, t, c.out, big)
				wantCode(t, "shutdown", c.Shutdown(ctx, api.ShutdownTypeSend), "ok")
			})
			if got := readAll(ctx, t, c.in); got != big {
				t.Errorf("%d bytes came back, want %d", len(got), len(big))
			}
			wg.Wait()
			if _, err := c.out.CheckWrite(ctx); !isClosed(err) {
				t.Errorf("check-write after shutdown: %v", err)
			}
			wantCode(t, "shutdown again", c.Shutdown(ctx, api.ShutdownTypeBoth), "ok")
		})
	}
}

// writeAll writes with the non-blocking functions alone.
func writeAll(ctx context.Context, t *testing.T, out wasiio.OutputStream, text string) {
	t.Helper()
	p, _ := out.Subscribe(ctx)
	defer p.Drop(ctx)
	for len(text) > 0 {
		n, err := out.CheckWrite(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		if n == 0 {
			if err := p.Block(ctx); err != nil {
				t.Error(err)
				return
			}
			continue
		}
		n = min(n, uint64(len(text)))
		if err := out.Write(ctx, []byte(text[:n])); err != nil {
			t.Error(err)
			return
		}
		text = text[n:]
	}
}

func TestStates(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0", "listen:*")
	l, addr := listener(ctx, t, s, "127.0.0.1:0")
	k := tcp(t, s, v4)
	steps := []struct {
		what string
		err  error
		want string
	}{
		{"finish-bind at first", k.FinishBind(ctx), "not-in-progress"},
		{"finish-listen at first", k.FinishListen(ctx), "not-in-progress"},
		{"start-listen unbound", k.StartListen(ctx), "invalid-state"},
		{"shutdown unbound", k.Shutdown(ctx, api.ShutdownTypeBoth), "invalid-state"},
		{"bind to another family", k.StartBind(ctx, network{}, at("[::1]:0")), "invalid-argument"},
		{"bind to multicast", k.StartBind(ctx, network{}, at("224.0.0.1:0")), "invalid-argument"},
		{"bind to broadcast", k.StartBind(ctx, network{}, at("255.255.255.255:0")), "invalid-argument"},
		{"bind elsewhere", k.StartBind(ctx, network{}, at("192.0.2.1:0")), "address-not-bindable"},
		{"bind to what is in use", k.StartBind(ctx, network{}, addr), "address-in-use"},
		{"connect to port 0", k.StartConnect(ctx, network{}, at("127.0.0.1:0")), "invalid-argument"},
		{"connect to nobody", k.StartConnect(ctx, network{}, at("0.0.0.0:80")), "invalid-argument"},
		{"bind", k.StartBind(ctx, network{}, at("127.0.0.1:0")), "ok"},
		{"bind during bind", k.StartBind(ctx, network{}, at("127.0.0.1:0")), "concurrency-conflict"},
		{"listen during bind", k.StartListen(ctx), "concurrency-conflict"},
		{"finish-bind", k.FinishBind(ctx), "ok"},
		{"finish-bind again", k.FinishBind(ctx), "not-in-progress"},
		{"bind again", k.StartBind(ctx, network{}, at("127.0.0.1:0")), "invalid-state"},
		{"connect when bound", k.StartConnect(ctx, network{}, addr), "ok"},
		{"connect during connect", k.StartConnect(ctx, network{}, addr), "concurrency-conflict"},
		{"backlog during connect", k.SetListenBacklogSize(ctx, 5), "invalid-state"},
	}
	for _, step := range steps {
		wantCode(t, step.what, step.err, step.want)
	}
	c := &conn{TcpSocket: k}
	if err := await(ctx, t, k, func() error {
		pair, err := k.FinishConnect(ctx)
		c.in, c.out = pair.F0, pair.F1
		return err
	}); err != nil {
		t.Fatal(code(err))
	}
	defer c.drop(ctx)
	_, err := k.FinishConnect(ctx)
	wantCode(t, "finish-connect again", err, "not-in-progress")
	wantCode(t, "connect when connected", k.StartConnect(ctx, network{}, addr), "invalid-state")
	wantCode(t, "listen when connected", k.StartListen(ctx), "invalid-state")
	_, err = k.Accept(ctx)
	wantCode(t, "accept when connected", err, "invalid-state")
	_, err = l.RemoteAddress(ctx)
	wantCode(t, "remote address of a listener", err, "invalid-state")
	_, err = tcp(t, s, v4).LocalAddress(ctx)
	wantCode(t, "local address unbound", err, "invalid-state")
	wantCode(t, "connect to a mapped address", tcp(t, s, v6).StartConnect(ctx, network{}, mapped), "invalid-argument")
}

// mapped is 127.0.0.1 in version 6.
var mapped = api.IpSocketAddressIpv6(api.Ipv6SocketAddress{
	Port: 80, Address: api.Ipv6Address{F5: 0xffff, F6: 0x7f00, F7: 1},
})

func TestNothingIsAllowedByDefault(t *testing.T) {
	ctx := testCtx(t)
	s := system(t)
	_, err := s.CreateTcpSocket(ctx, v4)
	wantCode(t, "create tcp", err, "access-denied")
	_, err = s.CreateUdpSocket(ctx, v6)
	wantCode(t, "create udp", err, "access-denied")
	for _, name := range []string{"localhost", "127.0.0.1", "bad name"} {
		_, err = s.ResolveAddresses(ctx, network{}, name)
		wantCode(t, "look up "+name, err, "access-denied")
	}
}

func TestRulesBoundWhatASocketDoes(t *testing.T) {
	ctx := testCtx(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s := system(t, "tcp:"+server.Addr().String(), "tcp:listen:127.0.0.2")
	for _, to := range []string{"127.0.0.1:1", "127.0.0.3:80", "192.0.2.1:80"} {
		wantCode(t, "connect to "+to, tcp(t, s, v4).StartConnect(ctx, network{}, at(to)), "access-denied")
	}
	wantCode(t, "bind elsewhere", tcp(t, s, v4).StartBind(ctx, network{}, at("127.0.0.1:9")), "access-denied")
	wantCode(t, "bind to all", tcp(t, s, v4).StartBind(ctx, network{}, at("0.0.0.0:9")), "access-denied")
	_, err = s.CreateUdpSocket(ctx, v4)
	wantCode(t, "create udp", err, "access-denied")
	// A free port may be taken to connect from, but not to listen at.
	k := tcp(t, s, v4)
	wantCode(t, "bind to connect", k.StartBind(ctx, network{}, at("0.0.0.0:0")), "ok")
	wantCode(t, "finish-bind", k.FinishBind(ctx), "ok")
	wantCode(t, "listen where only connecting is allowed", k.StartListen(ctx), "access-denied")
	c := dial(ctx, t, s, at(server.Addr().String()))
	c.drop(ctx)
	_, _ = listener(ctx, t, s, "127.0.0.2:0")
}

func TestConnectFailures(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0")
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := at(unused.Addr().String())
	_ = unused.Close()
	k := tcp(t, s, v4)
	err = k.StartConnect(ctx, network{}, to)
	if err == nil {
		err = await(ctx, t, k, func() error { _, err := k.FinishConnect(ctx); return err })
	}
	wantCode(t, "connect to a closed port", err, "connection-refused")
	wantCode(t, "connect again", k.StartConnect(ctx, network{}, to), "invalid-state")
	_, err = k.HopLimit(ctx)
	wantCode(t, "option of a closed socket", err, "invalid-state")
	if ready, _ := mustSubscribe(t, k).Ready(ctx); !ready {
		t.Error("a closed socket is not ready")
	}
}

func mustSubscribe(t *testing.T, s interface {
	Subscribe(context.Context) (wasiio.Pollable, error)
}) wasiio.Pollable {
	t.Helper()
	p, err := s.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDropWhileWaiting drops sockets on which a wait is in progress: nothing
// stays behind, which leakcheck and system see to.
func TestDropWhileWaiting(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0", "listen:*")
	l, addr := listener(ctx, t, s, "127.0.0.1:0")
	if ready, _ := mustSubscribe(t, l).Ready(ctx); ready {
		t.Error("a listener without connections is ready")
	}
	c := dial(ctx, t, s, addr)
	peer := accept(ctx, t, l)
	if ready, _ := mustSubscribe(t, c.in).Ready(ctx); ready {
		t.Error("a silent connection is ready")
	}
	if ready, _ := mustSubscribe(t, l).Ready(ctx); ready {
		t.Error("the listener is ready after its one connection was taken")
	}
	l.Drop(ctx)
	c.drop(ctx)
	if got := readAll(ctx, t, peer.in); got != "" {
		t.Errorf("read %q from a connection that was dropped", got)
	}
	peer.drop(ctx)
}

func TestStreamsOutliveTheSocket(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0", "listen:*")
	l, addr := listener(ctx, t, s, "127.0.0.1:0")
	c := dial(ctx, t, s, addr)
	peer := accept(ctx, t, l)
	c.Drop(ctx)
	if err := c.out.BlockingWriteAndFlush(ctx, []byte("still here")); err != nil {
		t.Error(err)
	}
	c.in.Drop(ctx)
	c.out.Drop(ctx)
	if got := readAll(ctx, t, peer.in); got != "still here" {
		t.Errorf("read %q", got)
	}
	peer.drop(ctx)
}

func TestReceiveShutdown(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0", "listen:*")
	l, addr := listener(ctx, t, s, "127.0.0.1:0")
	c := dial(ctx, t, s, addr)
	defer c.drop(ctx)
	peer := accept(ctx, t, l)
	defer peer.drop(ctx)
	if b, err := c.in.Read(ctx, 1); len(b) != 0 || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	wantCode(t, "shutdown", c.Shutdown(ctx, api.ShutdownTypeReceive), "ok")
	if _, err := c.in.BlockingRead(ctx, 1); !isClosed(err) {
		t.Errorf("read after shutdown: %v", err)
	}
	if err := c.out.BlockingWriteAndFlush(ctx, []byte("x")); err != nil {
		t.Errorf("write after shutdown of the other direction: %v", err)
	}
}

func TestSocketsAreBounded(t *testing.T) {
	ctx := testCtx(t)
	var said error
	s := New(Config{Policy: rules(t, "0.0.0.0/0"), MaxSockets: 1, Limited: func(err error) { said = err }})
	k := tcp(t, s, v4)
	_, err := s.CreateTcpSocket(ctx, v4)
	wantCode(t, "one too many", err, "new-socket-limit")
	if !errors.Is(said, errcode.Exhausted) || said.Error() != "sockets: 2 > 1" {
		t.Errorf("the host is told %v", said)
	}
	k.Drop(ctx)
	k.Drop(ctx)
	tcp(t, s, v4)
}

func TestOptions(t *testing.T) {
	ctx := testCtx(t)
	s := system(t, "0.0.0.0/0", "::/0", "listen:*")
	for _, family := range []api.IpAddressFamily{v4, v6} {
		k := tcp(t, s, family)
		if got, _ := k.AddressFamily(ctx); got != family {
			t.Errorf("family %s, want %s", got, family)
		}
		for what, err := range map[string]error{
			"idle 0": k.SetKeepAliveIdleTime(ctx, 0), "interval 0": k.SetKeepAliveInterval(ctx, 0),
			"count 0": k.SetKeepAliveCount(ctx, 0), "hops 0": k.SetHopLimit(ctx, 0), "backlog 0": k.SetListenBacklogSize(ctx, 0),
			"receive 0": k.SetReceiveBufferSize(ctx, 0), "send 0": k.SetSendBufferSize(ctx, 0),
		} {
			wantCode(t, what, err, "invalid-argument")
		}
		for what, err := range map[string]error{
			"keep-alive": k.SetKeepAliveEnabled(ctx, true), "idle": k.SetKeepAliveIdleTime(ctx, uint64(90*time.Second)),
			"interval": k.SetKeepAliveInterval(ctx, 1), "count": k.SetKeepAliveCount(ctx, 1<<31), "hops": k.SetHopLimit(ctx, 42),
			"backlog": k.SetListenBacklogSize(ctx, 1<<63), "receive": k.SetReceiveBufferSize(ctx, 0x10000), "send": k.SetSendBufferSize(ctx, 1<<63),
		} {
			wantCode(t, what, err, "ok")
		}
		on, _ := k.KeepAliveEnabled(ctx)
		idle, _ := k.KeepAliveIdleTime(ctx)
		interval, _ := k.KeepAliveInterval(ctx)
		count, _ := k.KeepAliveCount(ctx)
		hops, _ := k.HopLimit(ctx)
		size, _ := k.ReceiveBufferSize(ctx)
		send, err := k.SendBufferSize(ctx)
		if !on || idle != uint64(90*time.Second) || interval != uint64(time.Second) || count != maxKeepAliveCount || hops != 42 || size != 0x10000 || send == 0 || err != nil {
			t.Errorf("options %v %d %d %d %d %d %d, %v", on, idle, interval, count, hops, size, send, err)
		}
	}
	l, addr := listener(ctx, t, s, "127.0.0.1:0")
	wantCode(t, "hops", l.SetHopLimit(ctx, 33), "ok")
	wantCode(t, "backlog while listening", l.SetListenBacklogSize(ctx, 7), "ok")
	c := dial(ctx, t, s, addr)
	defer c.drop(ctx)
	peer := accept(ctx, t, l)
	defer peer.drop(ctx)
	if hops, _ := peer.HopLimit(ctx); hops != 33 {
		t.Errorf("an accepted socket has %d hops, want its listener's 33", hops)
	}
}
