package httpout

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/grant"
	"latticework/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// client makes a client with rules.
func client(t *testing.T, cfg Config, rules ...string) *Client {
	t.Helper()
	for _, text := range rules {
		r, err := grant.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Allow.Rules = append(cfg.Allow.Rules, r)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// get sends a GET and returns the status and body, or the reason it failed.
func get(t *testing.T, c *Client, target string) (int, string, Reason) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return 0, "", Classify(err).Reason
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, string(body), Classify(err).Reason
	}
	return resp.StatusCode, string(body), ""
}

func wantReason(t *testing.T, what string, c *Client, target string, want Reason) {
	t.Helper()
	if _, _, got := get(t, c, target); got != want {
		t.Errorf("%s: %s answers %q, want %q", what, target, got, want)
	}
}

// backend serves h and counts requests.
func backend(t *testing.T, h http.HandlerFunc) (address string, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), requests
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func TestNothingByDefault(t *testing.T) {
	address, requests := backend(t, ok)
	c := client(t, Config{})
	wantReason(t, "an address of the machine", c, "http://"+address, DestinationIPProhibited)
	wantReason(t, "a public address", c, "http://203.0.113.7/", RequestDenied)
	wantReason(t, "a name", c, "http://api.example/", RequestDenied)
	if requests.Load() != 0 {
		t.Error("a request went out")
	}
}

// TestDestinations tries ways around the rules.
func TestDestinations(t *testing.T) {
	address, requests := backend(t, ok)
	_, port, _ := net.SplitHostPort(address)
	names := resolver(t, map[string][]string{
		"evil.example": {"127.0.0.1"}, "mapped.example": {"::ffff:127.0.0.1"}, "meta.example": {"169.254.169.254"},
		"inside.example": {"10.1.2.3"}, "ula.example": {"fd00:ec2::254"}, "db.internal": {"127.0.0.1"},
	})
	for _, test := range []struct {
		what, rule, target string
		want               Reason
	}{
		{"a name that resolves to loopback", "*.example", "http://evil.example:" + port, DestinationIPProhibited},
		{"a name that resolves to mapped loopback", "*", "http://mapped.example:" + port, DestinationIPProhibited},
		{"a name for metadata", "*", "http://meta.example/latest", DestinationIPProhibited},
		{"a private address by name", "inside.example", "http://inside.example/", DestinationIPProhibited},
		{"a local address of version 6 by name", "*", "http://ula.example/", DestinationIPProhibited},
		{"a name without a rule", "*.example", "http://other.test/", RequestDenied},
		{"a name that ends like one", "api.example", "http://evil-api.example/", RequestDenied},
		{"a name below one", "api.example", "http://x.api.example/", RequestDenied},
		{"a name that does not exist", "*", "http://absent.example/", DNSError},
		{"loopback under *", "*", "http://127.0.0.1:" + port, DestinationIPProhibited},
		{"metadata under *", "*", "http://169.254.169.254/", DestinationIPProhibited},
		{"mapped loopback", "*", "http://[::ffff:127.0.0.1]:" + port, DestinationIPProhibited},
		{"loopback in decimal", "*", "http://2130706433:" + port, DestinationIPProhibited},
		{"loopback in short", "*", "http://127.1:" + port, DestinationIPProhibited},
		{"loopback in hex", "*", "http://0x7f000001:" + port, DestinationIPProhibited},
		{"the unspecified address", "*", "http://0.0.0.0:" + port, DestinationIPProhibited},
		{"another port", "tcp:127.0.0.1", "http://127.0.0.1:" + port, DestinationIPProhibited},
		{"a scheme without a rule", "https:127.0.0.1", "http://127.0.0.1:" + port, DestinationIPProhibited},
		{"a rule to listen", "listen:127.0.0.1", "http://127.0.0.1:" + port, DestinationIPProhibited},
	} {
		_, body, got := get(t, client(t, Config{Resolver: names}, test.rule), test.target)
		switch {
		case body != "" || got == "":
			t.Errorf("%s: %s under %s was answered", test.what, test.target, test.rule)
		case got != test.want && !(got == DNSError && strings.Contains(test.what, "loopback in")):
			// Some resolvers take such a name for an address, others for none.
			t.Errorf("%s: %s under %s answers %q, want %q", test.what, test.target, test.rule, got, test.want)
		}
	}
	if requests.Load() != 0 {
		t.Errorf("%d requests arrived", requests.Load())
	}
	for _, rule := range []string{"127.0.0.0/8", "127.0.0.1", "http:127.0.0.1:" + port, "0.0.0.0/0"} {
		wantReason(t, rule, client(t, Config{}, rule), "http://127.0.0.1:"+port, "")
	}
	wantReason(t, "localhost", client(t, Config{}, "localhost"), "http://localhost:"+port, "")
	named := client(t, Config{Resolver: names}, "db.internal", "127.0.0.0/8")
	wantReason(t, "a private name with its range", named, "http://db.internal:"+port, "")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	inner, innerRequests := backend(t, ok)
	address, _ := backend(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+inner+"/secret", http.StatusFound)
	})
	status, _, reason := get(t, client(t, Config{}, address), "http://"+address)
	if status != http.StatusFound || reason != "" || innerRequests.Load() != 0 {
		t.Errorf("status %d, %q, %d requests to where it led", status, reason, innerRequests.Load())
	}
}

func TestProxy(t *testing.T) {
	var seen atomic.Value
	proxy, requests := backend(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.RequestURI + " " + r.Header.Get("Proxy-Authorization"))
		_, _ = io.WriteString(w, "by proxy")
	})
	direct, _ := backend(t, ok)
	t.Setenv("HTTP_PROXY", "http://"+proxy)
	t.Setenv("http_proxy", "http://"+proxy)
	if _, body, _ := get(t, client(t, Config{}, direct), "http://"+direct); body != "ok" || requests.Load() != 0 {
		t.Errorf("the environment's proxy was used: %q", body)
	}
	c := client(t, Config{HTTPProxy: "http://user:word@" + proxy}, "api.example", "127.0.0.0/8")
	if _, body, _ := get(t, c, "http://api.example/x"); body != "by proxy" || seen.Load() != "http://api.example/x Basic dXNlcjp3b3Jk" {
		t.Errorf("through the proxy: %q, it saw %q", body, seen.Load())
	}
	wantReason(t, "what no rule allows, through the proxy", c, "http://other.example/", RequestDenied)
	wantReason(t, "the proxy itself", c, "http://"+proxy+"/", RequestDenied)
	for _, bad := range []string{"proxy:3128", "ftp://x", "http://", "://"} {
		if _, err := New(Config{HTTPProxy: bad}); !errors.Is(err, errcode.Invalid) {
			t.Errorf("proxy %q: %v", bad, err)
		}
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.Header().Set("A", strings.Repeat("x", 4<<10))
		case "/reset":
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	plain, _ := backend(t, ok)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	c := client(t, Config{Roots: roots}, "https:127.0.0.1")
	if _, body, reason := get(t, c, srv.URL); body != "HTTP/2.0" || reason != "" {
		t.Errorf("with its root: %q, %q; want HTTP/2.0", body, reason)
	}
	wantReason(t, "a certificate without its root", client(t, Config{}, "127.0.0.1"), srv.URL, TLSCertificateError)
	wantReason(t, "no TLS there", client(t, Config{}, "127.0.0.1"), "https://"+plain, TLSProtocolError)
	small := client(t, Config{Roots: roots, MaxHeaders: 1, MaxHeaderBytes: 1 << 10}, "127.0.0.1")
	wantReason(t, "more fields than allowed over HTTP/2", small, srv.URL, ResponseHeadersSize)
	wantReason(t, "more bytes of fields than allowed over HTTP/2", small, srv.URL+"/large", ProtocolError) // the library does not say more
	wantReason(t, "a stream that the server resets", c, srv.URL+"/reset", ProtocolError)
	if _, err := New(Config{Roots: []byte("x")}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("roots that are none: %v", err)
	}
	old := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	t.Cleanup(old.Close)
	if _, _, got := get(t, client(t, Config{}, "127.0.0.1"), old.URL); got != TLSProtocolError && got != TLSAlertReceived {
		t.Errorf("an old version of TLS: %q", got)
	}
}

// raw serves one answer to each connection.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = c.Read(buf)
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

func TestAnswersThatAreNone(t *testing.T) {
	many := "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", DefaultMaxHeaders) + "B: c\r\nContent-Length: 0\r\n\r\n"
	for what, test := range map[string]struct {
		answer string
		want   Reason
	}{
		"nothing":             {"", ConnectionTerminated},
		"no HTTP":             {"SSH-2.0-x\r\n\r\n", ProtocolError},
		"half a head":         {"HTTP/1.1 200 OK\r\nA", ProtocolError},
		"a bad field":         {"HTTP/1.1 200 OK\r\nA b\r\n\r\n", ProtocolError},
		"a bad length":        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ProtocolError},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", ProtocolError},
		"an unknown encoding": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\n", ResponseTransferEncoding},
		"a short body":        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", ConnectionTerminated},
		"a bad chunk":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", ProtocolError},
		"many fields":         {many, ResponseHeadersSize},
		"a large head":        {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", DefaultMaxHeaderBytes+8192) + "\r\n\r\n", ResponseHeadersSize},
	} {
		wantReason(t, what, client(t, Config{}, "127.0.0.1"), raw(t, test.answer), test.want)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	wantReason(t, "a closed port", client(t, Config{}, "127.0.0.1"), "http://"+l.Addr().String(), ConnectionRefused)
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	a, b := client(t, Config{}, "127.0.0.1"), client(t, Config{}, "127.0.0.1")
	for range 5 {
		wantReason(t, "again", a, srv.URL, "")
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 5 requests, want 1", n)
	}
	wantReason(t, "another client", b, srv.URL, "")
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections of two clients, want 2: they share none", n)
	}
}

// TestSlowReader holds what a server can have on its way to a component that
// does not read: the buffers of two sockets, and of one stream.
func TestSlowReader(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		var sent atomic.Int64
		const size = 256 << 20
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 64<<10)
			for sent.Load() < size {
				n, err := w.Write(block)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}))
		srv.EnableHTTP2 = h2
		srv.StartTLS()
		roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
		c := client(t, Config{Roots: roots}, "127.0.0.1")
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		resp, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		var last int64 = -1
		for now := sent.Load(); now != last; now = sent.Load() { // until it no longer grows
			last = now
			wait(t, 200*time.Millisecond)
		}
		if last >= 32<<20 || last >= size {
			t.Errorf("%s: %d bytes left the server for a reader that reads nothing, want at most %d", resp.Proto, last, 32<<20)
		}
		_ = resp.Body.Close()
		c.Close()
		srv.Close()
	}
}

// wait lets a measurement go on for d.
func wait(t *testing.T, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

func TestTripLimits(t *testing.T) {
	var slots Slots
	a, err := Begin(t.Context(), &slots, 1, Timeouts{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Begin(t.Context(), &slots, 1, Timeouts{})
	if e := Classify(err); e.Reason != ConnectionLimitReached || !errors.Is(err, errcode.Exhausted) || !strings.Contains(err.Error(), "2 > 1") {
		t.Errorf("one too many: %v", err)
	}
	if !a.End() || a.End() || slots.Used() != 0 || a.Context().Err() == nil {
		t.Errorf("after the end %d are under way", slots.Used())
	}
	ctx, cancel := context.WithCancel(t.Context())
	b, err := Begin(ctx, &slots, 1, Timeouts{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.End()
	cancel()
	select {
	case <-b.Context().Done():
	case <-time.After(10 * time.Second):
		t.Error("a trip outlives the context it began in")
	}
}

func TestCheckNamesTheGrant(t *testing.T) {
	u, _ := url.Parse("https://api.example:8443/x?y")
	err := client(t, Config{}).Check(&http.Request{URL: u})
	if !errors.Is(err, errcode.Denied) || errcode.NextOf(err) != "grant it with allow=https:api.example:8443" {
		t.Errorf("%v; next %q", err, errcode.NextOf(err))
	}
}
