package preview1

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
)

// TestGoProgram runs a program by the Go compiler for WASI 0.1: a large module
// with a scheduler of its own that polls, and a library of files that asks for
// much.
func TestGoProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "main.go")
	build.Dir = "testdata/goprogram"
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code, err := Run(t.Context(), engine(t), readFile(t, program), wasi.Config{
		Args: []string{"program", "a", "b c"}, Env: []wasi.EnvVar{{Name: "NAME", Value: "value"}},
		Stdin: strings.NewReader("one\ntwo\n"), Stdout: &stdout, Stderr: &stderr,
		Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/data"}},
	}, components.Limits{Time: time.Minute})
	const want = "[a b c] value\nline \"one\"\nline \"two\"\nfiles: 100 355 49+\nwaited: true\n"
	if err != nil || code != 3 || stdout.String() != want || stderr.String() != "done\n" {
		t.Errorf("exit code %d, %v\nstdout %q\nwant   %q\nstderr %q", code, err, stdout.String(), want, stderr.String())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}
