package components_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

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

// TestNothingOfACallIsKept: an instance that waits for its next call holds
// nothing of what earlier ones were given.
func TestNothingOfACallIsKept(t *testing.T) {
	release := make(chan struct{})
	close(release)
	tmpl := relayHost{work: inBackground(release)}.template(t, components.Limits{})
	f, err := tmpl.Export("", "call")
	if err != nil {
		t.Fatal(err)
	}
	type large struct{ bytes [1 << 20]byte }
	type key struct{}
	collected := make(chan string, 2)
	func() {
		inContext, inClosure := new(large), new(large)
		runtime.AddCleanup(inContext, func(what string) { collected <- what }, "the context")
		runtime.AddCleanup(inClosure, func(what string) { collected <- what }, "the function that writes the parameters")
		in := keep(t, tmpl)
		err := in.Invoke(context.WithValue(t.Context(), key{}, inContext), f,
			func(c *abi.Call) error { c.PutU32(c.Params, uint32(inClosure.bytes[0])); return nil },
			func(*abi.Call) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		in.Release(context.Background())
	}()
	if tmpl.Kept() != 1 {
		t.Fatalf("%d instances are kept, want 1", tmpl.Kept())
	}
	left := map[string]bool{"the context": true, "the function that writes the parameters": true}
	for range 100 {
		runtime.GC()
		select {
		case what := <-collected:
			delete(left, what)
		case <-time.After(10 * time.Millisecond):
		}
		if len(left) == 0 {
			return
		}
	}
	for what := range left {
		t.Errorf("%s is held", what)
	}
}
