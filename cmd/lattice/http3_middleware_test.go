package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// TestHTTP3Middleware has a component of WASI 0.3 that imports the handler that
// it exports stand before another, of 0.2, on the same host and on another one.
func TestHTTP3Middleware(t *testing.T) {
	notRaced(t)
	guest := refdata.Built(t, "middleware-py")
	first, second := newHome(t), newHome(t)
	p := first.start(slices.Concat([]string{"up", "--name", "alpha", "--label", "where=a"}, free)...)
	q := second.start("host", "--join", p.await("ready").NATS, "--name", "beta", "--label", "where=b")
	q.await("ready")
	const onA = "        - {type: spreadscaler, properties: {instances: 4, spread: [{name: a, requirements: {where: a}}]}}\n"
	middleware := fmt.Sprintf("    - name: fetch\n      type: component\n      properties: {image: %s}\n      traits:\n", guest) + onA
	web := strings.Replace(webPart, "      traits:\n", "      traits:\n"+strings.Replace(onA, "instances: 4", "instances: 1", 1), 1)
	first.refused(errcode.Invalid, []string{"wasi:http/handler@0.3.0", "nor linked"}, "deploy", application(t, middleware+web))
	for _, where := range []string{"a", "b"} {
		address := freeAddress(t)
		app := application(t, middleware+
			"        - {type: link, properties: {target: peer, namespace: wasi, package: http, interfaces: [handler]}}\n"+
			fmt.Sprintf("    - name: peer\n      type: component\n      properties: {image: %s}\n      traits:\n", absolute(t, "hello-rust/hello.wasm"))+
			strings.Replace(onA, "where: a", "where: "+where, 1)+web)
		first.ok("deploy", app, "--http-listen", address)
		url := "http://" + address
		c := browser(t, nil, http1)
		large := strings.Repeat("a body, ", 20_000)
		if resp, body := ask(t, c, "POST", url+"/echo", strings.NewReader(large)); resp.StatusCode != http.StatusOK || body != large {
			t.Errorf("peer on %s: echo: %d, %d bytes, want %d", where, resp.StatusCode, len(body), len(large))
		}
		if _, body := ask(t, c, "GET", url+"/headers", nil, "X-Own", "1"); !strings.Contains(body, "x-through: python\n") || !strings.Contains(body, "x-own: 1\n") {
			t.Errorf("peer on %s: the handler behind got\n%s", where, body)
		}
		if resp, body := ask(t, c, "GET", url+"/denied", nil); resp.StatusCode != http.StatusForbidden || body != "" {
			t.Errorf("peer on %s: /denied: %d %q", where, resp.StatusCode, body)
		}
	}
	q.stop()
	p.stop()
}
