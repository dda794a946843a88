package httpmessage

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// MaxTarget bounds path and query, and an authority.
const MaxTarget = 64 << 10

// IsTarget reports whether s is a path, a query, both, or the asterisk.
func IsTarget(s string) bool {
	if len(s) > MaxTarget {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return false
		}
	}
	return s == "" || s == "*" || s[0] == '/' || s[0] == '?'
}

// IsScheme reports whether s is a scheme of RFC 3986.
func IsScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !(s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}

// IsAuthority reports whether s is a host with or without a port.
func IsAuthority(s string) bool {
	if s == "" || len(s) > MaxTarget || strings.ContainsAny(s, "/?#@\\") {
		return false
	}
	u, err := url.Parse("http://" + s + "/")
	return err == nil && u.Host == s && u.Hostname() != ""
}

// URL returns the target of a request. An empty path stands for "/".
//
// Errors: abi.Fail of the error code for a scheme that is not sent, or an
// authority or path that is none.
func URL(scheme, authority, path string) (*url.URL, error) {
	if scheme != "http" && scheme != "https" {
		return nil, abi.Fail(contract.ErrorCodeHTTPProtocolError())
	}
	if authority == "" {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestURIInvalid())
	}
	switch {
	case path == "" || path[0] == '?':
		path = "/" + path
	case path == "*":
		return &url.URL{Scheme: scheme, Host: authority, Path: "*"}, nil
	}
	// The authority before it keeps a path of two slashes from being taken
	// for one.
	u, err := url.Parse(scheme + "://" + authority + path)
	if err != nil || u.Host != authority || u.User != nil || path[0] != '/' {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestURIInvalid())
	}
	return u, nil
}

// NewRequest returns a request to u with fields and without its body; its
// ContentLength is what the fields state if it will have one, -1 for nothing.
//
// Errors: abi.Fail of the error code if the fields state no valid length, or
// that of a body that is not there.
func NewRequest(ctx context.Context, method string, u *url.URL, fields *Fields, hasBody bool) (*http.Request, error) {
	length, ok := fields.ContentLength()
	if !ok {
		return nil, abi.Fail(contract.ErrorCodeHTTPProtocolError())
	}
	r := &http.Request{
		Method: method, URL: u, Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, fields.Len()), Body: http.NoBody,
	}
	fields.AddTo(r.Header, "")
	r.Header.Del("Content-Length")
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header.Set("User-Agent", "") // net/http shall not add its own
	}
	if !hasBody && length > 0 {
		return nil, abi.Fail(contract.ErrorCodeHTTPRequestBodySize(abi.Some(uint64(0))))
	}
	if hasBody {
		r.ContentLength = length
	}
	return r.WithContext(ctx), nil
}

// TakeTrailer moves the names of trailers that r announces from its header to
// its trailer, which is returned for their values; HTTP/2 sends no others.
func TakeTrailer(r *http.Request) http.Header {
	r.Trailer = http.Header{}
	for _, line := range r.Header["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if IsToken(name) && !IsForbidden(name) && name != "Trailer" && name != "Content-Length" {
				r.Trailer[name] = nil
			}
		}
	}
	r.Header.Del("Trailer")
	return r.Trailer
}
