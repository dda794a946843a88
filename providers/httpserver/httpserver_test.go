package httpserver_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/httpserver"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// server is a provider under test; links start with revision 1 and rise.
type server struct {
	t        *testing.T
	provider providers.Source
	own      *httpserver.Provider // behind the guard
	revision uint64
}

// start opens a provider on a free port unless config says otherwise.
func start(t *testing.T, config map[string]string, log *slog.Logger) *server {
	t.Helper()
	if config == nil {
		config = map[string]string{}
	}
	if _, ok := config["address"]; !ok {
		config["address"] = "127.0.0.1:0"
	}
	s, err := open(t, config, log)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, config map[string]string, log *slog.Logger) (*server, error) {
	t.Helper()
	inner, err := httpserver.New(providers.Setup{Name: "web", Config: config, Log: log})
	if err != nil {
		return nil, err
	}
	p := providers.Guard(inner).(providers.Source)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	return &server{t: t, provider: p, own: inner}, p.Open(t.Context())
}

// serve links a component that answers with h.
func (s *server) serve(name string, config map[string]string, h http.HandlerFunc) (providers.Session, error) {
	s.revision++
	l := providers.Link{Source: "web", Target: name, Config: config, Revision: s.revision}
	return s.provider.Serve(s.t.Context(), l, h)
}

func (s *server) mustServe(name string, config map[string]string, h http.HandlerFunc) (session providers.Session, url string) {
	s.t.Helper()
	session, err := s.serve(name, config, h)
	if err != nil {
		s.t.Fatalf("serve %s: %v (%s)", name, err, errcode.NextOf(err))
	}
	return session, "http://" + addr(s.t, session)
}

// addr returns the first address of a session.
func addr(t *testing.T, s providers.Session) string {
	t.Helper()
	own, ok := providers.As[*httpserver.Session](s)
	if !ok || len(own.URLs()) == 0 {
		t.Fatalf("session %T has no address", s)
	}
	_, address, _ := strings.Cut(own.URLs()[0], "://")
	return address
}

// says answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// client makes a client with connections of its own.
func client(t *testing.T, protocols func(*http.Protocols)) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	protocols(tr.Protocols)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }
func h2c(p *http.Protocols)   { p.SetUnencryptedHTTP2(true) }

// fetch returns status and body.
func fetch(t *testing.T, c *http.Client, method, url, host string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp.StatusCode, string(b)
}

func wantCode(t *testing.T, err error, code errcode.Code, says ...string) {
	t.Helper()
	if err == nil || errcode.Of(err) != code {
		t.Fatalf("error %q (%v), want %q", errcode.Of(err), err, code)
	}
	for _, part := range says {
		if text := err.Error() + "\n" + errcode.NextOf(err); !strings.Contains(text, part) {
			t.Errorf("error %q lacks %q", text, part)
		}
	}
}

func TestBothProtocols(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("echo", nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		w.Header().Set("Trailer", "X-Sum")
		n, err := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, err))
	})
	text := strings.Repeat("body ", 50_000)
	for want, protocols := range map[string]func(*http.Protocols){"HTTP/1.1": http1, "HTTP/2.0": h2c} {
		c := client(t, protocols)
		resp, err := c.Post(url+"/x", "text/plain", strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(b) != text || resp.Header.Get("X-Proto") != want {
			t.Errorf("%s: %d bytes over %s, %v", want, len(b), resp.Header.Get("X-Proto"), err)
		}
		if got := resp.Trailer.Get("X-Sum"); got != fmt.Sprint(len(text), " <nil>") {
			t.Errorf("%s: trailer %q", want, got)
		}
	}
}

func TestRouting(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("root", nil, says("root"))
	for name, config := range map[string]map[string]string{
		"api":      {"path": "/api"},
		"v2":       {"path": "/api/v2/"},
		"shop":     {"host": "Shop.example"},
		"shop-api": {"host": "shop.example", "path": "/api"},
	} {
		s.mustServe(name, config, says(name))
	}
	c := client(t, http1)
	for _, r := range []struct{ host, path, want string }{
		{"", "/", "root"}, {"", "/x", "root"}, {"", "/apix", "root"}, {"", "/api", "api"}, {"", "/api/", "api"},
		{"", "/api/v1", "api"}, {"", "/api/v2", "v2"}, {"", "/api/v2/x?y=/z", "v2"}, {"", "/api/v20", "api"},
		{"shop.example", "/", "shop"}, {"SHOP.example:80", "/x", "shop"}, {"shop.example.", "/api/v2", "shop-api"},
		{"other.example", "/api", "api"}, {"", "/x/../api/v2", "v2"}, {"", "/api/../x", "root"}, {"", "//api", "api"}, {"", "/%61pi", "api"},
	} {
		if status, got := fetch(t, c, "GET", url+r.path, r.host, nil); status != 200 || got != r.want {
			t.Errorf("%s%s: %d %q, want %q", r.host, r.path, status, got, r.want)
		}
	}
	_, err := s.serve("second", map[string]string{"path": "/api/"}, says(""))
	wantCode(t, err, errcode.Exists, `"/api"`, "api already", "another path or host")
	if status, got := fetch(t, c, "GET", url+"/api", "", nil); got != "api" {
		t.Errorf("after the refusal: %d %q, want api", status, got)
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

func TestClosedLinkIsNotFound(t *testing.T) {
	s := start(t, nil, nil)
	session, url := s.mustServe("a", map[string]string{"path": "/a"}, says("a"))
	c := client(t, http1)
	if status, _ := fetch(t, c, "GET", url+"/a", "", nil); status != 200 {
		t.Fatalf("before: %d", status)
	}
	if err := session.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, text := fetch(t, c, "GET", url+"/a", "", nil); status != 404 || !strings.Contains(text, "no component is linked") {
		t.Errorf("after: %d %q, want 404", status, text)
	}
	wantCode(t, session.Probe(t.Context()), errcode.Closed)
}

func TestRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	_, port, _ := net.SplitHostPort(busy)

	t.Run("address in use at open", func(t *testing.T) {
		_, err := open(t, map[string]string{"address": "127.0.0.1:0," + busy}, nil)
		wantCode(t, err, errcode.Conflict, busy, "in use", ":"+port, "ss -ltnp")
	})
	t.Run("address in use at link", func(t *testing.T) {
		s := start(t, nil, nil)
		_, err := s.serve("a", map[string]string{"address": busy}, says(""))
		wantCode(t, err, errcode.Conflict, busy)
		s.mustServe("a", nil, says("")) // the refusal left nothing behind
	})
	t.Run("not an address of this machine", func(t *testing.T) {
		_, err := open(t, map[string]string{"address": "192.0.2.1:0"}, nil)
		wantCode(t, err, errcode.Invalid, "does not have that address")
	})
	for name, config := range map[string]map[string]string{
		"address":     {"address": "8080"},
		"address2":    {"address": "localhost"},
		"address3":    {"address": "a:1,a:1"},
		"address4":    {"address": "a:1,,b:1"},
		"no headers":  {"max_header_bytes": "0"},
		"unlimited":   {"max_in_flight": "0"},
		"unlimited2":  {"max_connections": "-1"},
		"timeout":     {"idle_timeout": "0s"},
		"timeout2":    {"read_header_timeout": "forever"},
		"timeout3":    {"request_timeout": "0s"},
		"path":        {"path": "api"},
		"path2":       {"path": "/a/../b"},
		"path3":       {"path": "/a?b"},
		"host":        {"host": "a:80"},
		"access_log":  {"access_log": "1"},
		"not ours":    {"adress": "127.0.0.1:0"},
		"body":        {"max_body_bytes": "-1"},
		"body, large": {"max_body_bytes": "99999GiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, config, nil)
			wantCode(t, err, errcode.Invalid, "configure provider web")
		})
	}
	t.Run("link", func(t *testing.T) {
		s := start(t, nil, nil)
		_, err := s.serve("a", map[string]string{"pth": "/"}, says(""))
		wantCode(t, err, errcode.Invalid, `did you mean "path"?`)
		_, err = s.serve("a", map[string]string{"max_in_flight": "5"}, says(""))
		wantCode(t, err, errcode.Invalid, "max_in_flight")
		_, err = s.provider.Link(t.Context(), providers.Link{Source: "a", Target: "web"})
		wantCode(t, err, errcode.Unsupported, "source web, target a")
		_, err = s.provider.Serve(t.Context(), providers.Link{Source: "web", Target: "a"}, nil)
		wantCode(t, err, errcode.Invalid, "no target")
	})
}

func TestAddressOfLinks(t *testing.T) {
	s, err := open(t, nil, nil) // names no address itself
	if err != nil {
		t.Fatal(err)
	}
	shared := map[string]string{"address": "127.0.0.1:0"}
	one, url := s.mustServe("one", shared, says("one"))
	two, url2 := s.mustServe("two", map[string]string{"address": "127.0.0.1:0", "path": "/two"}, says("two"))
	other, url3 := s.mustServe("other", map[string]string{"address": "localhost:0"}, says("other"))
	if url != url2 || url == url3 {
		t.Fatalf("addresses %s, %s, %s; want the first two the same", url, url2, url3)
	}
	c := client(t, http1)
	for u, want := range map[string]string{url + "/": "one", url + "/two": "two", url3 + "/two": "other"} {
		if _, got := fetch(t, c, "GET", u, "", nil); got != want {
			t.Errorf("%s: %q, want %q", u, got, want)
		}
	}
	c.CloseIdleConnections()
	host := addr(t, one)
	for i, session := range []providers.Session{one, two} {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatalf("with %d users left: %v", 2-i, err)
		}
		conn.Close()
		if err := session.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if conn, err := net.Dial("tcp", host); err == nil {
		conn.Close()
		t.Error("an address without links is still listened on")
	}
	if _, got := fetch(t, c, "GET", url3, "", nil); got != "other" {
		t.Errorf("the other address: %q", got)
	}
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPanicsAndAccessLog(t *testing.T) {
	var log lockedBuffer
	s := start(t, map[string]string{"access_log": "true"}, slog.New(slog.NewTextHandler(&log, nil)))
	_, url := s.mustServe("bad", nil, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late":
			fmt.Fprint(w, "some")
			_ = http.NewResponseController(w).Flush()
			panic("too late")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/panic":
			panic("at once")
		}
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "short and stout")
	})
	c := client(t, http1)
	if status, text := fetch(t, c, "GET", url+"/panic", "", nil); status != 500 || strings.Contains(text, "at once") {
		t.Errorf("panic: %d %q, want 500 without the reason", status, text)
	}
	if resp, err := c.Get(url + "/late"); err == nil {
		if _, err = io.ReadAll(resp.Body); err == nil {
			t.Error("late panic: the client took half an answer for a whole one")
		}
		resp.Body.Close()
	}
	if resp, err := c.Get(url + "/abort"); err == nil {
		resp.Body.Close()
		t.Errorf("abort: %d, want a broken connection", resp.StatusCode)
	}
	if status, _ := fetch(t, c, "GET", url+"/tea?secret=1", "", nil); status != 418 {
		t.Errorf("after panics: %d, want 418", status)
	}
	if err := s.provider.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for _, part := range []string{"panic=\"at once\"", "path=/tea", "status=418", "bytes=15", "component=bad", "method=GET", "path=/abort", "proto=HTTP/1.1"} {
		if !strings.Contains(text, part) {
			t.Errorf("log lacks %s:\n%s", part, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Errorf("the access log shows a query:\n%s", text)
	}
}

// lockedBuffer collects a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
