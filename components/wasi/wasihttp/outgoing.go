package wasihttp

import (
	"context"
	"net/http"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/internal/httpout"
	"latticework/wit/abi"
)

// DefaultMaxInFlight is how many requests one [Outgoing] has under way at
// once unless it says otherwise.
const DefaultMaxInFlight = httpout.DefaultMaxRequests

// Outgoing is how requests of guests are sent, of either version of wasi:http.
// The zero value refuses all of them.
type Outgoing = httpmessage.Outgoing

// NewOutgoing returns what sends requests through a client, within its limits.
func NewOutgoing(c *httpout.Client) *Outgoing { return httpmessage.NewOutgoing(c) }

// outgoingHandler implements wasi:http/outgoing-handler.
type outgoingHandler struct{ out *Outgoing }

var _ contract.OutgoingHandlerInterface = outgoingHandler{}

// Handle sends a request; its response is the future's.
func (h outgoingHandler) Handle(ctx context.Context, request contract.OutgoingRequest, options abi.Option[contract.RequestOptions]) (contract.FutureIncomingResponse, error) {
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
	x, err := h.out.Begin(ctx, &limits.timeouts)
	if err != nil {
		return nil, err
	}
	r, err := q.httpRequest(x.Context())
	if err == nil {
		err = x.Allow(r)
	}
	if err == nil {
		err = attach(ctx, x, q, r)
	}
	if err != nil {
		x.Finish()
		return nil, err
	}
	f := &FutureIncomingResponse{trip: x}
	f.send(r)
	return f, nil
}

// attach gives r the body of q.
func attach(ctx context.Context, x *httpmessage.Trip, q *OutgoingRequest, r *http.Request) error {
	if !q.taken {
		return nil
	}
	s := newRequestSink()
	x.Ended = func() {
		_ = s.pr.CloseWithError(errcode.New(errcode.Closed, "write body: the request has ended"))
	}
	trailer := httpmessage.TakeTrailer(r)
	if r.ContentLength != 0 {
		r.Body = &requestBody{sink: s, trailer: trailer}
	} else {
		r.Trailer = nil
	}
	if err := q.body.attach(ctx, s); err != nil {
		return abi.Fail(httpmessage.CodeOf(err))
	}
	return nil
}
