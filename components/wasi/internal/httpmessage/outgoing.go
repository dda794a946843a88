package httpmessage

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/httpout"
	"latticework/wit/abi"
)

// Outgoing is how requests of guests are sent. The zero value refuses all of
// them.
type Outgoing struct {
	// Transport sends requests. It should leave bodies as they are
	// ([http.Transport.DisableCompression]) and honour a request's context.
	Transport http.RoundTripper
	// Allow says whether a request may be sent; nil refuses all. An error that
	// is abi.Fail of an error code of wasi:http@0.2 gives the guest that code,
	// one of [httpout.Client.Check] its own, any other HTTP-request-denied. It
	// may run on several goroutines at once.
	Allow func(ctx context.Context, r *http.Request) error
	// MaxInFlight bounds requests without a response, and responses whose body
	// is open, together; 0 stands for [httpout.DefaultMaxRequests].
	MaxInFlight int
	// Limits on the guest's timeouts, and the timeouts of guests that state
	// none; 0 for no limit.
	ConnectTimeout, FirstByteTimeout, BetweenBytesTimeout time.Duration

	// Limited is told when a guest hits MaxInFlight, which its error code does
	// not say; nil for nobody. It may run on several goroutines at once.
	Limited func(error)

	// Refused is told of each request that the rules of Transport do not allow,
	// with code denied and the next step; nil for nobody. It may run on several
	// goroutines at once.
	Refused func(error)

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

// Timeouts are those of one request, in nanoseconds.
type Timeouts struct {
	Connect, FirstByte, BetweenBytes abi.Option[uint64]
}

// Begin counts a request in, which lasts until [Trip.Finish]; see
// [httpout.Begin] for ctx.
//
// Errors: abi.Fail of the error code if no request is sent, or too many are.
func (o *Outgoing) Begin(ctx context.Context, limits *Timeouts) (*Trip, error) {
	if o.Transport == nil || o.Allow == nil {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestDenied())
	}
	x, err := httpout.Begin(ctx, &o.inFlight, o.MaxInFlight, httpout.Timeouts{
		Connect:      timeout(limits.Connect, o.ConnectTimeout),
		FirstByte:    timeout(limits.FirstByte, o.FirstByteTimeout),
		BetweenBytes: timeout(limits.BetweenBytes, o.BetweenBytesTimeout),
	})
	if err != nil {
		if o.Limited != nil {
			o.Limited(err)
		}
		return nil, abi.Fail(CodeOf(err))
	}
	return &Trip{Trip: x, owner: o}, nil
}

// InFlight returns how many requests are under way.
func (o *Outgoing) InFlight() int { return int(o.inFlight.Used()) }

// timeout returns d as a Go duration, or limit without one or if d is longer.
func timeout(d abi.Option[uint64], limit time.Duration) time.Duration {
	if !d.Some || d.Value > math.MaxInt64 || limit > 0 && time.Duration(d.Value) > limit {
		return limit
	}
	return max(time.Duration(d.Value), 1)
}

// Trip is one outgoing request from [Outgoing.Begin] until the response's body
// is done.
type Trip struct {
	*httpout.Trip
	// Ended is called by the first Finish, nil for nothing; it is set before
	// the request is sent.
	Ended func()

	owner *Outgoing
}

// Allow says whether r may be sent.
//
// Errors: abi.Fail of the error code if not.
func (x *Trip) Allow(r *http.Request) error {
	err := x.owner.Allow(x.Context(), r)
	var coded *abi.Failure[contract.ErrorCode]
	var own *httpout.Error
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case errors.As(err, &own):
		x.refused(own)
		return abi.Fail(CodeOf(own))
	}
	return abi.Fail(contract.ErrorCodeHTTPRequestDenied())
}

// Send sends r and waits until its response begins. Its errors are those of
// [httpout.Trip.RoundTrip].
func (x *Trip) Send(r *http.Request) (*http.Response, error) {
	resp, err := x.RoundTrip(x.owner.Transport, r)
	var own *httpout.Error
	if errors.As(err, &own) {
		x.refused(own)
	}
	return resp, err
}

// refused tells the host of a request that its rules do not allow.
func (x *Trip) refused(err *httpout.Error) {
	if x.owner.Refused != nil && (err.Reason == httpout.RequestDenied || err.Reason == httpout.DestinationIPProhibited) {
		x.owner.Refused(err)
	}
}

// Finish gives everything up that the request holds. It may be called again.
func (x *Trip) Finish() {
	if x.End() && x.Ended != nil {
		x.Ended()
	}
}
