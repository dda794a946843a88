package wasi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/refdata"
	"latticework/wit/value"
)

// commandCase is one recorded run of a command.
type commandCase struct {
	Args   []string
	Stdin  string
	Env    map[string]string
	Stdout string
	Stderr string
	OK     bool
}

// run is how a command ended.
type run struct {
	code           int // exit code; 1 if the command said that it failed
	stdout, stderr string
	err            error // a trap
}

// compile compiles a component for the test.
func compile(t *testing.T, path string) *components.Component {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), data)
	if err != nil {
		t.Fatalf("compile %s: %v", path, err)
	}
	return c
}

// runCommand runs a command component in a fresh instance.
func runCommand(t *testing.T, c *components.Component, cfg wasi.Config) run {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cfg.Stdout, cfg.Stderr = &stdout, &stderr
	s, err := wasi.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tmpl, err := c.Link(components.LinkConfig{Interfaces: s.Interfaces()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	in, err := tmpl.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(ctx)
	v, err := in.Call(ctx, "wasi:cli/run@0.2.12", "run")
	r := run{stdout: stdout.String(), stderr: stderr.String()}
	var exit *wasi.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = int(exit.Code)
	case err != nil:
		r.err = err
	case v.(value.Result).IsErr:
		r.code = 1
	}
	return r
}

func TestCommandGuests(t *testing.T) {
	for _, name := range []string{"c-cmd", "rust-cmd", "go-cmd", "js-cmd-qjs"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/expected"), name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Cases []commandCase }
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if len(want.Cases) == 0 {
				t.Fatal("no cases")
			}
			c := compile(t, filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
			for _, k := range want.Cases {
				t.Run(strings.Join(k.Args, " "), func(t *testing.T) { checkCommand(t, c, k) })
			}
		})
	}
}

func checkCommand(t *testing.T, c *components.Component, k commandCase) {
	cfg := wasi.Config{
		Args:     append([]string{"guest"}, k.Args...),
		Stdin:    strings.NewReader(k.Stdin),
		Preopens: []wasi.Preopen{{HostDir: t.TempDir(), GuestPath: "/"}},
	}
	for name, v := range k.Env {
		cfg.Env = append(cfg.Env, wasi.EnvVar{Name: name, Value: v})
	}
	got := runCommand(t, c, cfg)
	if got.err != nil {
		t.Fatalf("run: %v\nstdout %q\nstderr %q", got.err, got.stdout, got.stderr)
	}
	if (got.code == 0) != k.OK {
		t.Errorf("exit code %d, want success %v", got.code, k.OK)
	}
	if got.stdout != k.Stdout {
		t.Errorf("stdout %q, want %q", got.stdout, k.Stdout)
	}
	if got.stderr != k.Stderr {
		t.Errorf("stderr %q, want %q", got.stderr, k.Stderr)
	}
}

func TestCommandWithoutAuthority(t *testing.T) {
	c := compile(t, filepath.Join(refdata.Dir(t, "guests/wasm"), "c-cmd.wasm"))
	got := runCommand(t, c, wasi.Config{Args: []string{"guest", "file", "/etc/passwd"}})
	if got.err != nil || strings.Contains(got.stdout, "root:") {
		t.Errorf("run: %+v", got)
	}
}
