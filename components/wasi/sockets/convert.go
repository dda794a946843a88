package sockets

import (
	"context"
	"errors"
	"net/netip"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// codes2 are the error codes of WASI 0.2.
var codes2 = [...]api.ErrorCode{
	errUnknown:                  api.ErrorCodeUnknown,
	errAccessDenied:             api.ErrorCodeAccessDenied,
	errNotSupported:             api.ErrorCodeNotSupported,
	errInvalidArgument:          api.ErrorCodeInvalidArgument,
	errOutOfMemory:              api.ErrorCodeOutOfMemory,
	errTimeout:                  api.ErrorCodeTimeout,
	errConflict:                 api.ErrorCodeConcurrencyConflict,
	errNotInProgress:            api.ErrorCodeNotInProgress,
	errWouldBlock:               api.ErrorCodeWouldBlock,
	errInvalidState:             api.ErrorCodeInvalidState,
	errSocketLimit:              api.ErrorCodeNewSocketLimit,
	errAddressNotBindable:       api.ErrorCodeAddressNotBindable,
	errAddressInUse:             api.ErrorCodeAddressInUse,
	errRemoteUnreachable:        api.ErrorCodeRemoteUnreachable,
	errConnectionRefused:        api.ErrorCodeConnectionRefused,
	errConnectionBroken:         api.ErrorCodeConnectionReset,
	errConnectionReset:          api.ErrorCodeConnectionReset,
	errConnectionAborted:        api.ErrorCodeConnectionAborted,
	errDatagramTooLarge:         api.ErrorCodeDatagramTooLarge,
	errNameUnresolvable:         api.ErrorCodeNameUnresolvable,
	errTemporaryResolverFailure: api.ErrorCodeTemporaryResolverFailure,
	errPermanentResolverFailure: api.ErrorCodePermanentResolverFailure,
}

// result turns an error of the machine into the error case of a function of
// WASI 0.2.
func result(err error) error {
	if err == nil {
		return nil
	}
	return abi.Fail(codes2[codeOf(err)])
}

// NetworkErrorCode implements the function of the interface network: the code
// of a stream error that came from a socket.
func (s *System) NetworkErrorCode(_ context.Context, err wasiio.Error) (abi.Option[api.ErrorCode], error) {
	var code errorCode
	if own, ok := err.(*streams.Error); ok && errors.As(own.Err, &code) {
		return abi.Some(codes2[code]), nil
	}
	return abi.None[api.ErrorCode](), nil
}

// toAddr converts an address for a guest; one of version 4 inside version 6
// becomes version 4.
func toAddr(a netip.Addr) api.IpAddress {
	if a = a.Unmap(); a.Is4() {
		return api.IpAddressIpv4(to4(a))
	}
	return api.IpAddressIpv6(to6(a))
}

// endpointOf converts a socket address from a guest; the flow label is not
// carried.
func endpointOf(a api.IpSocketAddress) netip.AddrPort {
	if a.Case == api.IpSocketAddressCaseIpv4 {
		return netip.AddrPortFrom(addr4(a.Ipv4.Address), a.Ipv4.Port)
	}
	return netip.AddrPortFrom(scoped(addr6(a.Ipv6.Address), a.Ipv6.ScopeId), a.Ipv6.Port)
}

// toEndpoint converts a socket address for a guest.
func toEndpoint(e netip.AddrPort) api.IpSocketAddress {
	if e.Addr().Is4() {
		return api.IpSocketAddressIpv4(api.Ipv4SocketAddress{Port: e.Port(), Address: to4(e.Addr())})
	}
	return api.IpSocketAddressIpv6(api.Ipv6SocketAddress{
		Port: e.Port(), Address: to6(e.Addr()), ScopeId: scopeOf(e.Addr()),
	})
}

// address converts the outcome of asking for an address.
func address(e netip.AddrPort, err error) (api.IpSocketAddress, error) {
	if err != nil {
		return api.IpSocketAddress{}, result(err)
	}
	return toEndpoint(e), nil
}
