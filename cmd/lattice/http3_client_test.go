package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/internal/refdata"
)

// client3 is a component of WASI 0.3 that posts to /echo of a server when it is
// asked, and traps unless the body comes back.
func client3(t *testing.T, server string, traits ...string) string {
	t.Helper()
	guest := filepath.Join(refdata.Dir(t, "conformance/wasi/wasip3/rust"), "http-client.wasm")
	return fmt.Sprintf(`    - name: fetch
      type: component
      properties:
        image: %s
        latticework: {grants: {env: ["HTTP_SERVER_MAIN=%s"]}}
      traits:
        - {type: spreadscaler, properties: {instances: 10, spread: [{name: a, requirements: {where: a}}]}}
%s`, guest, server, strings.Join(traits, ""))
}

const clientLink = "        - {type: link, properties: {target: %s, namespace: wasi, package: http, interfaces: [client]}}\n"

// status returns that of a GET.
func status(t *testing.T, url string) int {
	t.Helper()
	resp, _ := ask(t, browser(t, nil, http1), "GET", url, nil)
	return resp.StatusCode
}

// TestHTTP3ClientProvider sends requests of WASI 0.3 over a link, which is led
// to another client with other rules while one is under way.
func TestHTTP3ClientProvider(t *testing.T) {
	held, release := make(chan struct{}, 1), make(chan struct{})
	hold := make(chan bool, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body[:len(body)/2])
		select {
		case <-hold:
			_ = http.NewResponseController(w).Flush() // the response has begun, and has not ended
			held <- struct{}{}
			<-release
		default:
		}
		_, _ = w.Write(body[len(body)/2:])
	}))
	defer srv.Close()
	h := newHome(t)
	app := application(t, client3(t, strings.TrimPrefix(srv.URL, "http://"), fmt.Sprintf(clientLink, "{name: out, config: [{name: rules, properties: {allow: \"http:127.0.0.1\"}}]}"))+`    - name: out
      type: capability
      properties: {image: "lattice://http-client"}
    - name: nowhere
      type: capability
      properties: {image: "lattice://http-client"}
`+webPart)
	p := h.start(slices.Concat([]string{"up", app, "--http-listen", "127.0.0.1:0", "--label", "where=a"}, free)...)
	web := p.await("ready").HTTP
	if n := status(t, web); n != 200 {
		t.Fatalf("over the link: %d", n)
	}
	hold <- true
	answered := make(chan int, 1)
	go func() { // ends with the request
		resp, err := http.Get(web)
		if err != nil {
			answered <- 0
			return
		}
		_ = resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-held
	h.ok("config", "put", "none", "allow=api.example")
	h.ok("link", "swap", "fetch", "wasi:http", "--to", "nowhere", "--config", "none", "--drain", "20s", "--wait=false")
	poll.Until(t, 20*time.Second, "the other client", func() (any, bool) { n := status(t, web); return n, n == 500 })
	close(release)
	if n := <-answered; n != 200 {
		t.Errorf("the request that was under way: %d", n)
	}
	h.ok("link", "delete", "fetch", "wasi:http")
	if n := status(t, web); n != 500 {
		t.Errorf("without the link and a grant: %d, want 500", n)
	}
	h.refused(errcode.Unsupported, []string{"does not serve wasi:http/types"}, "link", "put", "fetch", "wasi:http/types", "--to", "out")
	p.stop()
}

// TestHTTP3RequestsBetweenComponents links client to a component, on the same
// host and then on another one.
func TestHTTP3RequestsBetweenComponents(t *testing.T) {
	first, second := newHome(t), newHome(t)
	p := first.start(slices.Concat([]string{"up", "--name", "alpha", "--label", "where=a"}, free)...)
	q := second.start("host", "--join", p.await("ready").NATS, "--name", "beta", "--label", "where=b")
	q.await("ready")
	for _, where := range []string{"a", "b"} {
		address := freeAddress(t)
		app := application(t, client3(t, "anything.at.all", fmt.Sprintf(clientLink, "peer"))+fmt.Sprintf(`    - name: peer
      type: component
      properties: {image: %s}
      traits:
        - {type: spreadscaler, properties: {instances: 10, spread: [{name: x, requirements: {where: %s}}]}}
`, absolute(t, "hello-rust/hello.wasm"), where)+strings.Replace(webPart, "      traits:\n", "      traits:\n        - {type: spreadscaler, properties: {instances: 1, spread: [{name: a, requirements: {where: a}}]}}\n", 1))
		first.ok("deploy", app, "--http-listen", address)
		if n := status(t, "http://"+address); n != 200 {
			t.Errorf("peer on %s: %d", where, n)
		}
	}
	q.stop()
	p.stop()
}
