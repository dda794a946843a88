package streams

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Error is a wasi:io error: why a stream operation failed. Other packages
// find the cause with errors.As on Err.
type Error struct{ Err error }

var _ wasiio.Error = (*Error)(nil)

// NewError wraps err for a guest.
func NewError(err error) *Error { return &Error{Err: err} }

// ToDebugString implements wasi:io. It names no path and no address of the
// host.
func (e *Error) ToDebugString(context.Context) (string, error) {
	return describe(e.Err), nil
}

// describe is the text of err without the details that wrappers of the
// standard library add.
func describe(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var op *net.OpError
	switch {
	case errors.As(err, &path):
		return describe(path.Err)
	case errors.As(err, &link):
		return describe(link.Err)
	case errors.As(err, &op):
		return describe(op.Err)
	}
	return err.Error()
}

// Drop implements wasi:io.
func (e *Error) Drop(context.Context) {}

// closed is the error of a stream that has ended.
var closed = abi.Fail(wasiio.StreamErrorClosed())

// Closed returns the stream error case closed.
func Closed() error { return closed }

// Failed returns the stream error for err: closed for io.EOF, else
// last-operation-failed.
func Failed(err error) error {
	if err == io.EOF {
		return closed
	}
	return abi.Fail(wasiio.StreamErrorLastOperationFailed(NewError(err)))
}

// tooLong is the trap of a write beyond what was allowed.
func tooLong(op string, got, allowed int) error {
	return errcode.New(errcode.Trap, "%s: bytes: %d > %d allowed", op, got, allowed)
}
