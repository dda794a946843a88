package providertest_test

import (
	"context"
	"testing"
	"time"

	"latticework/internal/benchreport"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvfile"
	"latticework/providers/keyvalue/kvmemory"
)

// BenchmarkKeyvalue measures the embedded technologies through a session.
func BenchmarkKeyvalue(b *testing.B) {
	for name, make := range map[string]func(providers.Setup) (providers.Provider, error){
		"memory": kvmemory.Technology().New, "file": kvfile.Technology().New,
	} {
		b.Run(name, func(b *testing.B) {
			p, err := make(providers.Setup{Name: "store", DataFolder: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			p = providers.Guard(p)
			defer p.Close(context.Background())
			if err := p.Open(b.Context()); err != nil {
				b.Fatal(err)
			}
			s, err := p.Link(b.Context(), providers.Link{Source: "a", Target: "store"})
			if err != nil {
				b.Fatal(err)
			}
			own, _ := providers.As[*keyvalue.Session](s)
			keys, err := own.Backend().Open(b.Context(), "b")
			if err != nil {
				b.Fatal(err)
			}
			if err := keys.Set(b.Context(), "k", []byte("0123456789012345")); err != nil {
				b.Fatal(err)
			}
			measure := func(what string, f func() error) {
				b.Run(what, func(b *testing.B) {
					b.ReportAllocs()
					start := time.Now()
					for b.Loop() {
						if err := f(); err != nil {
							b.Fatal(err)
						}
					}
					each := time.Since(start).Seconds() / float64(b.N)
					benchreport.Record(b, benchreport.Figure{Name: "keyvalue_" + name + "_" + what, Value: each * 1e9, Unit: "ns"})
				})
			}
			ctx := context.Background()
			measure("get", func() error { _, err := keys.Get(ctx, "k"); return err })
			measure("set", func() error { return keys.Set(ctx, "k", []byte("0123456789012345")) })
			measure("increment", func() error { _, err := keys.Increment(ctx, "n", 1); return err })
		})
	}
}
