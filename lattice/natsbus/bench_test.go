package natsbus

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"latticework/lattice"
)

// BenchmarkAcrossHosts compares an invocation between two connections with a
// raw NATS request of the same payload, in turns, and reports the ratio.
func BenchmarkAcrossHosts(b *testing.B) {
	s := start(b, "127.0.0.1:0")
	const subject, raw = lattice.Subjects("bench"), "raw"
	host := lattice.NewHostID()
	callee, caller := connect(b, Config{URLs: []string{s.URL()}}), connect(b, Config{URLs: []string{s.URL()}})
	if _, err := lattice.ServeInvocations(callee, subject, host, 0, func(_ context.Context, _ lattice.Invocation, params []byte) ([]byte, error) {
		return params, nil
	}); err != nil {
		b.Fatal(err)
	}
	rawCallee, rawCaller := rawConnect(b, s), rawConnect(b, s)
	if _, err := rawCallee.Subscribe(raw, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		b.Fatal(err)
	}
	if err := rawCallee.Flush(); err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{16, 4096} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			params := make([]byte, size)
			inv := lattice.Invocation{ID: lattice.NewInvocationID(), Source: "counter", Target: "store-redis", LinkName: "default",
				Interface: "wasi:keyvalue/store@0.2.0-draft", Func: "[method]bucket.get", Generation: 1234}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			var ours, theirs time.Duration
			b.ReportAllocs()
			for b.Loop() {
				begin := time.Now()
				if _, err := lattice.Invoke(ctx, caller, subject, host, inv, params); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if _, err := rawCaller.RequestWithContext(ctx, raw, params); err != nil {
					b.Fatal(err)
				}
				ours, theirs = ours+middle.Sub(begin), theirs+time.Since(middle)
			}
			n := time.Duration(b.N)
			b.ReportMetric(float64((ours/n).Nanoseconds())/1e3, "µs/invocation")
			b.ReportMetric(float64((theirs/n).Nanoseconds())/1e3, "µs/raw")
			b.ReportMetric(float64(ours)/float64(theirs), "ratio")
		})
	}
}

func rawConnect(b *testing.B, s *Server) *nats.Conn {
	nc, err := nats.Connect(s.URL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}
