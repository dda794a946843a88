package perf

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/components"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/refdata"
)

// services3 are guests of WASI 0.3 that answer with a hello.
var services3 = []struct{ name, dir, file string }{
	{"p3-http-qjs", "guests/wasm", "p3-http-qjs"},
	{"p3-http-rust", "conformance/wasi/wasip3/rust", "http-service"},
}

// BenchmarkRequest3 gives the time and the allocations of a hello through a
// guest of WASI 0.3 and the next instance in its initial state: made anew, and
// set back. BenchmarkReset has the same of guests of WASI 0.2.
func BenchmarkRequest3(b *testing.B) {
	for _, g := range services3 {
		b.Run(g.name, func(b *testing.B) {
			one := func(noReset bool) func() {
				t, exp := handler3(b, g.dir, g.file, noReset)
				ctx := context.Background()
				return func() {
					in, err := t.Acquire(ctx)
					if err != nil {
						b.Fatal(err)
					}
					if err = wasihttp3.Serve(ctx, in, exp, httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), nil); err == nil {
						err = in.Drive(ctx, nil)
					}
					if err != nil {
						b.Fatal(err)
					}
					in.Release(ctx)
				}
			}
			anew, back := one(true), one(false)
			for b.Loop() {
				fresh, reset := requests(anew), requests(back)
				record(b, "request-anew-"+g.name, fresh.us, "us")
				record(b, "request-anew-"+g.name+"-allocations", fresh.allocations, "allocs")
				record(b, "request-and-reset-"+g.name, reset.us, "us")
				recordGoal(b, "request-and-reset-"+g.name+"-allocations", reset.allocations, "allocs", "<=", 120)
			}
		})
	}
}

// BenchmarkHTTPHello3 is [BenchmarkHTTPHello] through a guest of WASI 0.3.
func BenchmarkHTTPHello3(b *testing.B) {
	raw := server(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("hey\n"))
	}))
	g := services3[1]
	for _, how := range []struct {
		name    string
		noReset bool
	}{{"reset", false}, {"fresh", true}} {
		t, exp := handler3(b, g.dir, g.file, how.noReset)
		url := server(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			in, err := t.Acquire(r.Context())
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			defer in.Release(context.Background())
			if err = wasihttp3.Serve(r.Context(), in, exp, w, r, nil); err == nil {
				err = in.Drive(r.Context(), nil)
			}
			if err != nil {
				b.Error(err)
			}
		}))
		for _, conns := range []int{8, 64} {
			b.Run(fmt.Sprintf("%s/%d", how.name, conns), func(b *testing.B) {
				for b.Loop() {
					c, r, x := ratio(
						func() float64 { return load(b, url, conns, 400*time.Millisecond) },
						func() float64 { return load(b, raw, conns, 400*time.Millisecond) })
					name := fmt.Sprintf("%s-%d-connections", how.name, conns)
					record(b, "http3-hello-"+name, 1e9/c, "req/s")
					record(b, "http3-hello-raw-beside-"+name, 1e9/r, "req/s")
					record(b, "http3-hello-over-raw-"+name, 1/x, "x")
				}
			})
		}
	}
}

// handler3 links a component that serves requests and reaches nothing.
func handler3(b *testing.B, dir, file string, noReset bool) (*components.Template, *contract.HandlerExports) {
	b.Helper()
	code, err := os.ReadFile(filepath.Join(refdata.Dir(b, dir), file+".wasm"))
	if err != nil {
		b.Fatal(err)
	}
	c, given := compile(b, newEngine(b, components.EngineConfig{}), code, wasihttp3.Interfaces(nil)...)
	t, err := c.Link(components.LinkConfig{Interfaces: given, NoReset: noReset})
	if err != nil {
		b.Fatal(err)
	}
	exp, err := contract.ResolveHandler(t)
	if err != nil {
		b.Fatal(err)
	}
	return t, exp
}

type cost struct{ us, allocations float64 }

// requests gives what a request costs: the median time of many, and their
// allocations on average.
func requests(one func()) cost {
	var each []float64
	allocations := testing.AllocsPerRun(500, func() {
		start := time.Now()
		one()
		each = append(each, float64(time.Since(start).Nanoseconds())/1e3)
	})
	return cost{median(each), allocations}
}
