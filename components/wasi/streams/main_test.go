package streams

import (
	"context"
	"errors"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// testCtx ends with the test, or after a time that only a hang needs.
func testCtx(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wantClosed checks that err is the stream error closed.
func wantClosed(t *testing.T, what string, err error) {
	t.Helper()
	var f *abi.Failure[wasiio.StreamError]
	if !errors.As(err, &f) || f.Value.Case != wasiio.StreamErrorCaseClosed {
		t.Errorf("%s: error %v, want closed", what, err)
	}
}

// wantFailed checks that err is last-operation-failed with the given text.
func wantFailed(t *testing.T, what string, err error, text string) {
	t.Helper()
	var f *abi.Failure[wasiio.StreamError]
	if !errors.As(err, &f) || f.Value.Case != wasiio.StreamErrorCaseLastOperationFailed {
		t.Fatalf("%s: error %v, want last-operation-failed", what, err)
	}
	if got, _ := f.Value.LastOperationFailed.ToDebugString(t.Context()); got != text {
		t.Errorf("%s: failed with %q, want %q", what, got, text)
	}
}

func wantCode(t *testing.T, what string, err error, code errcode.Code) {
	t.Helper()
	if errcode.Of(err) != code || err == nil {
		t.Errorf("%s: error %v, want code %s", what, err, code)
	}
}

func wantBytes(t *testing.T, what string, got []byte, err error, want string) {
	t.Helper()
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", what, got, err, want)
	}
}
