package httpout

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"latticework/internal/errcode"
)

// DefaultMaxRequests is how many requests are under way at once where nothing
// else is said.
const DefaultMaxRequests = 256

// Slots counts requests from their beginning until their response's body is
// done. The zero value is ready.
type Slots struct{ n atomic.Int64 }

// Used returns how many requests are under way.
func (s *Slots) Used() int64 { return s.n.Load() }

// enter counts a request in.
func (s *Slots) enter(limit int) error {
	if limit <= 0 {
		limit = DefaultMaxRequests
	}
	if n := s.n.Add(1); n > int64(limit) {
		s.n.Add(-1)
		return &Error{Reason: ConnectionLimitReached, Err: errcode.New(errcode.Exhausted, "outgoing requests: %d > %d", n, limit)}
	}
	return nil
}

// Timeouts bound one request; 0 is no bound.
type Timeouts struct {
	Connect      time.Duration // until there is a connection
	FirstByte    time.Duration // until the response's head is there
	BetweenBytes time.Duration // of each read of the response's body
}

// Trip is one request from before it is sent until its response's body is
// done.
type Trip struct {
	slots    *Slots
	timeouts Timeouts
	ctx      context.Context //nolint:containedctx // of the request, which outlives the call that made it
	cancel   context.CancelCauseFunc
	stop     func() bool
	ended    atomic.Bool
}

// Begin counts a request in, among at most limit (0 stands for
// DefaultMaxRequests). It ends with ctx, of which only the end is used later:
// whoever made it may not let it be read after the call. [Trip.End] must
// follow.
//
// Errors: *Error with ConnectionLimitReached.
func Begin(ctx context.Context, slots *Slots, limit int, t Timeouts) (*Trip, error) {
	if err := slots.enter(limit); err != nil {
		return nil, err
	}
	x := &Trip{slots: slots, timeouts: t}
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	x.stop = context.AfterFunc(ctx, func() { x.cancel(context.Canceled) })
	return x, nil
}

// Context ends with the trip; requests are made with it.
func (x *Trip) Context() context.Context { return x.ctx }

// Cancel makes what blocks on the trip fail with cause.
func (x *Trip) Cancel(cause error) { x.cancel(cause) }

// End gives up what the trip holds and reports whether it was the first to.
func (x *Trip) End() bool {
	if x.ended.Swap(true) {
		return false
	}
	x.stop()
	x.cancel(context.Canceled)
	x.slots.n.Add(-1)
	return true
}

// Detach lets the trip outlive the context that it was begun with.
func (x *Trip) Detach() { x.stop() }

// RoundTrip sends r, which was made with Context, over rt, and bounds the time
// until it is connected and until its response begins. The response's body is
// to be read through [Trip.Body].
//
// Errors: *Error for a timeout of the trip's; those of rt.
func (x *Trip) RoundTrip(rt http.RoundTripper, r *http.Request) (*http.Response, error) {
	if d := x.timeouts.Connect; d > 0 {
		timer := time.AfterFunc(d, func() { x.expire(ConnectionTimeout) })
		defer timer.Stop()
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { timer.Stop() },
		}))
	}
	if d := x.timeouts.FirstByte; d > 0 {
		timer := time.AfterFunc(d, func() { x.expire(ConnectionReadTimeout) })
		defer timer.Stop()
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return nil, x.failure(err)
	}
	return resp, nil
}

// expire ends the trip because of a timeout.
func (x *Trip) expire(reason Reason) { x.cancel(&Error{Reason: reason}) }

// failure returns the reason for err: a timeout of ours if there was one.
func (x *Trip) failure(err error) error {
	if own, ok := context.Cause(x.ctx).(*Error); ok {
		return own
	}
	return err
}

// Body returns body with each read bounded.
func (x *Trip) Body(body io.Reader) io.Reader { return &tripBody{x, body} }

type tripBody struct {
	trip *Trip
	body io.Reader
}

func (b *tripBody) Read(p []byte) (int, error) {
	if d := b.trip.timeouts.BetweenBytes; d > 0 {
		timer := time.AfterFunc(d, func() { b.trip.expire(ConnectionReadTimeout) })
		defer timer.Stop()
	}
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = b.trip.failure(err)
	}
	return n, err
}
