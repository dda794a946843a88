package httpserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"latticework/internal/poll"
	"latticework/providers/httpserver"
)

// raw sends bytes over a connection of its own and returns every byte that
// comes back until the server closes it.
func raw(t *testing.T, address, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", all, err)
	}
	return string(all)
}

// statuses returns the status of each answer in what a connection gave back.
func statuses(t *testing.T, text string) []int {
	t.Helper()
	var out []int
	in := bufio.NewReader(strings.NewReader(text))
	for {
		if _, err := in.Peek(1); err != nil {
			return out
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("answer %d of %q: %v", len(out)+1, text, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		out = append(out, resp.StatusCode)
	}
}

// TestFraming: of a request whose framing two servers could read differently
// nothing is taken for another request.
func TestFraming(t *testing.T) {
	s := start(t, nil, nil)
	seen := make(chan string, 100)
	session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		seen <- fmt.Sprintf("%s %s %q %v", r.Method, r.URL.Path, b, err == nil)
	})
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for name, try := range map[string]struct {
		send string
		want []int // of the answers, to the end of the connection
		seen []string
	}{
		"length beside chunks": {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		"chunks beside length": {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		"two lengths":          {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + hidden, []int{400}, nil},
		"length in a list":     {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello" + hidden, []int{400}, nil},
		"length with a sign":   {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello" + hidden, []int{400}, nil},
		"other coding":         {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hidden, []int{501}, nil},
		"coding twice":         {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, []int{501}, nil},
		"coding, odd space":    {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, []int{400}, nil},
		"no number":            {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n" + hidden, []int{200}, []string{`POST /a "" false`}},
		"number with a sign":   {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n" + hidden, []int{200}, []string{`POST /a "" false`}},
		"chunk too long":       {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n" + hidden, []int{200}, []string{`POST /a "hello" false`}},
		"folded host":          {"GET /a HTTP/1.1\r\nHost: x\r\n y\r\n\r\n" + hidden, []int{400}, nil},
		"folded value":         {"GET /a HTTP/1.1\r\nX-A: b\r\n c\r\nHost: x\r\n\r\n" + hidden, []int{200, 200}, []string{`GET /a "" true`, `GET /hidden "" true`}},
		"folded first":         {"GET /a HTTP/1.1\r\n X-A: b\r\nHost: x\r\n\r\n" + hidden, []int{400}, nil},
		"no host":              {"GET /a HTTP/1.1\r\n\r\n" + hidden, []int{400}, nil},
		"two hosts":            {"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + hidden, []int{400}, nil},
		"host with a path":     {"GET /a HTTP/1.1\r\nHost: x/y\r\nConnection: close\r\n\r\n", []int{400}, nil},
		"host with a user":     {"GET /a HTTP/1.1\r\nHost: u@x\r\nConnection: close\r\n\r\n", []int{400}, nil},
		"control in a value":   {"GET /a HTTP/1.1\r\nHost: x\r\nX-A: b\x00c\r\n\r\n" + hidden, []int{400}, nil},
		"as it should be":      {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", []int{200, 200}, []string{`POST /a "hello" true`, `GET /b "" true`}},
	} {
		t.Run(name, func(t *testing.T) {
			text := try.send
			if name == "as it should be" {
				text += "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
			}
			got := raw(t, addr(t, session), text)
			if have := statuses(t, got); fmt.Sprint(have) != fmt.Sprint(try.want) {
				t.Errorf("answers %v, want %v:\n%s", have, try.want, got)
			}
			for i := 0; len(seen) > 0; i++ {
				if have := <-seen; i >= len(try.seen) || have != try.seen[i] {
					t.Errorf("the component saw %s, want %v", have, try.seen)
				}
			}
		})
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
	got := raw(t, addr(t, session), "GET https://inner.example/p HTTP/1.1\r\nHost: outer.example\r\nConnection: close\r\n\r\n")
	if !strings.Contains(got, "inner http inner.example /p inner.example") {
		t.Errorf("answer %q", got)
	}
}

func TestWildcards(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("any", nil, says("any"))
	for name, config := range map[string]map[string]string{
		"exact":  {"host": "a.example.com"},
		"below":  {"host": "*.Example.com"},
		"deeper": {"host": "*.b.example.com", "path": "/x"},
	} {
		s.mustServe(name, config, says(name))
	}
	c := client(t, http1)
	for _, r := range []struct{ host, path, want string }{
		{"a.example.com", "/", "exact"}, {"b.example.com", "/", "below"}, {"example.com", "/", "any"}, {"xexample.com", "/", "any"},
		{"x.b.example.com", "/x/y", "deeper"}, {"x.b.example.com", "/y", "below"}, {"B.EXAMPLE.com.:80", "/", "below"}, {"", "/", "any"},
	} {
		if _, got := fetch(t, c, "GET", url+r.path, r.host, nil); got != r.want {
			t.Errorf("%s%s: %q, want %q", r.host, r.path, got, r.want)
		}
	}
	_, err := s.serve("again", map[string]string{"host": "*.example.com"}, says(""))
	wantCode(t, err, "exists", `host "*.example.com"`, "below already")
	for _, host := range []string{"*", "*.", "a.*.com", "*a.com", "a..b", "*.*.com", ".a", "a b"} {
		_, err := s.serve("bad", map[string]string{"host": host, "path": "/bad"}, says(""))
		wantCode(t, err, "invalid", "host is")
	}
}

// TestForwarded: what clients say of a request's way is not believed, what
// trusted proxies say is.
func TestForwarded(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|for=%s|proto=%s|host=%s|%s|%s", r.URL.Scheme, r.Host, strings.Join(r.Header["X-Forwarded-For"], ";"),
			r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("Forwarded"), r.Header.Get("X-Forwarded-Port")+r.Header.Get("X-Real-Ip"))
	}
	sent := map[string]string{"X-Forwarded-For": "203.0.113.7, 127.0.0.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example", "X-Forwarded-Port": "1", "X-Real-Ip": "2"}
	modern := map[string]string{"Forwarded": `for=203.0.113.7:5;proto=https;host="shop.example", for=127.0.0.9`}
	for name, try := range map[string]struct {
		config, sent map[string]string
		want, remote string
	}{
		"strangers":  {nil, sent, "http|own|for=127.0.0.1|proto=http|host=own||", "127.0.0.1"},
		"none":       {map[string]string{"forwarded_headers": "none"}, sent, "http|own|for=|proto=|host=||", "127.0.0.1"},
		"modern":     {map[string]string{"forwarded_headers": "forwarded"}, modern, `http|own|for=|proto=|host=|for=127.0.0.1;proto=http;host="own"|`, "127.0.0.1"},
		"other":      {map[string]string{"trusted_proxies": "10.0.0.0/8, ::1"}, sent, "http|own|for=127.0.0.1|proto=http|host=own||", "127.0.0.1"},
		"trusted":    {map[string]string{"trusted_proxies": "127.0.0.0/8"}, sent, "https|shop.example|for=203.0.113.7, 127.0.0.9, 127.0.0.1|proto=https|host=shop.example||", "203.0.113.7"},
		"trusted, 1": {map[string]string{"trusted_proxies": "127.0.0.1"}, sent, "https|shop.example|for=203.0.113.7, 127.0.0.9, 127.0.0.1|proto=https|host=shop.example||", "127.0.0.9"},
		"trusted, modern": {map[string]string{"trusted_proxies": "127.0.0.0/8"}, modern,
			"https|shop.example|for=203.0.113.7, 127.0.0.9, 127.0.0.1|proto=https|host=shop.example||", "203.0.113.7"},
		"malformed": {map[string]string{"trusted_proxies": "127.0.0.0/8"}, map[string]string{"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "a b"},
			"http|own|for=127.0.0.1|proto=http|host=own||", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			config := map[string]string{"access_log": "true"}
			for k, v := range try.config {
				config[k] = v
			}
			s := start(t, config, slog.New(slog.NewTextHandler(&log, nil)))
			_, url := s.mustServe("a", nil, show)
			r, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			r.Host = "own"
			for k, v := range try.sent {
				r.Header.Set(k, v)
			}
			resp, err := client(t, http1).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if b, _ := io.ReadAll(resp.Body); string(b) != try.want {
				t.Errorf("seen  %s\nwant %s", b, try.want)
			}
			poll.Until(t, 5*time.Second, "the log", func() (any, bool) {
				text := log.String()
				return text, strings.Contains(text, "remote="+try.remote+" ")
			})
		})
	}
}

// TestRequestID: made for the log, or a trusted proxy's.
func TestRequestID(t *testing.T) {
	for trusted, want := range map[string]bool{"127.0.0.1": true, "10.0.0.1": false} {
		var log lockedBuffer
		s := start(t, map[string]string{"access_log": "true", "trusted_proxies": trusted}, slog.New(slog.NewTextHandler(&log, nil)))
		_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Request-Id")) })
		r, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		r.Header.Set("X-Request-Id", "mine")
		resp, err := client(t, http1).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if id := string(b); (id == "mine") != want || id != resp.Header.Get("X-Request-Id") || id == "" {
			t.Errorf("trusted %s: the component saw %q, the client %q", trusted, id, resp.Header.Get("X-Request-Id"))
		}
		poll.Until(t, 5*time.Second, "the log", func() (any, bool) {
			return log.String(), strings.Contains(log.String(), "request_id="+string(b)) && strings.Contains(log.String(), "duration=")
		})
	}
}

func TestRefusedUpgrades(t *testing.T) {
	s := start(t, nil, nil)
	session, _ := s.mustServe("a", nil, says("a"))
	for text, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n": "unsupported: WebSocket",
		"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nConnection: close\r\n\r\n":                                                                            "unsupported: CONNECT",
	} {
		if got := raw(t, addr(t, session), text); !strings.HasPrefix(got, "HTTP/1.1 501 ") || !strings.Contains(got, want) || !strings.Contains(got, "wasi:http") {
			t.Errorf("answer %q, want %s", got, want)
		}
	}
	// An upgrade to HTTP/2 is an offer, which may be left.
	if got := raw(t, addr(t, session), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("upgrade to h2c: %q", got)
	}
	if n := s.own.Counters()[0].Refused["upgrade"]; n != 2 {
		t.Errorf("counted %d, want 2", n)
	}
}

// TestGRPC exchanges what gRPC does: both bodies at once over a stream of
// HTTP/2, with trailers both ways.
func TestGRPC(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(http.StatusOK)
		frame := make([]byte, 5+4)
		for {
			if _, err := io.ReadFull(r.Body, frame); err != nil {
				break
			}
			_, _ = w.Write(frame)
			_ = http.NewResponseController(w).Flush()
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "sum "+r.Trailer.Get("X-Sum"))
	})
	pr, pw := io.Pipe()
	r, _ := http.NewRequestWithContext(t.Context(), "POST", url+"/pkg.Service/Echo", pr)
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	r.Trailer = http.Header{"X-Sum": nil}
	type answer struct {
		resp *http.Response
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		resp, err := client(t, h2c).Do(r)
		answers <- answer{resp, err}
	}()
	message := []byte{0, 0, 0, 0, 4, 'p', 'i', 'n', 'g'}
	if _, err := pw.Write(message); err != nil {
		t.Fatal(err)
	}
	a := <-answers
	if a.err != nil {
		t.Fatal(a.err)
	}
	defer a.resp.Body.Close()
	got := make([]byte, len(message))
	for i := range 3 {
		if _, err := io.ReadFull(a.resp.Body, got); err != nil || string(got) != string(message) {
			t.Fatalf("message %d: %q, %v", i, got, err)
		}
		if i < 2 {
			if _, err := pw.Write(message); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.Trailer.Set("X-Sum", "3")
	pw.Close()
	if rest, err := io.ReadAll(a.resp.Body); err != nil || len(rest) != 0 {
		t.Fatalf("rest %q, %v", rest, err)
	}
	if a.resp.Trailer.Get("Grpc-Status") != "0" || a.resp.Trailer.Get("Grpc-Message") != "sum 3" || a.resp.ProtoMajor != 2 {
		t.Errorf("trailers %v over %s", a.resp.Trailer, a.resp.Proto)
	}
}

// TestStatusPath: ready, and not ready while draining, with counters; HTTP/2
// clients are told to go.
func TestStatusPath(t *testing.T) {
	s := start(t, map[string]string{"status_path": "/healthz", "drain_delay": "300ms"}, nil)
	_, url := s.mustServe("a", nil, says("a"))
	for name, protocols := range map[string]func(*http.Protocols){"http1": http1, "h2c": h2c} {
		if _, got := fetch(t, client(t, protocols), "GET", url+"/", "", nil); got != "a" {
			t.Errorf("%s: %q", name, got)
		}
	}
	c := client(t, h2c)
	status, text := fetch(t, c, "GET", url+"/healthz", "", nil)
	var totals httpserver.Counters
	if err := json.Unmarshal([]byte(text), &totals); err != nil || status != 200 || !totals.Ready || totals.RequestsTotal != 3 || totals.ResponsesByStatus["2xx"] != 2 {
		t.Errorf("%d %s, %v", status, text, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.provider.Close(context.Background()) }()
	poll.Until(t, 5*time.Second, "not ready", func() (any, bool) {
		resp, err := client(t, http1).Get(url + "/healthz")
		if err != nil {
			return err, false
		}
		defer resp.Body.Close()
		return resp.Status, resp.StatusCode == 503 && resp.Close
	})
	if status, got := fetch(t, c, "GET", url+"/", "", nil); status != 200 || got != "a" {
		t.Errorf("while draining: %d %q", status, got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestCORSAndReadOnly(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("a", map[string]string{
		"cors_allowed_origins": `["https://shop.example"]`, "cors_exposed_headers": "X-Total", "cors_max_age_secs": "60",
		"cors_allowed_methods": "GET", "readonly_mode": "true", "cache_control": "no-store",
	}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Cache-Control", "private")
		}
	})
	ask := func(method, path, origin string, more ...string) *http.Response {
		r, _ := http.NewRequestWithContext(t.Context(), method, url+path, nil)
		r.Header.Set("Origin", origin)
		for i := 0; i+1 < len(more); i += 2 {
			r.Header.Set(more[i], more[i+1])
		}
		resp, err := client(t, http1).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	pre := ask("OPTIONS", "/", "https://shop.example", "Access-Control-Request-Method", "GET")
	if h := pre.Header; pre.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://shop.example" || h.Get("Access-Control-Allow-Methods") != "GET" || h.Get("Access-Control-Max-Age") != "60" {
		t.Errorf("a browser's question: %d %v", pre.StatusCode, h)
	}
	if h := ask("OPTIONS", "/", "https://other.example", "Access-Control-Request-Method", "GET").Header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", h)
	}
	if h := ask("GET", "/", "https://shop.example").Header; h.Get("Access-Control-Expose-Headers") != "X-Total" || h.Get("Vary") != "Origin" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("an answer: %v", h)
	}
	if h := ask("GET", "/own", "x").Header; h.Get("Cache-Control") != "private" || h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("its own: %v", h)
	}
	if resp := ask("POST", "/", "x"); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("a write: %d %v", resp.StatusCode, resp.Header)
	}
}
