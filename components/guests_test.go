package components_test

import (
	"os"
	"path/filepath"
	"testing"

	"latticework/components"
	"latticework/internal/refdata"
)

func compileGuest(t testing.TB, cfg components.EngineConfig, name string) *components.Component {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	e, err := components.NewEngine(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	c, err := e.Compile(ctx, data)
	if err != nil {
		t.Fatalf("compile %s: %v", name, err)
	}
	return c
}

// TestPure calls a function of text on QuickJS.
func TestPure(t *testing.T) { greet(t, components.EngineConfig{}, "Wörld 🌍") }
