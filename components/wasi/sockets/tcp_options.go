//go:build linux || darwin

package sockets

import (
	"context"

	"golang.org/x/sys/unix"
)

// SetListenBacklogSize implements wasi:sockets.
func (t *streamSocket) SetListenBacklogSize(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setBacklog(value) })
}

// KeepAliveEnabled implements wasi:sockets.
func (t *streamSocket) KeepAliveEnabled(context.Context) (bool, error) {
	return get(&t.socket, func() (bool, error) {
		n, err := t.getInt(unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		return n != 0, err
	})
}

// GetKeepAliveEnabled implements wasi:sockets of WASI 0.3.
func (t *streamSocket) GetKeepAliveEnabled(ctx context.Context) (bool, error) {
	return t.KeepAliveEnabled(ctx)
}

// SetKeepAliveEnabled implements wasi:sockets.
func (t *streamSocket) SetKeepAliveEnabled(_ context.Context, value bool) error {
	return t.set(func() error {
		on := 0
		if value {
			on = 1
		}
		return unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on)
	})
}

// KeepAliveIdleTime implements wasi:sockets.
func (t *streamSocket) KeepAliveIdleTime(context.Context) (uint64, error) {
	return get(&t.socket, func() (uint64, error) { return t.seconds(keepIdle) })
}

// GetKeepAliveIdleTime implements wasi:sockets of WASI 0.3.
func (t *streamSocket) GetKeepAliveIdleTime(ctx context.Context) (uint64, error) {
	return t.KeepAliveIdleTime(ctx)
}

// SetKeepAliveIdleTime implements wasi:sockets.
func (t *streamSocket) SetKeepAliveIdleTime(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setSeconds(keepIdle, value) })
}

// KeepAliveInterval implements wasi:sockets.
func (t *streamSocket) KeepAliveInterval(context.Context) (uint64, error) {
	return get(&t.socket, func() (uint64, error) { return t.seconds(unix.TCP_KEEPINTVL) })
}

// GetKeepAliveInterval implements wasi:sockets of WASI 0.3.
func (t *streamSocket) GetKeepAliveInterval(ctx context.Context) (uint64, error) {
	return t.KeepAliveInterval(ctx)
}

// SetKeepAliveInterval implements wasi:sockets.
func (t *streamSocket) SetKeepAliveInterval(_ context.Context, value uint64) error {
	return t.set(func() error { return t.setSeconds(unix.TCP_KEEPINTVL, value) })
}

// KeepAliveCount implements wasi:sockets.
func (t *streamSocket) KeepAliveCount(context.Context) (uint32, error) {
	return get(&t.socket, func() (uint32, error) {
		n, err := t.getInt(unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
		return uint32(n), err
	})
}

// GetKeepAliveCount implements wasi:sockets of WASI 0.3.
func (t *streamSocket) GetKeepAliveCount(ctx context.Context) (uint32, error) {
	return t.KeepAliveCount(ctx)
}

// SetKeepAliveCount implements wasi:sockets.
func (t *streamSocket) SetKeepAliveCount(_ context.Context, value uint32) error {
	return t.set(func() error {
		return t.setInt(unix.IPPROTO_TCP, unix.TCP_KEEPCNT, uint64(value), maxKeepAliveCount)
	})
}

// HopLimit implements wasi:sockets.
func (t *streamSocket) HopLimit(context.Context) (uint8, error) { return get(&t.socket, t.hopLimit) }

// GetHopLimit implements wasi:sockets of WASI 0.3.
func (t *streamSocket) GetHopLimit(ctx context.Context) (uint8, error) {
	return t.HopLimit(ctx)
}

// SetHopLimit implements wasi:sockets.
func (t *streamSocket) SetHopLimit(_ context.Context, value uint8) error {
	return t.set(func() error { return t.setHopLimit(value) })
}
