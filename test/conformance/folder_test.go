package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "latticework/internal/wasmbuild"
)

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// conformance runs the command on a folder, given below the repository's root
// or whole.
func conformance(t *testing.T, dir string) (out string, ok bool) {
	t.Helper()
	cmd := exec.Command("bash", filepath.Join(".ci", "conformance"), "-dir", dir)
	cmd.Dir = filepath.Join("..", "..")
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// exits is a program of WASI 0.1 that ends with a status.
func exits(status int64) []byte {
	m := &Module{}
	exit := m.Import("wasi_snapshot_preview1", "proc_exit", m.Type("i", ""))
	m.Memory(1, 1)
	m.Export("memory", Memory, 0)
	m.Export("_start", Func, m.Func(m.Type("", ""), "", I32(status), Call(exit)))
	return m.Bytes()
}

// TestFolderOfSuites runs suites that are not the reference's.
func TestFolderOfSuites(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "components/empty.wasm", NewComponent().Bytes())
	write(t, dir, "components/manifest.json", []byte(`{"files": [{"source": "a.wast", "cases": [
		{"id": "one", "line": 1, "kind": "instantiate", "wasm": "empty.wasm"},
		{"id": "two", "line": 2, "kind": "assert-invalid", "wasm": "empty.wasm", "message": "no"},
		{"id": "three", "line": 3, "kind": "instantiate"},
		{"id": "four", "line": 4, "kind": "odd", "wasm": "empty.wasm"},
		{"id": "five", "line": 5, "kind": "assert-malformed"}]}]}`))
	write(t, dir, "programs/c/four.wasm", exits(4))
	write(t, dir, "programs/c/four.json", []byte(`{"exit_code": 4}`))
	write(t, dir, "programs/c/five.wasm", exits(4))
	write(t, dir, "programs/c/five.json", []byte(`{"exit_code": 5}`))
	out, ok := conformance(t, dir)
	for _, want := range []string{
		"components/Reference: 2 passed, 6 failed, 2 skipped\n", // under the compiler and the interpreter
		"a.wast:2: accepted, want assert-invalid (no)",
		"a.wast:3: a case of kind instantiate names no file",
		`a.wast:4: a case of the kind "odd" is not known`,
		"components/wasi/preview1/Preview1Direct: 1 passed, 1 failed, 0 skipped\n",
		"exit code 4, want 5",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the report", want)
		}
	}
	if ok || t.Failed() {
		t.Errorf("failing cases, and the command ends well: %v\n%s", ok, out)
	}
}

func TestSuiteThatPasses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "empty.wasm", NewComponent().Bytes())
	write(t, dir, "manifest.json", []byte(`{"files": [{"source": "a.wast", "cases": [{"id": "one", "kind": "instantiate", "wasm": "empty.wasm"}]}]}`))
	if out, ok := conformance(t, dir); !ok || !strings.Contains(out, "components/Reference: 2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("%v\n%s", ok, out)
	}
}

func TestFolderWithoutSuite(t *testing.T) {
	for dir, want := range map[string]string{
		t.TempDir():                          "holds no suite: neither manifest.json",
		filepath.Join(t.TempDir(), "nobody"): "is no folder",
	} {
		if out, ok := conformance(t, dir); ok || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q\n%s", dir, ok, want, out)
		}
	}
}
