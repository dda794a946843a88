package guests

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/refdata"
)

// TestHTTP3Guest serves requests with a guest that exports the handler of
// wasi:http@0.3, each with an instance of its own, and compares with what
// another runtime sent: responses one after the other.
func TestHTTP3Guest(t *testing.T) { http3Guest(t, compiled) }

func http3Guest(t *testing.T, mode components.EngineConfig) {
	recorded, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/expected"), "p3-http-qjs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	recorded = bytes.ReplaceAll(recorded, []byte("\r\n"), []byte("\n"))
	c, err := engine(t, mode).Compile(t.Context(), read(t, "p3-http-qjs"))
	if err != nil {
		t.Fatal(err)
	}
	given := append(system(t, wasi.Config{}), wasihttp3.Interfaces(nil)...)
	tmpl, err := c.Link(components.LinkConfig{Interfaces: given})
	if err != nil {
		t.Fatal(err)
	}
	srv := server3(t, tmpl, func(_ http.ResponseWriter, _ *http.Request, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	defer srv.Close()
	for _, path := range []string{"/", "/x", "/y?q=1"} {
		want := nextResponse(t, &recorded)
		got, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if err != nil || got.StatusCode != want.status || string(body) != want.body {
			t.Errorf("%s: %d %q, %v; want %d %q", path, got.StatusCode, body, err, want.status, want.body)
		}
		for _, name := range []string{"Content-Type", "X-Guest"} {
			if v := want.header.Get(name); v == "" || got.Header.Get(name) != v {
				t.Errorf("%s: %s is %q, want %q", path, name, got.Header.Get(name), v)
			}
		}
	}
}

// response is a recorded response.
type response struct {
	status int
	header http.Header
	body   string
}

// nextResponse reads the first of the recorded responses. The record has the
// fields as they were sent, and the body without its chunks on the
// line that follows.
func nextResponse(t *testing.T, recorded *[]byte) response {
	t.Helper()
	head, rest, ok := bytes.Cut(*recorded, []byte("\n\n"))
	if !ok {
		t.Fatalf("the record ends with %q", *recorded)
	}
	body, rest, _ := bytes.Cut(rest, []byte("\n"))
	*recorded = rest
	head = bytes.ReplaceAll(head, []byte("Transfer-Encoding: chunked"), []byte("Connection: close"))
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(append(head, "\n\n"...))), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	return response{r.StatusCode, r.Header, string(body) + "\n"}
}

// server3 serves tmpl, a handler of wasi:http 0.3, with an instance of its own
// for each request, and gives what Serve returned to served.
func server3(t *testing.T, tmpl *components.Template, served func(w http.ResponseWriter, r *http.Request, err error)) *httptest.Server {
	t.Helper()
	exports, err := contract.ResolveHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer in.Release(context.WithoutCancel(t.Context()))
		served(w, r, wasihttp3.Serve(t.Context(), in, exports, w, r, nil))
	}))
}
