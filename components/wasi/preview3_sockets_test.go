package wasi_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/leakcheck"
	"latticework/internal/refdata"
)

// TestSocketsEndWithTheInstance ends the echo program of the WASI 0.3 suite
// where it waits for a connection, and where it waits for data: nothing stays.
func TestSocketsEndWithTheInstance(t *testing.T) {
	path := filepath.Join(refdata.Dir(t, "conformance/wasi/wasip3"), "rust", "sockets-echo.wasm")
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	spec := &programSpec{Proposals: []string{"sockets"}}
	for _, connects := range []bool{false, true} {
		leakcheck.Check(t)
		ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
		p, err := newProgram(ctx, t, e, path, spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.run(operation{Type: "run"}); err != nil {
			t.Fatal(err)
		}
		if connects {
			err = p.connect(operation{ID: "c"})
		} else {
			_, err = p.stdout.next(ctx, 1) // it says its address, then accepts
		}
		if err != nil {
			t.Fatal(err)
		}
		timer := time.NewTimer(20 * time.Millisecond) // so that it waits, most times
		<-timer.C
		p.close(cancel)
		if p.end.err == nil {
			t.Errorf("the program ended on its own, with %d", p.end.code)
		}
	}
}
