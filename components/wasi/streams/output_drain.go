package streams

import (
	"context"
	"io"
	"sync"
	"time"

	"latticework/components/wasi/bindings/wasiio"
)

// Linger is how long a dropped stream may go on writing what it holds.
const Linger = 5 * time.Second

// output is a stream over a writer that may block. Writes go to buf; while
// draining, one goroutine moves what is there to w. At most one Write or
// Flush of w runs at any time: the goroutine's, or that of a blocking write.
type output struct {
	w    io.Writer
	opts OutputOptions

	mu       sync.Mutex
	buf      *Buffer // guarded by mu, nil while empty and unused
	n        int     // guarded by mu: bytes in buf
	draining bool    // guarded by mu: w is in use
	flushing bool    // guarded by mu: no writes until all is flushed
	err      error   // guarded by mu: failure not yet reported
	closed   bool    // guarded by mu: failed or dropped
	dropped  bool    // guarded by mu
	finish   func()  // guarded by mu: called once nothing is left to write
	watchers Watchers
}

// Ready implements [Source]: a write or a report of failure is possible.
func (out *output) Ready() bool {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.closed || out.permitLocked() > 0
}

// Watch implements [Source].
func (out *output) Watch(w *Waiter) { out.watchers.Watch(w) }

// Unwatch implements [Source].
func (out *output) Unwatch(w *Waiter) { out.watchers.Unwatch(w) }

func (out *output) permitLocked() int {
	if out.flushing {
		return 0
	}
	return BufferSize - out.n
}

// failureLocked returns the error of a stream that takes nothing any more.
func (out *output) failureLocked() error {
	if !out.closed {
		return nil
	}
	if err := out.err; err != nil && !out.dropped {
		out.err = nil
		return Failed(err)
	}
	return closed
}

func (out *output) CheckWrite(context.Context) (uint64, error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	if err := out.failureLocked(); err != nil {
		return 0, err
	}
	return uint64(out.permitLocked()), nil
}

func (out *output) Write(_ context.Context, b []byte) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if err := out.failureLocked(); err != nil {
		return err
	}
	if len(b) > out.permitLocked() {
		return tooLong("write", len(b), out.permitLocked())
	}
	if len(b) == 0 {
		return nil
	}
	if out.buf == nil {
		out.buf = GetBuffer()
	}
	out.n += copy(out.buf[out.n:], b)
	out.drainLocked()
	return nil
}

func (out *output) Flush(context.Context) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.flushLocked()
}

func (out *output) flushLocked() error {
	if err := out.failureLocked(); err != nil {
		return err
	}
	if out.draining || out.opts.Flush != nil {
		out.flushing = true
		out.drainLocked()
	}
	return nil
}

// drainLocked starts the goroutine that empties the stream, unless it runs.
// It ends when there is nothing left to do; [output.Drop] bounds it.
func (out *output) drainLocked() {
	if out.draining {
		return
	}
	out.draining = true
	go out.drain()
}

func (out *output) drain() {
	spare := GetBuffer()
	defer func() { PutBuffer(spare) }()
	for {
		out.mu.Lock()
		n, full, flush := out.n, out.buf, out.flushing
		if n > 0 {
			out.buf, out.n, spare = spare, 0, nil
		}
		if n == 0 && !flush || out.err != nil {
			out.idleLocked()
			out.mu.Unlock()
			out.watchers.Notify()
			return
		}
		out.mu.Unlock()
		var err error
		if n > 0 {
			out.watchers.Notify()
			_, err = out.w.Write(full[:n])
			spare = full
		} else if out.opts.Flush != nil {
			err = out.opts.Flush()
		}
		out.mu.Lock()
		if n == 0 {
			out.flushing = false
		}
		if err != nil {
			out.failLocked(err)
		}
		out.mu.Unlock()
	}
}

// failLocked closes the stream for err.
func (out *output) failLocked(err error) {
	out.err, out.closed, out.flushing, out.n = err, true, false, 0
}

// idleLocked states that w is not in use any more.
func (out *output) idleLocked() {
	out.draining = false
	if out.n == 0 {
		PutBuffer(out.buf)
		out.buf = nil
	}
	if out.finish != nil {
		out.finish()
		out.finish = nil
	}
	if out.dropped && out.opts.Close != nil {
		out.opts.Close()
		out.opts.Close = nil
	}
}

// Finish closes out, a stream of NewOutput that is not Prompt, to the guest
// and calls then once what it holds has been written or has failed to be. A
// second call, or one after Drop, does nothing but call then in its turn.
func Finish(out wasiio.OutputStream, then func()) {
	o := out.(*output)
	o.mu.Lock()
	o.closed = true
	if prev := o.finish; prev != nil {
		last := then
		then = func() { prev(); last() }
	}
	o.finish = then
	if !o.draining {
		o.idleLocked()
	}
	o.mu.Unlock()
	o.watchers.Notify()
}

func (out *output) BlockingFlush(ctx context.Context) error {
	if err := out.Flush(ctx); err != nil {
		return err
	}
	return out.settle(ctx)
}

// settle waits until nothing is being written or flushed.
func (out *output) settle(ctx context.Context) error {
	if err := Wait(ctx, settled{out}); err != nil {
		return err
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.err == nil {
		return nil
	}
	return out.failureLocked()
}

// settled is ready when its stream has handed everything on, or failed.
type settled struct{ *output }

func (s settled) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.draining
}

// BlockingWriteAndFlush writes in the caller's own goroutine if nothing is
// being written and a write that blocks can be interrupted when ctx ends; else
// it waits for the background.
func (out *output) BlockingWriteAndFlush(ctx context.Context, b []byte) error {
	if len(b) > BlockingLimit {
		return tooLong("blocking-write-and-flush", len(b), BlockingLimit)
	}
	out.mu.Lock()
	direct := !out.draining && !out.closed && (ctx.Done() == nil || out.opts.Interrupt != nil)
	if direct {
		out.draining = true
	}
	out.mu.Unlock()
	if direct {
		return out.writeDirect(ctx, b)
	}
	for len(b) > 0 {
		if err := Wait(ctx, out); err != nil {
			return err
		}
		n, err := out.CheckWrite(ctx)
		if err != nil {
			return err
		}
		k := min(int(n), len(b))
		if err := out.Write(ctx, b[:k]); err != nil {
			return err
		}
		b = b[k:]
	}
	return out.BlockingFlush(ctx)
}

func (out *output) writeDirect(ctx context.Context, b []byte) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, out.opts.Interrupt)
		defer stop()
	}
	_, err := out.w.Write(b)
	if err == nil && out.opts.Flush != nil {
		err = out.opts.Flush()
	}
	out.mu.Lock()
	if err != nil {
		out.failLocked(err)
		out.err = nil
	}
	out.idleLocked()
	out.mu.Unlock()
	out.watchers.Notify()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx)
	}
	return Failed(err)
}

func (out *output) WriteZeroes(ctx context.Context, n uint64) error {
	return writeZeroes(ctx, out, n)
}

func (out *output) BlockingWriteZeroesAndFlush(ctx context.Context, n uint64) error {
	return blockingWriteZeroes(ctx, out, n)
}

func (out *output) Splice(ctx context.Context, src wasiio.InputStream, n uint64) (uint64, error) {
	return splice(ctx, out, src.Read, n)
}

func (out *output) BlockingSplice(ctx context.Context, src wasiio.InputStream, n uint64) (uint64, error) {
	if err := Wait(ctx, out); err != nil {
		return 0, err
	}
	return splice(ctx, out, src.BlockingRead, n)
}

func (out *output) Subscribe(context.Context) (wasiio.Pollable, error) {
	return NewPollable(out), nil
}

// Drop lets a running drain finish within [Linger], then closes the writer.
func (out *output) Drop(context.Context) {
	out.mu.Lock()
	if out.dropped {
		out.mu.Unlock()
		return
	}
	out.closed, out.dropped, out.flushing = true, true, out.flushing || out.draining && out.opts.Flush != nil
	if out.draining {
		out.lingerLocked()
	} else {
		out.idleLocked()
	}
	out.mu.Unlock()
	out.watchers.Notify()
}

// lingerLocked bounds the drain that goes on after Drop.
func (out *output) lingerLocked() {
	if out.opts.Interrupt == nil {
		return
	}
	timer := time.AfterFunc(Linger, out.opts.Interrupt)
	next := out.opts.Close
	out.opts.Close = func() {
		timer.Stop()
		if next != nil {
			next()
		}
	}
}
