package filesystem

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiclocks"
	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
)

func TestReadAndWrite(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", "0123456789"})
	d := grant(t, dir, false)
	ctx := t.Context()
	f := open(t, d, "file", 0, read|write)
	for _, c := range []struct {
		length, offset uint64
		want           string
		end            bool
	}{{4, 0, "0123", false}, {4, 8, "89", true}, {4, 10, "", true}, {4, 1000, "", true}, {0, 0, "", false}, {1 << 60, 5, "56789", true}} {
		got, err := f.Read(ctx, c.length, c.offset)
		if err != nil || string(got.F0) != c.want || got.F1 != c.end {
			t.Errorf("read %d at %d: %q, %v, %v; want %q, %v", c.length, c.offset, got.F0, got.F1, err, c.want, c.end)
		}
	}
	if n, err := f.Write(ctx, []byte("AB"), 12); n != 2 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	if got := hostFile(t, dir, "file"); got != "0123456789\x00\x00AB" {
		t.Errorf("the file holds %q", got)
	}
	wantCode(t, "set-size", f.SetSize(ctx, 3), "ok")
	if got := hostFile(t, dir, "file"); got != "012" {
		t.Errorf("the cut file holds %q", got)
	}
	_, err := f.Read(ctx, 1, math.MaxUint64)
	wantCode(t, "read far away", err, "invalid")
	_, err = f.Write(ctx, []byte("x"), math.MaxUint64)
	wantCode(t, "write far away", err, "invalid")
	wantCode(t, "set-size far away", f.SetSize(ctx, math.MaxUint64), "invalid")
	for what, err := range map[string]error{
		"sync":            f.Sync(ctx),
		"sync-data":       f.SyncData(ctx),
		"sync a folder":   d.Sync(ctx),
		"advise":          f.Advise(ctx, 0, 100, wasifs.AdviceWillNeed),
		"advise for all":  f.Advise(ctx, 0, 0, wasifs.AdviceNoReuse),
		"set-size longer": f.SetSize(ctx, 5),
	} {
		wantCode(t, what, err, "ok")
	}
	wantCode(t, "advise far away", f.Advise(ctx, math.MaxUint64, 0, wasifs.AdviceNormal), "invalid")
}

func TestModesAreKept(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", "x"})
	d := grant(t, dir, false)
	ctx := t.Context()
	ro, wo := open(t, d, "file", 0, read), open(t, d, "file", 0, write)
	_, err := ro.Write(ctx, []byte("y"), 0)
	wantCode(t, "write to a read descriptor", err, "bad-descriptor")
	_, err = ro.WriteViaStream(ctx, 0)
	wantCode(t, "write-via-stream", err, "bad-descriptor")
	_, err = ro.AppendViaStream(ctx)
	wantCode(t, "append-via-stream", err, "bad-descriptor")
	wantCode(t, "set-size", ro.SetSize(ctx, 0), "bad-descriptor")
	_, err = wo.Read(ctx, 1, 0)
	wantCode(t, "read from a write descriptor", err, "bad-descriptor")
	_, err = wo.ReadViaStream(ctx, 0)
	wantCode(t, "read-via-stream", err, "bad-descriptor")
	_, err = d.Read(ctx, 1, 0)
	wantCode(t, "read from a folder", err, "bad-descriptor")
	_, err = d.ReadViaStream(ctx, 0)
	wantCode(t, "stream from a folder", err, "bad-descriptor")
	wantCode(t, "set-size of a folder", d.SetSize(ctx, 0), "bad-descriptor")
	wantCode(t, "advise on a folder", d.Advise(ctx, 0, 0, wasifs.AdviceNormal), "bad-descriptor")
	_, err = ro.ReadDirectory(ctx)
	wantCode(t, "names in a file", err, "not-directory")
}

func TestStreams(t *testing.T) {
	dir := t.TempDir()
	big := strings.Repeat("0123456789", 30000)
	tree(t, dir, [2]string{"file", big})
	d := grant(t, dir, false)
	ctx := t.Context()
	f := open(t, d, "file", 0, read|write)
	in, err := f.ReadViaStream(ctx, 5)
	if err != nil {
		t.Fatal(code(err))
	}
	if got := readAll(t, in); got != big[5:] {
		t.Errorf("read %d bytes, want %d", len(got), len(big)-5)
	}
	in.Drop(ctx)
	out, err := f.WriteViaStream(ctx, 2)
	if err != nil {
		t.Fatal(code(err))
	}
	for _, s := range []string{"ab", "cd"} {
		if err := out.BlockingWriteAndFlush(ctx, []byte(s)); err != nil {
			t.Error(err)
		}
	}
	end, err := f.AppendViaStream(ctx)
	if err != nil {
		t.Fatal(code(err))
	}
	end2, _ := f.AppendViaStream(ctx)
	f.Drop(ctx) // streams live on
	for _, s := range []wasiio.OutputStream{end, end2, end} {
		if err := s.BlockingWriteAndFlush(ctx, []byte("END")); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []wasiio.OutputStream{out, end, end2} {
		s.Drop(ctx)
	}
	if got := hostFile(t, dir, "file"); got != "01abcd"+big[6:]+"ENDENDEND" {
		t.Errorf("the file holds %d bytes, ends in %q", len(got), got[len(got)-12:])
	}
}

func TestStreamErrorHasACode(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", "x"})
	d := grant(t, dir, false)
	ctx := t.Context()
	f := open(t, d, "file", 0, read|write)
	in, _ := f.ReadViaStream(ctx, math.MaxUint64)
	defer in.Drop(ctx)
	_, err := in.Read(ctx, 1)
	se := streamErrorOf(err)
	if se == nil {
		t.Fatalf("read: %v, want a failure", err)
	}
	got, _ := (&System{}).FilesystemErrorCode(ctx, se)
	if !got.Some || got.Value != wasifs.ErrorCodeInvalid {
		t.Errorf("code %v, want invalid", got)
	}
	if got, _ := (&System{}).FilesystemErrorCode(ctx, streams.NewError(os.ErrClosed)); got.Some {
		t.Errorf("an error that is not a file's has code %v", got.Value)
	}
}

func TestDirectoryEntries(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 150 {
		name := fmt.Sprintf("f%03d", i)
		tree(t, dir, [2]string{name, ""})
		want = append(want, name)
	}
	tree(t, dir, [2]string{"sub/"}, [2]string{"sub/inner", ""}, [2]string{"sym", "->f000"})
	want = append(want, "sub", "sym")
	d := grant(t, dir, false)
	for range 2 {
		if got := names(t, d); !slices.Equal(got, want) {
			t.Errorf("names %v", got)
		}
	}
	tree(t, dir, [2]string{"sub/\xff", ""})
	sub := open(t, d, "sub", 0, read)
	es, err := sub.ReadDirectory(t.Context())
	if err != nil {
		t.Fatal(code(err))
	}
	defer es.Drop(t.Context())
	seen := map[string]int{}
	for {
		e, err := es.ReadDirectoryEntry(t.Context())
		if err == nil && !e.Some {
			break
		}
		seen[code(err)+" "+e.Value.Name]++
	}
	if len(seen) != 2 || seen["ok inner"] != 1 || seen["illegal-byte-sequence "] != 1 {
		t.Errorf("entries %v", seen)
	}
}

// names lists a folder, sorted, and checks the types by the names' first
// letters.
func names(t *testing.T, d wasifs.Descriptor) []string {
	t.Helper()
	es, err := d.ReadDirectory(t.Context())
	if err != nil {
		t.Fatal(code(err))
	}
	defer es.Drop(t.Context())
	var list []string
	for {
		e, err := es.ReadDirectoryEntry(t.Context())
		if err != nil {
			t.Fatal(code(err))
		}
		if !e.Some {
			slices.Sort(list)
			return list
		}
		want := wasifs.DescriptorTypeRegularFile
		switch e.Value.Name {
		case "sub":
			want = wasifs.DescriptorTypeDirectory
		case "sym":
			want = wasifs.DescriptorTypeSymbolicLink
		}
		if e.Value.Type != want {
			t.Errorf("%s is a %s, want %s", e.Value.Name, e.Value.Type, want)
		}
		list = append(list, e.Value.Name)
	}
}

func TestStatAndTimes(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", "12345"}, [2]string{"link", "->file"})
	d := grant(t, dir, false)
	ctx := t.Context()
	f := open(t, d, "file", 0, read)
	at := func(s uint64, ns uint32) wasifs.NewTimestamp {
		return wasifs.NewTimestampTimestamp(wasiclocks.Datetime{Seconds: s, Nanoseconds: ns})
	}
	keep := wasifs.NewTimestampNoChange()
	check := func(what, path string, flags wasifs.PathFlags, atime, mtime wasiclocks.Datetime) {
		t.Helper()
		st, err := d.StatAt(ctx, flags, path)
		if err != nil || st.DataAccessTimestamp.Value != atime || st.DataModificationTimestamp.Value != mtime {
			t.Errorf("%s: times %v and %v, %v; want %v and %v", what, st.DataAccessTimestamp, st.DataModificationTimestamp, err, atime, mtime)
		}
	}
	wantCode(t, "set-times", f.SetTimes(ctx, at(100, 1), at(200, 2)), "ok")
	check("both", "file", 0, wasiclocks.Datetime{Seconds: 100, Nanoseconds: 1}, wasiclocks.Datetime{Seconds: 200, Nanoseconds: 2})
	wantCode(t, "set-times", f.SetTimes(ctx, keep, at(300, 3)), "ok")
	check("one", "file", 0, wasiclocks.Datetime{Seconds: 100, Nanoseconds: 1}, wasiclocks.Datetime{Seconds: 300, Nanoseconds: 3})
	wantCode(t, "set-times-at", d.SetTimesAt(ctx, follow, "link", at(400, 0), keep), "ok")
	check("through a link", "file", 0, wasiclocks.Datetime{Seconds: 400}, wasiclocks.Datetime{Seconds: 300, Nanoseconds: 3})
	wantCode(t, "set-times-at", d.SetTimesAt(ctx, 0, "link", at(500, 0), at(600, 0)), "ok")
	check("of a link", "link", 0, wasiclocks.Datetime{Seconds: 500}, wasiclocks.Datetime{Seconds: 600})
	check("not through a link", "link", follow, wasiclocks.Datetime{Seconds: 400}, wasiclocks.Datetime{Seconds: 300, Nanoseconds: 3})
	wantCode(t, "now", f.SetTimes(ctx, wasifs.NewTimestampNow(), keep), "ok")
	st, _ := f.Stat(ctx)
	if d := time.Since(time.Unix(int64(st.DataAccessTimestamp.Value.Seconds), 0)); d < 0 || d > time.Minute {
		t.Errorf("set to now, off by %v", d)
	}
	if st.Size != 5 || st.LinkCount != 1 || st.Type != wasifs.DescriptorTypeRegularFile || !st.StatusChangeTimestamp.Some {
		t.Errorf("stat %+v", st)
	}
	wantCode(t, "a time that cannot be", f.SetTimes(ctx, at(math.MaxUint64, 0), keep), "invalid")
	wantCode(t, "a time that cannot be", f.SetTimes(ctx, keep, at(0, 1e9)), "invalid")
	link, _ := d.StatAt(ctx, 0, "link")
	if link.Type != wasifs.DescriptorTypeSymbolicLink || link.Size != 4 {
		t.Errorf("stat of a link %+v", link)
	}
	_, err := d.StatAt(ctx, 0, "file/")
	wantCode(t, "stat of a file with a slash", err, "not-directory")
}

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"a", "x"}, [2]string{"b", "x"})
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "a2")); err != nil {
		t.Fatal(err)
	}
	d := grant(t, dir, false)
	ctx := t.Context()
	a, a2, b := open(t, d, "a", 0, read|write), open(t, d, "a2", 0, read), open(t, d, "b", 0, read)
	for _, c := range []struct {
		x, y wasifs.Descriptor
		same bool
	}{{a, a, true}, {a, a2, true}, {a, b, false}, {d, d, true}, {d, a, false}} {
		if got, err := c.x.IsSameObject(ctx, c.y); got != c.same || err != nil {
			t.Errorf("is-same-object: %v, %v; want %v", got, err, c.same)
		}
	}
	ha, _ := a.MetadataHash(ctx)
	if _, err := a.Write(ctx, []byte("changed"), 0); err != nil {
		t.Fatal(code(err))
	}
	again, _ := d.MetadataHashAt(ctx, 0, "a2")
	hb, _ := b.MetadataHash(ctx)
	if ha != again || ha == hb || ha.Lower == ha.Upper {
		t.Errorf("hashes %v, %v and %v", ha, again, hb)
	}
}

func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, [2]string{"file", ""})
	for path, want := range map[string]errcode.Code{"none": errcode.NotFound, "file": errcode.Invalid} {
		_, err := Open(Config{Preopens: []Preopen{
			{HostDir: dir, GuestPath: "/ok"}, {HostDir: filepath.Join(dir, path), GuestPath: "/"},
		}})
		if err == nil || errcode.Of(err) != want {
			t.Errorf("grant %s: %v, want %s", path, err, want)
		}
	}
	s, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if list, _ := s.GetDirectories(t.Context()); len(list) != 0 {
		t.Errorf("nothing was granted, got %v", list)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
