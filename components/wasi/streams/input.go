package streams

import (
	"context"
	"io"

	"latticework/components/wasi/bindings/wasiio"
)

// InputOptions says how a reader behaves.
type InputOptions struct {
	// Prompt states that Read returns without waiting for anyone, as for a
	// file or memory: the stream is then always ready and needs no goroutine.
	Prompt bool
	// Interrupt makes a blocked Read return soon, for good; nil if nothing
	// can. It may be called at any time and several times.
	Interrupt func()
	// Close is called once when the stream is dropped and no Read is running;
	// nil for nothing.
	Close func()
}

// NewInput returns a stream of what r gives. io.EOF closes the stream, any
// other error is reported once and closes it.
//
// Bytes that a read returns belong to the stream and are valid until the next
// operation on it.
//
// Of a reader that is not Prompt, one Read at a time runs, with at most
// [BufferSize] bytes; it is in the background when the guest polls. Drop
// interrupts it and waits for it; without Interrupt it is left to end by
// itself, and whoever owns r must see to that.
func NewInput(r io.Reader, opts InputOptions) wasiio.InputStream {
	if opts.Prompt {
		return &promptInput{r: r, close: opts.Close}
	}
	in := &input{r: r, opts: opts}
	return in
}

// promptInput is a stream over a reader that does not block.
type promptInput struct {
	r     io.Reader
	close func()
	buf   *Buffer
	done  bool // no more reads: an error was given, or dropped
	err   error
}

func (in *promptInput) Read(_ context.Context, n uint64) ([]byte, error) {
	if in.err != nil {
		err := in.err
		in.err = io.EOF
		return nil, Failed(err)
	}
	if in.done {
		return nil, closed
	}
	if n == 0 {
		return nil, nil
	}
	if in.buf == nil {
		in.buf = GetBuffer()
	}
	got, err := in.r.Read(in.buf[:clamp(n)])
	if err == nil {
		return in.buf[:got], nil
	}
	in.done = true
	if got > 0 {
		in.err = err
		return in.buf[:got], nil
	}
	return nil, Failed(err)
}

// BlockingRead is Read: there is nobody to wait for. A reader that gives
// nothing and no error is asked again as long as io.Reader's users do.
func (in *promptInput) BlockingRead(ctx context.Context, n uint64) ([]byte, error) {
	for range 100 {
		b, err := in.Read(ctx, n)
		if len(b) > 0 || err != nil || n == 0 {
			return b, err
		}
	}
	in.done = true
	return nil, Failed(io.ErrNoProgress)
}

func (in *promptInput) Skip(ctx context.Context, n uint64) (uint64, error) {
	b, err := in.Read(ctx, n)
	return uint64(len(b)), err
}

func (in *promptInput) BlockingSkip(ctx context.Context, n uint64) (uint64, error) {
	b, err := in.BlockingRead(ctx, n)
	return uint64(len(b)), err
}

func (in *promptInput) Subscribe(context.Context) (wasiio.Pollable, error) { return ready, nil }

func (in *promptInput) Drop(context.Context) {
	in.done, in.err = true, nil
	PutBuffer(in.buf)
	in.buf = nil
	if in.close != nil {
		in.close()
		in.close = nil
	}
}

// bytesInput is a stream of bytes in memory.
type bytesInput struct{ rest []byte }

// Bytes returns a stream of b, which must not change any more.
func Bytes(b []byte) wasiio.InputStream { return &bytesInput{rest: b} }

// Empty returns a stream that has ended.
func Empty() wasiio.InputStream { return &bytesInput{} }

func (in *bytesInput) Read(_ context.Context, n uint64) ([]byte, error) {
	if len(in.rest) == 0 {
		return nil, closed
	}
	k := min(n, uint64(len(in.rest)))
	b := in.rest[:k:k]
	in.rest = in.rest[k:]
	return b, nil
}

func (in *bytesInput) BlockingRead(ctx context.Context, n uint64) ([]byte, error) {
	return in.Read(ctx, n)
}

func (in *bytesInput) Skip(ctx context.Context, n uint64) (uint64, error) {
	b, err := in.Read(ctx, n)
	return uint64(len(b)), err
}

func (in *bytesInput) BlockingSkip(ctx context.Context, n uint64) (uint64, error) {
	return in.Skip(ctx, n)
}

func (in *bytesInput) Subscribe(context.Context) (wasiio.Pollable, error) { return ready, nil }

func (in *bytesInput) Drop(context.Context) { in.rest = nil }
