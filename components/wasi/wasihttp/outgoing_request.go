package wasihttp

import (
	"context"
	"net/http"
	"strings"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/wit/abi"
)

// OutgoingRequest is a request that a guest makes.
type OutgoingRequest struct {
	headers   *Fields
	method    contract.Method
	path      abi.Option[string]
	scheme    abi.Option[contract.Scheme]
	authority abi.Option[string]
	taken     bool // the body was handed out
	body      OutgoingBody
}

var _ contract.OutgoingRequest = (*OutgoingRequest)(nil)

// Body hands out the body, once; it fails too if the fields state no valid
// length.
func (q *OutgoingRequest) Body(context.Context) (contract.OutgoingBody, error) {
	length, ok := q.headers.fields.ContentLength()
	if q.taken || !ok {
		return nil, failUnit
	}
	q.taken = true
	q.body.init(length, contract.ErrorCodeHTTPRequestBodySize)
	return &q.body, nil
}

// Method returns the method.
func (q *OutgoingRequest) Method(context.Context) (contract.Method, error) { return q.method, nil }

// SetMethod sets the method; another one than those with a case is a token.
func (q *OutgoingRequest) SetMethod(_ context.Context, m contract.Method) error {
	if m.Case == contract.MethodCaseOther && !httpmessage.IsToken(m.Other) {
		return failUnit
	}
	q.method = m
	return nil
}

// PathWithQuery returns path and query.
func (q *OutgoingRequest) PathWithQuery(context.Context) (abi.Option[string], error) {
	return q.path, nil
}

// SetPathWithQuery sets path and query.
func (q *OutgoingRequest) SetPathWithQuery(_ context.Context, p abi.Option[string]) error {
	if p.Some && !httpmessage.IsTarget(p.Value) {
		return failUnit
	}
	q.path = p
	return nil
}

// Scheme returns the scheme.
func (q *OutgoingRequest) Scheme(context.Context) (abi.Option[contract.Scheme], error) {
	return q.scheme, nil
}

// SetScheme sets the scheme.
func (q *OutgoingRequest) SetScheme(_ context.Context, s abi.Option[contract.Scheme]) error {
	if s.Some && s.Value.Case == contract.SchemeCaseOther && !httpmessage.IsScheme(s.Value.Other) {
		return failUnit
	}
	q.scheme = s
	return nil
}

// Authority returns the authority.
func (q *OutgoingRequest) Authority(context.Context) (abi.Option[string], error) {
	return q.authority, nil
}

// SetAuthority sets the authority: a host and perhaps a port, no user.
func (q *OutgoingRequest) SetAuthority(_ context.Context, a abi.Option[string]) error {
	if a.Some && !httpmessage.IsAuthority(a.Value) {
		return failUnit
	}
	q.authority = a
	return nil
}

// Headers returns the request's fields.
func (q *OutgoingRequest) Headers(context.Context) (contract.Fields, error) { return q.headers, nil }

// Drop implements the contract.
func (q *OutgoingRequest) Drop(context.Context) {}

// methodText returns the method as it is sent.
func methodText(m contract.Method) string {
	if m.Case == contract.MethodCaseOther {
		return m.Other
	}
	return strings.ToUpper(m.Case.String())
}

// httpRequest returns the request for net/http, without its body.
func (q *OutgoingRequest) httpRequest(ctx context.Context) (*http.Request, error) {
	scheme := "https"
	if q.scheme.Some {
		scheme = strings.ToLower(q.scheme.Value.Case.String())
	}
	u, err := httpmessage.URL(scheme, q.authority.Value, q.path.Value)
	if err != nil {
		return nil, err
	}
	return httpmessage.NewRequest(ctx, methodText(q.method), u, &q.headers.fields, q.taken)
}
