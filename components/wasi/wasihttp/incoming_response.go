package wasihttp

import (
	"context"
	"net/http"
	"sync"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// FutureIncomingResponse is the response to a request that was sent.
type FutureIncomingResponse struct {
	trip  *httpmessage.Trip
	ready streams.Event
	sends sync.WaitGroup
	given bool
	// resp and err are set before ready is.
	resp *http.Response
	err  error
}

var _ contract.FutureIncomingResponse = (*FutureIncomingResponse)(nil)

// send sends r in the background; Drop joins it.
func (f *FutureIncomingResponse) send(r *http.Request) {
	f.sends.Go(func() {
		f.resp, f.err = f.trip.Send(r)
		f.ready.Set()
	})
}

// Subscribe returns a pollable that is ready once there is a response or a
// failure.
func (f *FutureIncomingResponse) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(&f.ready), nil
}

type responseResult = abi.Result[abi.Result[contract.IncomingResponse, contract.ErrorCode], struct{}]

// Get returns the response once it is there, and only once.
func (f *FutureIncomingResponse) Get(context.Context) (abi.Option[responseResult], error) {
	if f.given {
		return abi.Some(responseResult{IsErr: true}), nil
	}
	if !f.ready.Ready() {
		return abi.None[responseResult](), nil
	}
	f.given = true
	var r responseResult
	if f.err != nil {
		r.Ok.IsErr, r.Ok.Err = true, httpmessage.CodeOf(f.err)
		f.trip.Finish()
		return abi.Some(r), nil
	}
	r.Ok.Ok = newIncomingResponse(f.trip, f.resp)
	return abi.Some(r), nil
}

// Drop ends the request unless its response was handed out.
func (f *FutureIncomingResponse) Drop(context.Context) {
	if f.given {
		return
	}
	f.given = true
	f.trip.Finish()
	f.sends.Wait()
	if f.resp != nil {
		_ = f.resp.Body.Close()
	}
}

// IncomingResponse is a response that a guest received.
type IncomingResponse struct {
	resp     *http.Response
	headers  *Fields
	body     IncomingBody
	consumed bool
}

var _ contract.IncomingResponse = (*IncomingResponse)(nil)

func newIncomingResponse(x *httpmessage.Trip, resp *http.Response) *IncomingResponse {
	p := &IncomingResponse{resp: resp, headers: receivedFields(resp.Header)}
	p.body.src = x.Body(resp.Body)
	p.body.trailer = func() http.Header { return resp.Trailer }
	p.body.interrupt = func() { x.Cancel(errcode.New(errcode.Closed, "read body: it is not wanted any more")) }
	p.body.done = func() {
		x.Finish()
		_ = resp.Body.Close()
	}
	return p
}

// Status returns the response's status.
func (p *IncomingResponse) Status(context.Context) (uint16, error) {
	return uint16(p.resp.StatusCode), nil
}

// Headers returns the response's fields.
func (p *IncomingResponse) Headers(context.Context) (contract.Fields, error) { return p.headers, nil }

// Consume hands out the body, once.
func (p *IncomingResponse) Consume(context.Context) (contract.IncomingBody, error) {
	if p.consumed {
		return nil, failUnit
	}
	p.consumed = true
	return &p.body, nil
}

// Drop gives up the body unless it was handed out.
func (p *IncomingResponse) Drop(ctx context.Context) {
	if !p.consumed {
		p.consumed = true
		p.body.release(ctx)
	}
}
