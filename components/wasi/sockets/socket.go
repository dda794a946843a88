//go:build linux || darwin

package sockets

import (
	"context"
	"sync"

	"golang.org/x/sys/unix"
)

// state is a socket's, in the words of the specification; WASI 0.3 knows
// nothing of those in progress but connectInProgress.
type state uint8

const (
	unbound state = iota
	bindInProgress
	bound
	listenInProgress
	listening
	connectInProgress
	connected
	closed
)

// socket is what the sockets of both protocols and of all versions of WASI
// have in common: a state, and options.
type socket struct {
	*sock
	// lock guards state, and what the protocols keep beside it. Who holds it
	// and finds the state not closed may use the descriptor. In WASI 0.2 a
	// socket is used by one guest at a time: there it matters for nothing.
	lock  sync.Mutex
	state state
	// fail makes an error the error case of a function.
	fail func(error) error
}

// usable refuses what is done to a closed socket.
func (s *socket) usable() error {
	if s.state == closed {
		return errInvalidState
	}
	return nil
}

// set runs a setter on a socket that is not closed.
func (s *socket) set(do func() error) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	err := s.usable()
	if err == nil {
		err = do()
	}
	return s.fail(err)
}

// get runs a getter on a socket that is not closed.
func get[T any](s *socket, do func() (T, error)) (T, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	var value T
	err := s.usable()
	if err == nil {
		value, err = do()
	}
	return value, s.fail(err)
}

// ReceiveBufferSize implements wasi:sockets.
func (s *socket) ReceiveBufferSize(context.Context) (uint64, error) {
	return get(s, func() (uint64, error) { return s.bufferSize(unix.SO_RCVBUF) })
}

// GetReceiveBufferSize implements wasi:sockets of WASI 0.3.
func (s *socket) GetReceiveBufferSize(ctx context.Context) (uint64, error) {
	return s.ReceiveBufferSize(ctx)
}

// SetReceiveBufferSize implements wasi:sockets.
func (s *socket) SetReceiveBufferSize(_ context.Context, value uint64) error {
	return s.set(func() error { return s.setBufferSize(unix.SO_RCVBUF, value) })
}

// SendBufferSize implements wasi:sockets.
func (s *socket) SendBufferSize(context.Context) (uint64, error) {
	return get(s, func() (uint64, error) { return s.bufferSize(unix.SO_SNDBUF) })
}

// GetSendBufferSize implements wasi:sockets of WASI 0.3.
func (s *socket) GetSendBufferSize(ctx context.Context) (uint64, error) {
	return s.SendBufferSize(ctx)
}

// SetSendBufferSize implements wasi:sockets.
func (s *socket) SetSendBufferSize(_ context.Context, value uint64) error {
	return s.set(func() error { return s.setBufferSize(unix.SO_SNDBUF, value) })
}
