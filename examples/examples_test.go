// Package examples_test runs the guests of the examples and compares what they
// answer with cases.json, which an oracle reads as well (examples/oracle.sh).
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/bindings/wasihttp"
	wasihttphost "latticework/components/wasi/wasihttp"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/config"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/providers/logging"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// maxCommitted bounds the guests that are in the repository.
const maxCommitted = 200 << 10

// committed are the guests that are in the repository; others are built by
// build.sh, and their tests are skipped until they are.
var committed = map[string]bool{
	"command-c": true, "command-cpp": true, "command-rust": true, "counter": true, "fetch": true, "grpc-rust": true, "hello-c": true, "hello-rust": true,
}

// suite is a cases.json. Kind is http, command or calls.
type suite struct {
	Kind   string
	Config map[string]string
	Cases  []testCase
}

type testCase struct {
	// http
	Method, Path string
	Body         string // "x*3" stands for "xxx"
	Status       int
	Headers      map[string]string
	Response     *string
	// command
	Args   []string
	Env    map[string]string
	Stdin  string
	Stdout string
	Stderr *string
	OK     bool
	Code   uint8 // of wasi:cli/exit
	// calls
	Interface, Function string
	Wave                string `json:"wave"`
	WaveResult          string `json:"wave_result"`
}

func TestCommittedGuestsAreSmall(t *testing.T) {
	for name := range committed {
		info, err := os.Stat(guestFile(t, name))
		if err != nil {
			t.Errorf("%v", err)
		} else if info.Size() > maxCommitted {
			t.Errorf("%s: %d bytes > %d", name, info.Size(), maxCommitted)
		}
	}
}

func TestExamples(t *testing.T) {
	files, err := filepath.Glob("*/cases.json")
	if err != nil || len(files) < len(committed) {
		t.Fatalf("%d examples with cases, %v", len(files), err)
	}
	engine, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Errorf("close engine: %v", err)
		}
	})
	for _, file := range files {
		name := filepath.Dir(file)
		t.Run(name, func(t *testing.T) {
			var s suite
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatalf("read %s: %v", file, err)
			}
			code, err := os.ReadFile(guestFile(t, name))
			if errors.Is(err, os.ErrNotExist) && !committed[name] {
				t.Skipf("SKIPPED: not built; run: examples/build.sh %s", name)
			}
			if err != nil {
				t.Fatal(err)
			}
			component, err := engine.Compile(t.Context(), code)
			if err != nil {
				t.Fatalf("compile: %v", err)
			}
			s.run(t, component)
		})
	}
}

// guestFile is the one component of an example.
func guestFile(t *testing.T, name string) string {
	t.Helper()
	first, _, _ := strings.Cut(name, "-")
	return filepath.Join(name, first+".wasm")
}

func (s suite) run(t *testing.T, c *components.Component) {
	switch s.Kind {
	case "http":
		s.requests(t, c)
	case "command":
		for _, k := range s.Cases {
			k.command(t, c)
		}
	case "calls":
		s.calls(t, c)
	default:
		t.Fatalf("unknown kind %q", s.Kind)
	}
}

// interfaces are what every guest may import: WASI as cfg grants it, HTTP, a
// store in memory, settings and a log.
func (s suite) interfaces(t *testing.T, cfg wasi.Config) []*abi.Interface {
	t.Helper()
	system, err := wasi.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = system.Close() })
	store, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		t.Fatal(err)
	}
	guarded := providers.Guard(store)
	if err := guarded.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guarded.Close(context.Background()) })
	session, err := guarded.Link(t.Context(), providers.Link{Source: "guest", Name: "default", Target: "store"})
	if err != nil {
		t.Fatal(err)
	}
	list := append(system.Interfaces(), wasihttphost.Interfaces(nil)...)
	list = append(list, session.Interfaces()...)
	list = append(list, config.NewValues(s.Config).Interfaces()...)
	return append(list, logging.BindLogging(logging.NewLogger(providers.Setup{}.Logger())))
}

func (s suite) template(t *testing.T, c *components.Component, cfg wasi.Config) *components.Template {
	t.Helper()
	template, err := c.Link(components.LinkConfig{Interfaces: s.interfaces(t, cfg)})
	if err != nil {
		t.Fatalf("link: %v", err)
	}
	return template
}

func (s suite) requests(t *testing.T, c *components.Component) {
	template := s.template(t, c, wasi.Config{})
	exports, err := wasihttp.ResolveIncomingHandler(template)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		instance, err := template.Acquire(r.Context())
		if err != nil {
			t.Errorf("instantiate: %v", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer instance.Release(context.WithoutCancel(r.Context()))
		if err := wasihttphost.Serve(r.Context(), instance, exports, w, r); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}))
	defer server.Close()
	for _, k := range s.Cases {
		k.request(t, server)
	}
}

func (k testCase) request(t *testing.T, server *httptest.Server) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), k.Method, server.URL+k.Path, strings.NewReader(expand(k.Body)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Errorf("%s %.40s: %v", k.Method, k.Path, err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s %.40s: read body: %v", k.Method, k.Path, err)
	}
	if res.StatusCode != k.Status {
		t.Errorf("%s %.40s: status %d, want %d", k.Method, k.Path, res.StatusCode, k.Status)
	}
	if k.Response != nil && string(body) != expand(*k.Response) {
		t.Errorf("%s %.40s: %d bytes %.200q, want %.200q", k.Method, k.Path, len(body), body, *k.Response)
	}
	for name, want := range k.Headers {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s %.40s: header %s is %q, want %q", k.Method, k.Path, name, got, want)
		}
	}
}

func (k testCase) command(t *testing.T, c *components.Component) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cfg := wasi.Config{
		Args: append([]string{"command"}, k.Args...), Stdin: strings.NewReader(k.Stdin),
		Stdout: &stdout, Stderr: &stderr,
	}
	for name, value := range k.Env {
		cfg.Env = append(cfg.Env, wasi.EnvVar{Name: name, Value: value})
	}
	instance, err := suite{}.template(t, c, cfg).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Release(context.Background())
	text, err := instance.CallText(t.Context(), "wasi:cli/run.run()")
	ok := err == nil && text == "ok"
	var exit *wasi.ExitError
	if errors.As(err, &exit) {
		ok, err = exit.Code == 0, nil
		if exit.Code != k.Code {
			t.Errorf("%q: exit status %d, want %d", k.Args, exit.Code, k.Code)
		}
	} else if k.Code != 0 {
		t.Errorf("%q: no exit status, want %d", k.Args, k.Code)
	}
	if err != nil || ok != k.OK {
		t.Errorf("%q: ended with %q, %v, want success: %t", k.Args, text, err, k.OK)
	}
	if stdout.String() != k.Stdout {
		t.Errorf("%q: standard output %q, want %q", k.Args, stdout.String(), k.Stdout)
	}
	if k.Stderr != nil && stderr.String() != *k.Stderr {
		t.Errorf("%q: standard error %q, want %q", k.Args, stderr.String(), *k.Stderr)
	}
}

func (s suite) calls(t *testing.T, c *components.Component) {
	instance, err := s.template(t, c, wasi.Config{}).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Release(context.Background())
	for _, k := range s.Cases {
		call := k.Interface + "." + k.Function + "(" + k.Wave + ")"
		got, err := instance.CallText(t.Context(), call)
		if err != nil || got != k.WaveResult {
			t.Errorf("%.100s: %.200s, %v, want %s", call, got, err, k.WaveResult)
		}
	}
}

var repeated = regexp.MustCompile(`^(.)\*(\d+)$`)

// expand turns "x*3" into "xxx".
func expand(text string) string {
	m := repeated.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	n, _ := strconv.Atoi(m[2])
	return strings.Repeat(m[1], n)
}
