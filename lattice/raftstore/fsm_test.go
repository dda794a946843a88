package raftstore

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
	"latticework/lattice/linkstate"
)

func entry(t testing.TB, index uint64, c linkstate.Command) *raft.Log {
	t.Helper()
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &raft.Log{Index: index, Term: 1, Data: data}
}

// TestKeptCommitsAreBounded: old commits go, those that are kept follow each
// other without a gap.
func TestKeptCommitsAreBounded(t *testing.T) {
	f := newFSM()
	const n = keptCommits + 500
	for i := uint64(1); i <= n; i++ {
		f.Apply(entry(t, i, put(int(i))))
	}
	if len(f.commits) >= keptCommits || len(f.commits) < keptCommits/2 {
		t.Fatalf("%d commits kept", len(f.commits))
	}
	oldest := f.commits[0].Prev
	got, err := f.since(t.Context(), oldest)
	if err != nil || len(got) != len(f.commits) {
		t.Fatalf("%d commits after %d: %v", len(got), oldest, err)
	}
	for i, c := range got[1:] {
		if c.Prev != got[i].Index {
			t.Fatalf("commit %d follows %d, not %d", c.Index, c.Prev, got[i].Index)
		}
	}
	if _, err := f.since(t.Context(), oldest-1); !errors.Is(err, errcode.NotFound) {
		t.Errorf("before the oldest: %v", err)
	}
	sum := 0
	for _, s := range f.sizes {
		sum += s
	}
	if sum != f.size || len(f.sizes) != len(f.commits) {
		t.Errorf("size %d, want %d", f.size, sum)
	}
}

// TestSnapshotDoesNotGoBack: an older snapshot that arrives late is dropped.
func TestSnapshotDoesNotGoBack(t *testing.T) {
	f := newFSM()
	f.Apply(entry(t, 1, put(1)))
	old, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	f.Apply(entry(t, 2, put(2)))
	if err := f.Restore(io.NopCloser(bytes.NewReader(old.(fsmSnapshot)))); err != nil {
		t.Fatal(err)
	}
	if at, _ := f.progress(); at != 2 || f.current().Config("c2") == nil {
		t.Fatalf("state went back to %d", at)
	}
	fresh := newFSM()
	if err := fresh.Restore(io.NopCloser(bytes.NewReader(old.(fsmSnapshot)))); err != nil {
		t.Fatal(err)
	}
	fresh.Apply(entry(t, 2, put(2)))
	a, hashA := f.progress()
	b, hashB := fresh.progress()
	if a != b || hashA != hashB {
		t.Fatalf("%d %s, restored %d %s", a, hashA, b, hashB)
	}
}

// TestHashSeesEveryDifference: members that applied different entries have
// different hashes.
func TestHashSeesEveryDifference(t *testing.T) {
	seen := map[string]bool{}
	for _, log := range [][]*raft.Log{
		{},
		{entry(t, 1, put(1))},
		{entry(t, 2, put(1))},
		{entry(t, 1, put(2))},
		{entry(t, 1, put(1)), entry(t, 2, put(1))},
		{{Index: 1, Data: []byte("not a command")}},
	} {
		f := newFSM()
		for _, l := range log {
			f.Apply(l)
		}
		_, hash := f.progress()
		if seen[hash] {
			t.Errorf("two logs with hash %s", hash)
		}
		seen[hash] = true
	}
}

func FuzzReadPages(f *testing.F) {
	cfg := bootstrapped(f)
	s := opened(f, cfg)
	for n := range 30 {
		apply(f, s, put(n))
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(cfg.Dir, databaseFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(8200), uint64(3), uint32(20), uint64(1<<40), uint32(1<<20))
	f.Fuzz(func(t *testing.T, at1 uint32, flip1 uint64, at2 uint32, flip2 uint64, size uint32) {
		fuzzbound.Run(t, func() {
			bad := bytes.Clone(data[:min(int(size), len(data))])
			for at, flip := range map[uint32]uint64{at1: flip1, at2: flip2} {
				if int(at)+8 <= len(bad) {
					native.PutUint64(bad[at:], native.Uint64(bad[at:])^flip)
				}
			}
			_, _, _ = parsePages(bad) // must not panic
		})
	})
}
