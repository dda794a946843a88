package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/testservices"
)

// TestSwapToRedis swaps the store of a serving counter, and is refused where
// Redis refuses.
func TestSwapToRedis(t *testing.T) {
	redis := testservices.Redis(t, testservices.RedisOptions{Password: "open-sesame"})
	text, err := os.ReadFile(example("counter/with-redis.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(example("counter/counter.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	manifest := strings.ReplaceAll(string(text), "redis://127.0.0.1:6379/0", redis.URL())
	for name, data := range map[string]string{"lattice.yaml": manifest, "counter.wasm": string(image)} {
		if err := os.WriteFile(folder+"/"+name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := newHome(t)
	p := h.start(append([]string{"up", folder, "--http-listen", "127.0.0.1:0"}, free...)...)
	url := p.await("ready").HTTP + "/s"
	want := func(n int) {
		t.Helper()
		if got := count(t, url); got != n {
			t.Errorf("count %d, want %d", got, n)
		}
	}
	target := func() (l struct {
		Target     string
		Generation uint64
	}) {
		t.Helper()
		h.json(&l, "link", "get", "counter", "wasi:keyvalue")
		return l
	}
	want(1)
	want(2)
	out := h.ok("link", "swap", "counter", "wasi:keyvalue", "--to", "store-redis", "--wait")
	if !strings.Contains(out, "leads to store-redis") || !strings.Contains(out, "drained") {
		t.Errorf("swap says %q", out)
	}
	want(1) // another store
	h.ok("link", "swap", "counter", "wasi:keyvalue", "--to", "store")
	want(3)

	before := target()
	wrong := strings.Replace(redis.URL(), "open-sesame", "wrong", 1)
	h.ok("config", "put", "wrong-redis", "url="+wrong)
	h.refused(errcode.Denied, []string{"WRONGPASS"}, "link", "swap", "counter", "wasi:keyvalue", "--to", "store-redis", "--config", "wrong-redis")
	h.ok("config", "put", "absent-redis", "url=redis://127.0.0.1:1/0")
	h.refused(errcode.Unavailable, []string{"127.0.0.1:1"}, "link", "swap", "counter", "wasi:keyvalue", "--to", "store-redis", "--config", "absent-redis")
	h.refused(errcode.NotFound, []string{"store-rediss"}, "link", "swap", "counter", "wasi:keyvalue", "--to", "store-rediss")
	h.refused(errcode.NotFound, []string{"wasi:keyvalu"}, "link", "swap", "counter", "wasi:keyvalu", "--to", "store-redis")
	if after := target(); after != before {
		t.Errorf("a refused swap changed the link from %+v to %+v", before, after)
	}
	want(4)
	p.stop()
}

// TestSwapUnderLoad swaps back and forth while clients count without a pause:
// no request fails, and both stores together counted each request once.
func TestSwapUnderLoad(t *testing.T) {
	image, err := filepath.Abs(example("counter/counter.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	text := one(strings.ReplaceAll(keyvalueLink, "%", "store, atomics")) +
		"      traits:\n        - type: link\n          properties: {target: guest, namespace: wasi, package: http, interfaces: [incoming-handler]}\n" +
		"    - name: other\n      type: capability\n      properties: {image: \"lattice://keyvalue-memory\"}\n"
	h := newHome(t)
	p := h.start(append([]string{"up", manifestFile(t, text, image), "--http-listen", "127.0.0.1:0"}, free...)...)
	url := p.await("ready").HTTP + "/l"
	const clients, swaps = 4, 20
	var answered, failed atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := client.Get(url)
				if err != nil {
					failed.Add(1)
					continue
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				answered.Add(1)
			}
		})
	}
	for i := range swaps {
		h.ok("link", "swap", "guest", "wasi:keyvalue", "--to", []string{"other", "store"}[i%2])
	}
	close(stop)
	group.Wait()
	first := count(t, url) // of store
	h.ok("link", "swap", "guest", "wasi:keyvalue", "--to", "other")
	second := count(t, url)
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed", n, answered.Load())
	}
	if sum := int64(first - 1 + second - 1); sum != answered.Load() || first < 2 || second < 2 {
		t.Errorf("%d + %d were counted, %d answered", first-1, second-1, answered.Load())
	}
	t.Logf("%d requests over %d swaps", answered.Load(), swaps)
	p.stop()
}
