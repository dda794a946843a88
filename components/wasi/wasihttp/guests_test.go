package wasihttp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/refdata"
	"latticework/wit/abi"
)

// guestCase is one request to a guest and what it must answer.
type guestCase struct {
	Method, Path, Body string
	Status             int
	Headers            map[string]string
	Response           string
}

// site serves requests with a guest, each with a fresh instance or all with
// one.
type site struct {
	tmpl  *components.Template
	exp   *contract.IncomingHandlerExports
	reuse *components.Instance
}

func newSite(t testing.TB, name string, reuse bool) *site {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	c, err := e.Compile(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	base, err := wasi.Interfaces(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{}
	list := append(append([]*abi.Interface(nil), base...), wasihttp.Interfaces(nil)...)
	if s.tmpl, err = c.Link(components.LinkConfig{Interfaces: list}); err != nil {
		t.Fatal(err)
	}
	if s.exp, err = contract.ResolveIncomingHandler(s.tmpl); err != nil {
		t.Fatal(err)
	}
	if reuse {
		if s.reuse, err = s.tmpl.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.reuse.Release(t.Context()) })
	}
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := s.reuse
	if in == nil {
		fresh, err := s.tmpl.Acquire(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer fresh.Release(r.Context())
		in = fresh
	}
	if err := wasihttp.Serve(r.Context(), in, s.exp, w, r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// TestGuestsAnswerAsRecorded runs guests that others built.
func TestGuestsAnswerAsRecorded(t *testing.T) {
	for _, name := range []string{"c-http", "rust-http"} {
		text, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/expected"), name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var want struct{ Cases []guestCase }
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if len(want.Cases) < 4 {
			t.Fatalf("%s: %d cases", name, len(want.Cases))
		}
		for _, reuse := range []bool{false, true} {
			srv := httptest.NewServer(newSite(t, name, reuse))
			for _, c := range want.Cases {
				check(t, srv.URL, name, c)
			}
			srv.Close()
		}
	}
}

func check(t *testing.T, url, name string, c guestCase) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), c.Method, url+c.Path, strings.NewReader(c.Body))
	if err != nil {
		t.Fatal(err)
	}
	// What the client of the recording sent.
	r.Header = http.Header{
		"Accept": {"text/x"}, "Accept-Language": {"*"}, "Accept-Encoding": {"gzip, deflate"},
		"Sec-Fetch-Mode": {"cors"}, "User-Agent": {"node"}, "X-One": {"1"},
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("%s: %s %s: %v", name, c.Method, c.Path, err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != c.Status || string(body) != c.Response {
		t.Errorf("%s: %s %s: %d %q, %v; want %d %q", name, c.Method, c.Path, resp.StatusCode, body, err, c.Status, c.Response)
	}
	for k, v := range c.Headers {
		if got := resp.Header.Get(k); got != v {
			t.Errorf("%s: %s %s: %s is %q, want %q", name, c.Method, c.Path, k, got, v)
		}
	}
}

// quiet is a client's end that keeps nothing but a count.
type quiet struct {
	header http.Header
	n      int
}

func (q *quiet) Header() http.Header         { return q.header }
func (q *quiet) WriteHeader(int)             {}
func (q *quiet) Write(p []byte) (int, error) { q.n += len(p); return len(p), nil }

// BenchmarkServeReused is a request to rust-http without a network, on one
// instance.
func BenchmarkServeReused(b *testing.B) {
	s := newSite(b, "rust-http", true)
	r := httptest.NewRequest("GET", "/", nil)
	q := &quiet{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(q.header)
		if err := wasihttp.Serve(r.Context(), s.reuse, s.exp, q, r); err != nil {
			b.Fatal(err)
		}
	}
	if q.n == 0 {
		b.Fatal("no bytes were answered")
	}
}

// TestServeAllocates bounds what a small request costs the collector.
func TestServeAllocates(t *testing.T) {
	s := newSite(t, "rust-http", true)
	r := httptest.NewRequest("GET", "/", nil)
	q := &quiet{header: http.Header{}}
	n := testing.AllocsPerRun(100, func() {
		clear(q.header)
		if err := wasihttp.Serve(r.Context(), s.reuse, s.exp, q, r); err != nil {
			t.Fatal(err)
		}
	})
	const most = 12
	if n > most {
		t.Errorf("a request to rust-http allocates %v times, want at most %d", n, most)
	}
}
