//go:build linux || darwin

package sockets

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"latticework/components/wasi/streams"
	"latticework/internal/benchreport"
)

// throughput is how much one round carries, in pieces of which size.
const (
	throughputTotal = 256 << 20
	throughputPiece = 64 << 10
)

// zeros is a stream of so many bytes, in pieces.
type zeros struct{ left int }

func (z *zeros) Read(_ context.Context, b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), z.left, throughputPiece)
	z.left -= n
	return n, nil
}

func (*zeros) Close() {}

// BenchmarkThroughput3 sends through the streams of two sockets of WASI 0.3,
// and beside it through two connections of net, in pieces of 64 KiB.
func BenchmarkThroughput3(b *testing.B) {
	ctx := b.Context()
	s := New3(New(Config{Policy: rules(b, everything...)}), streams.NewGroup())
	defer s.group.Close()
	var ours, raw time.Duration
	b.SetBytes(2 * throughputTotal)
	for b.Loop() {
		start := time.Now()
		streamThroughput(ctx, b, s)
		ours += time.Since(start)
		start = time.Now()
		rawThroughput(b)
		raw += time.Since(start)
	}
	gigabytes := func(d time.Duration) float64 {
		return float64(b.N) * throughputTotal / 1e9 / d.Seconds()
	}
	b.ReportMetric(gigabytes(ours), "GB/s-streams")
	b.ReportMetric(gigabytes(raw), "GB/s-net")
	benchreport.Record(b, benchreport.Figure{Name: "tcp_streams_per_raw_net", Value: gigabytes(ours) / gigabytes(raw), Unit: "x"})
}

func streamThroughput(ctx context.Context, b *testing.B, s *System3) {
	client, server := connected3(ctx, b, s, "127.0.0.1:0")
	defer client.Drop(ctx)
	defer server.Drop(ctx)
	sent := send3(b, client, &zeros{throughputTotal})
	in, _ := receive3(b, server)
	defer in.Close()
	buf := make([]byte, throughputPiece)
	got := 0
	for {
		n, err := in.Read(ctx, buf)
		if got += n; err != nil {
			break
		}
	}
	if got != throughputTotal || outcome3(ctx, sent) != "ok" {
		b.Fatalf("%d bytes, want %d", got, throughputTotal)
	}
}

func rawThroughput(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, throughputPiece)
		for left := throughputTotal; left > 0 && err == nil; left -= len(buf) {
			_, err = client.Write(buf)
		}
		done <- client.Close()
	}()
	buf := make([]byte, throughputPiece)
	got := 0
	for {
		n, err := server.Read(buf)
		if got += n; err != nil {
			break
		}
	}
	if err := <-done; got != throughputTotal || err != nil {
		b.Fatalf("%d bytes, want %d; %v", got, throughputTotal, err)
	}
}
