package host

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit/value"
)

// TestForwardedRequest: what goes to another host in one message is the request
// that came.
func TestForwardedRequest(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"plain":    {Method: "GET", URL: &url.URL{Path: "/a b", RawQuery: "c=d"}, Host: "x:80", RemoteAddr: "192.0.2.1:5", Header: http.Header{}},
		"TLS":      {Method: "POST", URL: &url.URL{Path: "/"}, Host: "x", TLS: &tls.ConnectionState{}, Header: http.Header{"A": {"1", "2"}, "B": {"\xff"}}},
		"scheme":   {Method: "POST", URL: &url.URL{Scheme: "https", Path: "/"}, Host: "x", Header: http.Header{}},
		"trailers": {Method: "POST", URL: &url.URL{Path: "/pkg.Service/Method"}, Host: "x", Header: http.Header{"Te": {"trailers"}}, Trailer: http.Header{"X-Sum": {"3"}}},
	} {
		var e value.Encoder
		putRequest(&e, r, []byte("body"))
		got, err := getRequest(t.Context(), e.Buf)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, _ := io.ReadAll(got.Body)
		secure := r.TLS != nil || r.URL.Scheme == "https"
		if got.Method != r.Method || got.RequestURI != r.URL.RequestURI() || got.URL.Path != r.URL.Path || (got.URL.Scheme == "https") != secure || got.Host != r.Host ||
			got.RemoteAddr != r.RemoteAddr || !reflect.DeepEqual(got.Header, r.Header) || len(got.Trailer) != len(r.Trailer) || got.Trailer.Get("X-Sum") != r.Trailer.Get("X-Sum") || string(body) != "body" {
			t.Errorf("%s: %+v became %+v with body %q", name, r, got, body)
		}
		for n := range e.Buf {
			if _, err := getRequest(t.Context(), e.Buf[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are a request", name, n, len(e.Buf))
			}
		}
	}
	var e value.Encoder
	putRequest(&e, &http.Request{Method: "no method", URL: &url.URL{Path: "/"}, Header: http.Header{}}, nil)
	if _, err := getRequest(t.Context(), e.Buf); !errors.Is(err, errcode.Invalid) {
		t.Errorf("a method with a space: %v", err)
	}
}
