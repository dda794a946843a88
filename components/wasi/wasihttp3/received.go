package wasihttp3

import (
	"context"
	"io"
	"net/http"
	"sync"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// maxDrain is how many unread bytes of a body are skipped to get at its
// trailers.
const maxDrain = 1 << 20

// errDropped is how a body ends that is given up.
var errDropped = errcode.New(errcode.Closed, "read body: it was dropped")

// trailersResult is what follows a body.
type trailersResult = abi.Result[abi.Option[contract.Fields], contract.ErrorCode]

// received is a body that comes from the network, as the stream that a guest
// reads, and with [receivedTrailers] what follows it. It reads only when it is
// read. It is over when both are.
type received struct {
	src io.Reader
	// interrupt makes a blocked read of src fail soon, or does nothing if that
	// can only be done in shut. It is called under mu and does not wait.
	interrupt func()
	// trailer gives the trailers once src has ended.
	trailer func() http.Header
	// done is called once, when nobody reads src any more; may be nil.
	done func()

	reading sync.Mutex // held while src is read

	mu      sync.Mutex
	watched context.Context // guarded by mu: whose end interrupts
	unwatch func() bool     // guarded by mu
	busy    bool            // guarded by mu: src is being read
	dropped bool            // guarded by mu: nobody reads the stream any more
	ignored bool            // guarded by mu: nobody asks for the trailers any more
	ended   bool            // guarded by mu: src answered its last, or is not read again
	err     error           // guarded by mu: how src ended, nil for io.EOF
	changed chan struct{}   // closed once ended or dropped
	told    bool            // guarded by mu: changed is closed
	left    bool            // guarded by mu: done was called
}

var _ abi.Stream[byte] = (*received)(nil)

func (b *received) init(src io.Reader, interrupt func(), trailer func() http.Header, done func()) {
	b.src, b.interrupt, b.trailer, b.done = src, interrupt, trailer, done
	b.changed = make(chan struct{})
}

// Read implements [abi.Stream].
func (b *received) Read(ctx context.Context, p []byte) (int, error) { return b.read(ctx, p, true) }

// read reads src, for the stream or to get past it.
func (b *received) read(ctx context.Context, p []byte, forStream bool) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if err := b.begin(ctx, forStream); err != nil {
		return 0, err
	}
	n, err := b.src.Read(p)
	b.mu.Lock()
	b.busy = false
	if err != nil && !b.ended {
		if err != io.EOF {
			b.err = &httpmessage.CodeError{Code: httpmessage.CodeOf(err), Err: err}
		}
		b.endLocked()
	}
	if b.ended {
		b.unwatchLocked()
		err = b.lastLocked()
	}
	over := b.overLocked()
	b.mu.Unlock()
	b.leave(over)
	return n, err
}

// begin prepares to read src, which stop interrupts from then on.
func (b *received) begin(ctx context.Context, forStream bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case forStream && b.dropped:
		return errDropped
	case b.ended:
		return b.lastLocked()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if b.watched != ctx {
		b.unwatchLocked()
		b.watched, b.unwatch = ctx, context.AfterFunc(ctx, b.stop)
	}
	b.busy = true
	return nil
}

// stop interrupts a read under way.
func (b *received) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		b.interrupt()
	}
}

func (b *received) lastLocked() error {
	if b.err != nil {
		return b.err
	}
	return io.EOF
}

func (b *received) unwatchLocked() {
	if b.unwatch != nil {
		b.unwatch()
		b.watched, b.unwatch = nil, nil
	}
}

func (b *received) endLocked() {
	b.ended = true
	b.tellLocked()
}

func (b *received) tellLocked() {
	if !b.told {
		b.told = true
		close(b.changed)
	}
}

// overLocked reports, once, that src is not needed any more.
func (b *received) overLocked() bool {
	if b.left || !b.doneLocked() {
		return false
	}
	b.left = true
	return true
}

// over reports whether nobody reads src any more.
func (b *received) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.doneLocked()
}

func (b *received) doneLocked() bool { return !b.busy && (b.ended || b.dropped && b.ignored) }

func (b *received) leave(over bool) {
	if over && b.done != nil {
		b.done()
	}
}

// Close implements [abi.Stream].
func (b *received) Close() { b.giveUp(&b.dropped) }

// giveUp notes that the stream, or what follows it, is not wanted.
func (b *received) giveUp(what *bool) {
	b.mu.Lock()
	*what = true
	if b.dropped {
		b.tellLocked()
	}
	if b.busy && b.dropped {
		b.interrupt()
	}
	if b.dropped && b.ignored && !b.ended {
		b.err = errDropped
		b.endLocked()
	}
	over := b.overLocked()
	if over {
		b.unwatchLocked()
	}
	b.mu.Unlock()
	b.leave(over)
}

// shut ends every use of src and waits for it.
func (b *received) shut() {
	b.mu.Lock()
	b.ignored = true
	b.mu.Unlock()
	b.giveUp(&b.dropped)
	b.reading.Lock() // a read that was interrupted has returned
	defer b.reading.Unlock()
	b.mu.Lock()
	b.unwatchLocked()
	b.mu.Unlock()
}

// receivedTrailers is the future of what follows a body.
type receivedTrailers struct{ body *received }

var _ abi.Future[trailersResult] = receivedTrailers{}

// Read implements [abi.Future]. It skips what of the body nobody reads.
func (t receivedTrailers) Read(ctx context.Context) (r trailersResult, err error) {
	b := t.body
	select {
	case <-b.changed:
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
	if err = b.drain(ctx); err != io.EOF {
		r.IsErr, r.Err = true, codeOf(err)
		return r, nil
	}
	if h := b.trailer(); len(h) > 0 {
		r.Ok = abi.Some[contract.Fields](receivedFields(h.Clone()))
	}
	return r, nil
}

// Close implements [abi.Future].
func (t receivedTrailers) Close() { t.body.giveUp(&t.body.ignored) }

// drain reads src to its end and returns how that was.
func (b *received) drain(ctx context.Context) error {
	var skip [4 << 10]byte
	for n := 0; ; {
		k, err := b.read(ctx, skip[:], false)
		if err != nil {
			return err
		}
		if n += k; n > maxDrain {
			return errcode.New(errcode.Exhausted, "skip unread body for its trailers: bytes: %d > %d", n, maxDrain)
		}
	}
}
