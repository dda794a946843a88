package main

import (
	"fmt"
	"io"
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
