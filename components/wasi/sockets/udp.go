//go:build linux || darwin

package sockets

import (
	"context"
	"net/netip"

	"golang.org/x/sys/unix"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// udpSocket is a UDP socket of WASI 0.2. It is used by one guest at a time.
type udpSocket struct {
	datagramSocket
	round int // how often stream was called: older pairs are dead
}

var _ api.UdpSocket = (*udpSocket)(nil)

// CreateUdpSocket implements wasi:sockets.
func (s *System) CreateUdpSocket(_ context.Context, af api.IpAddressFamily) (api.UdpSocket, error) {
	if !s.policy.Any(UDP) {
		return nil, result(errAccessDenied)
	}
	k, err := newSock(s, family(af), unix.SOCK_DGRAM)
	if err != nil {
		return nil, result(err)
	}
	return &udpSocket{datagramSocket: newDatagramSocket(k, result)}, nil
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
	if err := u.bind(endpointOf(local)); err != nil {
		return result(err)
	}
	u.state = bindInProgress
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
		if err := u.checkPeer(peer); err != nil {
			return none, result(err)
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
	return api.IpAddressFamily(u.family), nil
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
