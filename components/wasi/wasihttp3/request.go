package wasihttp3

import (
	"context"
	"net/http"
	"strings"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/wit/abi"
)

// failUnit is the error case of a result without an error type.
var failUnit = abi.Fail(struct{}{})

// Request is a request that a guest made or received.
type Request struct {
	header    http.Header // received with it, nil if a guest made it
	headers   *Fields     // nil as long as nobody asked for received ones
	method    contract.Method
	path      abi.Option[string]
	scheme    abi.Option[contract.Scheme]
	authority abi.Option[string]
	options   *RequestOptions // nil for none
	body      body
}

var _ contract.Request = (*Request)(nil)

// receive makes q the request r, without its body.
func (q *Request) receive(r *http.Request) {
	q.header = r.Header
	q.method = methodOf(r.Method)
	q.path = abi.Some(r.RequestURI)
	if !strings.HasPrefix(r.RequestURI, "/") && r.RequestURI != "*" {
		q.path.Value = r.URL.RequestURI()
	}
	// The URL has a scheme if whoever accepts requests from a proxy set it.
	scheme := r.URL.Scheme
	switch {
	case scheme == "" && r.TLS != nil:
		scheme = "https"
	case scheme == "":
		scheme = "http"
	}
	q.scheme = abi.Some(schemeOf(scheme))
	q.authority = abi.Option[string]{Value: r.Host, Some: r.Host != ""}
}

// GetMethod returns the method.
func (q *Request) GetMethod(context.Context) (contract.Method, error) { return q.method, nil }

// SetMethod sets the method; one that has a case of its own is that case.
func (q *Request) SetMethod(_ context.Context, m contract.Method) error {
	if m.Case == contract.MethodCaseOther {
		if !httpmessage.IsToken(m.Other) {
			return failUnit
		}
		m = methodOf(m.Other)
	}
	q.method = m
	return nil
}

// GetPathWithQuery returns path and query.
func (q *Request) GetPathWithQuery(context.Context) (abi.Option[string], error) { return q.path, nil }

// SetPathWithQuery sets path and query; an empty text is "/".
func (q *Request) SetPathWithQuery(_ context.Context, p abi.Option[string]) error {
	if p.Some && !isPath(p.Value) {
		return failUnit
	}
	if p.Some && p.Value == "" {
		p.Value = "/"
	}
	q.path = p
	return nil
}

// GetScheme returns the scheme.
func (q *Request) GetScheme(context.Context) (abi.Option[contract.Scheme], error) {
	return q.scheme, nil
}

// SetScheme sets the scheme; one that has a case of its own is that case.
func (q *Request) SetScheme(_ context.Context, s abi.Option[contract.Scheme]) error {
	if s.Some && s.Value.Case == contract.SchemeCaseOther {
		if !httpmessage.IsScheme(s.Value.Other) {
			return failUnit
		}
		s.Value = schemeOf(s.Value.Other)
	}
	q.scheme = s
	return nil
}

// GetAuthority returns the authority.
func (q *Request) GetAuthority(context.Context) (abi.Option[string], error) { return q.authority, nil }

// SetAuthority sets the authority.
func (q *Request) SetAuthority(_ context.Context, a abi.Option[string]) error {
	if a.Some && !isAuthority(a.Value) {
		return failUnit
	}
	q.authority = a
	return nil
}

// GetOptions returns the request's options, which are immutable.
func (q *Request) GetOptions(context.Context) (abi.Option[contract.RequestOptions], error) {
	if q.options == nil {
		return abi.None[contract.RequestOptions](), nil
	}
	return abi.Some[contract.RequestOptions](q.options), nil
}

// GetHeaders returns the request's fields.
func (q *Request) GetHeaders(context.Context) (contract.Fields, error) {
	if q.headers == nil {
		q.headers = receivedFields(q.header)
	}
	return q.headers, nil
}

// Drop gives up the body unless it was taken.
func (q *Request) Drop(context.Context) { q.body.drop() }

// sentFields returns the fields to send. A guest may read those that it got
// from GetHeaders meanwhile.
func (q *Request) sentFields() *httpmessage.Fields {
	if q.header != nil {
		return &receivedFields(q.header).fields
	}
	return &q.headers.fields
}

// httpRequest returns the request for net/http, without its body.
//
// Errors: those of [httpmessage.URL] and [httpmessage.NewRequest].
func (q *Request) httpRequest(ctx context.Context) (*http.Request, error) {
	scheme := "https"
	if q.scheme.Some {
		scheme = strings.ToLower(q.scheme.Value.Case.String())
	}
	u, err := httpmessage.URL(scheme, q.authority.Value, q.path.Value)
	if err != nil {
		return nil, err
	}
	return httpmessage.NewRequest(ctx, methodText(q.method), u, q.sentFields(), q.body.stream != nil)
}
