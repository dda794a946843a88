package guests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/leakcheck"
	"latticework/internal/refdata"
	"latticework/providers"
	"latticework/providers/config"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

type expectation struct {
	Kind   string            `json:"kind"`
	Config map[string]string `json:"config"`
	Cases  []struct {
		// Of a command.
		Args   []string          `json:"args"`
		Stdin  string            `json:"stdin"`
		Env    map[string]string `json:"env"`
		Stdout string            `json:"stdout"`
		Stderr string            `json:"stderr"`
		OK     bool              `json:"ok"`
		// Of a server.
		Method   string            `json:"method"`
		Path     string            `json:"path"`
		Body     string            `json:"body"`
		Status   int               `json:"status"`
		Headers  map[string]string `json:"headers"`
		Response string            `json:"response"`
	} `json:"cases"`
}

// TestGuests runs every guest that has recorded answers in JSON.
func TestGuests(t *testing.T) { recordedGuests(t, compiled) }

func recordedGuests(t *testing.T, mode components.EngineConfig) {
	files, _ := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/expected"), "*.json"))
	if len(files) < 9 {
		t.Fatalf("%d guests with answers, want at least 9", len(files))
	}
	e := engine(t, mode)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var want expectation
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			code := read(t, name)
			c, err := e.Compile(t.Context(), code)
			if err != nil {
				t.Fatal(err)
			}
			if want.Kind == "command" {
				commands(t, c, want, mode.Interpreter && name == "go-cmd")
			} else {
				requests(t, c, want, false)
				requests(t, c, want, true)
			}
		})
	}
}

func engine(t testing.TB, mode components.EngineConfig) *components.Engine {
	e, err := components.NewEngine(t.Context(), mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func read(t testing.TB, name string) []byte {
	code, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func system(t testing.TB, cfg wasi.Config) []*abi.Interface {
	s, err := wasi.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Interfaces()
}

func commands(t *testing.T, c *components.Component, want expectation, slow bool) {
	for _, k := range want.Cases {
		t.Run(strings.Join(append(k.Args, "_"), " "), func(t *testing.T) {
			if slow && slices.Equal(k.Args, []string{"mem"}) {
				t.Skip("SKIPPED: fills 57 MiB byte by byte, which takes the interpreter more than a minute")
			}
			var stdout, stderr bytes.Buffer
			cfg := wasi.Config{
				Args: append([]string{"guest.wasm"}, k.Args...), Stdin: strings.NewReader(k.Stdin),
				Stdout: &stdout, Stderr: &stderr,
				Preopens: []wasi.Preopen{{HostDir: t.TempDir(), GuestPath: "/"}},
			}
			for name, v := range k.Env {
				cfg.Env = append(cfg.Env, wasi.EnvVar{Name: name, Value: v})
			}
			err := runCommand(t, c, cfg)
			if (err == nil) != k.OK {
				t.Errorf("ended with %v, want success %v", err, k.OK)
			}
			if stdout.String() != k.Stdout {
				t.Errorf("stdout %q, want %q", stdout.String(), k.Stdout)
			}
			if stderr.String() != k.Stderr {
				t.Errorf("stderr %q, want %q", stderr.String(), k.Stderr)
			}
		})
	}
}

func runCommand(t *testing.T, c *components.Component, cfg wasi.Config) error {
	s, err := wasi.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // what a guest of WASI 0.3 wrote is written by then
	tmpl, err := c.Link(components.LinkConfig{Interfaces: s.Interfaces()})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	text, err := in.CallText(t.Context(), "wasi:cli/run.run()")
	var exit *wasi.ExitError
	switch {
	case errors.As(err, &exit):
		if exit.Code != 0 {
			return fmt.Errorf("exit %d", exit.Code)
		}
		return nil
	case err == nil && text != "ok":
		return errors.New(text)
	}
	return err
}

// keyvalue opens a store in memory with the recorded runtime's one rule: there
// is no store "nope".
func keyvalue(t testing.TB) []*abi.Interface {
	p, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		t.Fatal(err)
	}
	g := providers.Guard(p)
	if err := g.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	s, err := g.Link(t.Context(), providers.Link{Source: "guest", Name: "default", Target: "store", Config: map[string]string{"buckets": "hits,b1,b2"}})
	if err != nil {
		t.Fatal(err)
	}
	return s.Interfaces()
}

// requests serves the recorded requests, each with an instance in its initial
// state; reuse says that what it drew from the host is shared.
func requests(t *testing.T, c *components.Component, want expectation, reuse bool) {
	given := system(t, wasi.Config{})
	given = append(given, contract.BindTypes(&wasihttp.Types{}))
	given = append(given, keyvalue(t)...)
	given = append(given, config.NewValues(want.Config).Interfaces()...)
	tmpl, err := c.Link(components.LinkConfig{Interfaces: given, ReuseInitialized: reuse})
	if err != nil {
		t.Fatal(err)
	}
	h := handler(t, tmpl)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Pieces of one size, at which no collection starts in go-http-counter
		// while the host has it allocate, see TestReallocMayNotCall.
		r.Body = pieces{r.Body, 16_000}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	for _, k := range want.Cases {
		body, times := strings.CutPrefix(k.Body, "x*")
		if times {
			body = strings.Repeat("x", atoi(body))
		}
		req, err := http.NewRequestWithContext(t.Context(), k.Method, srv.URL+k.Path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if k.Path == "/headers" {
			// As the recording client sent them.
			for name, v := range map[string]string{"accept": "text/x", "accept-encoding": "gzip, deflate", "accept-language": "*",
				"sec-fetch-mode": "cors", "user-agent": "node", "x-one": "1"} {
				req.Header.Set(name, v)
			}
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		_, err = got.ReadFrom(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		text := got.String()
		if len(text) > 1000 {
			text = fmt.Sprintf("x*%d", len(text))
		}
		if res.StatusCode != k.Status || text != k.Response {
			t.Errorf("%s %s: %d %q, want %d %q", k.Method, k.Path, res.StatusCode, text, k.Status, k.Response)
		}
		for name, v := range k.Headers {
			if res.Header.Get(name) != v {
				t.Errorf("%s %s: header %s is %q, want %q", k.Method, k.Path, name, res.Header.Get(name), v)
			}
		}
	}
}

// handler serves each request by a fresh instance.
func handler(t testing.TB, tmpl *components.Template) http.Handler {
	exp, err := contract.ResolveIncomingHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := tmpl.Acquire(r.Context())
		if err != nil {
			t.Errorf("instantiate: %v", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		defer in.Release(context.WithoutCancel(r.Context()))
		if err := wasihttp.Serve(r.Context(), in, exp, w, r); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	})
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}
