//go:build linux || darwin

package sockets

import (
	"context"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// tcpSocket is a TCP socket of WASI 0.2. It is used by one guest at a time.
type tcpSocket struct {
	streamSocket
	dropped  bool
	readShut *atomic.Bool
	out      wasiio.OutputStream // of a connection, for shutdown
}

var _ api.TcpSocket = (*tcpSocket)(nil)

// CreateTcpSocket implements wasi:sockets.
func (s *System) CreateTcpSocket(_ context.Context, af api.IpAddressFamily) (api.TcpSocket, error) {
	if !s.policy.Any(TCP) {
		return nil, result(errAccessDenied)
	}
	k, err := newSock(s, family(af), unix.SOCK_STREAM)
	if err != nil {
		return nil, result(err)
	}
	return newTCPSocket(k, unbound), nil
}

func newTCPSocket(k *sock, st state) *tcpSocket {
	return &tcpSocket{streamSocket: newStreamSocket(k, st, result), readShut: new(atomic.Bool)}
}

// begin checks that an operation may start: it is allowed in the states of
// from, and no other operation is in progress.
func (t *tcpSocket) begin(from ...state) error {
	for _, st := range from {
		if t.state == st {
			return nil
		}
	}
	switch t.state {
	case bindInProgress, listenInProgress, connectInProgress:
		return errConflict
	}
	return errInvalidState
}

// finish checks that the operation in progress is the one to be finished.
func (t *tcpSocket) finish(progress state) error {
	if t.state != progress {
		return errNotInProgress
	}
	return nil
}

// StartBind implements wasi:sockets. The bind itself is done here.
func (t *tcpSocket) StartBind(_ context.Context, _ api.Network, local api.IpSocketAddress) error {
	if err := t.begin(unbound); err != nil {
		return result(err)
	}
	if err := t.bind(endpointOf(local)); err != nil {
		return result(err)
	}
	t.state = bindInProgress
	return nil
}

// FinishBind implements wasi:sockets.
func (t *tcpSocket) FinishBind(context.Context) error {
	if err := t.finish(bindInProgress); err != nil {
		return result(err)
	}
	t.state = bound
	return nil
}

// StartConnect implements wasi:sockets.
func (t *tcpSocket) StartConnect(_ context.Context, _ api.Network, remote api.IpSocketAddress) error {
	if err := t.begin(unbound, bound); err != nil {
		return result(err)
	}
	return result(t.connect(endpointOf(remote)))
}

// FinishConnect implements wasi:sockets.
func (t *tcpSocket) FinishConnect(context.Context) (abi.Tuple2[wasiio.InputStream, wasiio.OutputStream], error) {
	var none abi.Tuple2[wasiio.InputStream, wasiio.OutputStream]
	if err := t.finish(connectInProgress); err != nil {
		return none, result(err)
	}
	if !t.ready(toWrite) {
		return none, result(errWouldBlock)
	}
	if err := t.connected(); err != nil {
		return none, result(err)
	}
	in, out := t.connection()
	return abi.Tuple2[wasiio.InputStream, wasiio.OutputStream]{F0: in, F1: out}, nil
}

// connection makes the two streams of a connected socket.
func (t *tcpSocket) connection() (wasiio.InputStream, wasiio.OutputStream) {
	t.acquire()
	t.acquire()
	in := streams.NewInput(reader{t.sock, t.readShut}, streams.InputOptions{
		Interrupt: t.interruptRead, Close: t.release,
	})
	t.out = streams.NewOutput(writer{t.sock}, streams.OutputOptions{
		Interrupt: t.interruptWrite, Close: t.release,
	})
	return in, t.out
}

// StartListen implements wasi:sockets. The listen itself is done here.
func (t *tcpSocket) StartListen(context.Context) error {
	if err := t.begin(bound); err != nil {
		return result(err)
	}
	if err := t.listen(); err != nil {
		return result(err)
	}
	t.state = listenInProgress
	return nil
}

// FinishListen implements wasi:sockets.
func (t *tcpSocket) FinishListen(context.Context) error {
	if err := t.finish(listenInProgress); err != nil {
		return result(err)
	}
	t.state = listening
	return nil
}

// Accept implements wasi:sockets.
func (t *tcpSocket) Accept(context.Context) (abi.Tuple3[api.TcpSocket, wasiio.InputStream, wasiio.OutputStream], error) {
	var none abi.Tuple3[api.TcpSocket, wasiio.InputStream, wasiio.OutputStream]
	if t.state != listening {
		return none, result(errInvalidState)
	}
	if err := t.sys.takeSlot(); err != nil {
		return none, result(err)
	}
	k, err := t.accept(t.fd)
	if err != nil {
		t.sys.freeSlot()
		return none, result(err)
	}
	c := newTCPSocket(k, connected)
	in, out := c.connection()
	return abi.Tuple3[api.TcpSocket, wasiio.InputStream, wasiio.OutputStream]{F0: c, F1: in, F2: out}, nil
}

// LocalAddress implements wasi:sockets.
func (t *tcpSocket) LocalAddress(context.Context) (api.IpSocketAddress, error) {
	switch t.state {
	case unbound, bindInProgress, closed:
		return api.IpSocketAddress{}, result(errInvalidState)
	}
	return address(t.local())
}

// RemoteAddress implements wasi:sockets.
func (t *tcpSocket) RemoteAddress(context.Context) (api.IpSocketAddress, error) {
	if t.state != connected {
		return api.IpSocketAddress{}, result(errInvalidState)
	}
	return address(t.remote())
}

// IsListening implements wasi:sockets.
func (t *tcpSocket) IsListening(context.Context) (bool, error) { return t.state == listening, nil }

// AddressFamily implements wasi:sockets.
func (t *tcpSocket) AddressFamily(context.Context) (api.IpAddressFamily, error) {
	return api.IpAddressFamily(t.family), nil
}

// Ready implements [streams.Source]: the operation in progress can be
// finished, or a connection waits.
func (t *tcpSocket) Ready() bool {
	switch t.state {
	case connectInProgress:
		return t.ready(toWrite)
	case listening:
		return t.ready(toRead)
	}
	return true
}

// Watch implements [streams.Source].
func (t *tcpSocket) Watch(w *streams.Waiter) { t.watchers.Watch(w) }

// Unwatch implements [streams.Source].
func (t *tcpSocket) Unwatch(w *streams.Waiter) { t.watchers.Unwatch(w) }

// Subscribe implements wasi:sockets.
func (t *tcpSocket) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(t), nil
}

// Shutdown implements wasi:sockets. What was written before is still sent.
func (t *tcpSocket) Shutdown(_ context.Context, how api.ShutdownType) error {
	if t.state != connected {
		return result(errInvalidState)
	}
	if how != api.ShutdownTypeSend && !t.readShut.Swap(true) {
		if err := unix.Shutdown(t.fd, unix.SHUT_RD); err != nil && err != unix.ENOTCONN {
			return result(err)
		}
	}
	if how != api.ShutdownTypeReceive {
		t.acquire()
		streams.Finish(t.out, func() {
			_ = unix.Shutdown(t.fd, unix.SHUT_WR) // the peer may be gone
			t.release()
		})
	}
	return nil
}

// Drop implements wasi:sockets. Streams of the connection stay usable.
func (t *tcpSocket) Drop(context.Context) {
	if t.dropped {
		return
	}
	t.dropped = true
	if t.state != connected && t.file != nil {
		t.stopWaits()
	}
	t.state = closed
	t.release()
}
