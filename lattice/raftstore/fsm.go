package raftstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/hashicorp/raft"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// keptCommits and keptBytes bound what is kept for followers that catch up: the
// older half goes when either is reached.
const (
	keptCommits = 16384
	keptBytes   = 64 << 20 // of log entries; commits take a few times that
)

// snapshotMagic begins a snapshot; the running hash, the checksum of what
// follows and the state come after it.
var snapshotMagic = []byte("lwsnap1\n")

// fsm applies committed entries to link state.
type fsm struct {
	mu      sync.Mutex
	state   *linkstate.State   // guarded by mu
	view    *linkstate.View    // of state, nil after a change; guarded by mu
	hash    [sha256.Size]byte  // over all applied entries in order; guarded by mu
	applied uint64             // index of the last command; guarded by mu
	commits []linkstate.Commit // contiguous: each Prev is the Index before; guarded by mu
	sizes   []int              // of the log entries of commits; guarded by mu
	size    int                // sum of sizes; guarded by mu
	moved   chan struct{}      // closed and replaced on a new commit; guarded by mu
	closed  bool               // guarded by mu
}

func newFSM() *fsm { return &fsm{state: linkstate.NewState(), moved: make(chan struct{})} }

// Apply applies one entry and returns a linkstate.Result.
func (f *fsm) Apply(l *raft.Log) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := sha256.New()
	h.Write(f.hash[:])
	h.Write(binary.BigEndian.AppendUint64(nil, l.Index))
	h.Write(l.Data)
	h.Sum(f.hash[:0])
	f.applied = l.Index
	prev := f.state.Index()
	res, changes := f.state.Apply(l.Index, l.Data)
	f.view = nil
	if len(changes) > 0 {
		f.keepLocked(linkstate.Commit{Prev: prev, Index: l.Index, Term: l.Term, Changes: changes}, len(l.Data))
		f.moveLocked()
	}
	return res
}

func (f *fsm) keepLocked(c linkstate.Commit, size int) {
	f.commits, f.sizes, f.size = append(f.commits, c), append(f.sizes, size), f.size+size
	if len(f.commits) < keptCommits && f.size < keptBytes {
		return
	}
	cut := 0
	for half := f.size / 2; cut < len(f.sizes)-1 && (f.size > half || len(f.sizes)-cut > keptCommits/2); cut++ {
		f.size -= f.sizes[cut]
	}
	f.commits = append([]linkstate.Commit(nil), f.commits[cut:]...)
	f.sizes = append([]int(nil), f.sizes[cut:]...)
}

func (f *fsm) moveLocked() {
	close(f.moved)
	f.moved = make(chan struct{})
}

func (f *fsm) viewLocked() *linkstate.View {
	if f.view == nil {
		f.view = f.state.View()
	}
	return f.view
}

func (f *fsm) current() *linkstate.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.viewLocked()
}

// progress returns the last command's index and the running hash.
func (f *fsm) progress() (uint64, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied, hex.EncodeToString(f.hash[:])
}

// since waits for commits after an index, see lattice.Store.
func (f *fsm) since(ctx context.Context, after uint64) ([]linkstate.Commit, error) {
	for {
		f.mu.Lock()
		at := f.state.Index()
		oldest := at
		if len(f.commits) > 0 {
			oldest = f.commits[0].Prev
		}
		commits, moved, closed := f.commits, f.moved, f.closed
		f.mu.Unlock()
		switch {
		case closed:
			return nil, errcode.New(errcode.Closed, "wait for commits: store closed")
		case after > at:
			return nil, errcode.New(errcode.NotFound, "commits after %d: the last is %d", after, at)
		case after < oldest:
			return nil, errcode.New(errcode.NotFound, "commits after %d: kept from %d", after, oldest)
		case after < at:
			i := sort.Search(len(commits), func(i int) bool { return commits[i].Index > after })
			return commits[i:len(commits):len(commits)], nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, errcode.New(errcode.Of(ctx.Err()), "wait for commits after %d: %w", after, ctx.Err())
		}
	}
}

func (f *fsm) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.moveLocked()
	}
}

// Snapshot encodes the state.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := f.state.Snapshot()
	sum := sha256.Sum256(append(append([]byte(nil), f.hash[:]...), state...))
	return fsmSnapshot(bytes.Join([][]byte{snapshotMagic, f.hash[:], sum[:], state}, nil)), nil
}

// Restore replaces the state by a snapshot. One that is older than the state
// is ignored: it must not go back in time.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	state, hash, err := decodeSnapshot(data)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if state.Applied() < f.state.Applied() {
		return nil
	}
	f.state, f.hash, f.applied = state, hash, state.Applied()
	f.view, f.commits, f.sizes, f.size = nil, nil, nil, 0
	f.moveLocked()
	return nil
}

func decodeSnapshot(data []byte) (*linkstate.State, [sha256.Size]byte, error) {
	var hash, sum [sha256.Size]byte
	rest, ok := bytes.CutPrefix(data, snapshotMagic)
	if !ok || len(rest) < 2*sha256.Size {
		return nil, hash, damaged("snapshot", io.ErrUnexpectedEOF)
	}
	copy(hash[:], rest)
	copy(sum[:], rest[sha256.Size:])
	encoded := rest[2*sha256.Size:]
	if got := sha256.Sum256(append(append([]byte(nil), hash[:]...), encoded...)); got != sum {
		return nil, hash, damaged("snapshot", fmt.Errorf("checksum %x, want %x", got, sum))
	}
	state, err := linkstate.RestoreState(encoded)
	return state, hash, err
}

// fsmSnapshot is an encoded snapshot on its way to disk.
type fsmSnapshot []byte

// Persist writes the snapshot.
func (s fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s); err != nil {
		_ = sink.Cancel()
		return err
	}
	return sink.Close()
}

// Release does nothing: the snapshot is garbage.
func (fsmSnapshot) Release() {}
