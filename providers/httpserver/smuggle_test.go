package httpserver_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestSmuggling sends requests that two servers in a row may read in two
// ways. None of them brings a second request through.
func TestSmuggling(t *testing.T) {
	const hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, c := range map[string]struct {
		head   string
		body   string
		status int
	}{
		"length and chunks":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + hidden, 400},
		"chunks and length":           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length: 0", "5\r\nhello\r\n0\r\n\r\n" + hidden, 400},
		"two lengths":                 {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 34", hidden, 400},
		"a list of lengths":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 34", hidden, 400},
		"length with a sign":          {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0", hidden, 400},
		"length in hex":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0", hidden, 400},
		"length below zero":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1", hidden, 400},
		"space before the colon":      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 5", "0\r\n\r\n" + hidden, 400},
		"tab before chunked":          {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked", "0\r\n\r\n" + hidden, 400},
		"another coding":              {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", "0\r\n\r\n" + hidden, 501},
		"identity":                    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 0", hidden, 501},
		"chunked twice":               {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + hidden, 501},
		"chunks in HTTP/1.0":          {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + hidden, 200},
		"a folded first field":        {"POST / HTTP/1.1\r\n Host: a\r\nContent-Length: 0", hidden, 400},
		"a field without colon":       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length 0", hidden, 400},
		"a null in a field":           {"POST / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\nContent-Length: 0", hidden, 400},
		"a bare CR in a field":        {"POST / HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 34\r\nContent-Length: 0", hidden, 400},
		"two hosts":                   {"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0", hidden, 400},
		"no host":                     {"POST / HTTP/1.1\r\nContent-Length: 0", hidden, 400},
		"host with a path":            {"POST / HTTP/1.1\r\nHost: a/b\r\nContent-Length: 0", "", 400},
		"host with a user":            {"POST / HTTP/1.1\r\nHost: u@a\r\nContent-Length: 0", "", 400},
		"host with a space":           {"POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 0", "", 400},
		"no version":                  {"POST /", hidden, 400},
		"a tab in the line":           {"POST\t/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0", hidden, 400},
		"a size with rubbish":         {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n", 0},
		"a size below zero":           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "-1\r\nhello\r\n0\r\n\r\n" + hidden, 0},
		"a size that overflows":       {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n" + hidden, 0},
		"a chunk longer than its end": {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", "4\r\nhello\r\n0\r\n\r\n" + hidden, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil, nil)
			paths, bodies := make(chan string, 10), make(chan error, 10)
			session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
				paths <- r.URL.Path
				_, err := io.Copy(io.Discard, r.Body)
				bodies <- err
				if err != nil {
					w.WriteHeader(http.StatusTeapot)
				}
			})
			conn, r := dialRaw(t, addr(t, session), c.head+"\r\n\r\n"+c.body)
			resp, _ := answer(t, r, "POST")
			want := c.status
			if want == 0 {
				want = http.StatusTeapot // the component sees that the body is broken
			}
			if resp.StatusCode != want {
				t.Errorf("status %d, want %d", resp.StatusCode, want)
			}
			_, _ = io.WriteString(conn, hidden)
			if rest, _ := io.ReadAll(r); c.status != 400 || c.body != "" {
				if strings.Contains(string(rest), "HTTP/1.1") {
					t.Errorf("another answer on the connection: %q", rest)
				}
			}
			close(paths)
			for path := range paths {
				if path == "/hidden" && c.body != "" {
					t.Error("the hidden request reached the component")
				}
			}
			if c.status == 0 {
				if err := <-bodies; err == nil {
					t.Error("the component read the broken body to its end")
				}
			}
		})
	}
}

// TestFramedOnce: requests that have one reading are served, and the
// connection goes on.
func TestFramedOnce(t *testing.T) {
	s := start(t, nil, nil)
	session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %q %q %v", r.Host, r.URL.Path, r.Header["X"], b, err)
	})
	conn, r := dialRaw(t, addr(t, session), "")
	for name, c := range map[string]struct{ request, want string }{
		"chunks":                {"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n", `a /c [] "hello" <nil>`},
		"a folded field":        {"GET /f HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\r\n", `a /f ["one two"] "" <nil>`},
		"the whole URI":         {"GET http://b/u HTTP/1.1\r\nHost: b\r\n\r\n", `b /u [] "" <nil>`},
		"the URI's host wins":   {"GET http://b/u HTTP/1.1\r\nHost: c\r\n\r\n", `b /u [] "" <nil>`},
		"the same length twice": {"POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", `a /l [] "hi" <nil>`},
	} {
		if _, err := io.WriteString(conn, c.request); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if resp, text := answer(t, r, "POST"); resp.StatusCode != 200 || text != c.want || resp.Close {
			t.Errorf("%s: %d %q, want %q on a connection that goes on (closed: %t)", name, resp.StatusCode, text, c.want, resp.Close)
		}
	}
}

// TestTwoHostsOfHTTP2: a Host that differs from the authority is refused.
func TestTwoHostsOfHTTP2(t *testing.T) {
	s := start(t, nil, nil)
	session, _ := s.mustServe("a", nil, says("a"))
	f := newFramer(t, addr(t, session))
	f.request(1, "GET", "/", [2]string{"host", "b"})
	if status := f.status(1); status != "400" {
		t.Errorf("status %s, want 400", status)
	}
	f.request(3, "GET", "/", [2]string{"host", "a"})
	if status := f.status(3); status != "200" {
		t.Errorf("the same host twice: status %s, want 200", status)
	}
}

// TestInjection: line ends in what a component answers make no field and no
// second answer.
func TestInjection(t *testing.T) {
	s := start(t, nil, nil)
	session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Evil", "a\r\nSet-Cookie: b=c\r\n\r\nHTTP/1.1 200 OK")
		w.Header()["X-Ev\r\nil"] = []string{"x"}
		fmt.Fprint(w, "body")
	})
	_, r := dialRaw(t, addr(t, session), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(all); strings.Contains(text, "\nSet-Cookie") || strings.Contains(text, "\nHTTP/1.1") || !strings.HasSuffix(text, "body") {
		t.Errorf("the client got %q", text)
	}
}
