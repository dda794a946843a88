package host

import (
	"errors"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

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
	f := &failure{codec: c.Result}
	switch t.Err.Kind {
	case wit.KindString:
		f.make = func(m string) value.Value { return value.String(m) }
		return f
	case wit.KindVariant:
		for _, name := range errorCases {
			for i, cs := range t.Err.Cases {
				if cs.Name != name || cs.Type == nil {
					continue
				}
				switch {
				case cs.Type.Kind == wit.KindString:
					f.make = func(m string) value.Value { return value.Variant{Case: i, Payload: value.String(m)} }
					return f
				case cs.Type.Kind == wit.KindOption && cs.Type.Elem.Kind == wit.KindString:
					f.make = func(m string) value.Value {
						return value.Variant{Case: i, Payload: value.Option{Value: value.String(m)}}
					}
					return f
				}
			}
		}
	}
	return nil
}

// answer writes err as the call's result, or returns it so that the guest
// traps. A guest's own mistakes always trap.
func (f *failure) answer(call *abi.Call, err error) error {
	if f == nil || errors.Is(err, errcode.Trap) || errors.Is(err, errcode.Invalid) || call.Err() != nil {
		return err
	}
	f.codec.Store(&call.Mem, call.Result, value.Result{IsErr: true, Value: f.make(string(errcode.Of(err)) + ": " + err.Error())})
	return nil
}
