package filesystem

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	wasifs3 "latticework/components/wasi/bindings/wasifilesystem3"
	"latticework/wit/abi"
)

// granted3 returns a folder of WASI 0.3 on dir, and its system.
func granted3(t *testing.T, dir string, readOnly bool) (wasifs3.Descriptor, *System) {
	t.Helper()
	s, err := Open(Config{Preopens: []Preopen{{HostDir: dir, GuestPath: "/", ReadOnly: readOnly}}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := System3{s}.GetDirectories(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	t.Cleanup(func() {
		list[0].F0.Drop(context.Background())
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d files are open", n)
		}
	})
	return list[0].F0, s
}

func failure3(err error) string {
	var f *abi.Failure[wasifs3.ErrorCode]
	if errors.As(err, &f) {
		return f.Value.Case.String()
	}
	return ""
}

func await(t *testing.T, o outcome) string {
	t.Helper()
	r, err := o.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.IsErr {
		return r.Err.Case.String()
	}
	return ""
}

func readAll3(t *testing.T, s abi.Stream[byte]) string {
	t.Helper()
	var all strings.Builder
	b := make([]byte, 7)
	for {
		n, err := s.Read(t.Context(), b)
		all.Write(b[:n])
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			s.Close()
			return all.String()
		}
	}
}

// text is a stream that a guest writes.
type text struct{ r *strings.Reader }

func (s text) Read(_ context.Context, b []byte) (int, error) { return s.r.Read(b) }
func (s text) Close()                                        {}

func TestCodesOfBothVersions(t *testing.T) {
	for c := wasifs.ErrorCodeAccess; c.String() != ""; c++ {
		want := c.String()
		if c == wasifs.ErrorCodeWouldBlock {
			want = "other"
		}
		if got := code3(c).Case.String(); got != want {
			t.Errorf("%s became %q", c, got)
		}
	}
	for ty := wasifs.DescriptorTypeUnknown; ty.String() != ""; ty++ {
		want := ty.String()
		if ty == wasifs.DescriptorTypeUnknown {
			want = "other"
		}
		if got := type3(ty).Case.String(); got != want {
			t.Errorf("%s became %q", ty, got)
		}
	}
	for f := 1; f < 1<<6; f <<= 1 {
		// The two sets of flags are converted by number.
		if wasifs.DescriptorFlags(f) == wasifs.DescriptorFlagsMutateDirectory != (wasifs3.DescriptorFlags(f) == wasifs3.DescriptorFlagsMutateDirectory) {
			t.Errorf("flag %#x means two things", f)
		}
	}
}

func TestFlow3(t *testing.T) {
	ctx := t.Context()
	dir, _ := granted3(t, t.TempDir(), false)
	f, err := dir.OpenAt(ctx, 0, "f", wasifs3.OpenFlagsCreate, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Drop(ctx)
	for offset, part := range map[uint64]string{0: "hello ", 6: "World"} {
		o, err := f.WriteViaStream(ctx, text{strings.NewReader(part)}, offset)
		if err != nil || await(t, o) != "" {
			t.Fatalf("write %q: %v", part, err)
		}
	}
	o, err := f.AppendViaStream(ctx, text{strings.NewReader("!")})
	if err != nil || await(t, o) != "" {
		t.Fatalf("append: %v", err)
	}
	r, err := f.ReadViaStream(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll3(t, r.F0); got != "hello World!" || await(t, r.F1) != "" {
		t.Errorf("read %q", got)
	}
}

func TestFlow3Refusals(t *testing.T) {
	ctx := t.Context()
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "f"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, _ := granted3(t, host, true)
	f, err := dir.OpenAt(ctx, 0, "f", 0, wasifs3.DescriptorFlagsRead)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Drop(ctx)
	if o, _ := f.WriteViaStream(ctx, text{strings.NewReader("x")}, 0); await(t, o) != "bad-descriptor" {
		t.Error("a file opened for reading was written")
	}
	r, _ := f.ReadViaStream(ctx, math.MaxUint64)
	if _, err := r.F0.Read(ctx, make([]byte, 1)); err == nil {
		t.Error("read beyond every file")
	}
	r.F0.Close()
	if got := await(t, r.F1); got != "invalid" {
		t.Errorf("an offset beyond every file gave %q", got)
	}
	if r, _ := dir.ReadViaStream(ctx, 0); readAll3(t, r.F0) != "" || await(t, r.F1) != "bad-descriptor" {
		t.Error("a folder was read as a file")
	}
	if r, _ := f.ReadDirectory(ctx); await(t, r.F1) != "not-directory" {
		t.Error("a file was read as a folder")
	}
	for name, err := range map[string]error{
		"create":  second(dir.OpenAt(ctx, 0, "new", wasifs3.OpenFlagsCreate, 0)),
		"mutable": second(dir.OpenAt(ctx, 0, ".", 0, wasifs3.DescriptorFlagsMutateDirectory)),
		"mkdir":   dir.CreateDirectoryAt(ctx, "d"),
		"unlink":  dir.UnlinkFileAt(ctx, "f"),
		"times":   f.SetTimes(ctx, wasifs3.NewTimestampNow(), wasifs3.NewTimestampNow()),
	} {
		if got := failure3(err); got != "read-only" {
			t.Errorf("%s in a read-only folder: %v", name, err)
		}
	}
	if got := failure3(second(dir.OpenAt(ctx, 0, "../x", 0, 0))); got != "not-permitted" {
		t.Errorf("a path out of the folder gave %q", got)
	}
}

func second[T any](_ T, err error) error { return err }

// TestListing3 reads a folder in parts and gives one up early.
func TestListing3(t *testing.T) {
	ctx := t.Context()
	host := t.TempDir()
	var want []string
	for i := range 150 {
		name := strings.Repeat("n", 1+i%7) + string(rune('a'+i%26)) + strings.Repeat("x", i)
		want = append(want, name)
		if err := os.WriteFile(filepath.Join(host, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, s := granted3(t, host, false)
	r, err := dir.ReadDirectory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	b := make([]wasifs3.DirectoryEntry, 40)
	for {
		n, err := r.F0.Read(ctx, b)
		for _, e := range b[:n] {
			got = append(got, e.Name)
		}
		if err != nil {
			break
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || await(t, r.F1) != "" {
		t.Errorf("read %d names, want %d", len(got), len(want))
	}
	r, _ = dir.ReadDirectory(ctx)
	if _, err := r.F0.Read(ctx, b); err != nil {
		t.Fatal(err)
	}
	r.F0.Close()
	if got := await(t, r.F1); got != "" {
		t.Errorf("a listing that was given up ended with %q", got)
	}
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d folders are open", n)
	}
}

// TestDescriptor3Hammer uses one descriptor from many goroutines.
func TestDescriptor3Hammer(t *testing.T) {
	ctx := t.Context()
	dir, _ := granted3(t, t.TempDir(), false)
	f, err := dir.OpenAt(ctx, 0, "f", wasifs3.OpenFlagsCreate, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Drop(ctx)
	var join sync.WaitGroup
	for i := range 8 {
		join.Go(func() {
			for range 50 {
				o, err := f.WriteViaStream(ctx, text{strings.NewReader("0123456789")}, uint64(i)*10)
				if err == nil {
					_, err = o.Read(ctx)
				}
				r, rerr := f.ReadViaStream(ctx, 0)
				if err = errors.Join(err, rerr); err == nil {
					_, err = r.F0.Read(ctx, make([]byte, 100))
					r.F0.Close()
				}
				err = errors.Join(err, second(f.Stat(ctx)), second(dir.StatAt(ctx, 0, "f")), f.Sync(ctx))
				if err != nil && err != io.EOF {
					t.Error(err)
					return
				}
			}
		})
	}
	join.Wait()
	if st, err := f.Stat(ctx); err != nil || st.Size != 80 {
		t.Errorf("size %d, %v, want 80", st.Size, err)
	}
}
