package perf

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/refdata"
)

// Guests that are made and not kept: on StarlingMonkey and on CPython.
const (
	starlingMonkey = "fetch-js"
	cPython        = "values-py"
)

func component(b *testing.B, name string) []byte {
	b.Helper()
	if name != starlingMonkey && name != cPython {
		return guest(b, name)
	}
	code, err := os.ReadFile(refdata.Built(b, name))
	if err != nil {
		b.Fatal(err)
	}
	return code
}

// template links a component with all that guests import, for use as isolated
// per request.
func template(b *testing.B, e *components.Engine, name string) *components.Template {
	b.Helper()
	c, err := e.Compile(context.Background(), component(b, name))
	if err != nil {
		b.Fatal(err)
	}
	s, err := wasi.Open(wasi.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	all := append(append(s.Interfaces(), given(b)...), logger(), wasihttp.Interfaces(nil)[1])
	t, err := c.Link(components.LinkConfig{Interfaces: all, ReuseInitialized: true})
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// BenchmarkInstantiate gives the time from a template to an instance where none
// is kept, and where one is set back.
func BenchmarkInstantiate(b *testing.B) {
	goals := map[string]float64{"c-http": 15, "rust-http": 30, "rust-cmd": 100, "go-http-counter": 300, "js-kv-qjs": 300, starlingMonkey: 1000, cPython: 1000}
	for _, name := range []string{"c-http", "rust-http", "rust-cmd", "go-http-counter", "js-kv-qjs", starlingMonkey, cPython} {
		b.Run(name, func(b *testing.B) {
			t := template(b, newEngine(b, components.EngineConfig{}), name)
			ctx := context.Background()
			acquire := func() *components.Instance {
				in, err := t.Acquire(ctx)
				if err != nil {
					b.Fatal(err)
				}
				return in
			}
			first := acquire()
			defer first.Release(ctx)
			var held []*components.Instance
			for b.Loop() {
				if held != nil {
					continue // instances would be kept from the first round
				}
				var each []float64
				allocations := testing.AllocsPerRun(100, func() {
					start := time.Now()
					in := acquire()
					each = append(each, float64(time.Since(start).Nanoseconds())/1e3)
					held = append(held, in)
				})
				recordGoal(b, "instantiate-"+name, median(each), "us", "<=", goals[name])
				record(b, "instantiate-"+name+"-allocations", allocations, "allocs")
			}
			for _, in := range held {
				in.Release(ctx)
			}
		})
	}
}

// BenchmarkReset gives the time from the end of a request to the next instance
// in its initial state, which is made of the one that served it.
func BenchmarkReset(b *testing.B) {
	goals := map[string]float64{"rust-http": 6}
	for _, name := range []string{"c-http", "rust-http", "go-http-counter", starlingMonkey} {
		b.Run(name, func(b *testing.B) {
			t := template(b, newEngine(b, components.EngineConfig{}), name)
			exp, err := contract.ResolveIncomingHandler(t)
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			in, err := t.Acquire(ctx)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { in.Release(ctx) }()
			for b.Loop() {
				var each, whole []float64
				for range 200 {
					begin := time.Now()
					err := wasihttp.Serve(ctx, in, exp, httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
					if err != nil {
						b.Fatal(err)
					}
					end := time.Now()
					in.Release(ctx)
					if in, err = t.Acquire(ctx); err != nil {
						b.Fatal(err)
					}
					each = append(each, float64(time.Since(end).Nanoseconds())/1e3)
					whole = append(whole, float64(time.Since(begin).Nanoseconds())/1e3)
				}
				if goal, ok := goals[name]; ok {
					recordGoal(b, "reset-"+name, median(each), "us", "<=", goal)
				} else {
					record(b, "reset-"+name, median(each), "us")
				}
				record(b, "request-and-reset-"+name, median(whole), "us")
			}
		})
	}
}
