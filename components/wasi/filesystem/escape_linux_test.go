package filesystem

import (
	"os"
	"path/filepath"
	"testing"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// TestProcessFolder grants the folder that the kernel keeps of this process:
// its links lead to other places without naming them, and must not be taken.
func TestProcessFolder(t *testing.T) {
	d := grant(t, "/proc/self", true)
	ctx := t.Context()
	for _, path := range []string{"root", "root/etc/passwd", "cwd", "cwd/escape_linux_test.go", "exe", "fd/0", "fd/1", "task/../root/etc", "ns/net"} {
		for _, flags := range []wasifs.PathFlags{0, follow} {
			f, err := d.OpenAt(ctx, flags, path, 0, read)
			if err == nil {
				f.Drop(ctx)
				t.Errorf("open %s with flags %d: ok", path, flags)
			}
		}
	}
	f := open(t, d, "status", 0, read)
	if _, err := f.Read(ctx, 10, 0); err != nil {
		t.Errorf("read what the folder itself holds: %s", code(err))
	}
}

// TestDevices grants a folder of devices, whose links lead out of it.
func TestDevices(t *testing.T) {
	d := grant(t, "/dev", true)
	ctx := t.Context()
	zero := open(t, d, "zero", 0, read)
	if typ, _ := zero.GetType(ctx); typ != wasifs.DescriptorTypeCharacterDevice {
		t.Errorf("type %s", typ)
	}
	_, err := d.OpenAt(ctx, 0, "null", 0, write)
	wantCode(t, "open a device of a read-only grant to write", err, "read-only")
	for _, path := range []string{"fd/0", "stdin", "fd", "../etc/passwd", "shm/../../etc/passwd"} {
		_, err := d.OpenAt(ctx, follow, path, 0, read)
		wantNot(t, "open "+path, err, "ok")
	}
	in, err := zero.ReadViaStream(ctx, 0)
	if err != nil {
		return // a device without a position has no stream at an offset
	}
	defer in.Drop(ctx)
	if b, err := in.BlockingRead(ctx, 1<<30); err == nil && len(b) > 1<<20 {
		t.Errorf("one read of an endless device took %d bytes", len(b))
	}
}

// TestHardLinks: a name that the host made for a file is the file, but no guest
// makes one for what lies outside.
func TestHardLinks(t *testing.T) {
	granted, secret := world(t)
	if err := os.Link(filepath.Join(secret, "file"), filepath.Join(granted, "shared")); err != nil {
		t.Fatal(err)
	}
	ro := grant(t, granted, true)
	shared := open(t, ro, "shared", 0, read)
	if got, err := shared.Read(t.Context(), 100, 0); err != nil || string(got.F0) != "secret" {
		t.Errorf("what the host linked: %q, %s", got.F0, code(err))
	}
	rw := grant(t, granted, false)
	for _, from := range []string{"../secret/file", "up/file", "abs/file", "proc/etc/passwd", "twice/file"} {
		wantCode(t, "link "+from, rw.LinkAt(t.Context(), 0, from, rw, "mine"), "not-permitted")
	}
	for _, to := range []string{"../secret/new", "up/new", "abs/new", "twice/new"} {
		wantCode(t, "link to "+to, rw.LinkAt(t.Context(), 0, "file", rw, to), "not-permitted")
	}
	if entries, _ := os.ReadDir(secret); len(entries) != 2 {
		t.Errorf("the secret folder holds %v", entries)
	}
}
