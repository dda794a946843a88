package perf

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/refdata"
	"latticework/providers"
	"latticework/providers/config"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/wit/abi"
	"latticework/wit/value"
)

//go:embed guest/perf.wasm
var perfGuest []byte

const loops = "latticework:perf/loops@0.1.0"

func guest(b *testing.B, name string) []byte {
	b.Helper()
	code, err := os.ReadFile(filepath.Join(refdata.Dir(b, "guests/wasm"), name+".wasm"))
	if err != nil {
		b.Fatal(err)
	}
	return code
}

// store opens a key-value session in memory with one key.
func store(b *testing.B) []*abi.Interface {
	b.Helper()
	ctx := context.Background()
	p, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		b.Fatal(err)
	}
	g := providers.Guard(p)
	if err := g.Open(ctx); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = g.Close(ctx) })
	s, err := g.Link(ctx, providers.Link{Source: "perf", Name: "default", Target: "store"})
	if err != nil {
		b.Fatal(err)
	}
	return s.Interfaces()
}

// given are all interfaces that a guest may import beside WASI's own.
func given(b *testing.B) []*abi.Interface {
	out := append(store(b), config.NewValues(nil).Interfaces()...)
	return append(out, contract.BindTypes(&wasihttp.Types{}))
}

// BenchmarkCall gives the time of a call into a running instance.
func BenchmarkCall(b *testing.B) {
	t := link(b, newEngine(b, components.EngineConfig{}), perfGuest, store(b)...)
	ctx := context.Background()
	in, err := t.Acquire(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Release(ctx)
	add, err := t.Export(loops, "add")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("scalars", func(b *testing.B) {
		b.ReportAllocs()
		var sum uint32
		lower := func(c *abi.Call) error { c.PutU32(c.Params, 2); c.PutU32(c.Params[4:], 3); return nil }
		lift := func(c *abi.Call) error { sum = c.U32(c.Result); return nil }
		for b.Loop() {
			if err := in.Invoke(ctx, add, lower, lift); err != nil || sum != 5 {
				b.Fatal(err, sum)
			}
		}
		recordGoal(b, "call-scalars", float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns", "<=", 100)
	})
	echo, err := t.Export(loops, "echo")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("echo", func(b *testing.B) {
		b.ReportAllocs()
		text, got := strings.Repeat("x", 32), ""
		lower := func(c *abi.Call) error { c.PutString(c.Params, text); return nil }
		lift := func(c *abi.Call) error { got = c.String(c.Result); return nil }
		for b.Loop() {
			if err := in.Invoke(ctx, echo, lower, lift); err != nil || got != text {
				b.Fatal(err, got)
			}
		}
		recordGoal(b, "call-echo-32-bytes", float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns", "<=", 300)
	})
}

// BenchmarkKeyvalueInProcess compares a get from a guest to a provider in the
// same process with a direct Go call of the same provider.
func BenchmarkKeyvalueInProcess(b *testing.B) {
	ctx := context.Background()
	ifaces := store(b)
	t := link(b, newEngine(b, components.EngineConfig{}), perfGuest, ifaces...)
	in, err := t.Acquire(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Release(ctx)
	bucket := direct(b)
	const n = 20_000
	fromGuest := func() float64 {
		start := time.Now()
		if _, err := in.Call(ctx, loops, "gets", value.U32(n)); err != nil {
			b.Fatal(err)
		}
		return float64(time.Since(start).Nanoseconds()) / n
	}
	fromGo := func() float64 {
		return each(n, func() {
			if _, err := bucket.Get(ctx, "k"); err != nil {
				b.Fatal(err)
			}
		})
	}
	for b.Loop() {
		g, d, r := ratio(fromGuest, fromGo)
		record(b, "keyvalue-get-guest-in-process", g, "ns")
		record(b, "keyvalue-get-direct-go-call", d, "ns")
		record(b, "keyvalue-get-in-process-over-direct", r, "x")
	}
}

// direct opens a bucket as a Go program would.
func direct(b *testing.B) keyvalue.Keys {
	b.Helper()
	ctx := context.Background()
	p, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		b.Fatal(err)
	}
	g := providers.Guard(p)
	if err := g.Open(ctx); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = g.Close(ctx) })
	s, err := g.Link(ctx, providers.Link{Source: "perf", Name: "default", Target: "store"})
	if err != nil {
		b.Fatal(err)
	}
	st, ok := providers.As[*keyvalue.Session](s)
	if !ok {
		b.Fatal("the session is no store")
	}
	bucket, err := st.Backend().Open(ctx, "perf")
	if err != nil {
		b.Fatal(err)
	}
	return bucket
}
