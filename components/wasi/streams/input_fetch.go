package streams

import (
	"context"
	"io"
	"sync"

	"latticework/components/wasi/bindings/wasiio"
)

// input is a stream over a reader that may block. Its state machine: idle →
// (fetching, in the background or by a blocking read itself) → data or err →
// idle when the data is used up. At most one Read of r runs at any time.
type input struct {
	r    io.Reader
	opts InputOptions

	mu       sync.Mutex
	buf      *Buffer // guarded by mu, but owned by the running Read while fetching
	data     []byte  // guarded by mu: unread part of buf
	err      error   // guarded by mu: what follows data, io.EOF once reported
	empty    int     // guarded by mu: reads in a row without anything
	fetching bool    // guarded by mu
	dropped  bool    // guarded by mu
	fetches  sync.WaitGroup
	watchers Watchers
}

// Ready implements [Source]: it starts a read if there is nothing yet.
func (in *input) Ready() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.settledLocked() {
		return true
	}
	in.fetchLocked()
	return false
}

// Watch implements [Source].
func (in *input) Watch(w *Waiter) { in.watchers.Watch(w) }

// Unwatch implements [Source].
func (in *input) Unwatch(w *Waiter) { in.watchers.Unwatch(w) }

// settledLocked reports whether a read can answer now.
func (in *input) settledLocked() bool {
	return len(in.data) > 0 || in.err != nil || in.dropped
}

// fetchLocked starts one read in the background unless one is running.
func (in *input) fetchLocked() {
	if in.fetching {
		return
	}
	in.beginLocked()
	in.fetches.Go(func() { in.finish(in.r.Read(in.buf[:])) })
}

func (in *input) beginLocked() {
	in.fetching = true
	if in.buf == nil {
		in.buf = GetBuffer()
	}
}

// maxEmpty is how many reads in a row may give nothing and no error.
const maxEmpty = 100

// finish takes the outcome of a read.
func (in *input) finish(n int, err error) {
	in.mu.Lock()
	in.fetching = false
	in.data = in.buf[:n]
	if in.empty++; n > 0 || err != nil {
		in.empty = 0
	}
	if in.empty == maxEmpty {
		err = io.ErrNoProgress
	}
	if err != nil {
		in.err = err
	}
	if in.dropped {
		in.releaseLocked()
	}
	in.mu.Unlock()
	in.watchers.Notify()
}

// releaseLocked gives everything back: no read runs and none will.
func (in *input) releaseLocked() {
	PutBuffer(in.buf)
	in.buf, in.data = nil, nil
	if in.opts.Close != nil {
		in.opts.Close()
	}
}

// takeLocked returns up to n bytes, or the error that follows them; ok is
// false if there is neither.
func (in *input) takeLocked(n uint64) (b []byte, err error, ok bool) {
	switch {
	case in.dropped:
		return nil, closed, true
	case len(in.data) > 0:
		k := min(n, uint64(len(in.data)))
		b, in.data = in.data[:k:k], in.data[k:]
		return b, nil, true
	case in.err != nil:
		err, in.err = in.err, io.EOF
		return nil, Failed(err), true
	}
	return nil, nil, n == 0
}

func (in *input) Read(_ context.Context, n uint64) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	b, err, ok := in.takeLocked(n)
	if !ok {
		in.fetchLocked()
	}
	return b, err
}

// BlockingRead reads in the caller's own goroutine if a read that blocks can
// be interrupted when ctx ends; else it waits for one in the background.
func (in *input) BlockingRead(ctx context.Context, n uint64) ([]byte, error) {
	for {
		in.mu.Lock()
		b, err, ok := in.takeLocked(n)
		if ok {
			in.mu.Unlock()
			return b, err
		}
		direct := !in.fetching && (ctx.Done() == nil || in.opts.Interrupt != nil)
		if direct {
			in.beginLocked()
		}
		in.mu.Unlock()
		if direct {
			err = in.fetchDirect(ctx, n)
		} else {
			err = Wait(ctx, in)
		}
		if err != nil {
			return nil, err
		}
	}
}

// fetchDirect runs one read that beginLocked announced.
func (in *input) fetchDirect(ctx context.Context, n uint64) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, in.opts.Interrupt)
		defer stop()
	}
	in.finish(in.r.Read(in.buf[:clamp(n)]))
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	return nil
}

func (in *input) Skip(ctx context.Context, n uint64) (uint64, error) {
	b, err := in.Read(ctx, n)
	return uint64(len(b)), err
}

func (in *input) BlockingSkip(ctx context.Context, n uint64) (uint64, error) {
	b, err := in.BlockingRead(ctx, n)
	return uint64(len(b)), err
}

func (in *input) Subscribe(context.Context) (wasiio.Pollable, error) {
	return NewPollable(in), nil
}

// Drop interrupts a running read and waits for it; one that cannot be
// interrupted closes the reader when it ends.
func (in *input) Drop(context.Context) {
	in.mu.Lock()
	if in.dropped {
		in.mu.Unlock()
		return
	}
	in.dropped = true
	fetching := in.fetching
	if !fetching {
		in.releaseLocked()
	}
	in.mu.Unlock()
	in.watchers.Notify()
	if fetching && in.opts.Interrupt != nil {
		in.opts.Interrupt()
		in.fetches.Wait()
	}
}
