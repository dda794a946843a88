//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/internal/leakcheck"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const v4, v6 = api.IpAddressFamilyIpv4, api.IpAddressFamilyIpv6

// code returns the error code of err as text, "ok" for nil.
func code(err error) string {
	var f *abi.Failure[api.ErrorCode]
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &f):
		return f.Value.String()
	}
	return "host failure: " + err.Error()
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func testCtx(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// system returns the interfaces under rules and checks that no socket stays.
func system(t *testing.T, texts ...string) *System {
	t.Helper()
	s := New(Config{Policy: rules(t, texts...)})
	t.Cleanup(func() {
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d sockets stay open", n)
		}
	})
	return s
}

func at(text string) api.IpSocketAddress { return toEndpoint(netip.MustParseAddrPort(text)) }

// await repeats a finish function while it would block.
func await(ctx context.Context, t *testing.T, s interface {
	Subscribe(context.Context) (wasiio.Pollable, error)
}, finish func() error) error {
	t.Helper()
	p, err := s.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Drop(ctx)
	for {
		if err := p.Block(ctx); err != nil {
			t.Fatal(err)
		}
		if err := finish(); code(err) != "would-block" {
			return err
		}
	}
}

func tcp(t *testing.T, s *System, family api.IpAddressFamily) api.TcpSocket {
	t.Helper()
	k, err := s.CreateTcpSocket(t.Context(), family)
	if err != nil {
		t.Fatal(code(err))
	}
	t.Cleanup(func() { k.Drop(context.Background()) })
	return k
}

// listener returns a listening socket and its address.
func listener(ctx context.Context, t *testing.T, s *System, where string) (api.TcpSocket, api.IpSocketAddress) {
	t.Helper()
	e := at(where)
	family := v4
	if e.Case == api.IpSocketAddressCaseIpv6 {
		family = v6
	}
	l := tcp(t, s, family)
	for _, err := range []error{
		l.StartBind(ctx, network{}, e), l.FinishBind(ctx), l.StartListen(ctx), l.FinishListen(ctx),
	} {
		if err != nil {
			t.Fatal(code(err))
		}
	}
	local, err := l.LocalAddress(ctx)
	if err != nil {
		t.Fatal(code(err))
	}
	return l, local
}

// conn is one side of a connection.
type conn struct {
	api.TcpSocket
	in  wasiio.InputStream
	out wasiio.OutputStream
}

func (c *conn) drop(ctx context.Context) {
	c.in.Drop(ctx)
	c.out.Drop(ctx)
	c.Drop(ctx)
}

// dial connects to peer.
func dial(ctx context.Context, t *testing.T, s *System, peer api.IpSocketAddress) *conn {
	t.Helper()
	family := v4
	if peer.Case == api.IpSocketAddressCaseIpv6 {
		family = v6
	}
	c := &conn{TcpSocket: tcp(t, s, family)}
	if err := c.StartConnect(ctx, network{}, peer); err != nil {
		t.Fatal(code(err))
	}
	err := await(ctx, t, c, func() error {
		pair, err := c.FinishConnect(ctx)
		c.in, c.out = pair.F0, pair.F1
		return err
	})
	if err != nil {
		t.Fatal(code(err))
	}
	return c
}

// accept takes the next connection.
func accept(ctx context.Context, t *testing.T, l api.TcpSocket) *conn {
	t.Helper()
	var c *conn
	err := await(ctx, t, l, func() error {
		got, err := l.Accept(ctx)
		c = &conn{TcpSocket: got.F0, in: got.F1, out: got.F2}
		return err
	})
	if err != nil {
		t.Fatal(code(err))
	}
	return c
}

// readAll reads until the stream ends.
func readAll(ctx context.Context, t *testing.T, in wasiio.InputStream) string {
	t.Helper()
	var got []byte
	for {
		b, err := in.BlockingRead(ctx, 1<<16)
		if err != nil {
			if !isClosed(err) {
				t.Errorf("read: %v", err)
			}
			return string(got)
		}
		got = append(got, b...)
	}
}

func isClosed(err error) bool {
	var f *abi.Failure[wasiio.StreamError]
	return errors.As(err, &f) && f.Value.Case == wasiio.StreamErrorCaseClosed
}
