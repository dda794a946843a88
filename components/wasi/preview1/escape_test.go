package preview1

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestSwappedFolder has somebody swap a folder for a link that leads out while
// a guest opens files through it: whatever it reads, it is not the secret.
func TestSwappedFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	hostFile(t, outside, "file", "secret")
	if err := os.Mkdir(filepath.Join(dir, "swap"), 0o755); err != nil {
		t.Fatal(err)
	}
	hostFile(t, dir, "swap/file", "mine")
	if err := os.Symlink("../"+filepath.Base(outside), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	g := folder(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		at := func(name string) string { return filepath.Join(dir, name) }
		for ctx.Err() == nil {
			for _, step := range [][2]string{{"swap", "kept"}, {"link", "swap"}, {"swap", "link"}, {"kept", "swap"}} {
				if err := os.Rename(at(step[0]), at(step[1])); err != nil {
					t.Error(err)
					return
				}
				runtime.Gosched()
			}
		}
	})
	const path = "swap/file"
	g.put(atPath, path)
	seen := map[string]int{}
	for ctx.Err() == nil {
		for _, lookup := range []uint64{0, 1} { // without and with following the last part
			e, err := g.try("path_open", 3, lookup, atPath, uint64(len(path)), 0, uint64(rightFdRead), 0, 0, atResult)
			if err != nil {
				t.Fatal(err)
			}
			seen[errnoNames[e]]++
			if e != 0 {
				continue
			}
			fd := uint64(g.u32(atResult))
			if got := g.read(0, fd, 100); got != "mine" {
				t.Errorf("read %q", got)
			}
			g.want(0, "fd_close", fd)
		}
	}
	wg.Wait()
	t.Logf("answers: %v", seen)
	if len(seen) < 2 {
		t.Errorf("the guest met no swap: %v", seen)
	}
}

// TestHardLinksOut: no name is made for what lies outside, nor outside.
func TestHardLinksOut(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	hostFile(t, outside, "file", "secret")
	hostFile(t, dir, "file", "mine")
	up := "../" + filepath.Base(outside)
	if err := os.Symlink(up, filepath.Join(dir, "up")); err != nil {
		t.Fatal(err)
	}
	g := folder(t, dir)
	link := func(from, to string) {
		t.Helper()
		g.put(atPath, from)
		g.put(atPath2, to)
		g.want(errPerm, "path_link", 3, 0, atPath, uint64(len(from)), 3, atPath2, uint64(len(to)))
		g.want(errPerm, "path_rename", 3, atPath, uint64(len(from)), 3, atPath2, uint64(len(to)))
	}
	for _, from := range []string{up + "/file", "up/file", "/etc/passwd", filepath.Join(outside, "file")} {
		link(from, "new")
	}
	for _, to := range []string{up + "/new", "up/new", "/tmp/new"} {
		link("file", to)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside holds %v, %v", entries, err)
	}
}
