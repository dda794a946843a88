//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/components/wasi/streams"
	"latticework/internal/leakcheck"
	"latticework/internal/poll"
	"latticework/wit/abi"
)

const v4of3, v6of3 = api3.IpAddressFamilyIpv4, api3.IpAddressFamilyIpv6

// everything are the rules under which nothing is refused.
var everything = []string{"0.0.0.0/0", "::/0", "listen:*"}

// code3 is code for WASI 0.3.
func code3(err error) string {
	var f *abi.Failure[api3.TypesErrorCode]
	var l *abi.Failure[api3.IpNameLookupErrorCode]
	switch {
	case errors.As(err, &f):
		return f.Value.Case.String()
	case errors.As(err, &l):
		return l.Value.Case.String()
	}
	return code(err)
}

func wantCode3(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code3(err); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// system3 returns the interfaces under rules. When the test is over, and what
// it began is cleaned up, nothing may stay: no socket, goroutine or descriptor.
func system3(t *testing.T, texts ...string) *System3 {
	t.Helper()
	leakcheck.Check(t)
	s := New3(system(t, texts...), streams.NewGroup())
	t.Cleanup(s.group.Close)
	return s
}

func at3(text string) api3.IpSocketAddress { return toEndpoint3(netip.MustParseAddrPort(text)) }

func familyOf3(e api3.IpSocketAddress) api3.IpAddressFamily { return api3.IpAddressFamily(e.Case) }

func tcp3(t testing.TB, s *System3, family api3.IpAddressFamily) *tcpSocket3 {
	t.Helper()
	k, err := s.TcpSocketCreate(t.Context(), family)
	if err != nil {
		t.Fatal(code3(err))
	}
	t.Cleanup(func() { k.Drop(context.Background()) })
	return k.(*tcpSocket3)
}

// listen3 returns the connections of a listener, and its address.
func listen3(t testing.TB, s *System3, where string) (abi.Stream[api3.TcpSocket], api3.IpSocketAddress) {
	t.Helper()
	ctx := t.Context()
	l := tcp3(t, s, familyOf3(at3(where)))
	if err := l.Bind(ctx, at3(where)); err != nil {
		t.Fatal(code3(err))
	}
	conns, err := l.Listen(ctx)
	if err != nil {
		t.Fatal(code3(err))
	}
	t.Cleanup(conns.Close)
	addr, err := l.GetLocalAddress(ctx)
	if err != nil {
		t.Fatal(code3(err))
	}
	return conns, addr
}

func accept3(ctx context.Context, t testing.TB, conns abi.Stream[api3.TcpSocket]) *tcpSocket3 {
	t.Helper()
	var one [1]api3.TcpSocket
	if n, err := conns.Read(ctx, one[:]); n != 1 || err != nil {
		t.Fatalf("accept: %d, %v", n, err)
	}
	t.Cleanup(func() { one[0].Drop(context.Background()) })
	return one[0].(*tcpSocket3)
}

// connected3 returns the two sides of a connection.
func connected3(ctx context.Context, t testing.TB, s *System3, where string) (client, server *tcpSocket3) {
	t.Helper()
	conns, addr := listen3(t, s, where)
	client = tcp3(t, s, familyOf3(addr))
	if err := client.Connect(ctx, addr); err != nil {
		t.Fatal(code3(err))
	}
	return client, accept3(ctx, t, conns)
}

func receive3(t testing.TB, k *tcpSocket3) (abi.Stream[byte], abi.Future[outcome]) {
	t.Helper()
	pair, err := k.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.F0.Close)
	return pair.F0, pair.F1
}

func send3(t testing.TB, k *tcpSocket3, data abi.Stream[byte]) abi.Future[outcome] {
	t.Helper()
	f, err := k.Send(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// outcome3 waits for an outcome, "ok" or the code.
func outcome3(ctx context.Context, f abi.Future[outcome]) string {
	switch r, err := f.Read(ctx); {
	case err != nil:
		return "none: " + err.Error()
	case r.IsErr:
		return r.Err.Case.String()
	}
	return "ok"
}

func readAll3(ctx context.Context, t testing.TB, s abi.Stream[byte]) string {
	t.Helper()
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := s.Read(ctx, buf)
		all = append(all, buf[:n]...)
		if err != nil {
			if err != io.EOF {
				t.Errorf("read: %v", err)
			}
			return string(all)
		}
	}
}

// guest is a stream that a guest writes: what is put into text, until over is
// called with why nothing more comes.
type guest struct {
	text   chan string
	rest   string
	ended  chan struct{}
	why    error // set before ended is closed
	once   sync.Once
	closed chan struct{} // by the reader
	gone   sync.Once
}

// A guest's stream is recognised by this.
var _ abi.ElementReader = (*guest)(nil)

func newGuest() *guest {
	return &guest{text: make(chan string), ended: make(chan struct{}), closed: make(chan struct{})}
}

// says returns a stream of text alone.
func says(text string) *guest {
	g := newGuest()
	g.rest = text
	g.over(io.EOF)
	return g
}

func (g *guest) over(why error) {
	g.once.Do(func() {
		g.why = why
		close(g.ended)
	})
}

// endless is a stream of a source in Go.
type endless struct{}

func (endless) Read(ctx context.Context, b []byte) (int, error) { return len(b), ctx.Err() }
func (endless) Close()                                          {}

func (g *guest) Read(ctx context.Context, b []byte) (int, error) {
	if g.rest == "" {
		select {
		case <-g.ended: // also where ctx has ended
			return 0, g.why
		default:
		}
		select {
		case g.rest = <-g.text:
		case <-g.ended:
			return 0, g.why
		case <-g.closed:
			return 0, io.ErrClosedPipe
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	n := copy(b, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

func (g *guest) Close() { g.gone.Do(func() { close(g.closed) }) }

func (g *guest) ReadElements(context.Context, int, abi.Elements) (int, error) {
	panic("bytes are read with Read")
}

// fill has k send until its peer has no room for more and nothing more is read
// ahead, and returns the stream and how the send ends.
func fill(ctx context.Context, t testing.TB, k *tcpSocket3) (*guest, abi.Future[outcome]) {
	t.Helper()
	g := newGuest()
	f := send3(t, k, g)
	chunk := string(make([]byte, 16<<10))
	for {
		timer := time.NewTimer(200 * time.Millisecond)
		select {
		case g.text <- chunk:
			timer.Stop()
		case <-timer.C:
			return g, f
		case <-ctx.Done():
			t.Fatal("a peer that does not read takes everything")
		}
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	poll.Until(t, 10*time.Second, "everything to have arrived", func() (any, bool) { return nil, ok() })
}

func mustSock(t *testing.T, s *System) *sock {
	t.Helper()
	k, err := newSock(s, ipv4, unix.SOCK_STREAM)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
