package cli

import (
	"context"
	"errors"
	"io"
	"syscall"

	"latticework/components/wasi/bindings/wasicli3"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// Stdio3 gives the standard streams of a [Stdio] to guests of WASI 0.3.
type Stdio3 struct {
	stdio *Stdio
	group *streams.Group
}

// Stdin3, Stdout3 and Stderr3 are the interfaces of a [Stdio3].
type (
	Stdin3  struct{ Stdio3 }
	Stdout3 struct{ Stdio3 }
	Stderr3 struct{ Stdio3 }
)

var (
	_ wasicli3.StdinInterface  = Stdin3{}
	_ wasicli3.StdoutInterface = Stdout3{}
	_ wasicli3.StderrInterface = Stderr3{}
)

// NewStdio3 returns the streams of s; the goroutines of g write what guests
// give.
func NewStdio3(s *Stdio, g *streams.Group) Stdio3 { return Stdio3{s, g} }

// ReadViaStream implements wasi:cli.
func (s Stdin3) ReadViaStream(context.Context) (abi.Tuple2[abi.Stream[byte], streams.Outcome[wasicli3.ErrorCode]], error) {
	set, outcome := abi.NewFuture[abi.Result[struct{}, wasicli3.ErrorCode]]()
	ctx, cancel := context.WithCancelCause(context.Background())
	return abi.Tuple2[abi.Stream[byte], streams.Outcome[wasicli3.ErrorCode]]{
		F0: &stdin3{in: s.stdio.stdin.Stream(), set: set, ctx: ctx, cancel: cancel}, F1: outcome,
	}, nil
}

// WriteViaStream implements wasi:cli.
func (s Stdout3) WriteViaStream(_ context.Context, data abi.Stream[byte]) (streams.Outcome[wasicli3.ErrorCode], error) {
	return s.write(data, s.stdio.stdout), nil
}

// WriteViaStream implements wasi:cli.
func (s Stderr3) WriteViaStream(_ context.Context, data abi.Stream[byte]) (streams.Outcome[wasicli3.ErrorCode], error) {
	return s.write(data, s.stdio.stderr), nil
}

func (s Stdio3) write(data abi.Stream[byte], w io.Writer) streams.Outcome[wasicli3.ErrorCode] {
	if w == nil {
		w = io.Discard
	}
	return streams.Push(s.group, data, &lockedWriter{mu: &s.stdio.mu, w: w}, streams.FlowOptions{}, code3)
}

// code3 returns the error code for err.
func code3(err error) wasicli3.ErrorCode {
	switch {
	case errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe):
		return wasicli3.ErrorCodePipe
	case errors.Is(err, syscall.EILSEQ):
		return wasicli3.ErrorCodeIllegalByteSequence
	}
	return wasicli3.ErrorCodeIo
}

// stdin3 reads the standard input that all streams share: what it does not
// read, another one does.
type stdin3 struct {
	in     wasiio.InputStream
	set    func(abi.Result[struct{}, wasicli3.ErrorCode])
	ctx    context.Context // ends when it is closed
	cancel context.CancelCauseFunc
}

// Read implements [abi.Stream].
func (s *stdin3) Read(ctx context.Context, b []byte) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(io.EOF) })()
	got, err := s.in.BlockingRead(ctx, uint64(len(b)))
	if err == nil {
		return copy(b, got), nil
	}
	var f *abi.Failure[wasiio.StreamError]
	if !errors.As(err, &f) {
		return 0, err
	}
	if f.Value.Case == wasiio.StreamErrorCaseLastOperationFailed {
		code := wasicli3.ErrorCodeIo
		if own, ok := f.Value.LastOperationFailed.(*streams.Error); ok {
			code = code3(own.Err)
		}
		s.set(abi.Result[struct{}, wasicli3.ErrorCode]{Err: code, IsErr: true})
	}
	s.set(abi.Result[struct{}, wasicli3.ErrorCode]{})
	return 0, io.EOF
}

// Close implements [abi.Stream].
func (s *stdin3) Close() {
	s.cancel(io.EOF)
	s.set(abi.Result[struct{}, wasicli3.ErrorCode]{})
}
