//go:build linux || darwin

package sockets

import (
	"context"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// udpSocket is a UDP socket. It is used by one guest at a time.
type udpSocket struct {
	*sock
	state  state
	serves bool           // the rules let anyone send to where it is bound
	bound  netip.Addr     // what it was bound to
	peer   netip.AddrPort // invalid without one
	round  int            // how often stream was called: older pairs are dead
}

var _ api.UdpSocket = (*udpSocket)(nil)

// CreateUdpSocket implements wasi:sockets.
func (s *System) CreateUdpSocket(_ context.Context, family api.IpAddressFamily) (api.UdpSocket, error) {
	if !s.policy.Any(UDP) {
		return nil, result(errAccessDenied)
	}
	k, err := newSock(s, family, unix.SOCK_DGRAM)
	if err != nil {
		return nil, result(err)
	}
	return &udpSocket{sock: k}, nil
}

// StartBind implements wasi:sockets. The bind itself is done here.
func (u *udpSocket) StartBind(_ context.Context, _ api.Network, local api.IpSocketAddress) error {
	switch u.state {
	case unbound:
	case bindInProgress:
		return result(errConflict)
	default:
		return result(errInvalidState)
	}
	at := endpointOf(local)
	if err := checkLocal(u.family, at); err != nil {
		return result(err)
	}
	allowed, serves := u.sys.mayBind(UDP, at)
	if !allowed {
		return result(errAccessDenied)
	}
	if err := unix.Bind(u.fd, sockaddr(at)); err != nil {
		return result(err)
	}
	if err := u.open(); err != nil {
		return result(err)
	}
	u.state, u.serves, u.bound = bindInProgress, serves, at.Addr()
	return nil
}

// FinishBind implements wasi:sockets.
func (u *udpSocket) FinishBind(context.Context) error {
	if u.state != bindInProgress {
		return result(errNotInProgress)
	}
	u.state = bound
	return nil
}

// Stream implements wasi:sockets. Only the newest pair of streams works.
func (u *udpSocket) Stream(_ context.Context, remote abi.Option[api.IpSocketAddress]) (abi.Tuple2[api.IncomingDatagramStream, api.OutgoingDatagramStream], error) {
	var none abi.Tuple2[api.IncomingDatagramStream, api.OutgoingDatagramStream]
	if u.state != bound {
		return none, result(errInvalidState)
	}
	var peer netip.AddrPort
	if remote.Some {
		peer = endpointOf(remote.Value)
		if err := checkRemote(u.family, peer); err != nil {
			return none, result(err)
		}
		if !u.sys.mayReach(UDP, peer) {
			return none, result(errAccessDenied)
		}
	}
	if err := u.associate(peer); err != nil {
		return none, result(err)
	}
	u.round++
	u.acquire()
	u.acquire()
	in := &incoming{datagrams{u: u, round: u.round}}
	out := &outgoing{datagrams: datagrams{u: u, round: u.round}}
	return abi.Tuple2[api.IncomingDatagramStream, api.OutgoingDatagramStream]{F0: in, F1: out}, nil
}

// associate makes the system pass datagrams of peer alone, or of everyone if
// peer is not valid.
func (u *udpSocket) associate(peer netip.AddrPort) error {
	if peer.IsValid() {
		if err := unix.Connect(u.fd, sockaddr(peer)); err != nil {
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
func (u *udpSocket) dissociate() error {
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

// LocalAddress implements wasi:sockets.
func (u *udpSocket) LocalAddress(context.Context) (api.IpSocketAddress, error) {
	if u.state != bound {
		return api.IpSocketAddress{}, result(errInvalidState)
	}
	return address(u.local())
}

// RemoteAddress implements wasi:sockets.
func (u *udpSocket) RemoteAddress(context.Context) (api.IpSocketAddress, error) {
	if !u.peer.IsValid() {
		return api.IpSocketAddress{}, result(errInvalidState)
	}
	return toEndpoint(u.peer), nil
}

// AddressFamily implements wasi:sockets.
func (u *udpSocket) AddressFamily(context.Context) (api.IpAddressFamily, error) {
	return u.family, nil
}

// UnicastHopLimit implements wasi:sockets.
func (u *udpSocket) UnicastHopLimit(context.Context) (uint8, error) {
	n, err := u.hopLimit()
	return n, result(err)
}

// SetUnicastHopLimit implements wasi:sockets.
func (u *udpSocket) SetUnicastHopLimit(_ context.Context, value uint8) error {
	return result(u.setHopLimit(value))
}

// ReceiveBufferSize implements wasi:sockets.
func (u *udpSocket) ReceiveBufferSize(context.Context) (uint64, error) {
	n, err := u.bufferSize(unix.SO_RCVBUF)
	return n, result(err)
}

// SetReceiveBufferSize implements wasi:sockets.
func (u *udpSocket) SetReceiveBufferSize(_ context.Context, value uint64) error {
	return result(u.setBufferSize(unix.SO_RCVBUF, value))
}

// SendBufferSize implements wasi:sockets.
func (u *udpSocket) SendBufferSize(context.Context) (uint64, error) {
	n, err := u.bufferSize(unix.SO_SNDBUF)
	return n, result(err)
}

// SetSendBufferSize implements wasi:sockets.
func (u *udpSocket) SetSendBufferSize(_ context.Context, value uint64) error {
	return result(u.setBufferSize(unix.SO_SNDBUF, value))
}

// Subscribe implements wasi:sockets: a bind is finished at any time.
func (u *udpSocket) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(streams.Always), nil
}

// Drop implements wasi:sockets. Its streams stay usable.
func (u *udpSocket) Drop(context.Context) {
	if u.state == closed {
		return
	}
	u.state = closed
	u.release()
}
