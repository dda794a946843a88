//go:build linux || darwin

package sockets

import (
	"context"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// tcpSocket3 is a TCP socket of WASI 0.3. Its methods may run at the same
// time.
type tcpSocket3 struct {
	streamSocket
	group      *streams.Group
	dropped    bool     // guarded by lock
	connecting *waits   // guarded by lock: of the connect in progress
	sending    *sending // guarded by lock: nil until send was called
	receives   bool     // guarded by lock: receive was called
}

var _ api3.TcpSocket = (*tcpSocket3)(nil)

// TcpSocketCreate implements wasi:sockets.
func (s *System3) TcpSocketCreate(_ context.Context, af api3.IpAddressFamily) (api3.TcpSocket, error) {
	if !s.sys.policy.Any(TCP) {
		return nil, result3(errAccessDenied)
	}
	k, err := newSock(s.sys, family(af), unix.SOCK_STREAM)
	if err != nil {
		return nil, result3(err)
	}
	return newTCPSocket3(k, unbound, s.group), nil
}

func newTCPSocket3(k *sock, st state, group *streams.Group) *tcpSocket3 {
	return &tcpSocket3{streamSocket: newStreamSocket(k, st, result3), group: group}
}

// Bind implements wasi:sockets.
func (t *tcpSocket3) Bind(_ context.Context, local api3.IpSocketAddress) error {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.state != unbound {
		return result3(errInvalidState)
	}
	err := t.bind(endpointOf3(local))
	if err == nil {
		t.state = bound
	}
	return result3(err)
}

// Connect implements wasi:sockets. If ctx ends before, the socket is closed as
// after any other failure.
func (t *tcpSocket3) Connect(ctx context.Context, remote api3.IpSocketAddress) error {
	w, err := t.startConnect(remote)
	if err != nil {
		return result3(err)
	}
	defer t.release()
	w.until(ctx)
	err = t.raw.Write(func(fd uintptr) bool { return readyFd(int(fd), toWrite) })
	w.pause()
	t.lock.Lock()
	defer t.lock.Unlock()
	t.connecting = nil
	switch {
	case t.dropped:
		return result3(errInvalidState)
	case err == nil:
		return result3(t.connected())
	}
	t.state = closed
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return result3(err)
}

// startConnect begins to connect; the caller releases the socket when that is
// over.
func (t *tcpSocket3) startConnect(remote api3.IpSocketAddress) (*waits, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.state != unbound && t.state != bound {
		return nil, errInvalidState
	}
	if err := t.connect(endpointOf3(remote)); err != nil {
		return nil, err
	}
	t.acquire()
	t.connecting = &waits{deadline: t.file.SetWriteDeadline}
	return t.connecting, nil
}

// Listen implements wasi:sockets.
func (t *tcpSocket3) Listen(context.Context) (abi.Stream[api3.TcpSocket], error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	switch t.state {
	case unbound:
		if err := t.bind(t.family.unspecified()); err != nil {
			return nil, result3(err)
		}
		t.state = bound
	case bound:
	default:
		return nil, result3(errInvalidState)
	}
	if err := t.listen(); err != nil {
		return nil, result3(err)
	}
	t.state = listening
	return newAccepting(t.sock, t.group), nil
}

// Send implements wasi:sockets.
func (t *tcpSocket3) Send(_ context.Context, data abi.Stream[byte]) (abi.Future[outcome], error) {
	t.lock.Lock()
	if t.state != connected || t.sending != nil {
		t.lock.Unlock()
		data.Close()
		return abi.Ready(outcomeOf(errInvalidState)), nil
	}
	s := newSending(t.sock, data)
	t.sending = s
	t.lock.Unlock()
	set, f := abi.NewFuture[outcome]()
	if !t.group.Go(func(ctx context.Context) { set(outcomeOf(s.run(ctx))) }) {
		s.finish()
		set(outcomeOf(os.ErrClosed))
	}
	return &sendFuture{Future: f, sending: s}, nil
}

// sendFuture tells a sending when nobody waits for its outcome any more.
type sendFuture struct {
	abi.Future[outcome]
	sending *sending
	closing sync.Once
}

// Close implements [abi.Future].
func (f *sendFuture) Close() { f.closing.Do(f.sending.leave) }

// Receive implements wasi:sockets.
func (t *tcpSocket3) Receive(context.Context) (abi.Tuple2[abi.Stream[byte], abi.Future[outcome]], error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.state != connected || t.receives {
		return abi.Tuple2[abi.Stream[byte], abi.Future[outcome]]{
			F0: abi.Empty[byte](), F1: abi.Ready(outcomeOf(errInvalidState)),
		}, nil
	}
	t.receives = true
	set, f := abi.NewFuture[outcome]()
	return abi.Tuple2[abi.Stream[byte], abi.Future[outcome]]{F0: newReceiving(t.sock, set), F1: f}, nil
}

// GetLocalAddress implements wasi:sockets.
func (t *tcpSocket3) GetLocalAddress(context.Context) (api3.IpSocketAddress, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.state == unbound || t.state == closed {
		return api3.IpSocketAddress{}, result3(errInvalidState)
	}
	return address3(t.local())
}

// GetRemoteAddress implements wasi:sockets.
func (t *tcpSocket3) GetRemoteAddress(context.Context) (api3.IpSocketAddress, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.state != connected {
		return api3.IpSocketAddress{}, result3(errInvalidState)
	}
	return address3(t.remote())
}

// GetIsListening implements wasi:sockets.
func (t *tcpSocket3) GetIsListening(context.Context) (bool, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.state == listening, nil
}

// GetAddressFamily implements wasi:sockets.
func (t *tcpSocket3) GetAddressFamily(context.Context) (api3.IpAddressFamily, error) {
	return api3.IpAddressFamily(t.family), nil
}

// Drop implements wasi:sockets. The streams of the socket stay usable; a
// connect in progress ends.
func (t *tcpSocket3) Drop(context.Context) {
	t.lock.Lock()
	dropped, connecting, sending := t.dropped, t.connecting, t.sending
	t.dropped, t.state = true, closed
	t.lock.Unlock()
	if dropped {
		return
	}
	if connecting != nil {
		connecting.end()
	}
	if sending != nil {
		sending.leave()
	}
	t.release()
}
