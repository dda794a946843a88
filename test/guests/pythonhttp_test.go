package guests

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/components/wasi/wasihttp3"
	"latticework/wit/abi"
)

// TestPythonHTTP3 sends requests to a server of wasi:http 0.3 in Python's
// asynchronous functions.
func TestPythonHTTP3(t *testing.T) { pythonHTTP3(t, compiled) }

func pythonHTTP3(t *testing.T, mode components.EngineConfig) {
	up := upstream(t)
	out := &wasihttp.Outgoing{
		Transport: &http.Transport{DisableCompression: true},
		Allow: func(_ context.Context, r *http.Request) error {
			if "http://"+r.URL.Host != up.URL {
				return errors.New("not granted")
			}
			return nil
		},
	}
	t.Cleanup(out.Transport.(*http.Transport).CloseIdleConnections)
	tmpl, err := built(t, mode, "http3-py").Link(components.LinkConfig{Interfaces: append(system(t, wasi.Config{}), wasihttp3.Interfaces(out)...)})
	if err != nil {
		t.Fatal(err)
	}
	srv := server3(t, tmpl, func(w http.ResponseWriter, r *http.Request, err error) {
		var e *wasihttp.Error
		if errors.As(err, &e) && !e.HeadSent {
			w.WriteHeader(e.Status)
		} else if err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		if trap, trapped := components.IsTrap(err); trapped != (r.URL.Path == "/throw") || trapped && trap.Function != "wasi:http/handler@0.3.0.handle" {
			t.Errorf("%s: trap %+v", r.URL.Path, trap)
		}
	})
	defer srv.Close()
	large := strings.Repeat("a word, ", 40_000)
	for _, k := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/", "", 200, "Hello from asynchronous Python\n"},
		{"/absent", "", 404, "nothing at /absent\n"},
		{"/upper", large, 200, strings.ToUpper(large)},
		{"/ticks?n=3", "", 200, "tick 0\ntick 1\ntick 2\n"},
		{"/waits", "", 200, "fast middle slow"},
		{"/large?kib=512", "", 200, strings.Repeat("x", 512<<10)},
		{"/fetch?to=" + up.URL + "/teapot", "", 418, "GET /teapot "},
		{"/all?to=" + up.URL, "", 200, "GET /a  GET /b  GET /c "},
		{"/fetch?to=http://127.0.0.1:9/", "", 403, ""}, // not granted, which it hands on
		{"/served", "", 200, "1"},                      // each request by an instance of its own
		{"/fail", "", 500, ""},
		{"/throw", "", 500, ""},
	} {
		name, _, _ := strings.Cut(k.path, "?")
		t.Run(name, func(t *testing.T) {
			status, _, got := send(t, "POST", srv.URL+k.path, k.body)
			if status != k.status || got != k.want {
				t.Errorf("%d, %d bytes %.300q; want %d, %d bytes %.300q", status, len(got), got, k.status, len(k.want), k.want)
			}
		})
	}
	t.Run("trailers", func(t *testing.T) {
		res, err := http.Get(srv.URL + "/ticks?n=2")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := res.Body.Read(make([]byte, 100)); err != nil {
			t.Errorf("the first piece: %v", err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err != nil || res.Trailer.Get("X-Ticks") != "2" {
			t.Errorf("%v, trailers %v, want X-Ticks: 2", err, res.Trailer)
		}
	})
	t.Run("together", func(t *testing.T) { together(t, tmpl) })
}

// shared is an instance that several goroutines call while somebody drives it.
type shared struct{ abi.Invoker }

func (shared) Drive(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

func (shared) Along(ctx context.Context, _ func(), f func(context.Context) error) error {
	return f(ctx)
}

// together has one instance answer requests of which each waits for all others.
func together(t *testing.T, tmpl *components.Template) {
	exports, err := contract.ResolveHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	const n = 8 // as the path says
	err = in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) error {
		get := func(path string) string {
			w := httptest.NewRecorder()
			if err := wasihttp3.Serve(ctx, shared{calls}, exports, w, httptest.NewRequestWithContext(ctx, "GET", path, nil), nil); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return w.Body.String()
		}
		var join sync.WaitGroup
		for range n {
			join.Go(func() {
				if got := get("/meet?n=8"); got != "met" {
					t.Errorf("meet: %q", got)
				}
			})
		}
		join.Wait()
		if got := get("/served"); got != "9" {
			t.Errorf("the instance served %s requests, want %d", got, n+1)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
