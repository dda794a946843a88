package components_test

import (
	"errors"
	"strings"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
)

// TestStackLimit checks that the fields of the engine by which stacks are
// measured are still there: without them a recursion ends only when it holds
// 100 MB.
func TestStackLimit(t *testing.T) {
	m := &Module{}
	m.Export("run", Func, m.Func(m.Type("", ""), "", Call(0), 0x01))
	c := NewComponent()
	run := c.CoreFunc(c.CoreInstance(c.CoreModule(m.Bytes())), "run")
	c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil)))
	for _, e := range suiteEngines {
		t.Run(e.name, func(t *testing.T) {
			engine, err := components.NewEngine(t.Context(), e.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = engine.Close(t.Context()) }()
			compiled, err := engine.Compile(t.Context(), c.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			tmpl, err := compiled.Link(components.LinkConfig{Limits: components.Limits{StackBytes: 1 << 20}})
			if err != nil {
				t.Fatal(err)
			}
			in, err := tmpl.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer in.Release(t.Context())
			_, err = in.Call(t.Context(), "", "run")
			want := "> 1048576"
			if e.cfg.Interpreter {
				want = "as deep as the engine allows" // it counts frames
			}
			if !errors.Is(err, components.ErrExhausted) || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, want exhausted with %q", err, want)
			}
		})
	}
}
