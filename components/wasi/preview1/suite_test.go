package preview1

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/refdata"
)

// programs is how many programs the reference suite has.
const programs = 72

// suiteSpec is what a program of the suite needs and answers.
type suiteSpec struct {
	Args     []string
	Env      map[string]string
	Root     string
	Dirs     []string
	ExitCode int `json:"exit_code"`
	Stdout   *string
	Stderr   *string
}

// TestPreview1DirectSuite runs the WASI 0.1 reference suite as it is.
func TestPreview1DirectSuite(t *testing.T) {
	counts := runSuite(t, engine(t))
	fmt.Printf("wasi-0.1: %s\n", counts)
}

// TestPreview1InterpreterSuite runs it under the interpreter.
func TestPreview1InterpreterSuite(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) }) // it gives memory back
	counts := runSuite(t, e)
	fmt.Printf("wasi-0.1 (interpreter): %s\n", counts)
}

// runSuite runs all programs and returns the counts.
func runSuite(t *testing.T, e *components.Engine) string {
	t.Helper()
	specs, other := refdata.Suite(t, "wasi/wasip1")
	paths, err := filepath.Glob(filepath.Join(specs, "*", "*.wasm"))
	if err != nil || len(paths) == 0 || !other && len(paths) != programs {
		t.Fatalf("%d programs LANGUAGE/NAME.wasm in %s, %v; want %d", len(paths), specs, err, programs)
	}
	failing := map[string]string{}
	if !other {
		failing = expectedFailures(t)
	}
	var passed, failed, skipped int
	for _, path := range paths {
		name := filepath.Base(filepath.Dir(path)) + "/" + strings.TrimSuffix(filepath.Base(path), ".wasm")
		ok := t.Run(name, func(t *testing.T) {
			reason, expected := failing[name]
			problem := runProgram(t, e, path)
			switch {
			case expected && problem == "":
				t.Errorf("passes, but is listed as failing: %s", reason)
			case expected:
				t.Skipf("SKIPPED: fails as it must: %s", reason)
			case problem != "":
				t.Error(problem)
			}
		})
		_, expected := failing[name]
		delete(failing, name)
		switch {
		case !ok:
			failed++
		case expected:
			skipped++
		default:
			passed++
		}
	}
	for name := range failing {
		t.Errorf("%s is listed as failing, but is not in the suite", name)
	}
	return fmt.Sprintf("%d passed, %d failed, %d skipped", passed, failed, skipped)
}

// expectedFailures reads the programs that cannot pass, with the reasons.
func expectedFailures(t *testing.T) map[string]string {
	t.Helper()
	failing := map[string]string{}
	for line := range strings.Lines(string(readFile(t, "testdata/direct-suite.txt"))) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && line[0] != '#' {
			failing[name] = reason
		}
	}
	return failing
}

// runProgram runs one program and says what is wrong with its answer, "" if
// nothing is.
func runProgram(t *testing.T, e *components.Engine, path string) string {
	spec := readSpec(t, strings.TrimSuffix(path, ".wasm")+".json")
	var stdout, stderr bytes.Buffer
	cfg := wasi.Config{Args: append([]string{filepath.Base(path)}, spec.Args...), Stdout: &stdout, Stderr: &stderr}
	for k, v := range spec.Env {
		cfg.Env = append(cfg.Env, wasi.EnvVar{Name: k, Value: v})
	}
	if spec.Root != "" {
		cfg.Preopens = append(cfg.Preopens, preopen(t, filepath.Join(filepath.Dir(path), spec.Root), "/"))
	}
	for _, dir := range spec.Dirs {
		cfg.Preopens = append(cfg.Preopens, preopen(t, filepath.Join(filepath.Dir(path), dir), dir))
	}
	code, err := Run(t.Context(), e, readFile(t, path), cfg, components.Limits{Time: time.Minute})
	switch {
	case err != nil || code != spec.ExitCode:
		return fmt.Sprintf("exit code %d, want %d; error %v\nstdout %q\nstderr %q", code, spec.ExitCode, err, stdout.String(), stderr.String())
	case spec.Stdout != nil && stdout.String() != *spec.Stdout:
		return fmt.Sprintf("stdout %q, want %q", stdout.String(), *spec.Stdout)
	case spec.Stderr != nil && stderr.String() != *spec.Stderr:
		return fmt.Sprintf("stderr %q, want %q", stderr.String(), *spec.Stderr)
	}
	return ""
}

// preopen grants a copy of a folder of the suite.
func preopen(t *testing.T, from, guest string) wasi.Preopen {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	// A read-only copy of the suite must not make read-only copies.
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if d.IsDir() {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
	return wasi.Preopen{HostDir: root, GuestPath: guest}
}

// readSpec reads a program's specification; without one it has no arguments
// and exits with 0.
func readSpec(t *testing.T, path string) suiteSpec {
	t.Helper()
	var spec suiteSpec
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return spec
	}
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		t.Fatal(err)
	}
	return spec
}
