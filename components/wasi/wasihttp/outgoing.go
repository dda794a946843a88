package wasihttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// DefaultMaxInFlight is how many requests one [Outgoing] has under way at
// once unless it says otherwise.
const DefaultMaxInFlight = 256

// Outgoing sends the requests of guests. The zero value refuses all of them.
type Outgoing struct {
	// Transport sends requests. It should leave bodies as they are
	// ([http.Transport.DisableCompression]) and honour a request's context.
	Transport http.RoundTripper
	// Allow says whether a request may be sent; nil refuses all. An error that
	// is abi.Fail of an error code gives the guest that code, any other
	// HTTP-request-denied. It may run on several goroutines at once.
	Allow func(ctx context.Context, r *http.Request) error
	// MaxInFlight bounds requests without a response, and responses whose body
	// is open, together; 0 stands for DefaultMaxInFlight.
	MaxInFlight int
	// Limits on the guest's timeouts, and the timeouts of guests that state
	// none; 0 for no limit.
	ConnectTimeout, FirstByteTimeout, BetweenBytesTimeout time.Duration

	inFlight atomic.Int64
}

var _ contract.OutgoingHandlerInterface = (*Outgoing)(nil)

// errTooMany is the answer beyond MaxInFlight.
var errTooMany = abi.Fail(contract.ErrorCodeConnectionLimitReached())

// Handle sends a request; its response is the future's.
func (o *Outgoing) Handle(ctx context.Context, request contract.OutgoingRequest, options abi.Option[contract.RequestOptions]) (contract.FutureIncomingResponse, error) {
	q, ok := request.(*OutgoingRequest)
	if !ok {
		return nil, foreign("outgoing-request", request)
	}
	limits := &RequestOptions{}
	if options.Some {
		if limits, ok = options.Value.(*RequestOptions); !ok {
			return nil, foreign("request-options", options.Value)
		}
	}
	if o.Transport == nil || o.Allow == nil {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestDenied())
	}
	if !o.enter() {
		return nil, errTooMany
	}
	x := o.newTrip(ctx, limits)
	r, err := q.httpRequest(x.ctx)
	if err == nil {
		err = o.allow(x.ctx, r)
	}
	if err == nil {
		err = x.attach(ctx, q, r)
	}
	if err != nil {
		x.end()
		return nil, err
	}
	f := &FutureIncomingResponse{trip: x}
	f.send(o.Transport, r, timeout(limits.connect, o.ConnectTimeout), timeout(limits.firstByte, o.FirstByteTimeout))
	return f, nil
}

// enter counts a request in, unless there are too many.
func (o *Outgoing) enter() bool {
	limit := int64(o.MaxInFlight)
	if limit <= 0 {
		limit = DefaultMaxInFlight
	}
	if o.inFlight.Add(1) > limit {
		o.inFlight.Add(-1)
		return false
	}
	return true
}

// allow asks Allow and makes its refusal an error case.
func (o *Outgoing) allow(ctx context.Context, r *http.Request) error {
	err := o.Allow(ctx, r)
	var coded *abi.Failure[contract.ErrorCode]
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return abi.Fail(contract.ErrorCodeHTTPRequestDenied())
}

// trip is one outgoing request from Handle until the response's body is done.
type trip struct {
	owner  *Outgoing
	ctx    context.Context //nolint:containedctx // of the request, which outlives the call that made it
	cancel context.CancelCauseFunc
	stop   func() bool
	sink   *requestSink // nil without a body
	// between limits each read of the response's body; 0 for no limit.
	between time.Duration
	ended   atomic.Bool
}

// newTrip prepares a request that ends when ctx does. Of ctx only its end is
// used later: whoever made it may not let it be read after the call.
func (o *Outgoing) newTrip(ctx context.Context, limits *RequestOptions) *trip {
	x := &trip{owner: o, between: timeout(limits.betweenBytes, o.BetweenBytesTimeout)}
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	x.stop = context.AfterFunc(ctx, func() { x.cancel(context.Canceled) })
	return x
}

// attach gives r the body of q.
func (x *trip) attach(ctx context.Context, q *OutgoingRequest, r *http.Request) error {
	if !q.taken {
		return nil
	}
	x.sink = newRequestSink()
	if r.ContentLength != 0 {
		r.Trailer = announced(r.Header)
		r.Body = &requestBody{sink: x.sink, trailer: r.Trailer}
	}
	r.Header.Del("Trailer")
	if err := q.body.attach(ctx, x.sink); err != nil {
		return abi.Fail(codeOf(err))
	}
	return nil
}

// announced returns the map for trailers, with the names that the guest said
// it would send; HTTP/2 sends no others.
func announced(h http.Header) http.Header {
	t := http.Header{}
	for _, line := range h["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if isToken(name) && !isForbidden(name) && name != "Trailer" && name != "Content-Length" {
				t[name] = nil
			}
		}
	}
	return t
}

// end gives everything up that the request holds. It may be called again.
func (x *trip) end() {
	if x.ended.Swap(true) {
		return
	}
	x.stop()
	x.cancel(context.Canceled)
	if x.sink != nil {
		_ = x.sink.pr.CloseWithError(errcode.New(errcode.Closed, "write body: the request has ended"))
	}
	x.owner.inFlight.Add(-1)
}

// failure returns the reason for err: a timeout of ours if there was one.
func (x *trip) failure(err error) error {
	var coded *codeError
	if cause := context.Cause(x.ctx); errors.As(cause, &coded) {
		return coded
	}
	return err
}

// roundTrip sends r and bounds the time until it is connected, and until its
// response begins.
func (x *trip) roundTrip(rt http.RoundTripper, r *http.Request, connect, firstByte time.Duration) (*http.Response, error) {
	if connect > 0 {
		timer := time.AfterFunc(connect, func() { x.expire(contract.ErrorCodeConnectionTimeout()) })
		defer timer.Stop()
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { timer.Stop() },
		}))
	}
	if firstByte > 0 {
		timer := time.AfterFunc(firstByte, func() { x.expire(contract.ErrorCodeConnectionReadTimeout()) })
		defer timer.Stop()
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return nil, x.failure(err)
	}
	return resp, nil
}

// expire ends the request because of a timeout.
func (x *trip) expire(code contract.ErrorCode) { x.cancel(&codeError{code: code}) }

// responseBody is a response's body, each read of which is bounded.
type responseBody struct {
	trip *trip
	body io.ReadCloser
}

func (b *responseBody) Read(p []byte) (int, error) {
	if b.trip.between > 0 {
		timer := time.AfterFunc(b.trip.between, func() { b.trip.expire(contract.ErrorCodeConnectionReadTimeout()) })
		defer timer.Stop()
	}
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = b.trip.failure(err)
	}
	return n, err
}
