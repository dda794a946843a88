// Package errcode is the project's one vocabulary of errors: a small set of
// stable codes with the same meaning in Go, on the wire and as exit status of
// the command line.
package errcode

import (
	"context"
	"errors"
	"fmt"
)

// Code classifies an error. A Code is itself an error, so that
// errors.Is(err, errcode.NotFound) asks for a class.
type Code string

// The codes. Their text is stable: it travels between hosts and is printed.
const (
	Invalid     Code = "invalid"     // input malformed or against a stated rule
	NotFound    Code = "not_found"   // the named thing does not exist
	Exists      Code = "exists"      // create over something else
	Conflict    Code = "conflict"    // revision mismatch
	Denied      Code = "denied"      // policy, credentials or signature forbid it
	Unavailable Code = "unavailable" // nobody reachable now
	Deadline    Code = "deadline"    // time ran out
	Exhausted   Code = "exhausted"   // a stated limit was hit
	Trap        Code = "trap"        // a guest trapped; its instance is gone
	Unsupported Code = "unsupported" // feature, interface or version not implemented
	Closed      Code = "closed"      // receiver closed
	Internal    Code = "internal"    // a bug of ours
)

// Error returns the code's text.
func (c Code) Error() string { return string(c) }

// ExitStatus returns the command line's exit status for c; an unknown code
// counts as internal.
func (c Code) ExitStatus() int {
	switch c {
	case Invalid:
		return 2
	case NotFound:
		return 3
	case Exists, Conflict:
		return 4
	case Denied:
		return 5
	case Unavailable, Deadline:
		return 6
	case Exhausted:
		return 7
	case Trap:
		return 8
	case Unsupported:
		return 9
	default:
		return 1
	}
}

// Known reports whether c is one of the declared codes.
func (c Code) Known() bool {
	switch c {
	case Invalid, NotFound, Exists, Conflict, Denied, Unavailable, Deadline,
		Exhausted, Trap, Unsupported, Closed, Internal:
		return true
	}
	return false
}

// Error is an error with a code. Msg says what happened, lower case, without
// the code; Next, if known, is the user's next step; Err is the cause.
type Error struct {
	Code Code
	Msg  string
	Next string
	Err  error
}

// New returns an Error whose message is made from format and args. A %w verb
// records the cause.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// WithNext returns a copy of e that names the user's next step.
func (e *Error) WithNext(format string, args ...any) *Error {
	c := *e
	c.Next = fmt.Sprintf(format, args...)
	return &c
}

// Error returns the message alone; a front end adds code and next step.
func (e *Error) Error() string { return e.Msg }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// Of returns err's code: that of the outermost Error or Code in its chain,
// Deadline and Unavailable for the context errors, else Internal. It returns
// "" for nil.
func Of(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	var c Code
	if errors.As(err, &c) {
		return c
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Deadline
	case errors.Is(err, context.Canceled):
		return Unavailable
	}
	return Internal
}

// OfContext returns the code of why ctx ended: that of its cause, if it has one,
// else that of its error.
func OfContext(ctx context.Context) Code {
	if c := Of(context.Cause(ctx)); c != Internal {
		return c
	}
	return Of(ctx.Err())
}

// NextOf returns the next step named in err's chain, or "".
func NextOf(err error) string {
	var e *Error
	for errors.As(err, &e) {
		if e.Next != "" {
			return e.Next
		}
		err = e.Err
	}
	return ""
}
