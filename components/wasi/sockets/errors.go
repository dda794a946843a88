package sockets

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// errorCode says what went wrong, whatever version of WASI is told of it. Inside
// this package, and inside stream errors, it is the error.
type errorCode uint8

const (
	errUnknown errorCode = iota
	errAccessDenied
	errNotSupported
	errInvalidArgument
	errOutOfMemory
	errTimeout
	errConflict
	errNotInProgress
	errWouldBlock
	errInvalidState
	errSocketLimit
	errAddressNotBindable
	errAddressInUse
	errRemoteUnreachable
	errConnectionRefused
	errConnectionBroken
	errConnectionReset
	errConnectionAborted
	errDatagramTooLarge
	errNameUnresolvable
	errTemporaryResolverFailure
	errPermanentResolverFailure
)

// Error returns the code's name in WASI 0.2.
func (c errorCode) Error() string { return codes2[c].String() }

// codes maps the machine's error numbers, made with the first error; bind and connect differ in
// EADDRNOTAVAIL, see [connectError].
var codes = sync.OnceValue(func() map[syscall.Errno]errorCode {
	return map[syscall.Errno]errorCode{
		syscall.EACCES:          errAccessDenied,
		syscall.EPERM:           errAccessDenied,
		syscall.EOPNOTSUPP:      errNotSupported,
		syscall.ENOPROTOOPT:     errNotSupported,
		syscall.EPFNOSUPPORT:    errNotSupported,
		syscall.EPROTONOSUPPORT: errNotSupported,
		syscall.ESOCKTNOSUPPORT: errNotSupported,
		syscall.EINVAL:          errInvalidArgument,
		syscall.EAFNOSUPPORT:    errInvalidArgument,
		syscall.EFAULT:          errInvalidArgument,
		syscall.EDESTADDRREQ:    errInvalidArgument,
		syscall.EISCONN:         errInvalidArgument,
		syscall.ENOMEM:          errOutOfMemory,
		syscall.ENOBUFS:         errOutOfMemory,
		syscall.ETIMEDOUT:       errTimeout,
		syscall.EALREADY:        errConflict,
		syscall.EAGAIN:          errWouldBlock,
		syscall.EMFILE:          errSocketLimit,
		syscall.ENFILE:          errSocketLimit,
		syscall.EADDRNOTAVAIL:   errAddressNotBindable,
		syscall.EADDRINUSE:      errAddressInUse,
		syscall.EHOSTUNREACH:    errRemoteUnreachable,
		syscall.EHOSTDOWN:       errRemoteUnreachable,
		syscall.ENETUNREACH:     errRemoteUnreachable,
		syscall.ENETDOWN:        errRemoteUnreachable,
		syscall.ECONNREFUSED:    errConnectionRefused,
		syscall.ECONNRESET:      errConnectionReset,
		syscall.EPIPE:           errConnectionBroken,
		syscall.ECONNABORTED:    errConnectionAborted,
		syscall.EMSGSIZE:        errDatagramTooLarge,
		syscall.ENOTCONN:        errInvalidState,
	}
})

// codeOf returns the code for err.
func codeOf(err error) errorCode {
	var own errorCode
	var errno syscall.Errno
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &errno):
		return codes()[errno] // unknown without an entry
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTimeout
	case errors.Is(err, os.ErrClosed):
		return errInvalidState
	}
	return errUnknown
}

// streamError is err for a stream: io.EOF as it is, anything else as a code.
func streamError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return codeOf(err)
}
