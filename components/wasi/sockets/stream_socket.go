//go:build linux || darwin

package sockets

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// defaultBacklog is the queue of connections not yet accepted; maxBacklog is
// the longest one.
const (
	defaultBacklog = 128
	maxBacklog     = 4096
)

// streamSocket is what a TCP socket does in all versions of WASI.
type streamSocket struct {
	socket
	backlog  int  // guarded by lock
	mayServe bool // guarded by lock: the rules let it listen where it is bound
}

func newStreamSocket(k *sock, st state, fail func(error) error) streamSocket {
	return streamSocket{socket: socket{sock: k, state: st, fail: fail}, backlog: defaultBacklog}
}

// bind binds to at if the rules allow it.
func (t *streamSocket) bind(at netip.AddrPort) error {
	if err := checkLocal(t.family, at); err != nil {
		return err
	}
	allowed, serve := t.sys.mayBind(TCP, at)
	if !allowed {
		return errAccessDenied
	}
	// A port that was in use a moment ago must not be refused.
	err := unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(t.fd, sockaddr(at))
	}
	t.mayServe = err == nil && serve
	return err
}

// connect begins to connect to peer if the rules allow it. After any error but
// for those of the arguments and the rules the socket is closed.
func (t *streamSocket) connect(peer netip.AddrPort) error {
	if err := checkRemote(t.family, peer); err != nil {
		return err
	}
	if !t.sys.mayReach(TCP, peer) {
		return errAccessDenied
	}
	err := unix.Connect(t.fd, sockaddr(peer))
	if err == nil || err == unix.EINPROGRESS || err == unix.EINTR {
		err = t.open()
	}
	if err != nil {
		t.state = closed
		return connectError(err)
	}
	t.state = connectInProgress
	return nil
}

// connected looks how a connect went that is over.
func (t *streamSocket) connected() error {
	code, err := t.getInt(unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		t.state = closed
		return connectError(err)
	}
	t.state = connected
	return nil
}

// connectError gives the codes in which connect differs from bind.
func connectError(err error) error {
	switch err {
	case unix.EADDRNOTAVAIL, unix.EAGAIN:
		return errAddressInUse
	}
	return err
}

// listen makes a bound socket listen if the rules allow it.
func (t *streamSocket) listen() error {
	if !t.mayServe {
		return errAccessDenied
	}
	if err := unix.Listen(t.fd, t.backlog); err != nil {
		return err
	}
	return t.open()
}

// setBacklog sets the length of the queue, also of one that there is.
func (t *streamSocket) setBacklog(value uint64) error {
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
}

// accept takes the next connection of the listener fd without waiting. The
// caller took a slot, which the connection has from then on. A connection that
// ended meanwhile is aborted.
func (k *sock) accept(fd int) (*sock, error) {
	conn, err := newFd(func() (int, error) {
		for {
			conn, _, err := unix.Accept(fd)
			if err != unix.EINTR {
				return conn, err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	c := ownSock(k.sys, k.family, conn)
	// Not every system passes this option on.
	level, opt := k.hopOption()
	hops, err := unix.GetsockoptInt(fd, level, opt)
	if err == nil {
		err = unix.SetsockoptInt(conn, level, opt, hops)
	}
	if err == nil {
		err = c.open()
	}
	if err != nil {
		c.close()
		return nil, unix.ECONNABORTED
	}
	return c, nil
}
