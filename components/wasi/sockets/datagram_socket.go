//go:build linux || darwin

package sockets

import (
	"context"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"latticework/wit/abi"
)

// datagramSocket is what a UDP socket does in all versions of WASI.
type datagramSocket struct {
	socket
	serves bool           // guarded by lock: the rules let anyone send to where it is bound
	bound  netip.Addr     // guarded by lock: what it was bound to
	peer   netip.AddrPort // guarded by lock: invalid without one
}

func newDatagramSocket(k *sock, fail func(error) error) datagramSocket {
	return datagramSocket{socket: socket{sock: k, fail: fail}}
}

// bind binds to at if the rules allow it.
func (u *datagramSocket) bind(at netip.AddrPort) error {
	if err := checkLocal(u.family, at); err != nil {
		return err
	}
	allowed, serves := u.sys.mayBind(UDP, at)
	if !allowed {
		return errAccessDenied
	}
	if err := unix.Bind(u.fd, sockaddr(at)); err != nil {
		return err
	}
	if err := u.open(); err != nil {
		return err
	}
	u.serves, u.bound = serves, at.Addr()
	return nil
}

// checkPeer refuses a peer that is none or that the rules do not allow.
func (u *datagramSocket) checkPeer(peer netip.AddrPort) error {
	if err := checkRemote(u.family, peer); err != nil {
		return err
	}
	if !u.sys.mayReach(UDP, peer) {
		return errAccessDenied
	}
	return nil
}

// associate makes the system pass datagrams of peer alone, or of everyone if
// peer is not valid.
func (u *datagramSocket) associate(peer netip.AddrPort) error {
	if peer.IsValid() {
		err := unix.Connect(u.fd, sockaddr(peer))
		if err == unix.EINVAL && u.peer.IsValid() { // Linux, if the way leads through another interface
			if err = u.dissociate(); err == nil {
				u.peer = netip.AddrPort{}
				err = unix.Connect(u.fd, sockaddr(peer))
			}
		}
		if err != nil {
			return connectError(err)
		}
	} else if u.peer.IsValid() {
		if err := u.dissociate(); err != nil {
			return err
		}
	}
	u.peer = peer
	return nil
}

// dissociate forgets the peer. Linux forgets a port that it chose itself with
// it, so the socket is bound to it again.
func (u *datagramSocket) dissociate() error {
	before, err := u.local()
	if err != nil {
		return err
	}
	if err := dissolve(u.fd); err != nil {
		return err
	}
	after, err := u.local()
	if err != nil || after.Port() == before.Port() {
		return err
	}
	return unix.Bind(u.fd, sockaddr(netip.AddrPortFrom(u.bound, before.Port())))
}

// dissolve undoes the connect of a datagram socket, for which x/sys has no
// words. Some systems report that the family is not supported, and do it.
func dissolve(fd int) error {
	addr := unix.RawSockaddrAny{}
	addr.Addr.Family = unix.AF_UNSPEC
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&addr)), unix.SizeofSockaddrInet4)
	if errno != 0 && errno != syscall.EAFNOSUPPORT {
		return errno
	}
	return nil
}

// destination checks where a datagram is to go. What it answers is not valid
// for the peer.
func (u *datagramSocket) destination(remote abi.Option[netip.AddrPort]) (netip.AddrPort, error) {
	none := netip.AddrPort{}
	if !remote.Some {
		if !u.peer.IsValid() {
			return none, errInvalidArgument
		}
		return none, nil
	}
	to := remote.Value
	if err := checkRemote(u.family, to); err != nil {
		return none, err
	}
	if u.peer.IsValid() && to != u.peer {
		return none, errInvalidArgument
	}
	if !u.sys.mayReach(UDP, to) && !u.serves {
		return none, errAccessDenied
	}
	if u.peer.IsValid() {
		return none, nil
	}
	return to, nil
}

// sendDatagram sends data through fd without waiting, to the peer if to is not
// valid.
func sendDatagram(fd int, data []byte, to netip.AddrPort) error {
	for {
		var err error
		if to.IsValid() {
			err = unix.Sendto(fd, data, unix.MSG_DONTWAIT, sockaddr(to))
		} else {
			_, err = unix.SendmsgN(fd, data, nil, nil, unix.MSG_DONTWAIT)
		}
		if err != unix.EINTR {
			return err
		}
	}
}

// receiveDatagram receives one datagram through fd without waiting.
func receiveDatagram(fd int, buf []byte) (int, netip.AddrPort, error) {
	for {
		n, sa, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		from, err := endpoint(sa)
		return n, from, err
	}
}

// hears reports whether a datagram of from is for the guest. The system's
// queue may hold some from before there was a peer.
func (u *datagramSocket) hears(from netip.AddrPort) bool {
	if u.peer.IsValid() && (from.Port() != u.peer.Port() || from.Addr().WithZone("") != u.peer.Addr().WithZone("")) {
		return false
	}
	return u.serves || u.sys.mayReach(UDP, from)
}

// UnicastHopLimit implements wasi:sockets.
func (u *datagramSocket) UnicastHopLimit(context.Context) (uint8, error) {
	return get(&u.socket, u.hopLimit)
}

// GetUnicastHopLimit implements wasi:sockets of WASI 0.3.
func (u *datagramSocket) GetUnicastHopLimit(ctx context.Context) (uint8, error) {
	return u.UnicastHopLimit(ctx)
}

// SetUnicastHopLimit implements wasi:sockets.
func (u *datagramSocket) SetUnicastHopLimit(_ context.Context, value uint8) error {
	return u.set(func() error { return u.setHopLimit(value) })
}
