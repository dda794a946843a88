package datafolder

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/lattice"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestOneHolder(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir := filepath.Join(t.TempDir(), "a", "b")
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	if _, err := Open(dir); !errors.Is(err, errcode.Conflict) {
		t.Errorf("opened twice: %v", err)
	}
	r := Running{PID: os.Getpid(), NATS: "nats://127.0.0.1:1", Lattice: "default"}
	if err := f.SetRunning(r); err != nil {
		t.Fatal(err)
	}
	if last, ok := Last(); !ok || last.NATS != r.NATS || last.Data != dir {
		t.Errorf("last: %+v, %t", last, ok)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if last, ok := Last(); ok {
		t.Errorf("after the end it is still known: %+v", last)
	}
	if _, err := Stop(t.Context(), dir); !errors.Is(err, errcode.NotFound) {
		t.Errorf("stop what does not run: %v", err)
	}
	if f, err = Open(dir); err != nil {
		t.Fatalf("open again: %v", err)
	}
	_ = f.Close()
}

func TestIdentity(t *testing.T) {
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if id, err := f.Identity(); err != nil || id != (Identity{}) {
		t.Fatalf("new folder: %+v, %v", id, err)
	}
	want := Identity{Host: lattice.NewHostID(), Cluster: lattice.NewClusterID(), Lattice: "default", Role: RoleControl}
	if err := f.SetIdentity(want); err != nil {
		t.Fatal(err)
	}
	if id, err := f.Identity(); err != nil || id != want {
		t.Errorf("%+v, %v, want %+v", id, err, want)
	}
	for _, text := range []string{"", "{", `{"host":"x","lattice":"default","cluster":"y"}`} {
		if err := os.WriteFile(filepath.Join(f.Path(), identityFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Identity(); !errors.Is(err, errcode.Internal) {
			t.Errorf("%q: %v, want internal", text, err)
		}
	}
}
