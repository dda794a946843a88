package host

import (
	"errors"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// calleeError is an error that the other side of a call is to blame for. Its
// code may be one that a guest's own mistakes have as well.
type calleeError struct{ err error }

// Error returns the other side's message.
func (e *calleeError) Error() string { return e.err.Error() }

// Unwrap returns the other side's error.
func (e *calleeError) Unwrap() error { return e.err }

// failure puts an error of ours into a function's own result, if its type has
// an error case that can carry a message.
type failure struct {
	codec *abi.Codec
	make  func(message string) value.Value // of the error type
}

// errorCases are the variant cases that stand for any failure, by preference.
var errorCases = []string{"other", "internal-error", "io", "upstream", "unavailable", "unknown"}

// newFailure returns nil if the result type has no such case: the guest traps.
func newFailure(c *abi.FuncCodec) *failure {
	t := c.Type.Result
	if t == nil || t.Kind != wit.KindResult || t.Err == nil {
		return nil
	}
	switch t.Err.Kind {
	case wit.KindString:
		return &failure{codec: c.Result, make: func(m string) value.Value { return value.String(m) }}
	case wit.KindVariant:
		for _, name := range errorCases {
			for i, cs := range t.Err.Cases {
				if cs.Name != name || cs.Type == nil {
					continue
				}
				if payload := carrier(cs.Type); payload != nil {
					return &failure{codec: c.Result, make: func(m string) value.Value {
						return value.Variant{Case: i, Payload: payload(m)}
					}}
				}
			}
		}
	}
	return nil
}

// carrier returns how a type holds a message, nil if it cannot.
func carrier(t *wit.Type) func(message string) value.Value {
	switch {
	case t.Kind == wit.KindString:
		return func(m string) value.Value { return value.String(m) }
	case t.Kind == wit.KindOption && t.Elem.Kind == wit.KindString:
		return func(m string) value.Value { return value.Option{Value: value.String(m)} }
	}
	return nil
}

// answer writes err as the call's result, or returns it so that the guest
// traps. A guest's own mistakes always trap.
func (f *failure) answer(call *abi.Call, err error) error {
	if f == nil || call.Err() != nil {
		return err
	}
	var callee *calleeError
	own := errors.Is(err, errcode.Trap) || errors.Is(err, errcode.Invalid)
	if own && !errors.As(err, &callee) {
		return err
	}
	f.codec.Store(&call.Mem, call.Result, value.Result{IsErr: true, Value: f.make(string(errcode.Of(err)) + ": " + err.Error())})
	return nil
}
