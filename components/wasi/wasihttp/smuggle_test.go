package wasihttp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// wire is a server that keeps the bytes of each connection and answers once.
func wire(t *testing.T) (url string, sent chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sent = make(chan []byte, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var all bytes.Buffer
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			r := bufio.NewReader(io.TeeReader(c, &all))
			if q, err := http.ReadRequest(r); err == nil {
				_, _ = io.Copy(io.Discard, q.Body)
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(&all, c) // what came behind the request
			_ = c.Close()
			sent <- all.Bytes()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String(), sent
}

// TestRequestsAreNotSmuggled has a guest try to make two requests of one, or
// fields of values. What leaves is refused, or is one request that says what
// the guest's own fields say.
func TestRequestsAreNotSmuggled(t *testing.T) {
	arrived := 0
	const inner = "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, test := range []struct {
		what   string
		fields [][2]string
		body   string
	}{
		{"a value with a line break", [][2]string{{"x", "a\r\n\r\n" + inner}}, ""},
		{"a value with a bare line feed", [][2]string{{"x", "a\n" + inner}}, ""},
		{"a value with a bare carriage return", [][2]string{{"x", "a\rb"}}, ""},
		{"a folded value", [][2]string{{"x", "a\r\n b"}}, ""},
		{"a value with a zero", [][2]string{{"x", "a\x00b"}}, ""},
		{"a name with a colon", [][2]string{{"x: y\r\nz", "a"}}, ""},
		{"a name with a space before the colon", [][2]string{{"content-length ", "0"}}, inner},
		{"a pseudo-header", [][2]string{{":path", "/inner"}}, ""},
		{"an encoding", [][2]string{{"transfer-encoding", "chunked"}, {"content-length", "0"}}, "0\r\n\r\n" + inner},
		{"a disguised encoding", [][2]string{{"Transfer-Encoding", "xchunked"}}, inner},
		{"two lengths", [][2]string{{"content-length", "0"}, {"content-length", "35"}}, inner},
		{"a list of lengths", [][2]string{{"content-length", "0, 35"}}, inner},
		{"a length with a sign", [][2]string{{"content-length", "+35"}}, inner},
		{"a length with a space", [][2]string{{"content-length", " 35"}}, inner},
		{"a short length", [][2]string{{"content-length", "4"}}, "body" + inner},
		{"a chunk end in the body", nil, "0\r\n\r\n" + inner},
		{"another host", [][2]string{{"Host", "inner"}}, ""},
		{"an upgrade", [][2]string{{"Upgrade", "websocket"}, {"Connection", "upgrade"}}, ""},
		{"named connection fields", [][2]string{{"connection", "x-auth"}, {"x-auth", "1"}}, ""},
		{"credentials of a proxy", [][2]string{{"Proxy-Authorization", "Basic eA=="}}, ""},
		{"trailers that are lengths", [][2]string{{"trailer", "content-length, transfer-encoding, x"}}, "body"},
		{"a value of other bytes", [][2]string{{"x", "\xff\xfe "}}, ""},
		{"an expectation", [][2]string{{"expect", "100-continue"}}, "body"},
	} {
		url, sent := wire(t)
		fields, refused := smuggle(t, url, test.fields, test.body)
		if refused {
			continue // before anything was sent
		}
		got := <-sent
		arrived++
		r := bufio.NewReader(bytes.NewReader(got))
		q, err := http.ReadRequest(r)
		if err != nil {
			if !bytes.Contains(got, []byte("inner HTTP")) {
				continue // cut off before a whole request
			}
			t.Errorf("%s: what was sent is no request: %v\n%q", test.what, err, got)
			continue
		}
		body, err := io.ReadAll(q.Body)
		rest, _ := io.ReadAll(r)
		if len(rest) > 0 {
			t.Errorf("%s: %d bytes follow the request: %q", test.what, len(rest), got)
		}
		if err == nil && !strings.HasPrefix(test.body, string(body)) {
			t.Errorf("%s: the body is %q, the guest wrote %q", test.what, body, test.body)
		}
		if q.URL.Path != "/outer" || q.Host != strings.TrimPrefix(url, "http://") {
			t.Errorf("%s: the request is for %s at %s", test.what, q.URL.Path, q.Host)
		}
		for name := range q.Header {
			known := name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer"
			if _, own := fields[strings.ToLower(name)]; !own && !known {
				t.Errorf("%s: a field %s that the guest did not set: %q", test.what, name, got)
			}
		}
	}
	if arrived < 10 {
		t.Errorf("%d requests arrived: the test looks at too few", arrived)
	}
}

// smuggle sends a request with fields and a body; refused tells that a part of
// it was, in which case nothing was sent.
func smuggle(t *testing.T, url string, fields [][2]string, text string) (set map[string]bool, refused bool) {
	t.Helper()
	set = map[string]bool{}
	f := newFields()
	for _, e := range fields {
		var bad *abi.Failure[contract.HeaderError]
		if err := f.Append(ctx, e[0], []byte(e[1])); errors.As(err, &bad) {
			continue // the guest goes on without it
		} else if err != nil {
			t.Fatal(err)
		}
		set[strings.ToLower(e[0])] = true
	}
	q, err := types.NewOutgoingRequest(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	_ = q.SetScheme(ctx, abi.Some(contract.SchemeHTTP()))
	_ = q.SetAuthority(ctx, abi.Some(strings.TrimPrefix(url, "http://")))
	_ = q.SetPathWithQuery(ctx, abi.Some("/outer"))
	_ = q.SetMethod(ctx, contract.MethodPost())
	body, err := q.Body(ctx)
	if err != nil {
		return set, true
	}
	s, err := body.Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Write(ctx, []byte(text))
	future, err := outgoingHandler{newOutgoing(t)}.Handle(ctx, q, none())
	s.Drop(ctx)
	if err != nil {
		body.Drop(ctx)
		return set, true
	}
	_ = types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
	if resp, _ := await(t, future); resp != nil {
		resp.Drop(ctx)
	}
	return set, false
}
