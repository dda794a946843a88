package components_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/providers/keyvalue"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// TestHostFunctionsGetTheCallersContext: an implementation may derive contexts
// that outlive the call, so it must not be given one that the instance uses
// again.
func TestHostFunctionsGetTheCallersContext(t *testing.T) {
	code, err := os.ReadFile("../test/perf/guest/perf.wasm")
	if err != nil {
		t.Fatal(err)
	}
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	c, err := e.Compile(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	var got context.Context
	denied := errcode.New(errcode.Denied, "no store today")
	store := *keyvalue.BindStore(nil)
	store.Funcs = append([]abi.Func(nil), store.Funcs...)
	for i := range store.Funcs {
		store.Funcs[i].Call = func(ctx context.Context, _ *abi.Call) error {
			got = ctx
			return denied
		}
	}
	tmpl, err := c.Link(components.LinkConfig{Interfaces: []*abi.Interface{&store}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(context.Background())
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	_, err = in.Call(ctx, "latticework:perf/loops@0.1.0", "gets", value.U32(1))
	if !errors.Is(err, errcode.Denied) {
		t.Errorf("the call ended with %v, want the function's error", err)
	}
	if got != ctx {
		t.Errorf("the function was given %v, want the caller's context", got)
	}
}
