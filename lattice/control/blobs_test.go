package control

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// TestCollect: what is named or new stays; the rest goes.
func TestCollect(t *testing.T) {
	dir := t.TempDir()
	s := &Service{blobs: blobs{dir: dir}, log: slog.New(slog.DiscardHandler)}
	now := time.Now()
	old := now.Add(-2 * unusedFor)
	named, unused, fresh := lattice.DigestOf([]byte("a")), lattice.DigestOf([]byte("b")), lattice.DigestOf([]byte("c"))
	file := func(digest, suffix string) string {
		return filepath.Join(dir, digest[len("sha256:"):]) + suffix
	}
	for path, at := range map[string]time.Time{file(named, ""): old, file(unused, ""): old, file(unused, ".part"): old, file(fresh, ""): now} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	rep := linkstate.NewReplica(nil)
	if err := rep.Apply(linkstate.Commit{Index: 1, Changes: []linkstate.Change{{Kind: linkstate.KindComponent, Key: "c",
		Component: &linkstate.Component{Name: "c", Image: linkstate.Image{Digest: named}}}}}); err != nil {
		t.Fatal(err)
	}
	s.collect(rep.View(), now)
	for path, want := range map[string]bool{file(named, ""): true, file(unused, ""): false, file(unused, ".part"): false, file(fresh, ""): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there %t, want %t", filepath.Base(path), err == nil, want)
		}
	}
}
