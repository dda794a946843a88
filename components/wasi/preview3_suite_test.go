package wasi_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/refdata"
)

// preview3Programs is how many programs the WASI 0.3 suite has.
const preview3Programs = 55

// TestPreview3Suite runs the WASI 0.3 reference suite. Programs that cannot
// pass are listed in testdata/preview3-suite.txt.
func TestPreview3Suite(t *testing.T) { runPreview3Suite(t, components.EngineConfig{}) }

// TestPreview3InterpreterSuite runs it under the interpreter.
func TestPreview3InterpreterSuite(t *testing.T) {
	runPreview3Suite(t, components.EngineConfig{Interpreter: true})
}

func runPreview3Suite(t *testing.T, cfg components.EngineConfig) {
	dir, other := refdata.Suite(t, "wasi/wasip3")
	programs, err := filepath.Glob(filepath.Join(dir, "*", "*.wasm"))
	if err != nil || len(programs) == 0 || !other && len(programs) != preview3Programs {
		t.Fatalf("%d programs LANGUAGE/NAME.wasm in %s, %v; want %d", len(programs), dir, err, preview3Programs)
	}
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	failing := map[string]string{}
	if !other {
		failing = expectedFailures(t, "testdata/preview3-suite.txt")
	}
	for _, path := range programs {
		name := strings.TrimSuffix(filepath.Base(path), ".wasm")
		t.Run(name, func(t *testing.T) {
			reason, expected := failing[name]
			problem := runPreview3(t, e, path)
			switch {
			case expected && problem == "":
				t.Errorf("passes, but is listed as failing: %s", reason)
			case expected:
				t.Skipf("SKIPPED: fails as it must: %s", reason)
			case problem != "":
				t.Error(problem)
			}
		})
		delete(failing, name)
	}
	for name := range failing {
		t.Errorf("%s is listed as failing, but is not in the suite", name)
	}
}
