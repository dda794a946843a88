package filesystem

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/leakcheck"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// Short names for what the tables say.
const (
	follow = wasifs.PathFlagsSymlinkFollow
	create = wasifs.OpenFlagsCreate
	excl   = wasifs.OpenFlagsExclusive
	trunc  = wasifs.OpenFlagsTruncate
	asDir  = wasifs.OpenFlagsDirectory
	read   = wasifs.DescriptorFlagsRead
	write  = wasifs.DescriptorFlagsWrite
	mutate = wasifs.DescriptorFlagsMutateDirectory
)

// tree makes files below dir: a name that ends in a slash is a folder's, a
// text that begins with "->" a symbolic link's.
func tree(t *testing.T, dir string, files ...[2]string) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(dir, f[0])
		var err error
		switch {
		case f[0][len(f[0])-1] == '/':
			err = os.MkdirAll(path, 0o755)
		case len(f[1]) > 2 && f[1][:2] == "->":
			err = os.Symlink(f[1][2:], path)
		default:
			err = os.WriteFile(path, []byte(f[1]), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// grant opens dir for a guest and returns its descriptor.
func grant(t *testing.T, dir string, readOnly bool) wasifs.Descriptor {
	t.Helper()
	s, err := Open(Config{Preopens: []Preopen{{HostDir: dir, GuestPath: "/", ReadOnly: readOnly}}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.GetDirectories(t.Context())
	if err != nil || len(list) != 1 || list[0].F1 != "/" {
		t.Fatalf("preopens %v, %v", list, err)
	}
	t.Cleanup(func() {
		list[0].F0.Drop(context.Background())
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d files or folders stay open", n)
		}
	})
	return list[0].F0
}

// open opens path or ends the test.
func open(t *testing.T, d wasifs.Descriptor, path string, how wasifs.OpenFlags, flags wasifs.DescriptorFlags) wasifs.Descriptor {
	t.Helper()
	f, err := d.OpenAt(t.Context(), follow, path, how, flags)
	if err != nil {
		t.Fatalf("open %q: %s", path, code(err))
	}
	t.Cleanup(func() { f.Drop(context.Background()) })
	return f
}

// code returns the error code of err as text, "ok" for nil.
func code(err error) string {
	var f *abi.Failure[wasifs.ErrorCode]
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &f):
		return f.Value.String()
	}
	return "host failure: " + err.Error()
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// readAll reads a whole stream.
func readAll(t *testing.T, in wasiio.InputStream) string {
	t.Helper()
	var got []byte
	for {
		b, err := in.BlockingRead(t.Context(), 1<<20)
		if err != nil {
			var f *abi.Failure[wasiio.StreamError]
			if !errors.As(err, &f) || f.Value.Case != wasiio.StreamErrorCaseClosed {
				t.Errorf("read: %v", err)
			}
			return string(got)
		}
		got = append(got, b...)
	}
}

// hostFile returns what a file holds at the host.
func hostFile(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// streamErrorOf returns the error resource of a failed stream operation, nil
// if err is none.
func streamErrorOf(err error) wasiio.Error {
	var f *abi.Failure[wasiio.StreamError]
	if errors.As(err, &f) && f.Value.Case == wasiio.StreamErrorCaseLastOperationFailed {
		return f.Value.LastOperationFailed
	}
	return nil
}
