package wasihttp

import (
	"context"
	"errors"
	"net/http"
	"os"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Serve answers r by calling the incoming-handler that exp names on inst, and
// streams the response to w. It returns when the guest does; by then nothing
// uses w or r any more.
//
// Concurrency: the guest runs on the calling goroutine. ctx bounds it: when it
// ends, reads from and writes to the client that block are interrupted, which
// ruins the connection.
//
// Errors: an [*Error], always. Unless its HeadSent is set nothing was written
// to w and the caller answers with Status; else the caller aborts the
// connection (panic(http.ErrAbortHandler) in a handler of net/http), or the
// client could take a cut response for a whole one.
func Serve(ctx context.Context, inst abi.Invoker, exp *contract.IncomingHandlerExports, w http.ResponseWriter, r *http.Request) error {
	x := newExchange(ctx, w, r)
	err := exp.Handle(ctx, inst, &x.request, &x.out)
	if e := x.close(ctx, err); e != nil {
		return e
	}
	return nil
}

// ResponseOutparam is the right to answer a request once.
type ResponseOutparam struct{ exchange *exchange }

var _ contract.ResponseOutparam = (*ResponseOutparam)(nil)

// Drop implements the contract: the request stays without an answer.
func (o *ResponseOutparam) Drop(context.Context) {}

// newExchange prepares to serve r.
func newExchange(ctx context.Context, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ctx: ctx}
	x.sender.Init(ctx, w)
	x.request.r = r
	x.out.exchange = x
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		// Without this net/http would read the body before the first byte of
		// the response leaves, beside a guest that reads it.
		_ = http.NewResponseController(w).EnableFullDuplex()
		b := &x.request.body
		b.src = r.Body
		b.trailer = func() http.Header { return r.Trailer }
		b.interrupt = func() { httpmessage.InterruptReads(w) }
	}
	return x
}

// noAnswer is the failure of a guest that returns without an answer.
var noAnswer = errcode.New(errcode.Trap, "serve request: the guest returned without setting a response").
	WithNext("call response-outparam.set on every path of the component's handler")

// refuse is response-outparam.set with an error code.
func (x *exchange) refuse(code contract.ErrorCode) error {
	if x.answered {
		return errcode.New(errcode.Trap, "set response: it is set already")
	}
	x.answered = true
	x.failure = &Error{
		Status: httpmessage.StatusOf(code), Code: code,
		Err: errcode.New(errcode.Unavailable, "serve request: the guest answered with the error %s", code.Case),
	}
	return nil
}

// send is response-outparam.set with a response: the head goes to the client,
// and the body as the guest writes it.
func (x *exchange) send(ctx context.Context, p *OutgoingResponse) error {
	if x.answered {
		return errcode.New(errcode.Trap, "set response: it is set already")
	}
	x.answered = true
	x.bodyless = p.status == http.StatusNoContent || p.status == http.StatusNotModified
	exempt := x.bodyless || x.request.r.Method == http.MethodHead
	length, ok := p.headers.fields.ContentLength()
	switch {
	case !ok:
		return x.reject("its content-length is malformed")
	case p.status < 200:
		return x.reject("its status is an informational one")
	case !p.taken && length > 0 && !exempt:
		return x.reject("it has no body, but a content-length")
	}
	x.headSent = true
	x.sender.Head(p.status, &p.headers.fields)
	if !p.taken {
		x.complete = true
		return nil
	}
	p.body.exempt = exempt
	if err := p.body.attach(ctx, x); err != nil {
		x.abort(err)
		return nil
	}
	if x.complete || x.bodyless {
		return nil
	}
	return x.Flush(ctx) // a client may wait for the head alone
}

// reject fails the request for a response that cannot be sent.
func (x *exchange) reject(why string) error {
	x.failure = &Error{
		Status: http.StatusInternalServerError, Code: contract.ErrorCodeHTTPProtocolError(),
		Err: errcode.New(errcode.Invalid, "serve request: the guest's response cannot be sent: %s", why),
	}
	return nil
}

// close ends the exchange after the guest returned with err.
func (x *exchange) close(ctx context.Context, err error) *Error {
	x.closed = true
	if x.seenAsCut() {
		x.sender.FlushNow()
	}
	// First the response: net/http takes the end of a read that is interrupted
	// for the end of the client.
	interrupted := x.sender.Stop(x.complete)
	x.request.body.release(ctx)
	if x.request.body.src != nil {
		x.sender.EndBody(x.request.r)
	}
	if interrupted && !x.complete {
		err = errcode.New(errcode.Of(context.Cause(x.ctx)), "serve request: %w", context.Cause(x.ctx))
	}
	switch {
	case err != nil:
		code := contract.ErrorCodeInternalError(abi.None[string]())
		return &Error{Status: x.clientStatus(httpmessage.StatusOfError(err)), HeadSent: x.headSent, Complete: x.complete, Code: code, Err: err}
	case x.failure != nil:
		x.failure.HeadSent = x.headSent
		x.failure.Status = x.clientStatus(x.failure.Status)
		return x.failure
	case !x.answered:
		return &Error{Status: x.clientStatus(http.StatusInternalServerError), Code: contract.ErrorCodeInternalError(abi.None[string]()), Err: noAnswer}
	case !x.complete:
		return &Error{
			Status: http.StatusInternalServerError, HeadSent: true, Code: contract.ErrorCodeHTTPResponseIncomplete(),
			Err: errcode.New(errcode.Invalid, "serve request: the guest did not finish the body of its response"),
		}
	}
	return nil
}

// clientStatus returns what to answer for a request that failed: if its body
// did, because it is too large or too slow to come, that is the reason, and
// status otherwise.
func (x *exchange) clientStatus(status int) int {
	b := &x.request.body
	b.mu.Lock()
	err := b.err
	b.mu.Unlock()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded) && x.ctx.Err() == nil:
		return http.StatusRequestTimeout
	}
	return status
}
