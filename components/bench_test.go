package components_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi/bindings/wasicli"
	"latticework/components/wasi/bindings/wasiclocks"
	"latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/bindings/wasirandom"
	"latticework/components/wasi/bindings/wasisockets"
	"latticework/internal/refdata"
	"latticework/providers/config/rc1"
	"latticework/providers/keyvalue"
	"latticework/providers/logging"
	"latticework/wit/abi"
)

// declared describes every interface that the guests import; nothing serves
// them.
func declared() []*abi.Interface {
	return []*abi.Interface{
		wasicli.BindEnvironment(nil), wasicli.BindExit(nil), wasicli.BindStdin(nil), wasicli.BindStdout(nil), wasicli.BindStderr(nil),
		wasicli.BindTerminalInput(nil), wasicli.BindTerminalOutput(nil), wasicli.BindTerminalStdin(nil), wasicli.BindTerminalStdout(nil), wasicli.BindTerminalStderr(nil),
		wasiclocks.BindMonotonicClock(nil), wasiclocks.BindWallClock(nil),
		wasifilesystem.BindTypes(nil), wasifilesystem.BindPreopens(nil),
		wasihttp.BindTypes(nil),
		wasiio.BindError(nil), wasiio.BindPoll(nil), wasiio.BindStreams(nil),
		wasirandom.BindRandom(nil), wasirandom.BindInsecure(nil), wasirandom.BindInsecureSeed(nil),
		wasisockets.BindNetwork(nil), wasisockets.BindInstanceNetwork(nil), wasisockets.BindTcp(nil), wasisockets.BindTcpCreateSocket(nil),
		wasisockets.BindUdp(nil), wasisockets.BindUdpCreateSocket(nil), wasisockets.BindIpNameLookup(nil),
		keyvalue.BindStore(nil), keyvalue.BindAtomics(nil), keyvalue.BindBatch(nil), rc1.BindStore(nil), logging.BindLogging(nil),
	}
}

// BenchmarkCall measures a call with scalars: from the host, the same with a
// limit of time, and from one component to another.
func BenchmarkCall(b *testing.B) {
	for _, bench := range []struct {
		name, wasm, export string
		limits             components.Limits
	}{
		{"host", "values__numerics__0002__L69", "i-to-b", components.Limits{}},
		{"timed", "values__numerics__0002__L69", "i-to-b", components.Limits{Time: time.Minute}},
		{"fused", "values__numerics__0000__L6", "run", components.Limits{}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			tmpl := linkSuite(b, components.EngineConfig{}, components.LinkConfig{Limits: bench.limits}, bench.wasm)
			in, err := tmpl.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer in.Release(b.Context())
			f, err := tmpl.Export("", bench.export)
			if err != nil {
				b.Fatal(err)
			}
			nothing := func(*abi.Call) error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				if err := in.Invoke(b.Context(), f, nothing, nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// linkSuite links a component of the reference suite that has no imports.
func linkSuite(t testing.TB, cfg components.EngineConfig, link components.LinkConfig, id string) *components.Template {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "conformance/component-model"), "generated", id+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(link)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// BenchmarkAsyncCall measures a call of an async function that calls an async
// import which answers at once.
func BenchmarkAsyncCall(b *testing.B) {
	tmpl := relayHost{work: func(_ context.Context, c *abi.Call) (abi.Work, error) {
		c.PutU32(c.Result, c.U32(c.Params))
		return nil, nil
	}}.template(b, components.Limits{})
	in, err := tmpl.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer in.Release(b.Context())
	f, err := tmpl.Export("", "call")
	if err != nil {
		b.Fatal(err)
	}
	nothing := func(*abi.Call) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if err := in.Invoke(b.Context(), f, nothing, nothing); err != nil {
			b.Fatal(err)
		}
	}
}
