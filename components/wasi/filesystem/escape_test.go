package filesystem

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// world makes a granted folder beside a secret one and returns both.
func world(t *testing.T) (granted, secret string) {
	t.Helper()
	base := t.TempDir()
	granted, secret = filepath.Join(base, "granted"), filepath.Join(base, "secret")
	tree(t, base, [2]string{"granted/sub/deep/"}, [2]string{"secret/folder/"})
	tree(t, secret, [2]string{"file", "secret"}, [2]string{"folder/file", "secret"})
	tree(t, granted,
		[2]string{"file", "mine"},
		[2]string{"sub/file", "mine too"},
		[2]string{"up", "->../secret"},
		[2]string{"upfile", "->../secret/file"},
		[2]string{"abs", "->" + secret},
		[2]string{"absfile", "->" + filepath.Join(secret, "file")},
		[2]string{"twice", "->sub/chain"},
		[2]string{"sub/chain", "->../up"},
		[2]string{"fresh", "->../secret/fresh"},
		[2]string{"proc", "->/proc/self/root"},
		[2]string{"out", "->.."},
	)
	return granted, secret
}

// outside are paths that lead out of the granted folder.
func outside(secret string) []string {
	return []string{
		"..", "../", "../secret", "../secret/file", "sub/../../secret/file", "./../secret/file",
		"sub/deep/../../../secret/file", "/", "/etc/passwd", "//etc", filepath.Join(secret, "file"),
		"up/file", "upfile/", "abs/file", "twice/file", "out/secret/file", "out/granted/file", "proc/etc",
		"up/", "up/.", "up/..", "up/../granted/file", "sub/chain/file", "out/..", "up/folder/file", "abs/",
	}
}

func TestPathsOutAreRefused(t *testing.T) {
	granted, secret := world(t)
	d := grant(t, granted, false)
	ctx := t.Context()
	stamp := wasifs.NewTimestampNow()
	for _, path := range outside(secret) {
		for _, flags := range []wasifs.PathFlags{0, follow} {
			opened, err := d.OpenAt(ctx, flags, path, 0, read)
			if err == nil {
				opened.Drop(ctx)
			}
			wantCode(t, "open "+path, err, "not-permitted")
			_, err = d.StatAt(ctx, flags, path)
			wantCode(t, "stat "+path, err, "not-permitted")
			_, err = d.MetadataHashAt(ctx, flags, path)
			wantCode(t, "hash "+path, err, "not-permitted")
			wantCode(t, "set-times "+path, d.SetTimesAt(ctx, flags, path, stamp, stamp), "not-permitted")
		}
		_, err := d.OpenAt(ctx, follow, path, create, write)
		wantCode(t, "create "+path, err, "not-permitted")
		refuseChanges(t, d, path)
	}
	if got := hostFile(t, secret, "file"); got != "secret" {
		t.Errorf("the secret file holds %q", got)
	}
	if entries, _ := os.ReadDir(secret); len(entries) != 2 {
		t.Errorf("the secret folder holds %v", entries)
	}
}

// refuseChanges tries whatever takes the last part of a path as it is. Such a
// path may end in a link that leads out, which is then itself the object: only
// what is done to the other side of it must fail.
func refuseChanges(t *testing.T, d wasifs.Descriptor, path string) {
	t.Helper()
	ctx := t.Context()
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "up" || trimmed == "abs" || trimmed == "upfile" {
		wantNot(t, "remove "+path, d.RemoveDirectoryAt(ctx, path), "ok")
		return
	}
	for what, err := range map[string]error{
		"mkdir":       d.CreateDirectoryAt(ctx, path),
		"rmdir":       d.RemoveDirectoryAt(ctx, path),
		"unlink":      d.UnlinkFileAt(ctx, path),
		"symlink":     d.SymlinkAt(ctx, "file", path),
		"rename from": d.RenameAt(ctx, path, d, "stolen"),
		"rename to":   d.RenameAt(ctx, "file", d, path),
		"link from":   d.LinkAt(ctx, 0, path, d, "stolen"),
		"link to":     d.LinkAt(ctx, 0, "file", d, path),
	} {
		wantCode(t, what+" "+path, err, "not-permitted")
	}
	_, err := d.ReadlinkAt(ctx, path)
	wantCode(t, "readlink "+path, err, "not-permitted")
}

func wantNot(t *testing.T, what string, err error, unwanted string) {
	t.Helper()
	if got := code(err); got == unwanted {
		t.Errorf("%s: %s", what, got)
	}
}

func TestLinksOutAreNotFollowed(t *testing.T) {
	granted, secret := world(t)
	d := grant(t, granted, false)
	ctx := t.Context()
	for _, link := range []string{"upfile", "absfile", "up", "abs", "twice", "fresh", "proc", "out"} {
		_, err := d.OpenAt(ctx, follow, link, 0, read)
		wantCode(t, "open "+link, err, "not-permitted")
		_, err = d.OpenAt(ctx, follow, link, create, write)
		wantCode(t, "create "+link, err, "not-permitted")
		_, err = d.OpenAt(ctx, follow, link, trunc, write)
		wantCode(t, "truncate "+link, err, "not-permitted")
		_, err = d.StatAt(ctx, follow, link)
		wantCode(t, "stat "+link, err, "not-permitted")
		wantCode(t, "set-times "+link, d.SetTimesAt(ctx, follow, link, wasifs.NewTimestampNow(), wasifs.NewTimestampNow()), "not-permitted")
		_, err = d.OpenAt(ctx, 0, link, 0, read)
		wantCode(t, "open without following "+link, err, "loop")
		_, err = d.OpenAt(ctx, 0, link, asDir, read)
		wantCode(t, "open as folder without following "+link, err, "loop")
	}
	for link, want := range map[string]string{"abs": "not-permitted", "proc": "not-permitted", "up": "ok"} {
		_, err := d.ReadlinkAt(ctx, link)
		wantCode(t, "readlink "+link, err, want)
	}
	for _, text := range []string{"/etc", secret, "/"} {
		wantCode(t, "symlink to "+text, d.SymlinkAt(ctx, text, "new"), "not-permitted")
	}
	if _, err := os.Stat(filepath.Join(secret, "fresh")); err == nil {
		t.Error("a file was created outside")
	}
	// A second name for a link that leads out is a link that leads out.
	wantCode(t, "link", d.LinkAt(ctx, 0, "upfile", d, "copy"), "ok")
	_, err := d.OpenAt(ctx, follow, "copy", 0, read)
	wantCode(t, "open the copy", err, "not-permitted")
	wantCode(t, "link through the link", d.LinkAt(ctx, follow, "upfile", d, "copy2"), "invalid")
}

func TestSubfolderIsARootOfItsOwn(t *testing.T) {
	granted, _ := world(t)
	d := grant(t, granted, false)
	sub := open(t, d, "sub", asDir, read)
	ctx := t.Context()
	for _, path := range []string{"..", "../file", "deep/../../file"} {
		_, err := sub.OpenAt(ctx, follow, path, 0, read)
		wantCode(t, path, err, "not-permitted")
	}
	wantCode(t, "rename up", sub.RenameAt(ctx, "file", sub, "../moved"), "not-permitted")
	wantCode(t, "rename into the parent by its descriptor", sub.RenameAt(ctx, "file", d, "moved"), "ok")
	if got := hostFile(t, granted, "moved"); got != "mine too" {
		t.Errorf("moved file holds %q", got)
	}
}

func TestReadOnlyGrantRefusesEveryChange(t *testing.T) {
	granted, _ := world(t)
	ro, rw := grant(t, granted, true), grant(t, granted, false)
	ctx := t.Context()
	now := wasifs.NewTimestampNow()
	file := open(t, ro, "file", 0, read)
	sub := open(t, ro, "sub", asDir, read)
	openErr := func(how wasifs.OpenFlags, flags wasifs.DescriptorFlags) error {
		f, err := ro.OpenAt(ctx, follow, "file", how, flags)
		if err == nil {
			f.Drop(ctx)
		}
		return err
	}
	for what, err := range map[string]error{
		"open to write":        openErr(0, write),
		"open to mutate":       openErr(0, read|mutate),
		"create":               openErr(create, read),
		"truncate":             openErr(trunc, read),
		"mkdir":                ro.CreateDirectoryAt(ctx, "new"),
		"mkdir below":          sub.CreateDirectoryAt(ctx, "new"),
		"rmdir":                ro.RemoveDirectoryAt(ctx, "sub/deep"),
		"unlink":               ro.UnlinkFileAt(ctx, "file"),
		"symlink":              ro.SymlinkAt(ctx, "file", "new"),
		"rename":               ro.RenameAt(ctx, "file", ro, "new"),
		"rename out":           ro.RenameAt(ctx, "file", rw, "new"),
		"rename in":            rw.RenameAt(ctx, "file", ro, "new"),
		"link to a writable":   ro.LinkAt(ctx, 0, "file", rw, "new"),
		"link from a writable": rw.LinkAt(ctx, 0, "file", ro, "new"),
		"times":                ro.SetTimesAt(ctx, 0, "file", now, now),
		"times of the folder":  ro.SetTimes(ctx, now, now),
		"times of a file":      file.SetTimes(ctx, now, now),
	} {
		wantCode(t, what, err, "read-only")
	}
	flags, _ := ro.GetFlags(ctx)
	subFlags, _ := sub.GetFlags(ctx)
	if flags != read || subFlags != read {
		t.Errorf("flags %b and %b, want read alone", flags, subFlags)
	}
	_, err := file.Write(ctx, []byte("x"), 0)
	wantCode(t, "write", err, "bad-descriptor")
	wantCode(t, "set-size", file.SetSize(ctx, 0), "bad-descriptor")
	if got := hostFile(t, granted, "file"); got != "mine" {
		t.Errorf("the file holds %q", got)
	}
}

// TestSwappedFolder has somebody swap a folder for a link that leads out while
// a guest uses it: whatever the guest gets, it is not the secret.
func TestSwappedFolder(t *testing.T) {
	granted, secret := world(t)
	d := grant(t, granted, false)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	tree(t, granted, [2]string{"swap/"}, [2]string{"swap/file", "mine"}, [2]string{"link", "->../secret"})
	var wg sync.WaitGroup
	wg.Go(func() {
		at := func(name string) string { return filepath.Join(granted, name) }
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
	seen := map[string]int{}
	for ctx.Err() == nil {
		f, err := d.OpenAt(t.Context(), follow, "swap/file", 0, read)
		seen[code(err)]++
		if err == nil {
			got, err := f.Read(t.Context(), 100, 0)
			if err != nil || string(got.F0) != "mine" {
				t.Errorf("read %q, %v", got.F0, err)
			}
			f.Drop(t.Context())
		}
		err = d.CreateDirectoryAt(t.Context(), "swap/made")
		if err == nil {
			err = d.RemoveDirectoryAt(t.Context(), "swap/made")
		}
		seen[code(err)]++
		sub, err := d.OpenAt(t.Context(), 0, "swap", asDir, read)
		if err == nil {
			if _, err := sub.StatAt(t.Context(), 0, "folder"); err == nil {
				t.Error("the secret folder was opened")
			}
			sub.Drop(t.Context())
		}
	}
	wg.Wait()
	t.Logf("answers: %v", seen)
	if entries, _ := os.ReadDir(secret); len(entries) != 2 {
		t.Errorf("the secret folder holds %v", entries)
	}
}

func TestOpenFilesAreBounded(t *testing.T) {
	granted, _ := world(t)
	var said error
	s, err := Open(Config{Preopens: []Preopen{{HostDir: granted, GuestPath: "/"}}, MaxOpen: 3, Limited: func(err error) { said = err }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	list, _ := s.GetDirectories(ctx)
	d := list[0].F0
	defer d.Drop(ctx)
	var held []abi.Dropper
	for range 2 {
		f, err := d.OpenAt(ctx, 0, "file", 0, read)
		if err != nil {
			t.Fatal(code(err))
		}
		held = append(held, f)
	}
	names, err := d.ReadDirectory(ctx)
	if err != nil {
		t.Fatal(code(err))
	}
	held = append(held, names)
	_, err = d.OpenAt(ctx, 0, "file", 0, read)
	wantCode(t, "one too many", err, "insufficient-memory")
	if !errors.Is(said, errcode.Exhausted) || said.Error() != "open files: 4 > 3" {
		t.Errorf("the host is told %v", said)
	}
	_, err = d.ReadDirectory(ctx)
	wantCode(t, "one folder too many", err, "insufficient-memory")
	for _, h := range held {
		h.Drop(ctx)
	}
	_, err = d.OpenAt(ctx, 0, "no such file", 0, read)
	wantCode(t, "missing", err, "no-entry")
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d slots taken, want 0", n)
	}
}
