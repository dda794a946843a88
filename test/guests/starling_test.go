package guests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// built compiles a guest that build.sh made.
func built(t testing.TB, mode components.EngineConfig, name string) *components.Component {
	t.Helper()
	notRaced(t)
	code, err := os.ReadFile(refdata.Built(t, name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine(t, mode).Compile(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upstream is the server that guests send requests to. It says what it got.
func upstream(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("upstream: %v", err)
		}
		w.Header().Set("X-Upstream", r.Header.Get("X-From"))
		if r.URL.Path == "/teapot" {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// fetchServer serves the guest fetch-js, which may send requests to upstream.
func fetchServer(t *testing.T, c *components.Component, upstream string, limits components.Limits) *httptest.Server {
	t.Helper()
	out := &wasihttp.Outgoing{
		Transport: &http.Transport{DisableCompression: true},
		Allow: func(_ context.Context, r *http.Request) error {
			if "http://"+r.URL.Host != upstream {
				return errors.New("not granted")
			}
			return nil
		},
	}
	t.Cleanup(out.Transport.(*http.Transport).CloseIdleConnections)
	given := append(system(t, wasi.Config{}), wasihttp.Interfaces(out)...)
	tmpl, err := c.Link(components.LinkConfig{Interfaces: given, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server(t, tmpl))
	t.Cleanup(srv.Close)
	return srv
}

// server serves each request by an instance of its own. Unlike handler it lets
// requests fail, as a host would.
func server(t *testing.T, tmpl *components.Template) http.Handler {
	t.Helper()
	exp, err := contract.ResolveIncomingHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := tmpl.Acquire(r.Context())
		if err != nil {
			t.Errorf("instantiate: %v", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer in.Release(context.WithoutCancel(r.Context()))
		var e *wasihttp.Error
		switch err := wasihttp.Serve(r.Context(), in, exp, w, r); {
		case err == nil:
		case errors.As(err, &e) && !e.HeadSent:
			w.WriteHeader(e.Status)
		default:
			panic(http.ErrAbortHandler)
		}
	})
}

// send sends a request and returns the status, the headers and the body.
func send(t *testing.T, method, url, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-One", "1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read the answer: %v", method, url, err)
	}
	return res.StatusCode, res.Header, string(got)
}

// TestFetchEvent sends requests to a server written against the web's
// interfaces, on StarlingMonkey.
func TestFetchEvent(t *testing.T) { fetchEvent(t, compiled) }

func fetchEvent(t *testing.T, mode components.EngineConfig) {
	c := built(t, mode, "fetch-js")
	up := upstream(t)
	srv := fetchServer(t, c, up.URL, components.Limits{})
	large, loud := strings.Repeat("wörld ", 50_000), 40_000
	if mode.Interpreter {
		loud = 4_000 // it takes 30 µs a byte
	}
	for _, k := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/", "", 200, "Hello from the fetch event\n"},
		{"GET", "/absent", "", 404, "nothing at /absent\n"},
		{"GET", "/headers", "", 203, "x-one: 1"},
		{"GET", "/nobody", "", 204, ""},
		{"POST", "/length", large[:7000], 200, `{"bytes":7000,"characters":6000}`},
		{"POST", "/json", `{"a":[1,"ß",null]}`, 200, `{"got":{"a":[1,"ß",null]}}`},
		{"POST", "/echo", large, 200, large},
		{"POST", "/upper", strings.Repeat("abc", loud), 200, strings.Repeat("ABC", loud)},
		{"GET", "/parts?n=4", "", 200, "part 1\npart 2\npart 3\npart 4\n"},
		{"GET", "/large?kib=2048", "", 200, strings.Repeat("x", 2<<20)},
		{"GET", "/timers", "", 200, `{"order":["microtask","now","fast","slow"],"ticks":3,"waited":true}`},
		{"GET", "/encoding", "", 200, `{"bytes":[97,195,159,230,188,162,240,159,140,141],"again":true,"refused":true,` +
			`"replaced":"` + "\uFFFD" + `(","base64":"bGF0dGljZXdvcms=","back":"lattice"}`},
		{"GET", "/digest", "", 200, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"GET", "/url?q=a%20b&q=%C3%9F", "", 200, `{"path":"/url","q":["a b","ß"]}`},
		{"GET", "/proxy?to=" + up.URL + "/teapot", "", 418, "GET /teapot "},
		{"GET", "/both?to=" + up.URL, "", 200, "GET /a ,GET /b ,GET /c "},
		{"POST", "/post?to=" + up.URL + "/in", "payload", 200, "POST /in payload"},
		{"GET", "/refused?to=http://127.0.0.1:9/", "", 200, "caught Error"}, // not granted
	} {
		name, _, _ := strings.Cut(k.path, "?")
		t.Run(k.method+name, func(t *testing.T) {
			status, header, got := send(t, k.method, srv.URL+k.path, k.body)
			if status != k.status || got != k.want {
				t.Errorf("%d, %d bytes %.300q; want %d, %d bytes %.300q", status, len(got), got, k.status, len(k.want), k.want)
			}
			if name == "/headers" && (header.Get("X-Method") != "GET" || header.Get("X-Seen") != "1") {
				t.Errorf("headers %v", header)
			}
			if name == "/proxy" && header.Get("X-Upstream") != "guest" {
				t.Errorf("the header of the outgoing request did not arrive: %v", header)
			}
		})
	}
	t.Run("fresh", func(t *testing.T) { freshState(t, srv.URL) })
	t.Run("parts", func(t *testing.T) { partsArrive(t, srv.URL) })
	t.Run("exceptions", func(t *testing.T) { exceptions(t, srv.URL) })
	t.Run("deadline", func(t *testing.T) { endless(t, c, up.URL) })
}

// freshState checks that no request sees what another left, and that each has
// random numbers of its own.
func freshState(t *testing.T, url string) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 5 {
		if _, _, got := send(t, "GET", url+"/count", ""); got != "1" {
			t.Errorf("an instance counts %s requests, want 1", got)
		}
		var v struct {
			UUID  string
			Bytes []int
			Math  float64
		}
		_, _, got := send(t, "GET", url+"/random", "")
		if err := json.Unmarshal([]byte(got), &v); err != nil {
			t.Fatalf("%v: %q", err, got)
		}
		if !uuid.MatchString(v.UUID) {
			t.Errorf("uuid %q", v.UUID)
		}
		for _, drawn := range []string{v.UUID, fmt.Sprint(v.Bytes), fmt.Sprint(v.Math)} {
			if seen[drawn] {
				t.Errorf("%s was drawn twice", drawn)
			}
			seen[drawn] = true
		}
	}
}

// partsArrive checks that a body's parts arrive while the guest makes the rest.
func partsArrive(t *testing.T, url string) {
	res, err := http.Get(url + "/parts?n=40")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 4096)
	n, err := res.Body.Read(b)
	if err != nil || n >= len("part 1\n")*40 || !strings.HasPrefix(string(b[:n]), "part 1\n") {
		t.Errorf("the first read gave %d bytes, %v: %.40q", n, err, b[:n])
	}
	rest, err := io.ReadAll(res.Body)
	if text := string(b[:n]) + string(rest); err != nil || !strings.HasSuffix(text, "part 39\npart 40\n") {
		t.Errorf("the rest: %v, %q", err, text)
	}
}

// exceptions checks what becomes of exceptions, and that the next request is
// served. The engine begins an answer with status 500 that it does not finish,
// which we must not pass off as a whole one.
func exceptions(t *testing.T, url string) {
	for _, path := range []string{"/throw", "/reject"} {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusInternalServerError || err == nil {
			t.Errorf("%s: status %d, %v; want 500 and an answer cut off", path, res.StatusCode, err)
		}
	}
	if status, _, _ := send(t, "GET", url+"/", ""); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

// endless checks that a guest that does not come back is ended in time.
func endless(t *testing.T, c *components.Component, upstream string) {
	srv := fetchServer(t, c, upstream, components.Limits{Time: 600 * time.Millisecond})
	start := time.Now()
	status, _, _ := send(t, "GET", srv.URL+"/loop", "")
	if took := time.Since(start); status != http.StatusGatewayTimeout || took > 10*time.Second {
		t.Errorf("status %d after %v", status, took)
	}
	if status, _, _ := send(t, "GET", srv.URL+"/count", ""); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

// TestTypeScript calls functions of a library with one for each kind of value.
func TestTypeScript(t *testing.T) { typeScript(t, compiled) }

func typeScript(t *testing.T, mode components.EngineConfig) {
	c := built(t, mode, "values-ts")
	tmpl, err := c.Link(components.LinkConfig{})
	if err != nil {
		t.Fatal(err)
	}
	const point = "some({x: -1, y: 2147483647})"
	for _, k := range []struct{ call, want string }{
		{"integers(255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615, -9223372036854775808)",
			`["number 255", "number -128", "number 65535", "number -32768", "number 4294967295", "number -2147483648", ` +
				`"bigint 18446744073709551615", "bigint 9223372036854775808"]`}, // the engine takes a parameter's s64 for a u64
		{"extremes()", "(255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615, -9223372036854775808)"},
		{"floats(3.0, -1.0)", "(1, -0.3333333333333333)"},
		{"floats(inf, nan)", "(inf, nan)"},
		{"not(true)", "false"},
		{"next-char('a')", "'b'"},
		{`next-char('\u{1f30c}')`, "'🌍'"},
		{`join(["a", "", "ß🌍"], "-")`, `"a--ß🌍"`},
		{`older({name: "Ada", age: 37, tags: ["x"], home: ` + point + `}, 1)`, `{name: "Ada", age: 38, tags: ["x", "older"], home: ` + point + `}`},
		{`older({name: "", age: 255, tags: [], home: none}, 0)`, `{name: "", age: 255, tags: ["older"], home: none}`},
		{"area(circle(1.0))", "ok(3.141592653589793)"},
		{"area(box((2.0, 3.5)))", "ok(7)"},
		{"area(nothing)", `err("no area for nothing")`},
		{"next(blue)", "red"},
		{"invert({read, execute})", "{write}"},
		{"flatten([[1, 4294967295], [], [3]])", "[1, 4294967295, 3]"},
		{`first([some("a"), none])`, `some(some("a"))`},
		{"first([none])", "some(none)"},
		{"first([])", "none"},
		{"reverse([1, 2, 255])", "[255, 2, 1]"},
		{`parse("18446744073709551615")`, "ok(18446744073709551615)"},
		{`parse("x")`, "err(circle(1))"},
		{"promised(7)", "42"},
		{"depth(500)", "500"},
	} {
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := in.CallText(t.Context(), "test:values-ts/values."+k.call)
		if err != nil || got != k.want {
			t.Errorf("%s: %s, %v, want %s", k.call, got, err, k.want)
		}
		in.Release(t.Context())
	}
	t.Run("resources", func(t *testing.T) { resources(t, tmpl, "test:values-ts/values@0.1.0", true) })
	t.Run("broken", func(t *testing.T) {
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer in.Release(t.Context())
		if _, err := in.CallText(t.Context(), "test:values-ts/values.broken()"); !errors.Is(err, errcode.Trap) {
			t.Errorf("an exception without a place for it ended with %v, want a trap", err)
		}
	})
}

// TestStarlingCommand runs a command on StarlingMonkey.
func TestStarlingCommand(t *testing.T) { starlingCommand(t, compiled) }

func starlingCommand(t *testing.T, mode components.EngineConfig) {
	c := built(t, mode, "command-js")
	dir := t.TempDir()
	write(t, dir+"/in.txt", "read by a guest ß\n")
	grants := []wasi.Preopen{{HostDir: dir, GuestPath: "/data"}}
	for _, k := range []struct {
		args           []string
		stdin          string
		code           uint8
		stdout, stderr string // stderr is a part of it
	}{
		{[]string{"args", "a", "b c", "ß"}, "", 0, `["a","b c","ß"]` + "\n", ""},
		{[]string{"env", "DEMO"}, "", 0, `[["DEMO","d"]]` + "\n", ""},
		{[]string{"cwd"}, "", 0, "\"/data\"\n", ""},
		{[]string{"lines"}, strings.Repeat("0123456789\n", 10_000), 0, "10001\n", ""},
		{[]string{"cat", "/data/in.txt"}, "", 0, "read by a guest ß\n\n", ""},
		{[]string{"list", "/data/."}, "", 0, "in.txt regular-file\n", ""},
		{[]string{"write", "/data/out.txt", "written"}, "", 0, "7\n", ""},
		{[]string{"cat", "/data/../secret"}, "", 1, "", "not-permitted"},
		{[]string{"cat", "/etc/passwd"}, "", 1, "", "no folder grants"},
		{[]string{"year"}, "", 0, "true\n", ""},
		{[]string{"wait", "30"}, "", 0, "true\n", ""},
		{[]string{"exit", "0"}, "", 0, "", ""},
		{[]string{"exit", "1"}, "", 1, "", ""},
		{[]string{"fail"}, "", 1, "", "failing on request\n"},
		{[]string{"throw"}, "", 1, "", "TypeError: on request"},
	} {
		t.Run(strings.Join(k.args, " "), func(t *testing.T) {
			got := execute(t, c, wasi.Config{Args: append([]string{"guest"}, k.args...), Stdin: strings.NewReader(k.stdin),
				Env: []wasi.EnvVar{{Name: "DEMO", Value: "d"}}, Cwd: "/data", Preopens: grants}, components.Limits{})
			if got.code != int(k.code) || got.stdout != k.stdout || !strings.Contains(got.stderr, k.stderr) {
				t.Errorf("%+v, want %+v", got, k)
			}
		})
	}
	if data, err := os.ReadFile(dir + "/out.txt"); err != nil || string(data) != "written" {
		t.Errorf("written: %q, %v", data, err)
	}
	t.Run("loop", func(t *testing.T) {
		overtime(t, c, wasi.Config{Args: []string{"guest", "loop"}})
	})
}

// ended is how a program ended.
type ended struct {
	code           int // exit code; 1 if it said that it failed, -1 for a trap
	stdout, stderr string
	err            error
}

// execute runs a command in an instance of its own.
func execute(t *testing.T, c *components.Component, cfg wasi.Config, limits components.Limits) ended {
	t.Helper()
	var stdout, stderr strings.Builder
	cfg.Stdout, cfg.Stderr = &stdout, &stderr
	tmpl, err := c.Link(components.LinkConfig{Interfaces: append(system(t, cfg), wasihttp.Interfaces(nil)...), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	text, err := in.CallText(t.Context(), "wasi:cli/run.run()")
	r := ended{stdout: stdout.String(), stderr: stderr.String()}
	var exit *wasi.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = int(exit.Code)
	case err != nil:
		r.code, r.err = -1, err
	case text != "ok":
		r.code = 1
	}
	return r
}

// overtime checks that a program that computes without end is ended in time,
// and says so.
func overtime(t *testing.T, c *components.Component, cfg wasi.Config) {
	t.Helper()
	const limit = 500 * time.Millisecond
	start := time.Now()
	got := execute(t, c, cfg, components.Limits{Time: limit})
	if !errors.Is(got.err, errcode.Deadline) {
		t.Errorf("ended with %+v, want the deadline", got)
	}
	if took := time.Since(start); took < limit || took > limit+10*time.Second {
		t.Errorf("ended after %v, the limit is %v", took, limit)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
