package preview1

import (
	"os"
	"path/filepath"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/wit/value"
)

const block = 64 << 10

// BenchmarkReadFile reads a file in blocks of 64 KiB: by a guest and, for
// comparison in the same run, by os.File.
func BenchmarkReadFile(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, make([]byte, 16*block), 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("guest", func(b *testing.B) {
		g := open(b, wasi.Config{Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/"}}}, components.Limits{})
		fd := g.open(0, "f", 0, 0, rightFdRead)
		g.vector(atVector, block, block) // the second page of memory
		b.SetBytes(block)
		i := uint64(0)
		for b.Loop() {
			g.want(0, "fd_pread", fd, atVector, 1, i%16*block, atResult)
			i++
		}
	})
	b.Run("os", func(b *testing.B) {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		buf := make([]byte, block)
		b.SetBytes(block)
		i := int64(0)
		for b.Loop() {
			if n, err := f.ReadAt(buf, i%16*block); n != block {
				b.Fatal(err)
			}
			i++
		}
	})
}

// BenchmarkCall calls a function with two numbers.
func BenchmarkCall(b *testing.B) {
	g := open(b, wasi.Config{}, components.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.in.Call(b.Context(), "add", value.S32(1), value.S64(2)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen makes and ends an instance.
func BenchmarkOpen(b *testing.B) {
	m := compile(b, everything(), components.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		in, err := m.Open(b.Context(), wasi.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if err := in.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
