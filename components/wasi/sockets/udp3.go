//go:build linux || darwin

package sockets

import (
	"bytes"
	"context"
	"net/netip"

	"golang.org/x/sys/unix"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// udpSocket3 is a UDP socket of WASI 0.3. Its methods may run at the same time;
// of several receives each datagram goes to one.
type udpSocket3 struct {
	datagramSocket
	receives, sends turn
}

var _ api3.UdpSocket = (*udpSocket3)(nil)

// UdpSocketCreate implements wasi:sockets.
func (s *System3) UdpSocketCreate(_ context.Context, af api3.IpAddressFamily) (api3.UdpSocket, error) {
	if !s.sys.policy.Any(UDP) {
		return nil, result3(errAccessDenied)
	}
	k, err := newSock(s.sys, family(af), unix.SOCK_DGRAM)
	if err != nil {
		return nil, result3(err)
	}
	return &udpSocket3{datagramSocket: newDatagramSocket(k, result3), receives: newTurn(), sends: newTurn()}, nil
}

// bindLocked binds to at.
func (u *udpSocket3) bindLocked(at netip.AddrPort) error {
	if err := u.bind(at); err != nil {
		return err
	}
	u.receives.waits.deadline = u.file.SetReadDeadline
	u.sends.waits.deadline = u.file.SetWriteDeadline
	u.state = bound
	return nil
}

// ensureBoundLocked binds to any free port what is not bound.
func (u *udpSocket3) ensureBoundLocked() error {
	switch u.state {
	case unbound:
		return u.bindLocked(u.family.unspecified())
	case bound:
		return nil
	}
	return errInvalidState
}

// Bind implements wasi:sockets.
func (u *udpSocket3) Bind(_ context.Context, local api3.IpSocketAddress) error {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.state != unbound {
		return result3(errInvalidState)
	}
	return result3(u.bindLocked(endpointOf3(local)))
}

// Connect implements wasi:sockets.
func (u *udpSocket3) Connect(_ context.Context, remote api3.IpSocketAddress) error {
	return u.set(func() error {
		peer := endpointOf3(remote)
		err := u.checkPeer(peer)
		if err == nil {
			err = u.ensureBoundLocked()
		}
		if err == nil {
			err = u.associate(peer)
		}
		return err
	})
}

// Disconnect implements wasi:sockets.
func (u *udpSocket3) Disconnect(context.Context) error {
	return u.set(func() error {
		if !u.peer.IsValid() {
			return errInvalidState
		}
		return u.associate(netip.AddrPort{})
	})
}

// Send implements wasi:sockets.
func (u *udpSocket3) Send(ctx context.Context, data []byte, remote abi.Option[api3.IpSocketAddress]) error {
	to := abi.None[netip.AddrPort]()
	if remote.Some {
		to = abi.Some(endpointOf3(remote.Value))
	}
	for {
		err := u.trySend(data, to)
		if err != unix.EAGAIN {
			return result3(err)
		}
		if err := u.waitSend(ctx); err != nil {
			return err
		}
	}
}

// trySend sends data if the system has room for it.
func (u *udpSocket3) trySend(data []byte, remote abi.Option[netip.AddrPort]) error {
	u.lock.Lock()
	defer u.lock.Unlock()
	if err := u.usable(); err != nil {
		return err
	}
	to, err := u.destination(remote)
	if err == nil {
		err = u.ensureBoundLocked()
	}
	if err != nil {
		return err
	}
	return sendDatagram(u.fd, data, to)
}

// waitSend waits until the system has room for a datagram, or the socket is
// dropped.
func (u *udpSocket3) waitSend(ctx context.Context) error {
	if err := u.hold(); err != nil {
		return result3(err)
	}
	defer u.release()
	if err := u.sends.take(ctx); err != nil {
		return err
	}
	defer u.sends.give()
	err := u.raw.Write(func(fd uintptr) bool { return readyFd(int(fd), toWrite) })
	return u.waited(ctx, &u.sends, err)
}

// hold acquires a bound socket.
func (u *udpSocket3) hold() error {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.state != bound {
		return errInvalidState
	}
	u.acquire()
	return nil
}

// waited makes of the error of a wait that of a function.
func (u *udpSocket3) waited(ctx context.Context, t *turn, err error) error {
	if err == nil {
		return nil
	}
	switch err = t.waits.why(ctx, err); {
	case err == errGone:
		return result3(errInvalidState)
	case ctx.Err() != nil:
		return err
	}
	return result3(err)
}

// Receive implements wasi:sockets. Datagrams from peers that no rule allows
// are discarded, unless a rule lets the socket serve.
func (u *udpSocket3) Receive(ctx context.Context) (abi.Tuple2[[]byte, api3.IpSocketAddress], error) {
	var none abi.Tuple2[[]byte, api3.IpSocketAddress]
	if err := u.hold(); err != nil {
		return none, result3(err)
	}
	defer u.release()
	if err := u.receives.take(ctx); err != nil {
		return none, err
	}
	defer u.receives.give()
	buf := streams.GetBuffer()
	defer streams.PutBuffer(buf)
	for {
		var n int
		var from netip.AddrPort
		var failure error
		err := u.raw.Read(func(fd uintptr) bool {
			n, from, failure = receiveDatagram(int(fd), buf[:])
			return failure != unix.EAGAIN
		})
		if err != nil {
			return none, u.waited(ctx, &u.receives, err)
		}
		if failure != nil {
			return none, result3(failure)
		}
		u.lock.Lock()
		heard := u.hears(from)
		u.lock.Unlock()
		if heard {
			return abi.Tuple2[[]byte, api3.IpSocketAddress]{F0: bytes.Clone(buf[:n]), F1: toEndpoint3(from)}, nil
		}
	}
}

// GetLocalAddress implements wasi:sockets.
func (u *udpSocket3) GetLocalAddress(context.Context) (api3.IpSocketAddress, error) {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.state != bound {
		return api3.IpSocketAddress{}, result3(errInvalidState)
	}
	return address3(u.local())
}

// GetRemoteAddress implements wasi:sockets.
func (u *udpSocket3) GetRemoteAddress(context.Context) (api3.IpSocketAddress, error) {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.state == closed || !u.peer.IsValid() {
		return api3.IpSocketAddress{}, result3(errInvalidState)
	}
	return toEndpoint3(u.peer), nil
}

// GetAddressFamily implements wasi:sockets.
func (u *udpSocket3) GetAddressFamily(context.Context) (api3.IpAddressFamily, error) {
	return api3.IpAddressFamily(u.family), nil
}

// Drop implements wasi:sockets. It ends sends and receives under way.
func (u *udpSocket3) Drop(context.Context) {
	u.lock.Lock()
	was := u.state
	u.state = closed
	u.lock.Unlock()
	switch was {
	case closed:
		return
	case bound:
		u.receives.waits.end()
		u.sends.waits.end()
	}
	u.release()
}
