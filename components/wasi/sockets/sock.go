//go:build linux || darwin

package sockets

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"latticework/components/wasi/streams"
)

// sock is a non-blocking socket of the system. Until open it is a bare number;
// from then on it belongs to Go's poller. It is closed by the last release,
// and takes a slot of its System until then.
type sock struct {
	sys    *System
	fd     int
	family family
	refs   atomic.Int32

	file *os.File        // set by open
	raw  syscall.RawConn // set by open

	watchers streams.Watchers
	waits    sync.WaitGroup // goroutines that wait in the poller
	mu       sync.Mutex
	waiting  [2]bool // guarded by mu: a goroutine waits to read, to write
	closing  bool    // guarded by mu: no more waits
}

// newSock makes a socket with one reference and a slot.
func newSock(s *System, family family, typ int) (*sock, error) {
	if err := s.takeSlot(); err != nil {
		return nil, err
	}
	domain := unix.AF_INET
	if family == ipv6 {
		domain = unix.AF_INET6
	}
	fd, err := newFd(func() (int, error) { return unix.Socket(domain, typ, 0) })
	if err != nil {
		s.freeSlot()
		if err == unix.EAFNOSUPPORT {
			err = errNotSupported
		}
		return nil, err
	}
	if family == ipv6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err != nil {
		s.freeSlot()
		return nil, errors.Join(err, unix.Close(fd))
	}
	return ownSock(s, family, fd), nil
}

// ownSock wraps fd; the caller took the slot.
func ownSock(s *System, family family, fd int) *sock {
	k := &sock{sys: s, fd: fd, family: family}
	k.refs.Store(1)
	return k
}

// newFd runs what makes a file descriptor and readies it for the poller; no
// child process inherits it.
func newFd(make func() (int, error)) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := make()
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// open hands the socket to the poller: from now on its state only changes by
// what the network does.
func (k *sock) open() error {
	k.file = os.NewFile(uintptr(k.fd), "socket")
	raw, err := k.file.SyscallConn()
	k.raw = raw
	return err
}

func (k *sock) acquire() { k.refs.Add(1) }

// release ends the goroutines that wait and closes the socket with the last
// reference.
func (k *sock) release() {
	if k.refs.Add(-1) != 0 {
		return
	}
	k.stopWaits()
	k.close()
	k.sys.freeSlot()
}

// close closes the socket: the streams reported what went wrong.
func (k *sock) close() {
	if k.file != nil {
		_ = k.file.Close()
	} else {
		_ = unix.Close(k.fd)
	}
}

// stopWaits makes all waits in the poller end, for good, and joins them.
func (k *sock) stopWaits() {
	k.mu.Lock()
	k.closing = true
	waiting := k.waiting[0] || k.waiting[1]
	k.mu.Unlock()
	if waiting {
		k.interruptRead()
		k.interruptWrite()
	}
	k.waits.Wait()
}

var past = time.Unix(1, 0)

func (k *sock) interruptRead()  { _ = k.file.SetReadDeadline(past) }
func (k *sock) interruptWrite() { _ = k.file.SetWriteDeadline(past) }

// direction is what a socket is ready for.
type direction int16

const (
	toRead  direction = unix.POLLIN
	toWrite direction = unix.POLLOUT
)

// readyFd asks the system whether fd is ready, without waiting. Errors and
// hang-ups count as ready.
func readyFd(fd int, dir direction) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: int16(dir)}}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n > 0 || err != nil
		}
	}
}

// ready reports whether the open socket is ready for dir. If it is not, a
// goroutine waits in the poller and then wakes the watchers.
func (k *sock) ready(dir direction) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing || readyFd(k.fd, dir) {
		return true
	}
	i := 0
	wait := k.raw.Read
	if dir == toWrite {
		i, wait = 1, k.raw.Write
	}
	if !k.waiting[i] {
		k.waiting[i] = true
		k.waits.Go(func() {
			// An error ends the wait as readiness does: the next operation
			// on the socket says what is wrong.
			_ = wait(func(fd uintptr) bool { return readyFd(int(fd), dir) })
			k.mu.Lock()
			k.waiting[i] = false
			k.mu.Unlock()
			k.watchers.Notify()
		})
	}
	return false
}

// sockaddr converts e for the system.
func sockaddr(e netip.AddrPort) unix.Sockaddr {
	if e.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(e.Port()), Addr: e.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(e.Port()), Addr: e.Addr().As16(), ZoneId: scopeOf(e.Addr())}
}

// endpoint converts an address from the system.
func endpoint(sa unix.Sockaddr) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(scoped(netip.AddrFrom16(sa.Addr), sa.ZoneId), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, errInvalidState
}

// local returns the socket's own address.
func (k *sock) local() (netip.AddrPort, error) {
	sa, err := unix.Getsockname(k.fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return endpoint(sa)
}

// remote returns the peer's address.
func (k *sock) remote() (netip.AddrPort, error) {
	sa, err := unix.Getpeername(k.fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return endpoint(sa)
}

// reader and writer are the two directions of a connection.
type reader struct {
	*sock
	shut *atomic.Bool
}

// Read implements [io.Reader].
func (r reader) Read(b []byte) (int, error) {
	if r.shut.Load() {
		return 0, io.EOF
	}
	n, err := r.file.Read(b)
	return n, streamError(err)
}

type writer struct{ *sock }

// Write implements [io.Writer].
func (w writer) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	return n, streamError(err)
}
