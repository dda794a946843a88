//go:build linux || darwin

package sockets

import (
	"context"

	"golang.org/x/sys/unix"
)

// usable refuses the options of a closed socket.
func (t *tcpSocket) usable() error {
	if t.state == closed {
		return errInvalidState
	}
	return nil
}

// set runs a setter on a socket that is not closed.
func (t *tcpSocket) set(do func() error) error {
	err := t.usable()
	if err == nil {
		err = do()
	}
	return result(err)
}

// get runs a getter on a socket that is not closed.
func get[T any](t *tcpSocket, do func() (T, error)) (T, error) {
	var value T
	err := t.usable()
	if err == nil {
		value, err = do()
	}
	return value, result(err)
}

// SetListenBacklogSize implements wasi:sockets.
func (t *tcpSocket) SetListenBacklogSize(_ context.Context, value uint64) error {
	return t.set(func() error {
		if value == 0 {
			return errInvalidArgument
		}
		t.backlog = int(min(value, maxBacklog))
		switch t.state {
		case connectInProgress, connected:
			return errInvalidState
		case listenInProgress, listening:
			return unix.Listen(t.fd, t.backlog)
		}
		return nil
	})
}

// KeepAliveEnabled implements wasi:sockets.
func (t *tcpSocket) KeepAliveEnabled(context.Context) (bool, error) {
	return get(t, func() (bool, error) {
		n, err := t.getInt(unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		return n != 0, err
	})
}

// SetKeepAliveEnabled implements wasi:sockets.
func (t *tcpSocket) SetKeepAliveEnabled(_ context.Context, value bool) error {
	return t.set(func() error {
		on := 0
		if value {
			on = 1
		}
		return unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on)
	})
}

// KeepAliveIdleTime implements wasi:sockets.
func (t *tcpSocket) KeepAliveIdleTime(context.Context) (uint64, error) {
	return get(t, func() (uint64, error) { return t.seconds(keepIdle) })
}

// SetKeepAliveIdleTime implements wasi:sockets.
func (t *tcpSocket) SetKeepAliveIdleTime(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setSeconds(keepIdle, value) })
}

// KeepAliveInterval implements wasi:sockets.
func (t *tcpSocket) KeepAliveInterval(context.Context) (uint64, error) {
	return get(t, func() (uint64, error) { return t.seconds(unix.TCP_KEEPINTVL) })
}

// SetKeepAliveInterval implements wasi:sockets.
func (t *tcpSocket) SetKeepAliveInterval(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setSeconds(unix.TCP_KEEPINTVL, value) })
}

// KeepAliveCount implements wasi:sockets.
func (t *tcpSocket) KeepAliveCount(context.Context) (uint32, error) {
	return get(t, func() (uint32, error) {
		n, err := t.getInt(unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
		return uint32(n), err
	})
}

// SetKeepAliveCount implements wasi:sockets.
func (t *tcpSocket) SetKeepAliveCount(_ context.Context, value uint32) error {
	return t.set(func() error {
		return t.setInt(unix.IPPROTO_TCP, unix.TCP_KEEPCNT, uint64(value), maxKeepAliveCount)
	})
}

// HopLimit implements wasi:sockets.
func (t *tcpSocket) HopLimit(context.Context) (uint8, error) { return get(t, t.hopLimit) }

// SetHopLimit implements wasi:sockets.
func (t *tcpSocket) SetHopLimit(_ context.Context, value uint8) error {
	return t.set(func() error { return t.setHopLimit(value) })
}

// ReceiveBufferSize implements wasi:sockets.
func (t *tcpSocket) ReceiveBufferSize(context.Context) (uint64, error) {
	return get(t, func() (uint64, error) { return t.bufferSize(unix.SO_RCVBUF) })
}

// SetReceiveBufferSize implements wasi:sockets.
func (t *tcpSocket) SetReceiveBufferSize(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setBufferSize(unix.SO_RCVBUF, value) })
}

// SendBufferSize implements wasi:sockets.
func (t *tcpSocket) SendBufferSize(context.Context) (uint64, error) {
	return get(t, func() (uint64, error) { return t.bufferSize(unix.SO_SNDBUF) })
}

// SetSendBufferSize implements wasi:sockets.
func (t *tcpSocket) SetSendBufferSize(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setBufferSize(unix.SO_SNDBUF, value) })
}
