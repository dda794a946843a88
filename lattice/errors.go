package lattice

import (
	"encoding/json"
	"errors"

	"latticework/internal/errcode"
)

// The error classes, for errors.Is. Their meaning is that of the project's
// error vocabulary.
const (
	ErrInvalid     = errcode.Invalid
	ErrNotFound    = errcode.NotFound
	ErrExists      = errcode.Exists
	ErrConflict    = errcode.Conflict
	ErrDenied      = errcode.Denied
	ErrUnavailable = errcode.Unavailable
	ErrDeadline    = errcode.Deadline
	ErrExhausted   = errcode.Exhausted
	ErrTrap        = errcode.Trap
	ErrUnsupported = errcode.Unsupported
	ErrClosed      = errcode.Closed
	ErrInternal    = errcode.Internal
)

// Error is an error with a code, a message and the user's next step.
type Error = errcode.Error

// WireError is an error as it travels: the body of a reply whose header
// HeaderError is set.
type WireError struct {
	Code    errcode.Code `json:"code"`
	Msg     string       `json:"msg"`
	Next    string       `json:"next,omitempty"`
	Refused bool         `json:"refused,omitempty"` // certainly not executed
}

// EncodeError returns err in wire form. A nil err encodes as internal.
func EncodeError(err error) []byte {
	w := WireError{Code: errcode.Internal, Msg: "no error", Refused: IsRefused(err)}
	if err != nil {
		w.Code, w.Msg, w.Next = errcode.Of(err), err.Error(), errcode.NextOf(err)
	}
	data, mErr := json.Marshal(w)
	if mErr != nil { // strings and a bool: cannot happen
		return []byte(`{"code":"internal","msg":"encode error"}`)
	}
	return data
}

// DecodeError returns the error that EncodeError wrote. What cannot be read
// becomes an internal error; the result is never nil.
func DecodeError(data []byte) error {
	var w WireError
	if err := json.Unmarshal(data, &w); err != nil {
		return errcode.New(errcode.Internal, "decode error reply: %w", err)
	}
	if !w.Code.Known() {
		w.Msg = "unknown error code " + string(w.Code) + ": " + w.Msg
		w.Code = errcode.Internal
	}
	err := error(&errcode.Error{Code: w.Code, Msg: w.Msg, Next: w.Next})
	if w.Refused {
		err = Refuse(err)
	}
	return err
}

// Refuse marks err as the answer to a request that was certainly not
// executed: the sender may try elsewhere. Refuse(nil) is nil.
func Refuse(err error) error {
	if err == nil || IsRefused(err) {
		return err
	}
	return &refusal{err}
}

// IsRefused reports whether err says that the request was certainly not
// executed.
func IsRefused(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// LoseReply marks err as the end of a request whose reply will not come, for the
// connection that it would come over was lost: the request may have been
// executed. LoseReply(nil) is nil.
func LoseReply(err error) error {
	if err == nil {
		return nil
	}
	return &lostReply{err}
}

// IsReplyLost reports whether err says that a request's reply will not come. Who
// may repeat the request need not wait.
func IsReplyLost(err error) bool {
	var l *lostReply
	return errors.As(err, &l)
}

type lostReply struct{ err error }

func (l *lostReply) Error() string { return l.err.Error() }
func (l *lostReply) Unwrap() error { return l.err }
