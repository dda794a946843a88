package wasihttp

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// maxTarget bounds path and query, and an authority.
const maxTarget = 64 << 10

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
	length, ok := q.headers.contentLength()
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
	if m.Case == contract.MethodCaseOther && !isToken(m.Other) {
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
	if p.Some && !isTarget(p.Value) {
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
	if s.Some && s.Value.Case == contract.SchemeCaseOther && !isScheme(s.Value.Other) {
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
	if a.Some && !isAuthority(a.Value) {
		return failUnit
	}
	q.authority = a
	return nil
}

// Headers returns the request's fields.
func (q *OutgoingRequest) Headers(context.Context) (contract.Fields, error) { return q.headers, nil }

// Drop implements the contract.
func (q *OutgoingRequest) Drop(context.Context) {}

// isTarget reports whether s is a path, a query, both, or the asterisk.
func isTarget(s string) bool {
	if len(s) > maxTarget {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return s == "" || s == "*" || s[0] == '/' || s[0] == '?'
}

// isScheme reports whether s is a scheme of RFC 3986.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !(s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}

// isAuthority reports whether s is a host with or without a port.
func isAuthority(s string) bool {
	if s == "" || len(s) > maxTarget || strings.ContainsAny(s, "/?#@\\") {
		return false
	}
	u, err := url.Parse("http://" + s + "/")
	return err == nil && u.Host == s && u.Hostname() != ""
}

// methodText returns the method as it is sent.
func methodText(m contract.Method) string {
	if m.Case == contract.MethodCaseOther {
		return m.Other
	}
	return strings.ToUpper(m.Case.String())
}

// url returns the request's target.
func (q *OutgoingRequest) url() (*url.URL, error) {
	scheme := "https"
	if q.scheme.Some {
		scheme = strings.ToLower(q.scheme.Value.Case.String())
	}
	if scheme != "http" && scheme != "https" {
		return nil, abi.Fail(contract.ErrorCodeHTTPProtocolError())
	}
	if !q.authority.Some {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestURIInvalid())
	}
	path := q.path.Value
	switch {
	case path == "" || path[0] == '?':
		path = "/" + path
	case path == "*":
		return &url.URL{Scheme: scheme, Host: q.authority.Value, Path: "*"}, nil
	}
	// The authority before it keeps a path of two slashes from being taken
	// for one.
	u, err := url.Parse(scheme + "://" + q.authority.Value + path)
	if err != nil || u.Host != q.authority.Value || u.User != nil {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestURIInvalid())
	}
	return u, nil
}

// httpRequest returns the request for net/http, without its body.
func (q *OutgoingRequest) httpRequest(ctx context.Context) (*http.Request, error) {
	u, err := q.url()
	if err != nil {
		return nil, err
	}
	length, ok := q.headers.contentLength()
	if !ok {
		return nil, abi.Fail(contract.ErrorCodeHTTPProtocolError())
	}
	r := &http.Request{
		Method: methodText(q.method), URL: u, Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(q.headers.list)), Body: http.NoBody,
	}
	q.headers.addTo(r.Header, "")
	r.Header.Del("Content-Length")
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header.Set("User-Agent", "") // net/http shall not add its own
	}
	if !q.taken && length > 0 {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestBodySize(abi.Some(uint64(0))))
	}
	if q.taken {
		r.ContentLength = length
	}
	return r.WithContext(ctx), nil
}
