package filesystem

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/streams"
)

// BenchmarkReadFile reads a file of 16 MiB in blocks of 64 KiB through a
// stream, each block copied once more as into a guest, and reports the ratio
// to os.File in the same run.
func BenchmarkReadFile(b *testing.B) {
	const size = 16 << 20
	dir := b.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := Open(Config{Preopens: []Preopen{{HostDir: dir, GuestPath: "/"}}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	list, _ := s.GetDirectories(ctx)
	root := list[0].F0
	defer root.Drop(ctx)
	guest := make([]byte, streams.BufferSize)
	b.SetBytes(size)
	var direct, through time.Duration
	for b.Loop() {
		start := time.Now()
		readDirect(b, path, guest)
		middle := time.Now()
		readThrough(ctx, b, root, guest)
		direct, through = direct+middle.Sub(start), through+time.Since(middle)
	}
	b.ReportMetric(float64(direct)/float64(through), "of-os.File")
}

func readDirect(b *testing.B, path string, buf []byte) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Read(buf); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func readThrough(ctx context.Context, b *testing.B, root wasifs.Descriptor, buf []byte) {
	f, err := root.OpenAt(ctx, 0, "file", 0, read)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Drop(ctx)
	in, err := f.ReadViaStream(ctx, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Drop(ctx)
	for {
		got, err := in.BlockingRead(ctx, uint64(len(buf)))
		if err != nil {
			return
		}
		copy(buf, got)
	}
}
