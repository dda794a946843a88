package components

import (
	"errors"
	"fmt"
	"strings"

	"latticework/internal/errcode"
)

// The classes of errors that this package answers, for errors.Is.
const (
	ErrInvalid     = errcode.Invalid
	ErrNotFound    = errcode.NotFound
	ErrExhausted   = errcode.Exhausted
	ErrDeadline    = errcode.Deadline
	ErrTrap        = errcode.Trap
	ErrUnsupported = errcode.Unsupported
	ErrClosed      = errcode.Closed
)

// Trap says that a guest stopped for good: it trapped, hit a limit, ran out of
// time, or a host function failed under it. Its instance is gone.
type Trap struct {
	// Function is the export that was called.
	Function string
	// Reason is what happened, in one line, without the class.
	Reason string
	// Stack holds the frames of the guest that trapped, innermost first, at
	// most 30 and a line that there are more of each component that called
	// another, and 100 in all; it is empty if nothing of the guest was running.
	// A frame is the function's name as the guest's name section or exports
	// have it, not demangled, with its core module and number in
	// `lattice inspect --plan`; names are cut after 120 bytes, and what is not
	// printable in them is escaped. Functions of the host end in "(host)".
	Stack []string
	// Err is the cause: an error of a host function, a limit, or the engine's.
	Err error
}

// Error returns the function and the reason.
func (t *Trap) Error() string {
	if t.Function == "" {
		return t.Reason
	}
	return fmt.Sprintf("call %s: %s", t.Function, t.Reason)
}

// Unwrap returns the cause.
func (t *Trap) Unwrap() error { return t.Err }

// Is reports whether target is the class of t: that of its cause if the cause
// has one, else trap.
func (t *Trap) Is(target error) bool {
	c, ok := target.(errcode.Code)
	return ok && c == t.Code()
}

// Code returns the class of t.
func (t *Trap) Code() errcode.Code {
	if c := errcode.Of(t.Err); c != errcode.Internal {
		return c
	}
	return errcode.Trap
}

// hostError carries an error of a host function through the engine, which
// unwinds the guest.
type hostError struct{ err error }

func (h *hostError) Error() string { return h.err.Error() }
func (h *hostError) Unwrap() error { return h.err }

// newTrap makes a Trap of what a call into the engine answered. names is asked
// for if there is a stack.
func newTrap(function string, err error, names func() *namer) *Trap {
	var t *Trap
	if errors.As(err, &t) { // of a call further in
		if t.Function == "" {
			t.Function = function
		}
		return t
	}
	t = &Trap{Function: function}
	text, stack, _ := strings.Cut(err.Error(), stackHeader)
	if stack != "" {
		t.Stack = names().frames(stack)
	}
	var h *hostError
	for inner := err; errors.As(inner, &h); inner = h.err { // the innermost of calls inside one another
	}
	if h != nil {
		if err = h.err; !isEngineError(err) {
			t.Err, t.Reason = err, err.Error()
			return t
		}
		text, _, _ = strings.Cut(err.Error(), stackHeader) // a component that another one called
	}
	text, _, _ = strings.Cut(text, " (recovered by wazero)")
	if c := errcode.Of(err); c != errcode.Internal && c != errcode.Trap { // a limit of ours
		t.Err, t.Reason = err, text
		return t
	}
	if strings.Contains(text, "stack overflow") {
		t.Reason = "call stack: as deep as the engine allows"
		t.Err = errcode.New(errcode.Exhausted, "%s: %w", t.Reason, err)
		return t
	}
	t.Reason = strings.TrimPrefix(text, "wasm error: ")
	t.Err = errcode.New(errcode.Trap, "%s: %w", t.Reason, err)
	return t
}

// stackHeader begins the stack in the text of an engine's error.
const stackHeader = "\nwasm stack trace:"

// isEngineError reports whether err is what the engine answers for a guest that
// trapped, and no error of ours.
func isEngineError(err error) bool {
	return errcode.Of(err) == errcode.Internal && strings.Contains(err.Error(), stackHeader)
}
