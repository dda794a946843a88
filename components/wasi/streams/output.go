package streams

import (
	"context"
	"io"

	"latticework/components/wasi/bindings/wasiio"
)

// BlockingLimit is how many bytes one blocking-write-and-flush may hold.
const BlockingLimit = 4096

// promptPermit is what check-write allows where a write goes through at once.
const promptPermit = 1 << 20

// OutputOptions says how a writer behaves.
type OutputOptions struct {
	// Prompt states that the guest itself may wait in Write, as for a file,
	// memory or a log: the stream then buffers nothing and needs no goroutine.
	Prompt bool
	// Flush passes on what the writer holds back; nil if it holds nothing.
	Flush func() error
	// Interrupt makes a blocked Write or Flush return soon, for good; nil if
	// nothing can. It may be called at any time and several times.
	Interrupt func()
	// Close is called once when the stream is dropped and nothing is being
	// written any more; nil for nothing.
	Close func()
}

// NewOutput returns a stream that writes to w. A failed write is reported once
// and closes the stream.
//
// A writer that is not Prompt gets its bytes from a goroutine that lives while
// there are bytes, of which the stream holds at most [BufferSize]. What is
// left at Drop is still written, for at most [Linger] if the writer can be
// interrupted.
func NewOutput(w io.Writer, opts OutputOptions) wasiio.OutputStream {
	if opts.Prompt {
		return &promptOutput{w: w, opts: opts}
	}
	return &output{w: w, opts: opts}
}

// Discard returns a stream whose bytes go nowhere.
func Discard() wasiio.OutputStream {
	return NewOutput(io.Discard, OutputOptions{Prompt: true})
}

// ClosedOutput returns a stream that takes nothing.
func ClosedOutput() wasiio.OutputStream { return &promptOutput{done: true} }

// promptOutput is a stream over a writer in which the guest may wait.
type promptOutput struct {
	w    io.Writer
	opts OutputOptions
	done bool // failed or dropped
}

func (out *promptOutput) CheckWrite(context.Context) (uint64, error) {
	if out.done {
		return 0, closed
	}
	return promptPermit, nil
}

// result closes the stream if err is not nil.
func (out *promptOutput) result(err error) error {
	if err == nil {
		return nil
	}
	out.done = true
	return Failed(err)
}

func (out *promptOutput) Write(_ context.Context, b []byte) error {
	if len(b) > promptPermit {
		return tooLong("write", len(b), promptPermit)
	}
	if out.done {
		return closed
	}
	_, err := out.w.Write(b)
	return out.result(err)
}

func (out *promptOutput) Flush(context.Context) error {
	if out.done {
		return closed
	}
	if out.opts.Flush == nil {
		return nil
	}
	return out.result(out.opts.Flush())
}

func (out *promptOutput) BlockingFlush(ctx context.Context) error { return out.Flush(ctx) }

func (out *promptOutput) BlockingWriteAndFlush(ctx context.Context, b []byte) error {
	if len(b) > BlockingLimit {
		return tooLong("blocking-write-and-flush", len(b), BlockingLimit)
	}
	if err := out.Write(ctx, b); err != nil {
		return err
	}
	return out.Flush(ctx)
}

func (out *promptOutput) WriteZeroes(ctx context.Context, n uint64) error {
	return writeZeroes(ctx, out, n)
}

func (out *promptOutput) BlockingWriteZeroesAndFlush(ctx context.Context, n uint64) error {
	return blockingWriteZeroes(ctx, out, n)
}

func (out *promptOutput) Splice(ctx context.Context, src wasiio.InputStream, n uint64) (uint64, error) {
	return splice(ctx, out, src.Read, n)
}

func (out *promptOutput) BlockingSplice(ctx context.Context, src wasiio.InputStream, n uint64) (uint64, error) {
	return splice(ctx, out, src.BlockingRead, n)
}

func (out *promptOutput) Subscribe(context.Context) (wasiio.Pollable, error) { return ready, nil }

func (out *promptOutput) Drop(context.Context) {
	out.done = true
	if out.opts.Close != nil {
		out.opts.Close()
		out.opts.Close = nil
	}
}

// zeroes is what write-zeroes writes.
var zeroes Buffer

// writeZeroes writes n zero bytes, which check-write must allow.
func writeZeroes(ctx context.Context, out wasiio.OutputStream, n uint64) error {
	allowed, err := out.CheckWrite(ctx)
	if err != nil {
		return err
	}
	if n > allowed {
		return tooLong("write-zeroes", int(min(n, 1<<62)), int(allowed))
	}
	for n > 0 {
		k := clamp(n)
		if err := out.Write(ctx, zeroes[:k]); err != nil {
			return err
		}
		n -= uint64(k)
	}
	return nil
}

func blockingWriteZeroes(ctx context.Context, out wasiio.OutputStream, n uint64) error {
	if n > BlockingLimit {
		return tooLong("blocking-write-zeroes-and-flush", int(min(n, 1<<62)), BlockingLimit)
	}
	return out.BlockingWriteAndFlush(ctx, zeroes[:n])
}

// splice moves up to n bytes from read to out, within what out allows.
func splice(ctx context.Context, out wasiio.OutputStream, read func(context.Context, uint64) ([]byte, error), n uint64) (uint64, error) {
	allowed, err := out.CheckWrite(ctx)
	if err != nil {
		return 0, err
	}
	if n = min(n, allowed); n == 0 {
		return 0, nil
	}
	b, err := read(ctx, n)
	if err != nil {
		return 0, err
	}
	return uint64(len(b)), out.Write(ctx, b)
}
