package wasihttp3

import (
	"context"
	"io"
	"net/http"
	"sync"

	older "latticework/components/wasi/bindings/wasihttp"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Interfaces returns what a guest imports of wasi:http: types and client. out
// sends the guest's requests, which may be those of 0.2 as well; nil refuses
// all of them.
func Interfaces(out *wasihttp.Outgoing) []*abi.Interface { return Types{}.Interfaces(out) }

// Interfaces is the function of that name with the limits of t.
func (t Types) Interfaces(out *wasihttp.Outgoing) []*abi.Interface {
	if out == nil {
		out = &wasihttp.Outgoing{}
	}
	return []*abi.Interface{contract.BindTypes(t), contract.BindClient(client{out})}
}

// Next returns wasi:http/handler as a guest imports it that stands before another
// (world middleware): out sends the requests, which go to that one.
func Next(out *wasihttp.Outgoing) *abi.Interface { return contract.BindHandler(next{client{out}}) }

// next implements wasi:http/handler by what sends requests.
type next struct{ client }

var _ contract.HandlerInterface = next{}

// Handle is [client.Send].
func (n next) Handle(ctx context.Context, request contract.Request) (contract.Response, error) {
	return n.Send(ctx, request)
}

// client implements wasi:http/client.
type client struct{ out *wasihttp.Outgoing }

var _ contract.ClientInterface = client{}

// Send sends a request and returns its response once that begins. Both bodies
// go on.
//
// Errors: abi.Fail of the error code; the end of ctx.
func (c client) Send(ctx context.Context, request contract.Request) (contract.Response, error) {
	q, ok := request.(*Request)
	if !ok {
		return nil, foreign("request", request)
	}
	p, err := c.send(ctx, q)
	if err == nil {
		return p, nil
	}
	q.body.taken = true
	q.body.close(err)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, abi.Fail(codeOf(err))
}

// send sends q; if it fails the body is still to be closed.
func (c client) send(ctx context.Context, q *Request) (*Response, error) {
	limits := httpmessage.Timeouts{}
	if q.options != nil {
		limits = q.options.timeouts
	}
	x, err := c.out.Begin(ctx, &limits)
	if err != nil {
		return nil, err
	}
	r, err := q.httpRequest(x.Context())
	if err == nil {
		err = x.Allow(r)
	}
	if err != nil {
		x.Finish()
		return nil, err
	}
	up := &upload{outbound: outbound{wrongSize: older.ErrorCodeHTTPRequestBodySize}}
	up.attach(x.Context(), q, r)
	resp, err := x.Send(r)
	if err != nil {
		x.Finish()
		if own := up.reason(); own != nil {
			err = own
		}
		return nil, err
	}
	up.answered()
	x.Detach()
	return newResponseOf(x, resp), nil
}

// newResponseOf returns a response that was received.
func newResponseOf(x *httpmessage.Trip, resp *http.Response) *Response {
	p := &Response{headers: receivedFields(resp.Header), status: resp.StatusCode}
	if resp.Body == http.NoBody {
		x.Finish()
		return p
	}
	b := &received{}
	b.init(x.Body(resp.Body), func() { x.Cancel(errDropped) }, func() http.Header { return resp.Trailer }, func() {
		x.Finish()
		_ = resp.Body.Close()
	})
	p.body.stream, p.body.trailers = b, receivedTrailers{b}
	return p
}

// upload is the body of a request, as the transport reads it on a goroutine of
// its own. The request was transmitted once both its body has ended and its
// response has begun.
type upload struct {
	outbound
	trailer http.Header // the request's own, filled at the end of the body

	mu    sync.Mutex
	done  bool  // guarded by mu: the body has ended, whole
	began bool  // guarded by mu: the response has
	why   error // guarded by mu: why the body was cut off
}

var _ io.ReadCloser = (*upload)(nil)

// attach gives r the body of q.
func (u *upload) attach(ctx context.Context, q *Request, r *http.Request) {
	announced := len(r.Header["Trailer"]) > 0
	u.trailer, u.length = httpmessage.TakeTrailer(r), -1
	if q.body.stream != nil {
		u.length = r.ContentLength
	}
	if u.length == 0 { // as stated: nothing is read
		q.body.stream.Close()
		q.body.stream, announced = nil, false
	}
	u.take(ctx, &q.body, announced)
	if u.empty() {
		r.Trailer, u.done = nil, true
		return
	}
	r.Body, r.ContentLength = u, u.length
	if u.length > 0 {
		r.Trailer = nil // a body of stated length has no room for them
	}
}

// Read implements [io.Reader].
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.outbound.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		if u.trailers != nil {
			u.trailers.fields.AddTo(u.trailer, "")
		}
		u.ended(nil)
	default:
		u.ended(err)
	}
	return n, err
}

// Close implements [io.Closer]: the transport wants no more of the body.
func (u *upload) Close() error {
	u.ended(errcode.New(errcode.Closed, "send body: the server did not take all of it"))
	return nil
}

// ended notes how the body ended; the first call counts.
func (u *upload) ended(err error) {
	u.mu.Lock()
	first := !u.done && u.why == nil
	if first {
		u.done, u.why = err == nil, err
	}
	began := u.began
	u.mu.Unlock()
	if first && began {
		u.settle(err)
	}
}

// answered notes that the response has begun.
func (u *upload) answered() {
	u.mu.Lock()
	u.began = true
	over, err := u.done || u.why != nil, u.why
	u.mu.Unlock()
	if over {
		u.settle(err)
	}
}

// settle tells the guest how the transmission ended, and gives up what of the
// body nobody will read.
func (u *upload) settle(err error) {
	if err != nil {
		u.body.close(err)
	}
	u.body.sent.sent(err)
}

// reason returns why the body was cut off, if that was the guest's doing.
func (u *upload) reason() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.why == nil || errcode.Of(u.why) == errcode.Closed {
		return nil
	}
	return u.why
}
