package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"

	"latticework/components/wasi/bindings/wasicli"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
)

// Stdio implements stdin, stdout and stderr. All streams of one Stdio share
// its reader and writers, of which each is used by one goroutine at a time.
type Stdio struct {
	stdin  *streams.SharedInput
	mu     sync.Mutex // held while a writer runs: both may be the same
	stdout io.Writer
	stderr io.Writer
}

var (
	_ wasicli.StdinInterface  = (*Stdio)(nil)
	_ wasicli.StdoutInterface = (*Stdio)(nil)
	_ wasicli.StderrInterface = (*Stdio)(nil)
)

// NewStdio returns the standard streams. A nil reader has ended, a nil writer
// discards.
//
// The guest itself waits in Write, so output is never lost when it ends. It
// never waits in Read: unless stdin is a regular file or memory, a background
// goroutine does. One that is blocked when the last guest has ended stays
// until the reader gives something or is closed by its owner.
func NewStdio(stdin io.Reader, stdout, stderr io.Writer) *Stdio {
	return &Stdio{
		stdin:  streams.NewSharedInput(inputOf(stdin)),
		stdout: stdout,
		stderr: stderr,
	}
}

func inputOf(r io.Reader) wasiio.InputStream {
	if r == nil {
		return streams.Empty()
	}
	return streams.NewInput(r, streams.InputOptions{Prompt: prompt(r)})
}

// prompt reports whether r is known to answer without waiting for anyone.
func prompt(r io.Reader) bool {
	switch r := r.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	case *os.File:
		fi, err := r.Stat()
		return err == nil && fi.Mode().IsRegular()
	}
	return false
}

// GetStdin implements wasi:cli.
func (s *Stdio) GetStdin(context.Context) (wasiio.InputStream, error) {
	return s.stdin.Stream(), nil
}

// GetStdout implements wasi:cli.
func (s *Stdio) GetStdout(context.Context) (wasiio.OutputStream, error) {
	return s.output(s.stdout), nil
}

// GetStderr implements wasi:cli.
func (s *Stdio) GetStderr(context.Context) (wasiio.OutputStream, error) {
	return s.output(s.stderr), nil
}

func (s *Stdio) output(w io.Writer) wasiio.OutputStream {
	if w == nil {
		return streams.Discard()
	}
	return streams.NewOutput(&lockedWriter{mu: &s.mu, w: w}, streams.OutputOptions{Prompt: true})
}

// lockedWriter writes to w while it holds mu.
type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

// Write implements [io.Writer].
func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
