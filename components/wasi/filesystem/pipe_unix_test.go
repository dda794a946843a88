//go:build unix

package filesystem

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

func TestPipeDoesNotBlockTheHost(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	d := grant(t, dir, false)
	ctx := t.Context()
	_, err := d.OpenAt(ctx, 0, "pipe", 0, write)
	wantCode(t, "open a pipe that nobody reads", err, "no-such-device")
	r := open(t, d, "pipe", 0, read)
	if typ, _ := r.GetType(ctx); typ != wasifs.DescriptorTypeFifo {
		t.Errorf("type %s", typ)
	}
	_, err = r.Read(ctx, 1, 0)
	wantCode(t, "read at an offset", err, "invalid-seek")
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.ReadViaStream(ctx, 0)
	if err != nil {
		t.Fatal(code(err))
	}
	p, _ := in.Subscribe(ctx)
	if ready, _ := p.Ready(ctx); ready {
		t.Error("an empty pipe is ready")
	}
	if _, err := w.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	if b, err := in.Read(ctx, 10); string(b) != "hello" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if b, err := in.Read(ctx, 10); len(b) != 0 || err != nil {
		t.Errorf("read %q, %v from an empty pipe", b, err)
	}
	in.Drop(ctx) // interrupts the read that was just started
	_ = w.Close()
}
