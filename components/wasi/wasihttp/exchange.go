package wasihttp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
)

const (
	// flushDelay is how long a flush may wait for more: a guest that flushes
	// after every write, as many toolchains do, is answered in one piece if it
	// finishes at once.
	flushDelay = 500 * time.Microsecond
	// writePermit is what check-write allows.
	writePermit = 1 << 20
	// unguarded is how many bytes of a body net/http keeps in memory before
	// the first write that may block.
	unguarded = 2 << 10
)

// exchange is one request that is being served, and its response. It is the
// [sink] of the response's body. Only the guest's goroutine uses it; w is
// shared with the delayed flush under flusher.mu.
type exchange struct {
	ctx     context.Context //nolint:containedctx // of the one call of Serve
	w       http.ResponseWriter
	request IncomingRequest
	out     ResponseOutparam

	answered bool // response-outparam.set was called
	headSent bool // the status was given to w
	complete bool // the response is whole
	bodyless bool // the status forbids a body
	closed   bool // Serve has returned
	failure  *Error
	written  int

	flusher *flusher // nil until the first flush
	guard   *guard   // nil until a write may block
}

var _ sink = (*exchange)(nil)

// CheckWrite implements [sink].
func (x *exchange) CheckWrite(context.Context) (uint64, error) {
	if x.closed || x.failure != nil {
		return 0, streams.Closed()
	}
	return writePermit, nil
}

// Write implements [sink]. It blocks while the client does not read.
func (x *exchange) Write(_ context.Context, p []byte) error {
	if len(p) > writePermit {
		return errcode.New(errcode.Trap, "write body: bytes: %d > %d allowed", len(p), writePermit)
	}
	if x.closed || x.failure != nil {
		return streams.Closed()
	}
	if x.bodyless || len(p) == 0 {
		return nil
	}
	if x.written += len(p); x.written > unguarded {
		x.guardWrites()
	}
	if f := x.flusher; f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
	}
	if _, err := x.w.Write(p); err != nil {
		return x.lost(err)
	}
	return nil
}

// lost notes that the client is gone.
func (x *exchange) lost(err error) error {
	x.abort(err)
	return streamFailure(err)
}

// Flush implements [sink]: what was written leaves within flushDelay.
func (x *exchange) Flush(context.Context) error {
	if x.closed || x.failure != nil {
		return streams.Closed()
	}
	if x.bodyless {
		return nil
	}
	if x.flusher == nil {
		x.guardWrites()
		x.flusher = flushers.Get().(*flusher)
		x.flusher.start(x.w)
	}
	return x.flusher.schedule()
}

// BlockingFlush implements [sink]; as for any client behind a network, what is
// flushed is on its way rather than received.
func (x *exchange) BlockingFlush(ctx context.Context) error { return x.Flush(ctx) }

// Subscribe implements [sink]: the stream is always ready, for its writes wait
// themselves.
func (x *exchange) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(streams.Always), nil
}

// end implements [sink].
func (x *exchange) end(_ context.Context, trailers *Fields) error {
	if x.closed || x.failure != nil {
		return errcode.New(errcode.Closed, "finish response: the exchange has ended")
	}
	if trailers != nil && !x.bodyless {
		if f := x.flusher; f != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
		}
		// Once the head has left, net/http cannot turn a short body into one
		// of stated length, which would have no room for trailers.
		x.guardWrites()
		_ = http.NewResponseController(x.w).Flush()
		trailers.addTo(x.w.Header(), http.TrailerPrefix)
	}
	x.complete = true
	return nil
}

// abort implements [sink].
func (x *exchange) abort(err error) {
	if x.failure == nil {
		code := codeOf(err)
		x.failure = &Error{Status: statusOf(code), Code: code, Err: err}
	}
}

// endWrites gives up w and reports whether writes were interrupted because ctx
// ended. A response that is whole by then still leaves.
func (x *exchange) endWrites() bool {
	x.closed = true
	if x.flusher != nil {
		x.flusher.stop()
		x.flusher = nil
	}
	if x.guard == nil || !x.guard.release() {
		return false
	}
	if x.complete {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
	}
	return true
}

// guardWrites has writes that block fail once ctx ends.
func (x *exchange) guardWrites() {
	if x.guard == nil && x.ctx.Done() != nil {
		x.guard = newGuard(x.ctx, x.w)
	}
}

// guard interrupts writes to a client when a context ends.
type guard struct {
	stop func() bool
	done chan struct{} // closed once the interruption was made
}

func newGuard(ctx context.Context, w http.ResponseWriter) *guard {
	g := &guard{done: make(chan struct{})}
	g.stop = context.AfterFunc(ctx, func() {
		defer close(g.done)
		_ = http.NewResponseController(w).SetWriteDeadline(past)
	})
	return g
}

// release ends the guard and reports whether it struck. From then on it does
// not touch the writer.
func (g *guard) release() bool {
	if g.stop() {
		return false
	}
	<-g.done
	return true
}

// flusher flushes a response a moment after it was asked to. It is used again
// for other responses.
type flusher struct {
	mu      sync.Mutex          // held by whoever uses w
	w       http.ResponseWriter // guarded by mu; nil when idle
	pending bool                // guarded by mu: the timer runs
	err     error               // guarded by mu: of the last flush
	timer   *time.Timer
}

var flushers = sync.Pool{New: func() any {
	f := &flusher{}
	f.timer = time.AfterFunc(time.Hour, f.fire)
	f.timer.Stop()
	return f
}}

func (f *flusher) start(w http.ResponseWriter) {
	f.mu.Lock()
	f.w, f.pending, f.err = w, false, nil
	f.mu.Unlock()
}

// schedule asks for a flush and returns the failure of an earlier one.
func (f *flusher) schedule() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return streamFailure(f.err)
	}
	if !f.pending {
		f.pending = true
		f.timer.Reset(flushDelay)
	}
	return nil
}

// fire runs on the timer's goroutine; stop waits for it through mu.
func (f *flusher) fire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w == nil || !f.pending {
		return
	}
	f.pending = false
	if err := http.NewResponseController(f.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		f.err = err
	}
}

// stop ends the use of the response; what is pending leaves when the handler
// returns.
func (f *flusher) stop() {
	f.timer.Stop()
	f.mu.Lock()
	f.w = nil
	f.mu.Unlock()
	flushers.Put(f)
}
