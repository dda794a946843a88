package perf

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/preview1"
	"latticework/internal/refdata"
	"latticework/wit/value"
)

// copies is how many times a guest is compiled for a figure, with the counters
// and without: where code comes to lie in memory makes some percents of
// difference.
const copies = 9

// BenchmarkFuel compares guests with and without the counters by which they
// yield.
func BenchmarkFuel(b *testing.B) {
	ctx := context.Background()
	b.Run("c-loop", func(b *testing.B) {
		fuel(b, "fuel-tight-c-loop", func(e *components.Engine) func() {
			in := acquire(b, e, perfGuest)
			return func() {
				if _, err := in.Call(ctx, loops, "spin", value.U64(4_000_000)); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("javascript", func(b *testing.B) {
		list := make(value.List, 2000)
		for i := range list {
			list[i] = value.String(strings.Repeat(string(rune('a'+i*7%26)), 1+i%9))
		}
		code := guest(b, "js-pure-qjs")
		fuel(b, "fuel-javascript-sort", func(e *components.Engine) func() {
			in := acquire(b, e, code)
			return func() {
				for range 3 {
					if _, err := in.Call(ctx, "demo:pure/shapes@0.1.0", "sort-strings", list); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	})
	b.Run("starling", func(b *testing.B) {
		code, err := os.ReadFile(refdata.Built(b, "values-ts"))
		if err != nil {
			b.Fatal(err)
		}
		lists := make(value.List, 20)
		for i := range lists {
			list := make(value.List, 100)
			for k := range list {
				list[k] = value.U32(k)
			}
			lists[i] = list
		}
		fuel(b, "fuel-javascript-starling-lists", func(e *components.Engine) func() {
			in := acquire(b, e, code)
			return func() {
				if _, err := in.Call(ctx, "test:values-ts/values@0.1.0", "flatten", lists); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("go", func(b *testing.B) {
		code := goGuest(b)
		work := func(e *components.Engine) func() {
			m, err := preview1.Compile(ctx, e, code, components.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = m.Close(ctx) })
			in, err := m.Open(ctx, wasi.Config{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = in.Close(ctx) })
			return func() {
				if got, err := in.Call(ctx, "work", value.S32(500)); err != nil || got[0] == value.S32(-1) {
					b.Fatal(got, err)
				}
			}
		}
		b.Run("wazero", func(b *testing.B) {
			fuelOver(b, "fuel-go-json-sort-hash-over-wazero", work, func() func() { return plainWork(b, code) })
		})
		b.Run("rewritten", func(b *testing.B) { fuel(b, "fuel-go-json-sort-hash", work) })
	})
}

// plainWork returns what calls the Go guest's work under wazero alone, of the
// guest's code as it is.
func plainWork(b *testing.B, code []byte) func() {
	b.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	b.Cleanup(func() { _ = rt.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, rt)
	m, err := rt.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		b.Fatal(err)
	}
	fn := m.ExportedFunction("work")
	return func() {
		if got, err := fn.Call(ctx, 500); err != nil || int32(got[0]) == -1 {
			b.Fatal(got, err)
		}
	}
}

func acquire(b *testing.B, e *components.Engine, code []byte) *components.Instance {
	b.Helper()
	in, err := link(b, e, code, store(b)...).Acquire(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Release(context.Background()) })
	return in
}

// fuel records by how many percents a guest is slower with counters than
// without, both rewritten.
func fuel(b *testing.B, name string, prepare func(*components.Engine) func()) {
	b.Helper()
	fuelOver(b, name, prepare, func() func() { return prepare(newEngine(b, components.EngineConfig{NoFuel: true})) })
}

// fuelOver records by how many percents what prepare returns, of a guest with
// counters, is slower than what plain does: the median over copies of each, of
// the fastest of many calls in turn, which nothing else on the machine held up.
func fuelOver(b *testing.B, name string, prepare func(*components.Engine) func(), plain func() func()) {
	b.Helper()
	type pair struct{ with, without func() }
	pairs := make([]pair, copies)
	for i := range pairs {
		pairs[i].with = prepare(newEngine(b, components.EngineConfig{}))
		pairs[i].without = plain()
	}
	const calls = 100
	for b.Loop() {
		var with, without []float64
		for _, p := range pairs {
			var a, o []float64
			for range calls {
				a, o = append(a, each(1, p.with)), append(o, each(1, p.without))
			}
			with, without = append(with, slices.Min(a)), append(without, slices.Min(o))
		}
		recordGoal(b, name, (median(with)/median(without)-1)*100, "%", "<=", 4)
	}
}

// goGuest is testdata/goguest by the Go compiler, for WASI 0.1.
func goGuest(b *testing.B) []byte {
	b.Helper()
	out := filepath.Join(b.TempDir(), "guest.wasm")
	build := exec.CommandContext(b.Context(), "go", "build", "-buildmode=c-shared", "-o", out, "main.go")
	build.Dir = "testdata/goguest"
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		b.Fatal(err)
	}
	return code
}
