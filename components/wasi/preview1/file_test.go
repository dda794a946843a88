package preview1

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
)

func hostFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	hostFile(t, dir, "f", "content")
	g := open(t, wasi.Config{Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/", ReadOnly: true}}}, components.Limits{})
	fd := g.open(0, "f", 0, 0, rightFdRead)
	if got := g.read(0, fd, 100); got != "content" {
		t.Errorf("read %q", got)
	}
	g.write(errBadf, fd, "x")
	g.want(errRofs, "fd_filestat_set_times", fd, 0, 0, setAccessNow)
	g.open(errRofs, "f", 0, 0, readWrite)
	g.open(errRofs, "f", openTruncate, 0, rightFdRead)
	g.open(errRofs, "new", openCreate, 0, rightFdRead)
	g.one(errRofs, "path_unlink_file", "f")
	g.one(errRofs, "path_create_directory", "d")
	g.put(atPath2, "g")
	g.want(errRofs, "path_rename", 3, atPath, 1, 3, atPath2, 1)
	if b := readFile(t, filepath.Join(dir, "f")); string(b) != "content" {
		t.Errorf("the file holds %q", b)
	}
}

func TestNoWayOut(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	hostFile(t, outside, "secret", "secret")
	for name, target := range map[string]string{
		"abs": outside, "file": filepath.Join(outside, "secret"), "up": "../" + filepath.Base(outside), "proc": "/proc/self/root",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	g := folder(t, dir)
	for _, path := range []string{"..", "../x", "a/../../x", "/etc/passwd", "abs/secret", "file", "up/secret", "proc/etc/passwd"} {
		g.put(atPath, path)
		for _, how := range []uint64{0, openCreate, openCreate | openTruncate} {
			e, err := g.try("path_open", 3, 1, atPath, uint64(len(path)), how, uint64(rightFdRead), 0, 0, atResult)
			if err != nil || e != errPerm && e != errNoent {
				t.Errorf("open %q as %d: errno %s, %v", path, how, errnoNames[e], err)
			}
		}
	}
	g.put(atPath, "/etc")
	g.put(atPath2, "link")
	g.want(errPerm, "path_symlink", atPath, 4, 3, atPath2, 4)
	g.put(atPath, "abs")
	g.want(errPerm, "path_readlink", 3, atPath, 3, atBuffer, 100, atResult)
	g.one(errPerm, "path_unlink_file", "../"+filepath.Base(outside)+"/secret")
	g.one(errIlseq, "path_unlink_file", "\xff")
	g.one(errInval, "path_unlink_file", "a\x00b")
	g.one(errNametoolong, "path_create_directory", strings.Repeat("a/", 2100))
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside holds %v, %v", entries, err)
	}
}

func TestAppend(t *testing.T) {
	dir := t.TempDir()
	hostFile(t, dir, "f", "0123")
	g := folder(t, dir)
	fd := g.open(0, "f", 0, flagAppend, readWrite)
	g.write(0, fd, "45")
	g.want(0, "fd_tell", fd, atResult)
	if at := g.u64(atResult); at != 6 {
		t.Errorf("the offset is %d after appending, want 6", at)
	}
	g.want(0, "fd_seek", fd, 0, seekStart, atResult)
	g.write(0, fd, "67")
	g.want(0, "fd_fdstat_set_flags", fd, 0)
	g.want(0, "fd_seek", fd, 0, seekStart, atResult)
	g.write(0, fd, "X")
	g.want(errNotsup, "fd_fdstat_set_flags", fd, flagSync)
	g.want(errInval, "fd_fdstat_set_flags", fd, allFlags+1)
	if b := readFile(t, filepath.Join(dir, "f")); string(b) != "X1234567" {
		t.Errorf("the file holds %q", b)
	}
}

func TestSeek(t *testing.T) {
	dir := t.TempDir()
	hostFile(t, dir, "f", "0123456789")
	g := folder(t, dir)
	fd := g.open(0, "f", 0, 0, rightFdRead)
	minus := func(n int64) uint64 { return uint64(-n) }
	g.want(0, "fd_seek", fd, minus(3), seekEnd, atResult)
	if got := g.read(0, fd, 100); got != "789" {
		t.Errorf("read %q", got)
	}
	g.want(errInval, "fd_seek", fd, minus(11), seekEnd, atResult)
	g.want(errInval, "fd_seek", fd, 1<<63-1, seekCurrent, atResult)
	g.want(errInval, "fd_seek", fd, 0, 3, atResult)
	g.want(0, "fd_tell", fd, atResult)
	if at := g.u64(atResult); at != 10 {
		t.Errorf("the offset is %d after seeks that failed, want 10", at)
	}
	g.want(errSpipe, "fd_seek", 1, 0, seekStart, atResult)
	g.want(errBadf, "fd_seek", 3, 0, seekStart, atResult)
}

func TestNumbers(t *testing.T) {
	dir := t.TempDir()
	hostFile(t, dir, "f", "f")
	hostFile(t, dir, "g", "g")
	g := open(t, wasi.Config{
		Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/"}}, MaxOpenFiles: 3,
	}, components.Limits{})
	f := g.open(0, "f", 0, 0, rightFdRead)
	if f != 4 {
		t.Errorf("the first descriptor is %d, want 4", f)
	}
	second := g.open(0, "g", 0, 0, rightFdRead)
	g.want(errBadf, "fd_renumber", f, 100)
	g.want(errBadf, "fd_renumber", 100, f)
	g.want(0, "fd_renumber", second, f)
	if got := g.read(0, f, 10); got != "g" {
		t.Errorf("after renumber descriptor %d gives %q, want g", f, got)
	}
	g.want(errBadf, "fd_close", second)
	g.want(0, "fd_renumber", f, f)
	for range 2 {
		g.open(0, "f", 0, 0, rightFdRead)
	}
	g.open(errNomem, "f", 0, 0, rightFdRead)
	g.want(0, "fd_close", f)
	if again := g.open(0, "f", 0, 0, rightFdRead); again != f {
		t.Errorf("the lowest free number is %d, want %d", again, f)
	}
}

// entries parses what fd_readdir stored.
func entries(b []byte) (names []string, next uint64) {
	for len(b) >= direntSize {
		n := int(binary.LittleEndian.Uint32(b[16:]))
		if len(b) < direntSize+n {
			break
		}
		next = binary.LittleEndian.Uint64(b)
		names = append(names, string(b[direntSize:direntSize+n]))
		b = b[direntSize+n:]
	}
	return names, next
}

func TestReaddir(t *testing.T) {
	dir := t.TempDir()
	want := []string{".", ".."}
	for i := range 30 {
		name := fmt.Sprintf("file-%d", i)
		hostFile(t, dir, name, "")
		want = append(want, name)
	}
	slices.Sort(want)
	g := folder(t, dir)
	readdir := func(size int, cookie uint64) ([]string, uint64, bool) {
		t.Helper()
		g.want(0, "fd_readdir", 3, atBuffer, uint64(size), cookie, atResult)
		used := int(g.u32(atResult))
		names, next := entries(g.get(atBuffer, used))
		return names, next, used < size
	}
	for _, size := range []int{32, 33, 64, 100, 4000} {
		var all []string
		for cookie, done := uint64(0), false; !done; {
			var names []string
			var next uint64
			names, next, done = readdir(size, cookie)
			if len(names) > 0 {
				cookie = next
			} else if !done {
				t.Fatalf("no entry fits into %d bytes", size)
			}
			all = append(all, names...)
		}
		slices.Sort(all)
		if !slices.Equal(all, want) {
			t.Errorf("with %d bytes: %v, want %v", size, all, want)
		}
	}
	first, next, _ := readdir(200, 0)
	second, _, _ := readdir(200, next)
	if again, _, _ := readdir(200, next); !slices.Equal(again, second) || slices.Equal(first, second) {
		t.Errorf("from cookie %d: %v and then %v", next, second, again)
	}
	if names, _, done := readdir(200, 1<<63); len(names) != 0 || !done {
		t.Errorf("behind the end: %v, %v", names, done)
	}
	g.want(errNotdir, "fd_readdir", 1, atBuffer, 100, 0, atResult)
}
