package wasihttp3

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
	"sync/atomic"

	older "latticework/components/wasi/bindings/wasihttp"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Guest is the instance of a component that serves requests.
type Guest interface {
	abi.Invoker
	// Drive lets the guest's tasks go on while f runs on a goroutine of its
	// own, and with a nil f until none is left.
	Drive(ctx context.Context, f func(ctx context.Context) error) error
	// Along runs f on the calling goroutine, and the guest's tasks there as well
	// while f reads what is [abi.Driven] with the context that it gets; paused is
	// called when they wait or take long.
	Along(ctx context.Context, paused func(), f func(ctx context.Context) error) error
}

// Serve answers r by calling the handler that exp names on inst, and streams
// the response to w. It returns once the response is whole, and the body of the
// request read or given up; by then nothing uses w or r any more, but the guest
// may have tasks left, which Drive with a nil function lets go on.
//
// Concurrency: the guest runs on the calling goroutine. ctx bounds it: when it
// ends, reads from and writes to the client that block are interrupted, which
// ruins the connection. answered, if not nil, is called before the client can
// have the whole response: a client that goes away from then on misses nothing,
// so that ctx need not end with it.
//
// Errors: an [*httpmessage.Error], which package wasihttp has as Error, always;
// what is to be done about it is said at [wasihttp.Serve].
func Serve(ctx context.Context, inst Guest, exp *contract.HandlerExports, w http.ResponseWriter, r *http.Request, answered func()) error {
	x := &exchange{ctx: ctx, r: r, answered: answered}
	x.sender.Init(ctx, w)
	x.receive(w)
	resp, err := exp.Handle(ctx, inst, &x.request)
	if err == nil {
		err = x.respond(inst, resp)
	}
	err = x.refused(err)
	if err == nil && x.hasBody && !x.body.over() {
		if x.headSent {
			_ = x.sender.Flush() // nothing is held back for what the guest does yet
		}
		err = inst.Drive(ctx, nil)
	}
	if e := x.close(err); e != nil {
		return e
	}
	return nil
}

// exchange is one request that is being served, and its response. The
// goroutine of Serve uses it, and while that drives the guest the one that
// sends the response.
type exchange struct {
	ctx     context.Context //nolint:containedctx // of the one call of Serve
	r       *http.Request
	request Request
	body    received // of the request
	sender  httpmessage.Sender

	answered func()      // see Serve; nil once called
	ending   atomic.Bool // nothing is sent any more
	hasBody  bool        // the request has one
	headSent bool        // the status was given to the client
	held     bool        // what was written leaves when the guest pauses
	complete bool        // the response is whole
	failure  *httpmessage.Error
}

// receive makes the request that the guest gets.
func (x *exchange) receive(w http.ResponseWriter) {
	x.request.receive(x.r)
	if x.r.Body == nil || x.r.Body == http.NoBody || x.r.ContentLength == 0 {
		return
	}
	// Without this net/http would read the body before the first byte of the
	// response leaves, beside a guest that reads it.
	_ = http.NewResponseController(w).EnableFullDuplex()
	x.hasBody = true
	x.body.init(x.r.Body, func() {
		// Before, it would end the response too: net/http takes the end of a
		// read for the end of the client.
		if x.ending.Load() {
			httpmessage.InterruptReads(w)
		}
	}, func() http.Header { return x.r.Trailer }, nil)
	x.request.body.stream, x.request.body.trailers = &x.body, receivedTrailers{&x.body}
}

// refused takes an error code that the guest answered for what it is; any
// other error is returned.
func (x *exchange) refused(err error) error {
	var answer *abi.Failure[contract.ErrorCode]
	if !errors.As(err, &answer) {
		return err
	}
	code := shared(answer.Value)
	x.failure = &httpmessage.Error{
		Status: httpmessage.StatusOf(code), Code: code,
		Err: errcode.New(errcode.Unavailable, "serve request: the guest answered with the error %s", code.Case),
	}
	return nil
}

// respond sends the guest's response.
//
// Errors: those of [Guest.Drive]; what is wrong with the response is x.failure.
func (x *exchange) respond(inst Guest, response contract.Response) error {
	p, ok := response.(*Response)
	if !ok {
		return foreign("response", response)
	}
	exempt := bodyless(p.status) || x.r.Method == http.MethodHead
	length, valid := p.headers.fields.ContentLength()
	switch {
	case !valid:
		return x.reject(p, "its content-length is malformed")
	case p.status < 200:
		return x.reject(p, "its status is an informational one")
	case p.body.stream == nil && length > 0 && !exempt:
		return x.reject(p, "it has no body, but a content-length")
	}
	out := &outbound{length: length, wrongSize: older.ErrorCodeHTTPResponseBodySize}
	if exempt {
		out.length = -1
	}
	out.take(x.ctx, &p.body, p.headers.fields.Has("trailer"))
	if out.empty() && length < 0 && !exempt {
		x.sender.Length(0)
	}
	if out.empty() || exempt || length == 0 {
		x.answer()
	}
	x.headSent = true
	x.sender.Head(p.status, &p.headers.fields)
	if out.empty() {
		x.complete = true
		p.body.sent.sent(nil)
		return nil
	}
	// A short body needs no goroutine beside the guest's. As long as net/http
	// keeps what is written, the client does not hold the guest up.
	over := false
	err := inst.Along(x.ctx, x.leave, func(ctx context.Context) error {
		out.ctx, out.here = ctx, true
		over = x.send(p, out, httpmessage.Unguarded)
		return nil
	})
	if err != nil || over {
		return err
	}
	x.leave()
	return inst.Drive(x.ctx, func(ctx context.Context) error {
		out.ctx, out.here = ctx, false
		x.send(p, out, math.MaxInt)
		return nil
	})
}

// send sends the body of p as far as limit bytes in all, and reports whether
// that was all of it. What fails is known to the guest then, which may go on.
func (x *exchange) send(p *Response, out *outbound, limit int) (over bool) {
	switch err := x.stream(out, bodyless(p.status), limit); err {
	case nil:
		x.answer()
		x.complete = true
		p.body.sent.sent(nil)
	case errElsewhere:
		return false
	default:
		p.body.close(err)
		x.fail(err)
	}
	return true
}

// leave has what was written leave, if something waits for that.
func (x *exchange) leave() {
	if x.held {
		x.held = false
		_ = x.sender.Flush() // the next write tells
	}
}

// answer says that the client can have the whole response from now on.
func (x *exchange) answer() {
	if x.answered != nil {
		x.answered()
		x.answered = nil
	}
}

// reject fails the request for a response that cannot be sent.
func (x *exchange) reject(p *Response, why string) error {
	x.failure = &httpmessage.Error{
		Status: http.StatusInternalServerError, Code: older.ErrorCodeHTTPProtocolError(),
		Err: errcode.New(errcode.Invalid, "serve request: the guest's response cannot be sent: %s", why),
	}
	p.body.taken = true
	p.body.close(&httpmessage.CodeError{Code: older.ErrorCodeHTTPProtocolError(), Err: x.failure.Err})
	return nil
}

// fail notes why the response is not whole.
func (x *exchange) fail(err error) {
	code := httpmessage.CodeOf(err)
	x.failure = &httpmessage.Error{Status: httpmessage.StatusOf(code), Code: code, Err: err}
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// stream sends the body, as far as limit bytes were read of it. What the guest
// writes leaves soon after.
//
// Errors: an error with a code; errElsewhere for a body that is not at its end.
func (x *exchange) stream(out *outbound, discard bool, limit int) error {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	for {
		left := int64(limit) - out.read
		if left <= 0 {
			return errElsewhere
		}
		n, err := out.Read(buf[:min(left, int64(len(buf)))])
		if n > 0 && !discard {
			if out.read == out.length {
				x.answer()
			}
			if _, werr := x.sender.Write(buf[:n]); werr != nil {
				return werr
			}
			if x.held = err == nil && out.here; err == nil && !out.here {
				err = x.sender.Flush()
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if out.trailers != nil && !discard {
		x.sender.Trailers(&out.trailers.fields)
	}
	return nil
}

// close ends the exchange after the guest returned with err.
func (x *exchange) close(err error) *httpmessage.Error {
	interrupted := x.sender.Stop(x.complete)
	if x.hasBody {
		x.ending.Store(true)
		x.body.shut()
		x.sender.EndBody(x.r)
	}
	if interrupted && !x.complete {
		err = errcode.New(errcode.Of(context.Cause(x.ctx)), "serve request: %w", context.Cause(x.ctx))
	}
	switch {
	case err != nil:
		code := older.ErrorCodeInternalError(abi.None[string]())
		return &httpmessage.Error{Status: httpmessage.StatusOfError(err), HeadSent: x.headSent, Complete: x.complete, Code: code, Err: err}
	case x.failure != nil:
		x.failure.HeadSent = x.headSent
		return x.failure
	}
	return nil
}
