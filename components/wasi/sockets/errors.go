package sockets

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// codeError is an error code as a Go error, inside this package and inside
// stream errors.
type codeError api.ErrorCode

// Error returns the code's name in WIT.
func (c codeError) Error() string { return api.ErrorCode(c).String() }

// The codes that this package gives on its own.
const (
	errAccessDenied    = codeError(api.ErrorCodeAccessDenied)
	errNotSupported    = codeError(api.ErrorCodeNotSupported)
	errInvalidArgument = codeError(api.ErrorCodeInvalidArgument)
	errConflict        = codeError(api.ErrorCodeConcurrencyConflict)
	errNotInProgress   = codeError(api.ErrorCodeNotInProgress)
	errWouldBlock      = codeError(api.ErrorCodeWouldBlock)
	errInvalidState    = codeError(api.ErrorCodeInvalidState)
	errSocketLimit     = codeError(api.ErrorCodeNewSocketLimit)
)

// codes maps the machine's error numbers; bind and connect differ in
// EADDRNOTAVAIL, see codeOf's callers.
var codes = map[syscall.Errno]api.ErrorCode{
	syscall.EACCES:        api.ErrorCodeAccessDenied,
	syscall.EPERM:         api.ErrorCodeAccessDenied,
	syscall.EOPNOTSUPP:    api.ErrorCodeNotSupported,
	syscall.ENOPROTOOPT:   api.ErrorCodeNotSupported,
	syscall.EINVAL:        api.ErrorCodeInvalidArgument,
	syscall.EAFNOSUPPORT:  api.ErrorCodeInvalidArgument,
	syscall.EFAULT:        api.ErrorCodeInvalidArgument,
	syscall.EDESTADDRREQ:  api.ErrorCodeInvalidArgument,
	syscall.EISCONN:       api.ErrorCodeInvalidArgument,
	syscall.ENOMEM:        api.ErrorCodeOutOfMemory,
	syscall.ENOBUFS:       api.ErrorCodeOutOfMemory,
	syscall.ETIMEDOUT:     api.ErrorCodeTimeout,
	syscall.EALREADY:      api.ErrorCodeConcurrencyConflict,
	syscall.EAGAIN:        api.ErrorCodeWouldBlock,
	syscall.EMFILE:        api.ErrorCodeNewSocketLimit,
	syscall.ENFILE:        api.ErrorCodeNewSocketLimit,
	syscall.EADDRNOTAVAIL: api.ErrorCodeAddressNotBindable,
	syscall.EADDRINUSE:    api.ErrorCodeAddressInUse,
	syscall.EHOSTUNREACH:  api.ErrorCodeRemoteUnreachable,
	syscall.EHOSTDOWN:     api.ErrorCodeRemoteUnreachable,
	syscall.ENETUNREACH:   api.ErrorCodeRemoteUnreachable,
	syscall.ENETDOWN:      api.ErrorCodeRemoteUnreachable,
	syscall.ECONNREFUSED:  api.ErrorCodeConnectionRefused,
	syscall.ECONNRESET:    api.ErrorCodeConnectionReset,
	syscall.EPIPE:         api.ErrorCodeConnectionReset,
	syscall.ECONNABORTED:  api.ErrorCodeConnectionAborted,
	syscall.EMSGSIZE:      api.ErrorCodeDatagramTooLarge,
	syscall.ENOTCONN:      api.ErrorCodeInvalidState,
}

// codeOf returns the error code for err.
func codeOf(err error) api.ErrorCode {
	var own codeError
	var errno syscall.Errno
	switch {
	case errors.As(err, &own):
		return api.ErrorCode(own)
	case errors.As(err, &errno):
		return codes[errno] // unknown without an entry
	case errors.Is(err, os.ErrDeadlineExceeded):
		return api.ErrorCodeTimeout
	case errors.Is(err, os.ErrClosed):
		return api.ErrorCodeInvalidState
	}
	return api.ErrorCodeUnknown
}

// result turns an error of the machine into the guest's error case.
func result(err error) error {
	if err == nil {
		return nil
	}
	return abi.Fail(codeOf(err))
}

// streamError is err for a stream: io.EOF as it is, anything else as a code.
func streamError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return codeError(codeOf(err))
}

// NetworkErrorCode implements the function of the interface network: the code
// of a stream error that came from a socket.
func (s *System) NetworkErrorCode(_ context.Context, err wasiio.Error) (abi.Option[api.ErrorCode], error) {
	var code codeError
	if own, ok := err.(*streams.Error); ok && errors.As(own.Err, &code) {
		return abi.Some(api.ErrorCode(code)), nil
	}
	return abi.None[api.ErrorCode](), nil
}
