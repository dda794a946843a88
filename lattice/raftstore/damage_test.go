package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"latticework/internal/errcode"
)

// written makes a member with some history and returns its hash.
func written(t *testing.T, entries int, snapshot bool) (Config, string) {
	t.Helper()
	cfg := bootstrapped(t)
	s := opened(t, cfg)
	for n := range entries {
		apply(t, s, put(n))
	}
	if snapshot {
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, s, put(1000))
	hash := s.Status().Hash
	closed(t, s)
	return cfg, hash
}

// copyOf copies a data folder.
func copyOf(t *testing.T, cfg Config) Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = dir
	return cfg
}

// refusedOrWhole opens a damaged folder: it must be refused as damaged, or the
// damage was in bytes that mean nothing and all is there.
func refusedOrWhole(t *testing.T, cfg Config, hash string) (refused bool) {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		if !errors.Is(err, errcode.Internal) || errcode.NextOf(err) == "" {
			t.Errorf("refused with %s, next %q: %v", errcode.Of(err), errcode.NextOf(err), err)
		}
		return true
	}
	defer s.Close()
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.Status().Hash; got != hash {
		t.Error("opened, and something is missing")
	}
	return false
}

func TestFlippedBitsInDatabase(t *testing.T) {
	cfg, hash := written(t, 60, false)
	path := filepath.Join(cfg.Dir, databaseFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 0))
	refused := 0
	dir := t.TempDir()
	for i := range 120 {
		bit := r.IntN(len(data) * 8)
		if i%2 == 0 { // every second in the meta pages or the first bytes of a page
			bit = r.IntN(len(data)/4096)*4096*8 + r.IntN(80*8)
		}
		bad := bytes.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		c := Config{Dir: filepath.Join(dir, "d")}
		if err := os.RemoveAll(c.Dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, databaseFile), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if refusedOrWhole(t, c, hash) {
			refused++
		}
		if t.Failed() {
			t.Fatalf("bit %d of byte %d (page %d at %d)", bit%8, bit/8, bit/8/4096, bit/8%4096)
		}
	}
	t.Logf("%d of 120 refused, the others were in free space", refused)
	if refused < 20 {
		t.Errorf("only %d refused: the test hits nothing", refused)
	}
}

// TestFlippedBitInEveryEntry: no entry's bytes can change unseen.
func TestFlippedBitInEveryEntry(t *testing.T) {
	l := raft.Log{Index: 7, Term: 3, Type: raft.LogCommand, Data: []byte("data"), Extensions: []byte("x")}
	sealed := encodeEntry(&l)
	var got raft.Log
	if err := decodeEntry(7, sealed, &got); err != nil || got.Term != 3 || string(got.Data) != "data" || string(got.Extensions) != "x" {
		t.Fatalf("got %+v %v", got, err)
	}
	for bit := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		if decodeEntry(7, bad, &got) == nil {
			t.Errorf("bit %d flipped unseen", bit)
		}
	}
	for n := range sealed {
		if decodeEntry(7, sealed[:n], &got) == nil {
			t.Errorf("cut to %d bytes unseen", n)
		}
	}
	if decodeEntry(8, sealed, &got) == nil {
		t.Error("an entry in another's place went unseen")
	}
}

// TestMetaPagesFollowEachOther: a meta page of long ago, whole in itself, is
// not taken for the last but one.
func TestMetaPagesFollowEachOther(t *testing.T) {
	cfg, _ := written(t, 10, false)
	data, err := os.ReadFile(filepath.Join(cfg.Dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := parsePages(data); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		bad := bytes.Clone(data)
		m := bad[i*4096+pageHeader:]
		native.PutUint64(m[48:], native.Uint64(m[48:])-2)
		sum := fnv.New64a()
		sum.Write(m[:56])
		native.PutUint64(m[56:], sum.Sum64())
		_, _, err := parsePages(bad)
		older := native.Uint64(data[i*4096+pageHeader+48:]) < native.Uint64(data[(1-i)*4096+pageHeader+48:])
		if older && err == nil {
			t.Errorf("meta page %d of two transactions before went unseen", i)
		}
	}
}

func TestTruncatedDatabase(t *testing.T) {
	cfg, hash := written(t, 60, false)
	info, err := os.Stat(filepath.Join(cfg.Dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1, 4096, 8192, info.Size() / 2, info.Size() - 4096} {
		c := copyOf(t, cfg)
		if err := os.Truncate(filepath.Join(c.Dir, databaseFile), size); err != nil {
			t.Fatal(err)
		}
		if !refusedOrWhole(t, c, hash) && size < info.Size()/2 {
			t.Errorf("cut to %d of %d bytes unseen", size, info.Size())
		}
	}
}

func TestDamagedSnapshot(t *testing.T) {
	cfg, hash := written(t, 60, true)
	states, err := filepath.Glob(filepath.Join(cfg.Dir, "snapshots", "*", "state.bin"))
	if err != nil || len(states) != 1 {
		t.Fatal(states, err)
	}
	rel, err := filepath.Rel(cfg.Dir, states[0])
	if err != nil {
		t.Fatal(err)
	}
	if refusedOrWhole(t, copyOf(t, cfg), hash) {
		t.Fatal("refused without damage")
	}
	for name, damage := range map[string]func(path string) error{
		"bit": func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data[len(data)/2] ^= 4
			return os.WriteFile(path, data, 0o600)
		},
		"cut":     func(path string) error { return os.Truncate(path, 100) },
		"no meta": func(path string) error { return os.Remove(filepath.Join(filepath.Dir(path), "meta.json")) },
	} {
		c := copyOf(t, cfg)
		if err := damage(filepath.Join(c.Dir, rel)); err != nil {
			t.Fatal(err)
		}
		if !refusedOrWhole(t, c, hash) {
			t.Errorf("%s: damage unseen", name)
		}
	}
}

// TestVoteIsNeverTorn: the term of a vote without its candidate is not
// written.
func TestVoteIsNeverTorn(t *testing.T) {
	cfg := bootstrapped(t)
	d, err := openDisk(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	vote := func(term uint64, candidate string) {
		t.Helper()
		if err := d.SetUint64([]byte(raftVoteTerm), term); err != nil {
			t.Fatal(err)
		}
		if candidate == "" {
			return // the crash
		}
		if err := d.Set([]byte(raftVoteCand), []byte(candidate)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(term uint64, candidate string) {
		t.Helper()
		gotTerm, err1 := d.GetUint64([]byte(raftVoteTerm))
		gotCand, err2 := d.Get([]byte(raftVoteCand))
		if gotTerm != term || string(gotCand) != candidate || err1 != nil || err2 != nil {
			t.Fatalf("vote %d %q (%v, %v), want %d %q", gotTerm, gotCand, err1, err2, term, candidate)
		}
	}
	check(0, "")
	vote(4, "a")
	check(4, "a")
	vote(5, "")
	check(4, "a")
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if d, err = openDisk(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	defer d.close()
	check(4, "a")
	vote(6, "b")
	check(6, "b")
	if err := d.Set([]byte("other"), binary.BigEndian.AppendUint64(nil, 9)); err != nil {
		t.Fatal(err)
	}
	if n, err := d.GetUint64([]byte("other")); n != 9 || err != nil {
		t.Fatal(n, err)
	}
}

func TestLogStore(t *testing.T) {
	d, err := openDisk(bootstrapped(t).Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var logs []*raft.Log
	for i := uint64(3); i <= 50; i++ {
		logs = append(logs, &raft.Log{Index: i, Term: 2, Data: []byte{byte(i)}})
	}
	if err := d.StoreLogs(logs); err != nil {
		t.Fatal(err)
	}
	edges := func(first, last uint64) {
		t.Helper()
		f, err1 := d.FirstIndex()
		l, err2 := d.LastIndex()
		if f != first || l != last || err1 != nil || err2 != nil {
			t.Fatalf("%d to %d (%v, %v), want %d to %d", f, l, err1, err2, first, last)
		}
	}
	edges(1, 50)
	if err := d.DeleteRange(1, 20); err != nil {
		t.Fatal(err)
	}
	edges(21, 50)
	if err := d.DeleteRange(41, 50); err != nil {
		t.Fatal(err)
	}
	edges(21, 40)
	var l raft.Log
	if err := d.GetLog(20, &l); !errors.Is(err, raft.ErrLogNotFound) {
		t.Fatalf("deleted entry: %v", err)
	}
	if err := d.GetLog(30, &l); err != nil || l.Data[0] != 30 || l.Index != 30 {
		t.Fatalf("entry 30: %+v %v", l, err)
	}
	if err := d.DeleteRange(21, 40); err != nil {
		t.Fatal(err)
	}
	edges(0, 0)
}
