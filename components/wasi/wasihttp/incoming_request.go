package wasihttp

import (
	"context"
	"net/http"
	"strings"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// IncomingRequest is a request that a guest answers.
type IncomingRequest struct {
	r        *http.Request
	headers  *Fields
	body     IncomingBody
	consumed bool
}

var _ contract.IncomingRequest = (*IncomingRequest)(nil)

// methods are the methods that have a case of their own.
var methods = map[string]contract.Method{
	"GET": contract.MethodGet(), "HEAD": contract.MethodHead(), "POST": contract.MethodPost(),
	"PUT": contract.MethodPut(), "DELETE": contract.MethodDelete(), "CONNECT": contract.MethodConnect(),
	"OPTIONS": contract.MethodOptions(), "TRACE": contract.MethodTrace(), "PATCH": contract.MethodPatch(),
}

// Method returns the request's method.
func (q *IncomingRequest) Method(context.Context) (contract.Method, error) {
	if q.r.Method == "GET" || q.r.Method == "" {
		return contract.MethodGet(), nil
	}
	if m, ok := methods[q.r.Method]; ok {
		return m, nil
	}
	return contract.MethodOther(q.r.Method), nil
}

// PathWithQuery returns path and query as they were sent.
func (q *IncomingRequest) PathWithQuery(context.Context) (abi.Option[string], error) {
	if uri := q.r.RequestURI; strings.HasPrefix(uri, "/") || uri == "*" {
		return abi.Some(uri), nil
	}
	return abi.Some(q.r.URL.RequestURI()), nil
}

// Scheme returns that of the URL if it has one, as whoever accepts requests
// from a proxy may set it, else that of the connection.
func (q *IncomingRequest) Scheme(context.Context) (abi.Option[contract.Scheme], error) {
	switch s := q.r.URL.Scheme; {
	case s == "https", s == "" && q.r.TLS != nil:
		return abi.Some(contract.SchemeHTTPS()), nil
	case s == "http", s == "":
		return abi.Some(contract.SchemeHTTP()), nil
	default:
		return abi.Some(contract.SchemeOther(s)), nil
	}
}

// Authority returns the host that the client named.
func (q *IncomingRequest) Authority(context.Context) (abi.Option[string], error) {
	return abi.Option[string]{Value: q.r.Host, Some: q.r.Host != ""}, nil
}

// Headers returns the request's fields.
func (q *IncomingRequest) Headers(context.Context) (contract.Fields, error) {
	if q.headers == nil {
		q.headers = receivedFields(q.r.Header)
	}
	return q.headers, nil
}

// Consume hands out the body, once.
func (q *IncomingRequest) Consume(context.Context) (contract.IncomingBody, error) {
	if q.consumed {
		return nil, failUnit
	}
	q.consumed = true
	return &q.body, nil
}

// Drop implements the contract.
func (q *IncomingRequest) Drop(context.Context) {}
