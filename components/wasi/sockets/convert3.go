package sockets

import (
	"errors"
	"net/netip"
	"syscall"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/wit/abi"
)

// codes3 are the error codes of the interface types of WASI 0.3.
var codes3 = [...]api3.TypesErrorCodeCase{
	errUnknown:                  api3.TypesErrorCodeCaseOther,
	errAccessDenied:             api3.TypesErrorCodeCaseAccessDenied,
	errNotSupported:             api3.TypesErrorCodeCaseNotSupported,
	errInvalidArgument:          api3.TypesErrorCodeCaseInvalidArgument,
	errOutOfMemory:              api3.TypesErrorCodeCaseOutOfMemory,
	errTimeout:                  api3.TypesErrorCodeCaseTimeout,
	errConflict:                 api3.TypesErrorCodeCaseInvalidState,
	errNotInProgress:            api3.TypesErrorCodeCaseInvalidState,
	errWouldBlock:               api3.TypesErrorCodeCaseOther,
	errInvalidState:             api3.TypesErrorCodeCaseInvalidState,
	errSocketLimit:              api3.TypesErrorCodeCaseOther,
	errAddressNotBindable:       api3.TypesErrorCodeCaseAddressNotBindable,
	errAddressInUse:             api3.TypesErrorCodeCaseAddressInUse,
	errRemoteUnreachable:        api3.TypesErrorCodeCaseRemoteUnreachable,
	errConnectionRefused:        api3.TypesErrorCodeCaseConnectionRefused,
	errConnectionBroken:         api3.TypesErrorCodeCaseConnectionBroken,
	errConnectionReset:          api3.TypesErrorCodeCaseConnectionReset,
	errConnectionAborted:        api3.TypesErrorCodeCaseConnectionAborted,
	errDatagramTooLarge:         api3.TypesErrorCodeCaseDatagramTooLarge,
	errNameUnresolvable:         api3.TypesErrorCodeCaseOther,
	errTemporaryResolverFailure: api3.TypesErrorCodeCaseOther,
	errPermanentResolverFailure: api3.TypesErrorCodeCaseOther,
}

// other is the text for people of an error without a name of its own.
func other(err error) abi.Option[string] {
	var errno syscall.Errno
	switch code := codeOf(err); {
	case code != errUnknown:
		return abi.Some(code.Error())
	case errors.As(err, &errno):
		return abi.Some(errno.Error())
	}
	return abi.None[string]()
}

// errorCode3 converts an error of the machine for a guest.
func errorCode3(err error) api3.TypesErrorCode {
	e := api3.TypesErrorCode{Case: codes3[codeOf(err)]}
	if e.Case == api3.TypesErrorCodeCaseOther {
		e.Other = other(err)
	}
	return e
}

// result3 turns an error of the machine into the error case of a function of
// the interface types of WASI 0.3.
func result3(err error) error {
	if err == nil {
		return nil
	}
	return abi.Fail(errorCode3(err))
}

// outcome is how a send or a receive ended.
type outcome = abi.Result[struct{}, api3.TypesErrorCode]

// outcomeOf converts it for a guest.
func outcomeOf(err error) outcome {
	if err == nil {
		return outcome{}
	}
	return outcome{IsErr: true, Err: errorCode3(err)}
}

// lookupResult3 is result3 for the interface ip-name-lookup.
func lookupResult3(err error) error {
	e := api3.IpNameLookupErrorCode{}
	switch codeOf(err) {
	case errAccessDenied:
		e.Case = api3.IpNameLookupErrorCodeCaseAccessDenied
	case errInvalidArgument:
		e.Case = api3.IpNameLookupErrorCodeCaseInvalidArgument
	case errNameUnresolvable:
		e.Case = api3.IpNameLookupErrorCodeCaseNameUnresolvable
	case errTemporaryResolverFailure:
		e.Case = api3.IpNameLookupErrorCodeCaseTemporaryResolverFailure
	case errPermanentResolverFailure:
		e.Case = api3.IpNameLookupErrorCodeCasePermanentResolverFailure
	default:
		e.Case, e.Other = api3.IpNameLookupErrorCodeCaseOther, other(err)
	}
	return abi.Fail(e)
}

// toAddr3 converts an address for a guest.
func toAddr3(a netip.Addr) api3.IpAddress {
	if a = a.Unmap(); a.Is4() {
		return api3.IpAddressIpv4(to4(a))
	}
	return api3.IpAddressIpv6(to6(a))
}

// endpointOf3 converts a socket address from a guest; the flow information is
// not carried.
func endpointOf3(a api3.IpSocketAddress) netip.AddrPort {
	if a.Case == api3.IpSocketAddressCaseIpv4 {
		return netip.AddrPortFrom(addr4(a.Ipv4.Address), a.Ipv4.Port)
	}
	return netip.AddrPortFrom(scoped(addr6(a.Ipv6.Address), a.Ipv6.ScopeId), a.Ipv6.Port)
}

// toEndpoint3 converts a socket address for a guest.
func toEndpoint3(e netip.AddrPort) api3.IpSocketAddress {
	if e.Addr().Is4() {
		return api3.IpSocketAddressIpv4(api3.Ipv4SocketAddress{Port: e.Port(), Address: to4(e.Addr())})
	}
	return api3.IpSocketAddressIpv6(api3.Ipv6SocketAddress{
		Port: e.Port(), Address: to6(e.Addr()), ScopeId: scopeOf(e.Addr()),
	})
}

// address3 converts the outcome of asking for an address.
func address3(e netip.AddrPort, err error) (api3.IpSocketAddress, error) {
	if err != nil {
		return api3.IpSocketAddress{}, result3(err)
	}
	return toEndpoint3(e), nil
}
