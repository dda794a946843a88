package wasihttp3

import (
	"context"
	"net/http"

	contract "latticework/components/wasi/bindings/wasihttp3"
)

// Response is a response that a guest made or received.
type Response struct {
	headers *Fields
	status  int
	body    body
}

var _ contract.Response = (*Response)(nil)

// GetStatusCode returns the status.
func (p *Response) GetStatusCode(context.Context) (uint16, error) { return uint16(p.status), nil }

// SetStatusCode sets the status, from 100 to 599.
func (p *Response) SetStatusCode(_ context.Context, status uint16) error {
	if status < 100 || status > 599 {
		return failUnit
	}
	p.status = int(status)
	return nil
}

// GetHeaders returns the response's fields.
func (p *Response) GetHeaders(context.Context) (contract.Fields, error) { return p.headers, nil }

// Drop gives up the body unless it was taken.
func (p *Response) Drop(context.Context) { p.body.drop() }

// bodyless reports whether a response of that status has no body.
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}
