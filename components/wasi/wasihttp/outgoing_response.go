package wasihttp

import (
	"context"

	contract "latticework/components/wasi/bindings/wasihttp"
)

// OutgoingResponse is a response that a guest makes.
type OutgoingResponse struct {
	headers *Fields
	status  int
	taken   bool // the body was handed out
	body    OutgoingBody
}

var _ contract.OutgoingResponse = (*OutgoingResponse)(nil)

// StatusCode returns the status.
func (p *OutgoingResponse) StatusCode(context.Context) (uint16, error) { return uint16(p.status), nil }

// SetStatusCode sets the status, which has three digits.
func (p *OutgoingResponse) SetStatusCode(_ context.Context, status uint16) error {
	if status < 100 || status > 999 {
		return failUnit
	}
	p.status = int(status)
	return nil
}

// Headers returns the response's fields.
func (p *OutgoingResponse) Headers(context.Context) (contract.Fields, error) { return p.headers, nil }

// Body hands out the body, once; it fails too if the fields state no valid
// length.
func (p *OutgoingResponse) Body(context.Context) (contract.OutgoingBody, error) {
	length, ok := p.headers.fields.ContentLength()
	if p.taken || !ok {
		return nil, failUnit
	}
	p.taken = true
	p.body.init(length, contract.ErrorCodeHTTPResponseBodySize)
	return &p.body, nil
}

// Drop implements the contract.
func (p *OutgoingResponse) Drop(context.Context) {}
