//go:build !linux && !darwin

package sockets

import (
	"context"

	api "latticework/components/wasi/bindings/wasisockets"
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
