package perf

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/refdata"
)

// BenchmarkRequest3 gives the time and the allocations of a hello through a
// guest of WASI 0.3 and the next instance in its initial state: made anew, and
// set back. BenchmarkReset has the same of guests of WASI 0.2.
func BenchmarkRequest3(b *testing.B) {
	for _, g := range []struct{ name, dir, file string }{
		{"p3-http-qjs", "guests/wasm", "p3-http-qjs"},
		{"p3-http-rust", "conformance/wasi/wasip3/rust", "http-service"},
	} {
		b.Run(g.name, func(b *testing.B) {
			code, err := os.ReadFile(filepath.Join(refdata.Dir(b, g.dir), g.file+".wasm"))
			if err != nil {
				b.Fatal(err)
			}
			t, exp := handler3(b, code)
			ctx := context.Background()
			acquire := func() *components.Instance {
				in, err := t.Acquire(ctx)
				if err != nil {
					b.Fatal(err)
				}
				return in
			}
			serve := func(in *components.Instance) {
				err := wasihttp3.Serve(ctx, in, exp, httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), nil)
				if err == nil {
					err = in.Drive(ctx, nil)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			var held []*components.Instance
			for b.Loop() {
				if held != nil {
					continue // instances would be kept from the first round
				}
				anew := requests(100, func() {
					in := acquire()
					serve(in)
					held = append(held, in) // none is kept to be set back
				})
				for _, in := range held {
					in.Release(ctx)
				}
				back := requests(500, func() {
					in := acquire()
					serve(in)
					in.Release(ctx)
				})
				record(b, "request-anew-"+g.name, anew.us, "us")
				record(b, "request-anew-"+g.name+"-allocations", anew.allocations, "allocs")
				record(b, "request-and-reset-"+g.name, back.us, "us")
				recordGoal(b, "request-and-reset-"+g.name+"-allocations", back.allocations, "allocs", "<=", 120)
			}
		})
	}
}

// handler3 links a component that serves requests and reaches nothing.
func handler3(b *testing.B, code []byte) (*components.Template, *contract.HandlerExports) {
	b.Helper()
	c, err := newEngine(b, components.EngineConfig{}).Compile(context.Background(), code)
	if err != nil {
		b.Fatal(err)
	}
	s, err := wasi.Open(wasi.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	t, err := c.Link(components.LinkConfig{Interfaces: append(s.Interfaces(), wasihttp3.Interfaces(nil)...)})
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

// requests gives what a request costs: the median time of n, and their
// allocations on average.
func requests(n int, one func()) cost {
	var each []float64
	allocations := testing.AllocsPerRun(n, func() {
		start := time.Now()
		one()
		each = append(each, float64(time.Since(start).Nanoseconds())/1e3)
	})
	return cost{median(each), allocations}
}
