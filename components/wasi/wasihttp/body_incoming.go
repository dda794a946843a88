package wasihttp

import (
	"context"
	"io"
	"net/http"
	"sync"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// maxDrain is how many unread bytes of a body are skipped to get at its
// trailers.
const maxDrain = 1 << 20

// errDropped is how a body ends that is given up.
var errDropped = errcode.New(errcode.Closed, "read body: it was dropped")

// IncomingBody is a body that is being received. It reads from src only when
// the guest reads, polls, or asks for trailers.
type IncomingBody struct {
	src io.Reader // nil for a body that has ended
	// trailer gives the trailers once src has ended; nil for none.
	trailer func() http.Header
	// interrupt makes a blocked read of src fail soon; may be nil.
	interrupt func()
	// done is called when nobody uses the body any more; may be nil.
	done func()

	taken  bool // the stream was handed out
	open   bool // the stream is not dropped
	stream wasiio.InputStream

	mu       sync.Mutex
	ended    bool  // guarded by mu: src answered its last
	err      error // guarded by mu: how src ended, nil for io.EOF
	draining bool  // guarded by mu
	drains   sync.WaitGroup
	end      streams.Watchers
}

var _ contract.IncomingBody = (*IncomingBody)(nil)

// Stream hands out the body's bytes, once.
func (b *IncomingBody) Stream(context.Context) (wasiio.InputStream, error) {
	if b.taken {
		return nil, failUnit
	}
	b.taken, b.open = true, true
	if b.src == nil {
		b.stream = streams.Empty()
	} else {
		b.stream = streams.NewInput(bodyReader{b}, streams.InputOptions{Interrupt: b.interrupt})
	}
	return &incomingStream{InputStream: b.stream, body: b}, nil
}

// Drop implements the contract.
func (b *IncomingBody) Drop(ctx context.Context) { b.release(ctx) }

// release ends every use of src. It may be called again.
func (b *IncomingBody) release(ctx context.Context) {
	if b.stream != nil {
		b.stream.Drop(ctx)
	}
	b.mu.Lock()
	reading := b.draining && !b.ended
	if !b.ended {
		b.ended, b.err = true, errDropped
	}
	b.mu.Unlock()
	if reading && b.interrupt != nil {
		b.interrupt()
	}
	b.drains.Wait()
	b.end.Notify()
	if b.done != nil {
		b.done()
		b.done = nil
	}
}

// bodyReader reads a body and notes how it ended.
type bodyReader struct{ b *IncomingBody }

func (r bodyReader) Read(p []byte) (int, error) {
	n, err := r.b.src.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		err = &httpmessage.CodeError{Code: httpmessage.CodeOf(err), Err: err}
	}
	r.b.finish(err)
	return n, err
}

// finish notes that src ended with err.
func (b *IncomingBody) finish(err error) {
	b.mu.Lock()
	if !b.ended {
		b.ended = true
		if err != io.EOF {
			b.err = err
		}
	}
	b.mu.Unlock()
	b.end.Notify()
}

// Ready implements [streams.Source]: whether the body has ended. It starts to
// skip what nobody reads any more.
func (b *IncomingBody) Ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.src == nil {
		return true
	}
	if !b.draining {
		b.draining = true
		b.drains.Go(b.drain)
	}
	return false
}

// Watch implements [streams.Source].
func (b *IncomingBody) Watch(w *streams.Waiter) { b.end.Watch(w) }

// Unwatch implements [streams.Source].
func (b *IncomingBody) Unwatch(w *streams.Waiter) { b.end.Unwatch(w) }

// drain skips the rest of the body.
func (b *IncomingBody) drain() {
	n, err := io.CopyN(io.Discard, bodyReader{b}, maxDrain+1)
	if err == nil {
		b.finish(errcode.New(errcode.Exhausted, "skip unread body for its trailers: bytes: %d > %d", n, maxDrain))
	}
}

// incomingStream is the stream of an [IncomingBody].
type incomingStream struct {
	wasiio.InputStream
	body *IncomingBody
}

// Drop ends the use of the stream, not of the body.
func (s *incomingStream) Drop(ctx context.Context) {
	s.body.open = false
	s.InputStream.Drop(ctx)
}

// FutureTrailers are the trailers of an [IncomingBody] that was given up for
// them.
type FutureTrailers struct {
	body  *IncomingBody
	given bool
}

var _ contract.FutureTrailers = (*FutureTrailers)(nil)

// Subscribe returns a pollable that is ready at the body's end.
func (t *FutureTrailers) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(t.body), nil
}

type trailersResult = abi.Result[abi.Result[abi.Option[contract.Fields], contract.ErrorCode], struct{}]

// Get returns the trailers once they are there, and only once.
func (t *FutureTrailers) Get(context.Context) (abi.Option[trailersResult], error) {
	if t.given {
		return abi.Some(trailersResult{IsErr: true}), nil
	}
	if !t.body.Ready() {
		return abi.None[trailersResult](), nil
	}
	t.given = true
	var r trailersResult
	t.body.mu.Lock()
	err := t.body.err
	t.body.mu.Unlock()
	if err != nil {
		r.Ok.IsErr, r.Ok.Err = true, httpmessage.CodeOf(err)
		return abi.Some(r), nil
	}
	if t.body.trailer != nil {
		if h := t.body.trailer(); len(h) > 0 {
			r.Ok.Ok = abi.Some[contract.Fields](receivedFields(h.Clone()))
		}
	}
	return abi.Some(r), nil
}

// Drop gives up the trailers, and so the body.
func (t *FutureTrailers) Drop(ctx context.Context) { t.body.release(ctx) }
