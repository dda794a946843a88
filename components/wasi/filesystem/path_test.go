package filesystem

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

func TestOpenAt(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir,
		[2]string{"folder/"}, [2]string{"folder/inner", "inner"}, [2]string{"file", "0123456789"},
		[2]string{"link", "->file"}, [2]string{"dirlink", "->folder"}, [2]string{"dangling", "->missing"},
		[2]string{"loop1", "->loop2"}, [2]string{"loop2", "->loop1"},
	)
	d := grant(t, dir, false)
	long := strings.Repeat("n", 300)
	for _, c := range []struct {
		path  string
		at    wasifs.PathFlags
		how   wasifs.OpenFlags
		flags wasifs.DescriptorFlags
		want  string
	}{
		{"file", 0, 0, read, "ok"},
		{"file", 0, 0, 0, "ok"},
		{"file", 0, 0, read | write, "ok"},
		{"file", 0, create, write, "ok"},
		{"file", 0, create | excl, write, "exist"},
		{"file", 0, asDir, read, "not-directory"},
		{"file/", 0, 0, read, "not-directory"},
		{"file/", follow, 0, read, "not-directory"},
		{"file/x", 0, 0, read, "not-directory"},
		{"missing", 0, 0, read, "no-entry"},
		{"missing", 0, trunc, write, "no-entry"},
		{"missing/x", 0, create, write, "no-entry"},
		{"", 0, 0, read, "no-entry"},
		{"fi\x00le", 0, 0, read, "invalid"},
		{long, 0, 0, read, "name-too-long"},
		{strings.Repeat("a/", 3000), 0, 0, read, "name-too-long"},
		{"folder", 0, 0, read, "ok"},
		{"folder/", 0, 0, read, "ok"},
		{"folder", 0, asDir, read, "ok"},
		{"folder//inner", 0, 0, read, "ok"},
		{"./folder/./../folder/inner", 0, 0, read, "ok"},
		{".", 0, 0, read, "ok"},
		{".", 0, asDir, read, "ok"},
		{"folder/..", 0, asDir, read, "ok"},
		{"folder", 0, 0, write, "is-directory"},
		{"folder", 0, asDir, write, "is-directory"},
		{"folder", 0, create, write, "is-directory"},
		{"folder", 0, asDir | create, read, "invalid"},
		{"folder", 0, asDir | trunc, read, "invalid"},
		{"folder", 0, asDir | excl, read, "invalid"},
		{"new/", 0, create, write, "no-entry"},
		{"link", follow, 0, read, "ok"},
		{"link", 0, 0, read, "loop"},
		{"link", 0, create, write, "loop"},
		{"link", follow, create | excl, write, "exist"},
		{"dirlink", follow, asDir, read, "ok"},
		{"dirlink", 0, asDir, read, "loop"},
		{"dirlink/", 0, asDir, read, "ok"},
		{"dirlink/inner", 0, 0, read, "ok"},
		{"dangling", follow, 0, read, "no-entry"},
		{"dangling", 0, 0, read, "loop"},
		{"dangling", 0, create, write, "loop"},
		{"dangling", follow, create | excl, write, "exist"},
		{"loop1", follow, 0, read, "loop"},
		{"loop1/x", 0, 0, read, "loop"},
	} {
		f, err := d.OpenAt(t.Context(), c.at, c.path, c.how, c.flags)
		if err == nil {
			f.Drop(t.Context())
		}
		wantCode(t, strings.TrimSpace(c.path+" "+describeOpen(c.at, c.how, c.flags)), err, c.want)
	}
	file := open(t, d, "file", 0, read)
	_, err := file.OpenAt(t.Context(), 0, "x", 0, read)
	wantCode(t, "open below a file", err, "not-directory")
}

func describeOpen(at wasifs.PathFlags, how wasifs.OpenFlags, flags wasifs.DescriptorFlags) string {
	var s []string
	for _, n := range []struct {
		on   bool
		name string
	}{{at&follow != 0, "follow"}, {how&create != 0, "create"}, {how&excl != 0, "exclusive"},
		{how&trunc != 0, "truncate"}, {how&asDir != 0, "directory"}, {flags&read != 0, "read"}, {flags&write != 0, "write"}} {
		if n.on {
			s = append(s, n.name)
		}
	}
	return strings.Join(s, "+")
}

func TestOpenCreatesAndTruncates(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"old", "content"}, [2]string{"to", "->made"})
	d := grant(t, dir, false)
	open(t, d, "new", create|excl, read|write)
	if hostFile(t, dir, "new") != "" {
		t.Error("a new file is not empty")
	}
	open(t, d, "to", create, write)
	if hostFile(t, dir, "made") != "" {
		t.Error("the target of a link was not created")
	}
	f := open(t, d, "old", trunc, read)
	if hostFile(t, dir, "old") != "" {
		t.Error("truncate left something")
	}
	flags, err := f.GetFlags(t.Context())
	if err != nil || flags != read {
		t.Errorf("flags %b, %v; want read", flags, err)
	}
	sub := open(t, d, ".", asDir, read|mutate)
	if flags, _ := sub.GetFlags(t.Context()); flags != read|mutate {
		t.Errorf("flags of a folder %b, want read and mutate-directory", flags)
	}
}

// change is one step of a story: what is done and the answer.
type change struct {
	what string
	err  func() error
	want string
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", "x"}, [2]string{"folder/"}, [2]string{"full/"}, [2]string{"full/file", "y"},
		[2]string{"link", "->file"}, [2]string{"dirlink", "->folder"})
	d := grant(t, dir, false)
	ctx := t.Context()
	mkdir := func(p string) func() error { return func() error { return d.CreateDirectoryAt(ctx, p) } }
	rmdir := func(p string) func() error { return func() error { return d.RemoveDirectoryAt(ctx, p) } }
	unlink := func(p string) func() error { return func() error { return d.UnlinkFileAt(ctx, p) } }
	rename := func(a, b string) func() error { return func() error { return d.RenameAt(ctx, a, d, b) } }
	link := func(a, b string) func() error { return func() error { return d.LinkAt(ctx, 0, a, d, b) } }
	symlink := func(a, b string) func() error { return func() error { return d.SymlinkAt(ctx, a, b) } }
	for _, c := range []change{
		{"mkdir over a file", mkdir("file"), "exist"},
		{"mkdir over a folder", mkdir("folder/"), "exist"},
		{"mkdir over a link", mkdir("link"), "exist"},
		{"mkdir in nothing", mkdir("none/new"), "no-entry"},
		{"mkdir in a file", mkdir("file/new"), "not-directory"},
		{"mkdir with a slash", mkdir("made/"), "ok"},
		{"mkdir .", mkdir("."), "exist"},
		{"mkdir empty", mkdir(""), "no-entry"},
		{"rmdir a file", rmdir("file"), "not-directory"},
		{"rmdir a file with a slash", rmdir("file/"), "not-directory"},
		{"rmdir a link", rmdir("dirlink"), "not-directory"},
		{"rmdir a link with a slash", rmdir("dirlink/"), "not-directory"},
		{"rmdir full", rmdir("full"), "not-empty"},
		{"rmdir nothing", rmdir("none"), "no-entry"},
		{"rmdir .", rmdir("."), "invalid"},
		{"rmdir with a slash", rmdir("made/"), "ok"},
		{"unlink a folder", unlink("folder"), "is-directory"},
		{"unlink a folder with a slash", unlink("folder/"), "is-directory"},
		{"unlink a file with a slash", unlink("file/"), "not-directory"},
		{"unlink nothing", unlink("none"), "no-entry"},
		{"unlink nothing with a slash", unlink("none/"), "no-entry"},
		{"symlink", symlink("file", "sym"), "ok"},
		{"symlink over it", symlink("file", "sym"), "exist"},
		{"symlink with a slash", symlink("file", "none/"), "no-entry"},
		{"symlink over a folder with a slash", symlink("file", "folder/"), "exist"},
		{"symlink over a file with a slash", symlink("file", "file/"), "exist"},
		{"symlink of nothing", symlink("", "s"), "no-entry"},
		{"symlink that leads out", symlink("../../x", "leadsout"), "ok"},
		{"link", link("file", "second"), "ok"},
		{"link over it", link("file", "second"), "exist"},
		{"link of a folder", link("folder", "x"), "not-permitted"},
		{"link of a folder with a slash", link("folder/", "x"), "not-permitted"},
		{"link of a file with a slash", link("file/", "x"), "not-directory"},
		{"link to a slash", link("file", "x/"), "no-entry"},
		{"link of nothing", link("none", "x"), "no-entry"},
		{"link of a link", link("link", "link2"), "ok"},
		{"rename a file", rename("file", "moved"), "ok"},
		{"rename nothing", rename("file", "moved"), "no-entry"},
		{"rename over a file", rename("second", "moved"), "ok"},
		{"rename with a slash", rename("moved/", "x"), "not-directory"},
		{"rename to a slash", rename("moved", "x/"), "not-directory"},
		{"rename over a folder", rename("moved", "folder"), "is-directory"},
		{"rename a folder over a file", rename("folder", "moved"), "not-directory"},
		{"rename a folder over a full one", rename("folder", "full"), "not-empty"},
		{"rename a folder with slashes", rename("folder/", "folder2/"), "ok"},
		{"make an empty one", mkdir("empty"), "ok"},
		{"rename a folder over an empty one", rename("full", "empty"), "ok"},
		{"rename a folder into itself", rename("empty", "empty/in"), "invalid"},
		{"rename .", rename(".", "x"), "busy"},
		{"unlink", unlink("moved"), "ok"},
		{"unlink a link", unlink("link"), "ok"},
		{"unlink a link to a folder", unlink("dirlink"), "ok"},
	} {
		wantCode(t, c.what, c.err(), c.want)
	}
	if got := hostFile(t, dir, "empty", "file"); got != "y" {
		t.Errorf("the moved folder's file holds %q", got)
	}
	if text, err := os.Readlink(filepath.Join(dir, "link2")); text != "file" {
		t.Errorf("the second name of a link leads to %q, %v", text, err)
	}
}

func TestReadlink(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", "x"}, [2]string{"link", "->some/where"}, [2]string{"bad", "->\xff\xfe"})
	d := grant(t, dir, false)
	text, err := d.ReadlinkAt(t.Context(), "link")
	if text != "some/where" || err != nil {
		t.Errorf("readlink: %q, %v", text, err)
	}
	for path, want := range map[string]string{
		"file": "invalid", "none": "no-entry", "bad": "illegal-byte-sequence", ".": "invalid", "": "no-entry",
	} {
		_, err := d.ReadlinkAt(t.Context(), path)
		wantCode(t, "readlink "+path, err, want)
	}
}

func TestSplitLast(t *testing.T) {
	for path, want := range map[string][2]string{
		"a":       {"", "a"},
		"a/":      {"", "a"},
		"a/b":     {"a", "b"},
		"a//b//":  {"a", "b"},
		"./a":     {".", "a"},
		"..":      {"..", "."},
		"a/..":    {"a/..", "."},
		"a/../":   {"a/..", "."},
		"a/.":     {"a", "."},
		".":       {"", "."},
		"a/b/../": {"a/b/..", "."},
	} {
		parent, last, slash := splitLast(path)
		if parent != want[0] || last != want[1] || slash != strings.HasSuffix(path, "/") {
			t.Errorf("%q: %q, %q, %v; want %q", path, parent, last, slash, want)
		}
	}
}
