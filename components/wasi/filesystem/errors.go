package filesystem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// codeError is an error code as a Go error, inside this package and inside
// stream errors.
type codeError wasifs.ErrorCode

// Error returns the code's name in WIT.
func (c codeError) Error() string { return wasifs.ErrorCode(c).String() }

// The codes that this package gives on its own.
const (
	errBadDescriptor  = codeError(wasifs.ErrorCodeBadDescriptor)
	errExist          = codeError(wasifs.ErrorCodeExist)
	errIllegal        = codeError(wasifs.ErrorCodeIllegalByteSequence)
	errInvalid        = codeError(wasifs.ErrorCodeInvalid)
	errIsDirectory    = codeError(wasifs.ErrorCodeIsDirectory)
	errLoop           = codeError(wasifs.ErrorCodeLoop)
	errMemory         = codeError(wasifs.ErrorCodeInsufficientMemory)
	errNameTooLong    = codeError(wasifs.ErrorCodeNameTooLong)
	errNoEntry        = codeError(wasifs.ErrorCodeNoEntry)
	errNotDirectory   = codeError(wasifs.ErrorCodeNotDirectory)
	errNotPermitted   = codeError(wasifs.ErrorCodeNotPermitted)
	errReadOnly       = codeError(wasifs.ErrorCodeReadOnly)
	errNotImplemented = codeError(wasifs.ErrorCodeUnsupported)
)

// result turns an error of the machine into the guest's error case.
func result(err error) error {
	if err == nil {
		return nil
	}
	return abi.Fail(codeOf(err))
}

// codeOf returns the error code for err.
func codeOf(err error) wasifs.ErrorCode {
	var own codeError
	var errno syscall.Errno
	switch {
	case errors.As(err, &own):
		return wasifs.ErrorCode(own)
	case errors.As(err, &errno):
		if c, ok := codes()[errno]; ok {
			return c
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wasifs.ErrorCodeNoEntry
	case errors.Is(err, fs.ErrExist):
		return wasifs.ErrorCodeExist
	case errors.Is(err, fs.ErrPermission):
		return wasifs.ErrorCodeAccess
	case errors.Is(err, os.ErrClosed):
		return wasifs.ErrorCodeBadDescriptor
	case escapes(err):
		return wasifs.ErrorCodeNotPermitted
	}
	return wasifs.ErrorCodeIo
}

// escapes reports whether os.Root refused a path that leads out of it. The
// package has no sentinel for that; it is the one error of its path walk that
// is no error number.
func escapes(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return err.Error() == "path escapes from parent"
}

// streamError is err for a stream: io.EOF as it is, anything else as a code.
func streamError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return codeError(codeOf(err))
}

// FilesystemErrorCode implements the function of the interface types: the code
// of a stream error that came from a file.
func (s *System) FilesystemErrorCode(_ context.Context, err wasiio.Error) (abi.Option[wasifs.ErrorCode], error) {
	var code codeError
	if own, ok := err.(*streams.Error); ok && errors.As(own.Err, &code) {
		return abi.Some(wasifs.ErrorCode(code)), nil
	}
	return abi.None[wasifs.ErrorCode](), nil
}
