package httpserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// exchange sends bytes over a connection of its own, and late once the first
// answer is there. It returns the status of each answer until the server
// closes the connection, and all that came back.
func exchange(t *testing.T, address, text, late string) (statuses []int, all string) {
	t.Helper()
	conn, in := dialRaw(t, address, text)
	defer conn.Close()
	var seen strings.Builder
	in = bufio.NewReader(io.TeeReader(in, &seen))
	for {
		if _, err := in.Peek(1); err != nil {
			if err != io.EOF && late == "" {
				t.Fatalf("after %q: %v", seen.String(), err)
			}
			return statuses, seen.String() // what came late may have met a closed connection
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("answer %d of %q: %v", len(statuses)+1, seen.String(), err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		statuses = append(statuses, resp.StatusCode)
		_, _ = io.WriteString(conn, late)
		late = late[len(late):]
	}
}

// TestSmuggling sends requests that two servers in a row may read in two
// ways, with another request behind them, in one piece and after the first
// answer. None of them brings the second one through.
func TestSmuggling(t *testing.T) {
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	const post, chunked = "POST /a HTTP/1.1\r\nHost: x\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	refused, broken := []string(nil), []string{`POST /a "" false`}
	s := start(t, nil, nil)
	seen := make(chan string, 100)
	session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		seen <- fmt.Sprintf("%s %s %q %v", r.Method, r.URL.Path, b, err == nil)
	})
	for name, try := range map[string]struct {
		send string
		want []int    // of the answers, to the end of the connection
		seen []string // by the component
	}{
		"length beside chunks":        {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}, refused},
		"chunks beside length":        {chunked + "content-length: 5\r\n\r\n0\r\n\r\n", []int{400}, refused},
		"chunks and no length":        {chunked + "content-length: 0\r\n\r\n5\r\nhello\r\n0\r\n\r\n", []int{400}, refused},
		"two lengths":                 {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", []int{400}, refused},
		"two lengths, one nothing":    {post + "Content-Length: 0\r\nContent-Length: 34\r\n\r\n", []int{400}, refused},
		"length in a list":            {post + "Content-Length: 5, 5\r\n\r\nhello", []int{400}, refused},
		"lengths in a list":           {post + "Content-Length: 0, 34\r\n\r\n", []int{400}, refused},
		"length with a sign":          {post + "Content-Length: +5\r\n\r\nhello", []int{400}, refused},
		"nothing with a sign":         {post + "Content-Length: +0\r\n\r\n", []int{400}, refused},
		"length in hex":               {post + "Content-Length: 0x0\r\n\r\n", []int{400}, refused},
		"length below zero":           {post + "Content-Length: -1\r\n\r\n", []int{400}, refused},
		"other coding":                {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{501}, refused},
		"identity":                    {post + "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n", []int{501}, refused},
		"coding twice":                {chunked + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", []int{501}, refused},
		"chunked twice":               {chunked + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{501}, refused},
		"coding, odd space":           {post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", []int{400}, refused},
		"coding, odd space, length":   {post + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", []int{400}, refused},
		"coding, odd tab":             {post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", []int{400}, refused},
		"chunks in HTTP/1.0":          {"POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{200}, []string{`POST /a "" true`}},
		"no number":                   {chunked + "\r\nzz\r\nhello\r\n0\r\n\r\n", []int{200}, broken},
		"number with rubbish":         {chunked + "\r\n0x5\r\nhello\r\n0\r\n\r\n", []int{200}, broken},
		"number with a sign":          {chunked + "\r\n-5\r\nhello\r\n0\r\n\r\n", []int{200}, broken},
		"number that overflows":       {chunked + "\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n", []int{200}, broken},
		"chunk too long":              {chunked + "\r\n5\r\nhello!!\r\n0\r\n\r\n", []int{200}, []string{`POST /a "hello" false`}},
		"chunk longer than its end":   {chunked + "\r\n4\r\nhello\r\n0\r\n\r\n", []int{200}, []string{`POST /a "hell" false`}},
		"folded host":                 {"GET /a HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", []int{400}, refused},
		"folded first":                {"GET /a HTTP/1.1\r\n X-A: b\r\nHost: x\r\n\r\n", []int{400}, refused},
		"folded first, with a length": {"POST /a HTTP/1.1\r\n Host: x\r\nContent-Length: 0\r\n\r\n", []int{400}, refused},
		"field without colon":         {post + "Content-Length 0\r\n\r\n", []int{400}, refused},
		"null in a value":             {post + "X-A: b\x00c\r\nContent-Length: 0\r\n\r\n", []int{400}, refused},
		"bare CR in a value":          {post + "X-A: b\rContent-Length: 34\r\nContent-Length: 0\r\n\r\n", []int{400}, refused},
		"no host":                     {"GET /a HTTP/1.1\r\n\r\n", []int{400}, refused},
		"two hosts":                   {"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", []int{400}, refused},
		"host with a path":            {"GET /a HTTP/1.1\r\nHost: x/y\r\nConnection: close\r\n\r\n", []int{400}, refused},
		"host with a user":            {"GET /a HTTP/1.1\r\nHost: u@x\r\nConnection: close\r\n\r\n", []int{400}, refused},
		"host with a space":           {"GET /a HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", []int{400}, refused},
		"no version":                  {"POST /no-version\r\n\r\n", []int{400}, refused},
		"tab in the first line":       {"POST\t/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", []int{400}, refused},
		// What has one reading does bring the second one through.
		"folded value":    {"GET /a HTTP/1.1\r\nX-A: b\r\n c\r\nHost: x\r\n\r\n", []int{200, 200}, []string{`GET /a "" true`, `GET /hidden "" true`}},
		"as it should be": {chunked + "\r\n5\r\nhello\r\n0\r\n\r\n", []int{200, 200}, []string{`POST /a "hello" true`, `GET /hidden "" true`}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, late := range []string{"", hidden} {
				got, all := exchange(t, addr(t, session), try.send+hidden[len(late):], late)
				if fmt.Sprint(got) != fmt.Sprint(try.want) {
					t.Errorf("answers %v, want %v:\n%s", got, try.want, all)
				}
				var have []string
				for len(seen) > 0 {
					have = append(have, <-seen)
				}
				if fmt.Sprint(have) != fmt.Sprint(try.seen) {
					t.Errorf("the component saw %q, want %q", have, try.seen)
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

// TestAbsoluteForm: the URI's host is the request's, whatever Host says, and
// its scheme is nobody's word for that of the connection.
func TestAbsoluteForm(t *testing.T) {
	s := start(t, nil, nil)
	session, _ := s.mustServe("inner", map[string]string{"host": "inner.example"}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "inner %s %s %s %s", r.URL.Scheme, r.Host, r.URL.Path, r.Header.Get("X-Forwarded-Host"))
	})
	s.mustServe("outer", map[string]string{"host": "outer.example"}, says("outer"))
	_, got := exchange(t, addr(t, session), "GET https://inner.example/p HTTP/1.1\r\nHost: outer.example\r\nConnection: close\r\n\r\n", "")
	if !strings.Contains(got, "inner http inner.example /p inner.example") {
		t.Errorf("answer %q", got)
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
