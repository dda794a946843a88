package wasihttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/httpout"
	"latticework/wit/abi"
)

// DefaultMaxInFlight is how many requests one [Outgoing] has under way at
// once unless it says otherwise.
const DefaultMaxInFlight = httpout.DefaultMaxRequests

// Outgoing sends the requests of guests. The zero value refuses all of them.
type Outgoing struct {
	// Transport sends requests. It should leave bodies as they are
	// ([http.Transport.DisableCompression]) and honour a request's context.
	Transport http.RoundTripper
	// Allow says whether a request may be sent; nil refuses all. An error that
	// is abi.Fail of an error code gives the guest that code, one of
	// [httpout.Client.Check] its own, any other HTTP-request-denied. It may run
	// on several goroutines at once.
	Allow func(ctx context.Context, r *http.Request) error
	// MaxInFlight bounds requests without a response, and responses whose body
	// is open, together; 0 stands for DefaultMaxInFlight.
	MaxInFlight int
	// Limits on the guest's timeouts, and the timeouts of guests that state
	// none; 0 for no limit.
	ConnectTimeout, FirstByteTimeout, BetweenBytesTimeout time.Duration

	inFlight httpout.Slots
}

// NewOutgoing returns what sends requests through a client, within its limits.
func NewOutgoing(c *httpout.Client) *Outgoing {
	most, t := c.Limits()
	return &Outgoing{
		Transport: c, Allow: func(_ context.Context, r *http.Request) error { return c.Check(r) }, MaxInFlight: most,
		ConnectTimeout: t.Connect, FirstByteTimeout: t.FirstByte, BetweenBytesTimeout: t.BetweenBytes,
	}
}

var _ contract.OutgoingHandlerInterface = (*Outgoing)(nil)

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
	begun, err := httpout.Begin(ctx, &o.inFlight, o.MaxInFlight, httpout.Timeouts{
		Connect:      timeout(limits.connect, o.ConnectTimeout),
		FirstByte:    timeout(limits.firstByte, o.FirstByteTimeout),
		BetweenBytes: timeout(limits.betweenBytes, o.BetweenBytesTimeout),
	})
	if err != nil {
		return nil, abi.Fail(codeOf(err))
	}
	x := &trip{Trip: begun}
	r, err := q.httpRequest(x.Context())
	if err == nil {
		err = o.allow(x.Context(), r)
	}
	if err == nil {
		err = x.attach(ctx, q, r)
	}
	if err != nil {
		x.end()
		return nil, err
	}
	f := &FutureIncomingResponse{trip: x}
	f.send(o.Transport, r)
	return f, nil
}

// allow asks Allow and makes its refusal an error case.
func (o *Outgoing) allow(ctx context.Context, r *http.Request) error {
	err := o.Allow(ctx, r)
	var coded *abi.Failure[contract.ErrorCode]
	var own *httpout.Error
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case errors.As(err, &own):
		return abi.Fail(codeOf(own))
	}
	return abi.Fail(contract.ErrorCodeHTTPRequestDenied())
}

// trip is one outgoing request from Handle until the response's body is done.
type trip struct {
	*httpout.Trip
	sink *requestSink // nil without a body
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
	if x.End() && x.sink != nil {
		_ = x.sink.pr.CloseWithError(errcode.New(errcode.Closed, "write body: the request has ended"))
	}
}
