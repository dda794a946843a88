package perf

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/wit/value"
)

// BenchmarkFileRead compares a component that reads a file in pieces of 64 KiB,
// by offset and through a stream, with os.File.
func BenchmarkFileRead(b *testing.B) {
	const size, piece = 64 << 20, 64 << 10
	folder := b.TempDir()
	path := filepath.Join(folder, "data")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := wasi.Open(wasi.Config{Preopens: []wasi.Preopen{{HostDir: folder, GuestPath: "/"}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	c, err := newEngine(b, components.EngineConfig{}).Compile(b.Context(), bulkGuest)
	if err != nil {
		b.Fatal(err)
	}
	t, err := c.Link(components.LinkConfig{Interfaces: append(s.Interfaces(), given(b)...)})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	in, err := t.Acquire(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Release(ctx)
	guest := func(function string) func() float64 {
		return func() float64 {
			start := time.Now()
			n, err := in.Call(ctx, "latticework:perf/bulk@0.1.0", function, value.String("data"))
			if err != nil || n != value.U64(size) {
				b.Fatal(n, err)
			}
			return float64(time.Since(start).Nanoseconds())
		}
	}
	buf := make([]byte, piece)
	file := func() float64 {
		start := time.Now()
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for n := 0; ; {
			k, err := f.Read(buf)
			n += k
			if err == io.EOF && n == size {
				return float64(time.Since(start).Nanoseconds())
			}
			if err != nil {
				b.Fatal(n, err)
			}
		}
	}
	for b.Loop() {
		for _, function := range []string{"read-file", "stream-file"} {
			g, f, x := ratio(guest(function), file)
			record(b, function+"-64-KiB", size/g*1e3, "MB/s")
			record(b, function+"-64-KiB-os.File", size/f*1e3, "MB/s")
			recordGoal(b, function+"-64-KiB-over-os.File", 1/x, "x", ">=", 0.5)
		}
	}
}
