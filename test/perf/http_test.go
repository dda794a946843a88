package perf

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"latticework/components"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
)

//go:embed guest/bulk.wasm
var bulkGuest []byte

// handler serves HTTP by instances that acquire gives and release takes back.
func handler(b *testing.B, exp *contract.IncomingHandlerExports, acquire func(context.Context) (*components.Instance, error), release func(*components.Instance)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := acquire(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer release(in)
		if err := wasihttp.Serve(r.Context(), in, exp, w, r); err != nil {
			b.Error(err)
		}
	})
}

// served serves t with an instance in its initial state for each request.
func served(b *testing.B, t *components.Template) string {
	b.Helper()
	exp, err := contract.ResolveIncomingHandler(t)
	if err != nil {
		b.Fatal(err)
	}
	return server(b, handler(b, exp, t.Acquire, func(in *components.Instance) { in.Release(context.Background()) }))
}

// reused serves t with instances that go from request to request as they are.
func reused(b *testing.B, t *components.Template) string {
	b.Helper()
	exp, err := contract.ResolveIncomingHandler(t)
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var free []*components.Instance
	b.Cleanup(func() {
		for _, in := range free {
			in.Release(context.Background())
		}
	})
	acquire := func(ctx context.Context) (*components.Instance, error) {
		mu.Lock()
		defer mu.Unlock()
		if n := len(free); n > 0 {
			in := free[n-1]
			free = free[:n-1]
			return in, nil
		}
		return t.Acquire(ctx)
	}
	return server(b, handler(b, exp, acquire, func(in *components.Instance) {
		mu.Lock()
		defer mu.Unlock()
		free = append(free, in)
	}))
}

// BenchmarkHTTPHello compares a hello through a component with net/http alone:
// through instances that are set back after each request, that are made for
// each request, and that are used as they are.
func BenchmarkHTTPHello(b *testing.B) {
	c, given := compile(b, newEngine(b, components.EngineConfig{}), guest(b, "rust-http"), given(b)...)
	tmpl := func(noReset bool) *components.Template {
		t, err := c.Link(components.LinkConfig{Interfaces: given, NoReset: noReset})
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	raw := server(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("Hello from Go, " + r.URL.Path + "\n"))
	}))
	for _, how := range []struct {
		name, url string
		goal      float64
	}{
		{"reset", served(b, tmpl(false)), 0.5},
		{"fresh", served(b, tmpl(true)), 0.25},
		{"reuse", reused(b, tmpl(false)), 0.75},
	} {
		for _, conns := range []int{8, 64} {
			b.Run(fmt.Sprintf("%s/%d", how.name, conns), func(b *testing.B) {
				for b.Loop() {
					c, r, x := ratio(
						func() float64 { return load(b, how.url, conns, 400*time.Millisecond) },
						func() float64 { return load(b, raw, conns, 400*time.Millisecond) })
					name := fmt.Sprintf("%s-%d-connections", how.name, conns)
					record(b, "http-hello-"+name, 1e9/c, "req/s")
					record(b, "http-hello-raw-beside-"+name, 1e9/r, "req/s")
					recordGoal(b, "http-hello-over-raw-"+name, 1/x, "x", ">=", how.goal)
				}
			})
		}
	}
}

// BenchmarkHTTPBodies gives how fast bodies of 1 MiB go through a guest, to
// clients on two connections that keep asking, and the same with net/http alone.
func BenchmarkHTTPBodies(b *testing.B) {
	const size, perRound = 1 << 20, 200
	body := make([]byte, size)
	component := served(b, link(b, newEngine(b, components.EngineConfig{}), bulkGuest, given(b)...))
	raw := server(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			n, _ := io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, strconv.FormatInt(n, 10))
			return
		}
		for at := 0; at < size; at += 64 << 10 {
			_, _ = w.Write(body[at : at+64<<10])
		}
	}))
	tr := &http.Transport{MaxConnsPerHost: 2, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	move := func(r *http.Request, want int64) error {
		res, err := client.Do(r)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil || res.StatusCode != http.StatusOK || n != want {
			return fmt.Errorf("status %d, %d bytes, want %d; %w", res.StatusCode, n, want, err)
		}
		return nil
	}
	round := func(request func() *http.Request, want int64) func() float64 {
		return func() float64 {
			start := time.Now()
			var work sync.WaitGroup
			for range 2 {
				work.Go(func() {
					for range perRound / 2 {
						if err := move(request(), want); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			work.Wait()
			return float64(time.Since(start).Nanoseconds()) / perRound
		}
	}
	get := func(url string) func() float64 {
		return round(func() *http.Request {
			r, _ := http.NewRequest(http.MethodGet, url, nil)
			return r
		}, size)
	}
	post := func(url string) func() float64 {
		return round(func() *http.Request {
			r, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
			return r
		}, int64(len(strconv.Itoa(size))))
	}
	for b.Loop() {
		for name, sides := range map[string][2]func() float64{
			"request":  {post(component), post(raw)},
			"response": {get(component + "1"), get(raw)},
		} {
			c, r, x := ratio(sides[0], sides[1])
			recordGoal(b, "http-"+name+"-bodies-of-1-MiB", size/c*1e3, "MB/s", ">=", 500)
			record(b, "http-"+name+"-bodies-of-1-MiB-raw", size/r*1e3, "MB/s")
			record(b, "http-"+name+"-bodies-of-1-MiB-over-raw", 1/x, "x")
		}
	}
}
