package wasihttp

import (
	"context"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
)

// writePermit is what check-write allows.
const writePermit = 1 << 20

// exchange is one request that is being served, and its response. It is the
// [sink] of the response's body. Only the guest's goroutine uses it.
type exchange struct {
	ctx     context.Context //nolint:containedctx // of the one call of Serve
	sender  httpmessage.Sender
	request IncomingRequest
	out     ResponseOutparam

	answered bool // response-outparam.set was called
	headSent bool // the status was given to w
	complete bool // the response is whole
	bodyless bool // the status forbids a body
	closed   bool // Serve has returned
	failure  *Error
}

var _ sink = (*exchange)(nil)

// CheckWrite implements [sink].
func (x *exchange) CheckWrite(context.Context) (uint64, error) {
	if x.closed || x.failure != nil {
		return 0, streams.Closed()
	}
	return writePermit, nil
}

// Write implements [sink]. It blocks while the client does not read. What was
// written leaves soon also without a flush: a guest that makes a body while it
// is sent may not write again for long.
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
	if _, err := x.sender.Write(p); err != nil {
		return x.lost(err)
	}
	if err := x.sender.Flush(); err != nil {
		return streamFailure(err)
	}
	return nil
}

// lost notes that the client is gone.
func (x *exchange) lost(err error) error {
	x.abort(err)
	return streamFailure(err)
}

// Flush implements [sink]: what was written leaves soon.
func (x *exchange) Flush(context.Context) error {
	if x.closed || x.failure != nil {
		return streams.Closed()
	}
	if x.bodyless {
		return nil
	}
	if err := x.sender.Flush(); err != nil {
		return streamFailure(err)
	}
	return nil
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
		x.sender.Trailers(&trailers.fields)
	}
	x.complete = true
	return nil
}

// abort implements [sink].
func (x *exchange) abort(err error) {
	if x.failure == nil {
		code := httpmessage.CodeOf(err)
		x.failure = &Error{Status: httpmessage.StatusOf(code), Code: code, Err: err}
	}
}

// seenAsCut reports whether the client may get what there is of a response that
// the guest did not finish, such as the status of a failure: it can tell that
// the rest is missing.
func (x *exchange) seenAsCut() bool {
	return x.headSent && !x.complete && x.failure == nil && x.request.r.ProtoAtLeast(1, 1) && x.sender.Unmeasured()
}
