package host

import (
	"errors"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// TestFailureAnswer: an error becomes the function's own where its type has a
// case for it; a guest's own mistakes trap.
func TestFailureAnswer(t *testing.T) {
	text := wit.Primitive(wit.KindString)
	unit := wit.Primitive(wit.KindU8)
	variant := func(cases ...wit.Case) *wit.Type { return &wit.Type{Kind: wit.KindVariant, Cases: cases} }
	types := map[string]*wit.Type{
		"string":  text,
		"other":   variant(wit.Case{Name: "no-such-store"}, wit.Case{Name: "other", Type: text}),
		"option":  variant(wit.Case{Name: "internal-error", Type: &wit.Type{Kind: wit.KindOption, Elem: text}}),
		"numbers": variant(wit.Case{Name: "other", Type: unit}),
		"no case": variant(wit.Case{Name: "denied"}),
	}
	own := errcode.New(errcode.Trap, "unknown handle")
	lost := errcode.New(errcode.Unavailable, "nobody there")
	for _, tc := range []struct {
		typ   string
		err   error
		traps bool
	}{
		{"string", lost, false},
		{"other", lost, false},
		{"option", lost, false},
		{"numbers", lost, true},
		{"no case", lost, true},
		{"other", own, true},
		{"other", errcode.New(errcode.Invalid, "bad"), true},
		{"other", &calleeError{own}, false},
	} {
		codec, err := abi.CompileFunc(&wit.FuncType{Result: &wit.Type{Kind: wit.KindResult, Elem: unit, Err: types[tc.typ]}})
		if err != nil {
			t.Fatal(err)
		}
		heap := &bump{mem: make([]byte, 1<<12), top: 16}
		call := &abi.Call{Mem: abi.Mem{Data: heap.mem, Alloc: heap}, Result: make([]byte, codec.Result.Size())}
		got := newFailure(codec).answer(call, tc.err)
		if tc.traps {
			if !errors.Is(got, tc.err) {
				t.Errorf("%s, %v: %v, want a trap", tc.typ, tc.err, got)
			}
			continue
		}
		res, ok := codec.Result.Load(&call.Mem, call.Result).(value.Result)
		shown := value.Format(codec.Type.Result, res)
		if got != nil || !ok || !res.IsErr || !strings.Contains(shown, tc.err.Error()) || !strings.Contains(shown, string(errcode.Of(tc.err))) {
			t.Errorf("%s, %v: %v, result %s, %v", tc.typ, tc.err, got, shown, err)
		}
	}
	if newFailure(&abi.FuncCodec{Type: &wit.FuncType{}}) != nil {
		t.Error("a function without a result has no case for a failure")
	}
}
