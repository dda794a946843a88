package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/leakcheck"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestEnvironment(t *testing.T) {
	ctx := t.Context()
	e := &Environment{Args: []string{"prog", "x"}, Env: []abi.Tuple2[string, string]{{F0: "A", F1: "1"}}, Cwd: "/work"}
	if args, _ := e.GetArguments(ctx); !slices.Equal(args, []string{"prog", "x"}) {
		t.Errorf("arguments %q", args)
	}
	if env, _ := e.GetEnvironment(ctx); len(env) != 1 || env[0].F0 != "A" || env[0].F1 != "1" {
		t.Errorf("environment %v", env)
	}
	if cwd, _ := e.InitialCwd(ctx); cwd != abi.Some("/work") {
		t.Errorf("cwd %v", cwd)
	}
	if cwd, _ := (&Environment{}).InitialCwd(ctx); cwd.Some {
		t.Errorf("cwd %v without one", cwd)
	}
}

func TestExitUnwinds(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		err  error
		code uint8
	}{
		{Exit{}.Exit(ctx, abi.Result[struct{}, struct{}]{}), 0},
		{Exit{}.Exit(ctx, abi.Result[struct{}, struct{}]{IsErr: true}), 1},
		{Exit{}.ExitWithCode(ctx, 200), 200},
	} {
		var exit *ExitError
		if !errors.As(fmt.Errorf("call: %w", c.err), &exit) || exit.Code != c.code {
			t.Errorf("error %v, want exit with %d", c.err, c.code)
		}
	}
}

func TestTerminals(t *testing.T) {
	ctx := t.Context()
	term := Terminals{Stdin: true, Stderr: true}
	in, _ := term.GetTerminalStdin(ctx)
	out, _ := term.GetTerminalStdout(ctx)
	err, _ := term.GetTerminalStderr(ctx)
	if !in.Some || out.Some || !err.Some {
		t.Errorf("terminals %v %v %v", in.Some, out.Some, err.Some)
	}
	in.Value.Drop(ctx)
}

func readAll(ctx context.Context, t *testing.T, in wasiio.InputStream) string {
	t.Helper()
	var got []byte
	for {
		b, err := in.BlockingRead(ctx, 5)
		if err != nil {
			var f *abi.Failure[wasiio.StreamError]
			if !errors.As(err, &f) || f.Value.Case != wasiio.StreamErrorCaseClosed {
				t.Errorf("read: %v", err)
			}
			return string(got)
		}
		got = append(got, b...)
	}
}

func TestStdin(t *testing.T) {
	const text = "some input\n"
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	if _, err := pw.WriteString(text); err != nil {
		t.Fatal(err)
	}
	pw.Close()
	for name, r := range map[string]io.Reader{
		"memory": strings.NewReader(text),
		"file":   file,
		"pipe":   pr,
		"other":  io.LimitReader(strings.NewReader(text), 100),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s := NewStdio(r, nil, nil)
			first, _ := s.GetStdin(ctx)
			b, err := first.BlockingRead(ctx, 4)
			if err != nil || string(b) != "some" {
				t.Fatalf("read %q, %v", b, err)
			}
			first.Drop(ctx)
			second, _ := s.GetStdin(ctx)
			defer second.Drop(ctx)
			if got := readAll(ctx, t, second); got != " input\n" {
				t.Errorf("the second stream read %q", got)
			}
		})
	}
	in, _ := NewStdio(nil, nil, nil).GetStdin(t.Context())
	if got := readAll(t.Context(), t, in); got != "" {
		t.Errorf("no stdin gave %q", got)
	}
}

func TestStdoutAndStderrMayShareAWriter(t *testing.T) {
	ctx := t.Context()
	var buf bytes.Buffer
	s := NewStdio(nil, &buf, &buf)
	out, _ := s.GetStdout(ctx)
	errs, _ := s.GetStderr(ctx)
	for i, err := range []error{
		out.BlockingWriteAndFlush(ctx, []byte("a")),
		errs.BlockingWriteAndFlush(ctx, []byte("b")),
		out.Write(ctx, []byte("c")),
	} {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	out.Drop(ctx)
	errs.Drop(ctx)
	if buf.String() != "abc" {
		t.Errorf("written %q without a flush, want abc", buf.String())
	}
	none, _ := NewStdio(nil, nil, nil).GetStdout(ctx)
	if err := none.BlockingWriteAndFlush(ctx, []byte("x")); err != nil {
		t.Errorf("write to nowhere: %v", err)
	}
}
