package compose

import (
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
)

// FuzzPlug plugs whatever into whatever: the result is valid, which Plug
// checks, or the error is typed and not our own.
func FuzzPlug(f *testing.F) {
	const api = "test:counters/api@1.0.0"
	parts := [][]byte{
		greeter(f, shapes, "test:caller/api"), greeter(f, "demo:pure/shapes@0.1.4", shapes), greeter(f, "test:caller/api", shapes),
		counters(f, api), counterUser(f, api), counters(f, "test:counters/api@1.2.0"),
	}
	for _, a := range parts {
		for _, b := range parts {
			f.Add(a, b)
		}
	}
	f.Fuzz(func(t *testing.T, socket, plug []byte) {
		fuzzbound.Run(t, func() {
			_, err := Plug(socket, plug)
			switch code := errcode.Of(err); code {
			case "", errcode.Invalid, errcode.NotFound, errcode.Conflict, errcode.Unsupported, errcode.Exhausted:
			default:
				t.Fatalf("%s: %v", code, err)
			}
		})
	})
}
