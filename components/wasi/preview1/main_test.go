package preview1

import (
	"context"
	"os"
	"testing"

	"latticework/components"
	"latticework/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// engine returns an engine for the test.
func engine(t testing.TB) *components.Engine {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{MemoryBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
