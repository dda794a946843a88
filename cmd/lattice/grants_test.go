package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

// hello is a server that greets, and redirects from /away.
func hello(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "hello")
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestRunFetch grants a program requests over HTTP.
func TestRunFetch(t *testing.T) {
	h := newHome(t)
	url := hello(t)
	program := example("fetch/fetch.wasm")
	for _, c := range []struct {
		grant, url, want string
		status           int
	}{
		{"", url, "DestinationIpProhibited", 1},
		{"allow=*", url, "DestinationIpProhibited", 1},
		{"allow=tcp:127.0.0.1", url, "DestinationIpProhibited", 1},
		{"allow=https:127.0.0.1", url, "DestinationIpProhibited", 1},
		{"allow=http:127.0.0.1", url, "200 5", 0},
		{"allow=127.0.0.0/8", url + "/away", "302 ", 0},
		{"allow=http:127.0.0.1", "http://api.example/", "HttpRequestDenied", 1},
	} {
		args := []string{"run", program}
		if c.grant != "" {
			args = append(args, "--net", c.grant)
		}
		r := h.run(append(args, "--", c.url)...)
		if r.status != c.status || !strings.HasPrefix(r.stdout, c.want) {
			t.Errorf("%s under %q: status %d, %q; want %d, %q\n%s", c.url, c.grant, r.status, r.stdout, c.status, c.want, r.stderr)
		}
		if refused := strings.Contains(r.stderr, "grant it with allow=http:"+strings.TrimPrefix(strings.TrimSuffix(c.url, "/"), "http://")); refused != (c.status != 0) {
			t.Errorf("%s under %q: standard error %q", c.url, c.grant, r.stderr)
		}
	}
}

// application writes a manifest with components of example files and returns
// its folder.
func application(t *testing.T, parts string) string {
	t.Helper()
	dir := t.TempDir()
	text := "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: granted}\nspec:\n  components:\n" + parts
	if err := os.WriteFile(filepath.Join(dir, "lattice.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// absolute returns the absolute path of a file of an example.
func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(example(name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

const webPart = `    - name: web
      type: capability
      properties: {image: "lattice://http-server"}
      traits:
        - {type: link, properties: {target: fetch, namespace: wasi, package: http, interfaces: [incoming-handler]}}
`

func TestManifestGrantsNetwork(t *testing.T) {
	h := newHome(t)
	url := hello(t)
	app := application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties:
        image: %s
        latticework: {grants: {net: ["allow=http:%s"]}}
`, absolute(t, "fetch/fetch.wasm"), strings.TrimPrefix(url, "http://"))+webPart)
	p := h.start(slices.Concat([]string{"up", app, "--http-listen", "127.0.0.1:0"}, free)...)
	web := p.await("ready").HTTP
	if body := get(t, web+"/?"+url); body != "hello" {
		t.Errorf("what is granted answers %q", body)
	}
	resp, err := http.Get(web + "/?http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway || string(body) != "DestinationIpProhibited\n" {
		t.Errorf("another port answers %d %q", resp.StatusCode, body)
	}
	p.stop()
}

// TestManifestGrantsFolders lets a command of a manifest read a file, where
// whoever runs the host lets it.
func TestManifestGrantsFolders(t *testing.T) {
	h := newHome(t)
	app := application(t, fmt.Sprintf(`    - name: words
      type: component
      properties:
        image: %s
        latticework: {grants: {dir: ["./data::/w:ro"], arg: [/w/in.txt]}}
`, absolute(t, "command-rust/command.wasm")))
	if err := os.MkdirAll(filepath.Join(app, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "data", "in.txt"), []byte("uno due uno"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := h.start(slices.Concat([]string{"up", app}, free)...)
	p.await("ready")
	if out := h.ok("call", "words", "wasi:cli/run.run()"); !strings.HasPrefix(out, "ok") || !strings.Contains(p.log(), "2 uno") {
		t.Errorf("the command answers %q and writes\n%s", out, p.log())
	}
	p.stop()
	p = h.start(slices.Concat([]string{"up"}, free)...)
	p.await("started")
	poll.Until(t, 20*time.Second, "the refusal of the folder", func() (any, bool) {
		out := h.ok("get", "components", "-o", "json")
		return out, strings.Contains(out, "lattice.yaml:10: folder "+filepath.Join(app, "data")) && strings.Contains(out, "--allow-dir")
	})
	p.kill()
	p = h.start(slices.Concat([]string{"up", "--allow-dir", app}, free)...)
	p.await("ready")
	if out := h.ok("call", "words", "wasi:cli/run.run()"); !strings.HasPrefix(out, "ok") {
		t.Errorf("with --allow-dir: %q", out)
	}
	p.stop()
}

// TestManifestLimits lets components run into limits of their manifest.
func TestManifestLimits(t *testing.T) {
	h := newHome(t)
	url := hello(t)
	app := application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties:
        image: %s
        latticework: {grants: {net: ["allow=127.0.0.1"]}, limits: {headers: 1}}
    - name: handles
      type: component
      properties:
        image: %s
        latticework: {limits: {handles: 1}}
`, absolute(t, "fetch/fetch.wasm"), absolute(t, "command-rust/command.wasm"))+webPart)
	p := h.start(slices.Concat([]string{"up", app, "--http-listen", "127.0.0.1:0"}, free)...)
	web := p.await("ready").HTTP
	resp, err := http.Get(web + "/?" + url)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "HttpResponseHeaderSectionSize\n" {
		t.Errorf("a response with three fields where one is allowed: %d %q", resp.StatusCode, body)
	}
	if r := h.run("call", "handles", "wasi:cli/run.run()"); r.status != errcode.Exhausted.ExitStatus() || !strings.Contains(r.stderr, "2 > 1") {
		t.Errorf("two handles where one is allowed: status %d, %s", r.status, r.stderr)
	}
	p.stop()
}

// TestHTTPClientProvider sends requests over a link, which is led to another
// client with other rules.
func TestHTTPClientProvider(t *testing.T) {
	h := newHome(t)
	url := hello(t)
	part := `    - name: fetch
      type: component
      properties: {image: %s}
      traits:
        - type: link
          properties: {target: {name: %s, config: [{name: rules, properties: {allow: "http:127.0.0.1"}}]}, namespace: wasi, package: http, interfaces: [outgoing-handler]}
    - name: out
      type: capability
      properties: {image: "lattice://http-client"}
    - name: nowhere
      type: capability
      properties: {image: "lattice://http-client"}
`
	app := application(t, fmt.Sprintf(part, absolute(t, "fetch/fetch.wasm"), "out")+webPart)
	p := h.start(slices.Concat([]string{"up", app, "--http-listen", "127.0.0.1:0"}, free)...)
	web := p.await("ready").HTTP
	ask := func() string {
		resp, err := http.Get(web + "/?" + url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	if body := ask(); body != "hello" {
		t.Errorf("over the link: %q", body)
	}
	h.ok("config", "put", "none", "allow=api.example")
	h.ok("link", "swap", "fetch", "wasi:http", "--to", "nowhere", "--config", "none")
	if body := ask(); body != "DestinationIpProhibited\n" {
		t.Errorf("after the swap to a client with other rules: %q", body)
	}
	h.ok("config", "put", "wrong", "allow=10.0.0.0/99")
	h.refused(errcode.Invalid, []string{"10.0.0.0/99"}, "link", "swap", "fetch", "wasi:http", "--to", "out", "--config", "wrong")
	h.ok("link", "delete", "fetch", "wasi:http")
	if body := ask(); body != "DestinationIpProhibited\n" {
		t.Errorf("without the link and a grant: %q", body)
	}
	p.stop()
}

// TestRequestsBetweenComponents links outgoing-handler to a component, on the
// same host and then on another one.
func TestRequestsBetweenComponents(t *testing.T) {
	first, second := newHome(t), newHome(t)
	p := first.start(slices.Concat([]string{"up", "--name", "alpha", "--label", "where=a"}, free)...)
	q := second.start("host", "--join", p.await("ready").NATS, "--name", "beta", "--label", "where=b")
	q.await("ready")
	deploy := func(where string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		app := application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties: {image: %s}
      traits:
        - {type: spreadscaler, properties: {instances: 10, spread: [{name: a, requirements: {where: a}}]}}
        - {type: link, properties: {target: peer, namespace: wasi, package: http, interfaces: [outgoing-handler]}}
    - name: peer
      type: component
      properties: {image: %s}
      traits:
        - {type: spreadscaler, properties: {instances: 10, spread: [{name: x, requirements: {where: %s}}]}}
    - name: web
      type: capability
      properties: {image: "lattice://http-server"}
      traits:
        - {type: spreadscaler, properties: {instances: 1, spread: [{name: a, requirements: {where: a}}]}}
        - {type: link, properties: {target: fetch, namespace: wasi, package: http, interfaces: [incoming-handler]}}
`, absolute(t, "fetch/fetch.wasm"), absolute(t, "hello-rust/hello.wasm"), where))
		first.ok("deploy", app, "--http-listen", address)
		return "http://" + address
	}
	large := strings.Repeat("0123456789abcdef", 8<<10) // 128 KiB, through one message as well
	for _, where := range []string{"a", "b"} {
		web := deploy(where)
		if body := get(t, web+"/?http://anything.at.all/you"); body != "Hello from Rust, /you\n" {
			t.Errorf("peer on %s: %q", where, body)
		}
		resp, err := http.Post(web+"/?http://peer/echo", "text/plain", strings.NewReader(large))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(body) != large {
			t.Errorf("peer on %s: %d bytes come back (%v), want %d", where, len(body), err, len(large))
		}
		if body := get(t, web+"/?https://peer/headers"); strings.Contains(strings.ToLower(body), "user-agent") {
			t.Errorf("peer on %s sees fields that nobody set: %q", where, body)
		}
	}
	q.stop()
	p.stop()
}

// TestHTTPClientIsLocal runs a component on a host that its HTTP client was
// not placed on.
func TestHTTPClientIsLocal(t *testing.T) {
	url := hello(t)
	first, second := newHome(t), newHome(t)
	p := first.start(slices.Concat([]string{"up", "--name", "alpha", "--label", "where=a"}, free)...)
	nats := p.await("ready").NATS
	q := second.start("host", "--join", nats, "--name", "beta", "--label", "where=b")
	q.await("ready")
	app := application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties:
        image: %s
        latticework: {grants: {arg: [%q]}}
      traits:
        - {type: spreadscaler, properties: {instances: 1, spread: [{name: b, requirements: {where: b}}]}}
        - {type: link, properties: {target: {name: out, config: [{name: rules, properties: {allow: "127.0.0.1"}}]}, namespace: wasi, package: http, interfaces: [outgoing-handler]}}
    - name: out
      type: capability
      properties: {image: "lattice://http-client"}
      traits:
        - {type: spreadscaler, properties: {instances: 1, spread: [{name: a, requirements: {where: a}}]}}
`, absolute(t, "fetch/fetch.wasm"), url))
	first.ok("deploy", app)
	if out := first.ok("call", "fetch", "wasi:cli/run.run()"); !strings.HasPrefix(out, "ok") || !strings.Contains(q.log(), "200 5 "+url) {
		t.Errorf("answer %q, log of the component's host\n%s", out, q.log())
	}
	q.stop()
	p.stop()
}
