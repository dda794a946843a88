package wasihttp3

import (
	"context"
	"errors"
	"io"

	older "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// body is the body of a message, made by a guest or received, until somebody
// takes it.
type body struct {
	stream   abi.Stream[byte]           // nil for an empty body
	trailers abi.Future[trailersResult] // nil for none
	sent     *transmission              // nil for a message that was received
	taken    bool
}

// make takes over what a guest makes a body of, and returns the future that
// the guest gets.
func (b *body) make(contents abi.Option[abi.Stream[uint8]], trailers abi.Future[trailersResult]) abi.Future[outcome] {
	b.stream, b.trailers, b.sent = contents.Value, trailers, newTransmission()
	return b.sent
}

// consume hands the body to a guest, which tells through res what it thinks of
// it.
func (b *body) consume(res abi.Future[outcome]) abi.Tuple2[abi.Stream[uint8], abi.Future[trailersResult]] {
	b.taken = true
	b.sent.follow(res)
	t := abi.Tuple2[abi.Stream[uint8], abi.Future[trailersResult]]{F0: b.stream, F1: b.trailers}
	if t.F0 == nil {
		t.F0 = abi.Empty[byte]()
	}
	if t.F1 == nil {
		t.F1 = abi.Ready(trailersResult{})
	}
	return t
}

// errUnsent is what became of a message that was dropped.
var errUnsent = errcode.New(errcode.Closed, "send message: it was dropped")

// drop gives the body up unless it was taken.
func (b *body) drop() {
	if !b.taken {
		b.taken = true
		b.close(errUnsent)
	}
}

// close gives the body up because of err.
func (b *body) close(err error) {
	if b.stream != nil {
		b.stream.Close()
	}
	if b.trailers != nil {
		b.trailers.Close()
	}
	b.sent.sent(err)
}

// outbound is a body on its way to the network: what is sent is read from it.
// One goroutine reads it.
type outbound struct {
	ctx    context.Context //nolint:containedctx // of the message
	body   *body
	length int64 // that it must have, -1 for any
	// wrongSize makes the code for a body of another length.
	wrongSize func(abi.Option[uint64]) older.ErrorCode

	// here says that only what needs no other goroutine may be read.
	here     bool
	ended    bool // the stream did; the trailers are left
	read     int64
	trailers *Fields // after the end, nil for none
	err      error   // why the body cannot be sent whole
}

// take makes out the body of a message that is sent. A body without contents
// has trailers only if they are announced.
func (out *outbound) take(ctx context.Context, b *body, announced bool) {
	b.taken = true
	out.ctx, out.body = ctx, b
	if b.stream != nil {
		return
	}
	if !announced && b.trailers != nil {
		b.trailers.Close()
		b.trailers = nil
	}
	if b.trailers != nil {
		b.stream = abi.Empty[byte]()
	}
}

// empty reports whether there is neither a byte nor a trailer to wait for.
func (out *outbound) empty() bool { return out.body.stream == nil }

// errElsewhere says that what is next may wait for another goroutine.
var errElsewhere = errors.New("the rest of the body is read elsewhere")

// readHere reports whether reading v, a stream or future, waits for no other
// goroutine.
func readHere(ctx context.Context, v any) bool {
	if s, ok := v.(abi.Settled); ok && s.Settled() {
		return true
	}
	d, ok := v.(abi.Driven)
	return ok && d.Driven(ctx)
}

// Read implements [io.Reader]. Before io.EOF it waits for the trailers.
//
// Errors: an error with a code; errElsewhere.
func (out *outbound) Read(p []byte) (n int, err error) {
	if out.err != nil {
		return 0, out.err
	}
	if !out.ended {
		if out.here && !readHere(out.ctx, out.body.stream) {
			return 0, errElsewhere
		}
		n, err = out.body.stream.Read(out.ctx, p)
		out.read += int64(n)
		if out.length >= 0 && out.read > out.length {
			return 0, out.fail(out.sizeError())
		}
		out.ended = err == io.EOF
	}
	if out.ended {
		err = out.end()
	}
	if err != nil && err != io.EOF && err != errElsewhere {
		return n, out.fail(err)
	}
	return n, err
}

// end checks the length and waits for the trailers.
func (out *outbound) end() error {
	if out.length >= 0 && out.read != out.length {
		return out.sizeError()
	}
	out.body.stream.Close()
	if out.body.trailers == nil {
		return io.EOF
	}
	if out.here && !readHere(out.ctx, out.body.trailers) {
		return errElsewhere
	}
	t, err := out.body.trailers.Read(out.ctx)
	switch {
	case err != nil:
		return err
	case t.IsErr:
		return &httpmessage.CodeError{Code: shared(t.Err), Err: errcode.New(errcode.Unavailable, "the guest gave the body up")}
	case t.Ok.Some:
		if out.trailers, err = freeze(t.Ok.Value); err != nil {
			return err
		}
	}
	return io.EOF
}

func (out *outbound) sizeError() error {
	return &httpmessage.CodeError{
		Code: out.wrongSize(abi.Some(uint64(out.read))),
		Err:  errcode.New(errcode.Invalid, "body: %d bytes, content-length states %d", out.read, out.length),
	}
}

func (out *outbound) fail(err error) error {
	out.err = err
	return err
}
