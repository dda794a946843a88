//go:build !linux && !darwin

package sockets

import (
	"context"

	api "latticework/components/wasi/bindings/wasisockets"
	api3 "latticework/components/wasi/bindings/wasisockets3"
)

// CreateTcpSocket implements wasi:sockets: not-supported on this system.
func (s *System) CreateTcpSocket(context.Context, api.IpAddressFamily) (api.TcpSocket, error) {
	if !s.policy.Any(TCP) {
		return nil, result(errAccessDenied)
	}
	return nil, result(errNotSupported)
}

// CreateUdpSocket implements wasi:sockets: not-supported on this system.
func (s *System) CreateUdpSocket(context.Context, api.IpAddressFamily) (api.UdpSocket, error) {
	if !s.policy.Any(UDP) {
		return nil, result(errAccessDenied)
	}
	return nil, result(errNotSupported)
}

// TcpSocketCreate implements wasi:sockets: not-supported on this system.
func (s *System3) TcpSocketCreate(context.Context, api3.IpAddressFamily) (api3.TcpSocket, error) {
	if !s.sys.policy.Any(TCP) {
		return nil, result3(errAccessDenied)
	}
	return nil, result3(errNotSupported)
}

// UdpSocketCreate implements wasi:sockets: not-supported on this system.
func (s *System3) UdpSocketCreate(context.Context, api3.IpAddressFamily) (api3.UdpSocket, error) {
	if !s.sys.policy.Any(UDP) {
		return nil, result3(errAccessDenied)
	}
	return nil, result3(errNotSupported)
}
