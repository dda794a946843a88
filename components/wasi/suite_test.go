package wasi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components/wasi"
	"latticework/internal/refdata"
)

// componentsEnv names the folder of the WASI 0.1 test programs as components:
// each program of the reference suite, converted with the preview 1 adapter
// for commands, as LANGUAGE/NAME.wasm.
const componentsEnv = "LATTICEWORK_WASIP1_COMPONENTS"

// suiteSpec is what a program of the suite needs and answers.
type suiteSpec struct {
	Args     []string
	Env      map[string]string
	Root     string
	ExitCode int `json:"exit_code"`
	Stdout   *string
	Stderr   *string
}

// TestPreview1Suite runs the WASI 0.1 reference suite as WASI 0.2 components.
func TestPreview1Suite(t *testing.T) {
	dir := os.Getenv(componentsEnv)
	if dir == "" {
		t.Skipf("SKIPPED: the converted suite is missing: set %s to its folder", componentsEnv)
	}
	specs := refdata.Dir(t, "conformance/wasi/wasip1")
	programs, err := filepath.Glob(filepath.Join(dir, "*", "*.wasm"))
	if err != nil || len(programs) < 72 {
		t.Fatalf("%d programs in %s, %v; want 72", len(programs), dir, err)
	}
	failing := expectedFailures(t, "testdata/preview1-suite.txt")
	for _, path := range programs {
		lang, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".wasm")
		t.Run(lang+"/"+name, func(t *testing.T) {
			reason, expected := failing[lang+"/"+name]
			problem := runProgram(t, path, filepath.Join(specs, lang), name)
			switch {
			case expected && problem == "":
				t.Errorf("passes, but is listed as failing: %s", reason)
			case expected:
				t.Skipf("SKIPPED: fails as it must: %s", reason)
			case problem != "":
				t.Error(problem)
			}
		})
		delete(failing, lang+"/"+name)
	}
	for name := range failing {
		t.Errorf("%s is listed as failing, but is not in the suite", name)
	}
}

// expectedFailures reads the programs that cannot pass, with the reasons.
func expectedFailures(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	failing := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && line[0] != '#' {
			failing[name] = reason
		}
	}
	return failing
}

// runProgram runs one program and says what is wrong with its answer, "" if
// nothing is.
func runProgram(t *testing.T, path, folder, name string) string {
	spec := readSpec(t, filepath.Join(folder, name+".json"))
	cfg := wasi.Config{Args: append([]string{name + ".wasm"}, spec.Args...)}
	for k, v := range spec.Env {
		cfg.Env = append(cfg.Env, wasi.EnvVar{Name: k, Value: v})
	}
	if spec.Root != "" {
		root := t.TempDir()
		if err := copyWritable(root, filepath.Join(folder, spec.Root)); err != nil {
			t.Fatal(err)
		}
		cfg.Preopens = []wasi.Preopen{{HostDir: root, GuestPath: "/"}}
	}
	got := runCommand(t, compile(t, path), cfg)
	switch {
	case got.err != nil || got.code != spec.ExitCode:
		return fmt.Sprintf("exit code %d, want %d; error %v\nstdout %q\nstderr %q", got.code, spec.ExitCode, got.err, got.stdout, got.stderr)
	case spec.Stdout != nil && got.stdout != *spec.Stdout:
		return fmt.Sprintf("stdout %q, want %q", got.stdout, *spec.Stdout)
	case spec.Stderr != nil && got.stderr != *spec.Stderr:
		return fmt.Sprintf("stderr %q, want %q", got.stderr, *spec.Stderr)
	}
	return ""
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

// copyWritable copies a folder, whose files may be read-only, for a program to
// change.
func copyWritable(to, from string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
