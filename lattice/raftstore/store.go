package raftstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"github.com/oklog/ulid/v2"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// Store is a member of a raft cluster. It is a lattice.Store.
type Store struct {
	id        identity
	disk      *disk
	fsm       *fsm
	raft      *raft.Raft
	transport raft.Transport

	inFlight chan struct{}  // a place for each apply under way
	waiters  sync.WaitGroup // goroutines that wait for raft's futures

	mu       sync.Mutex
	closing  chan struct{} // closed by Close
	closed   bool          // guarded by mu
	barriers barriers      // guarded by mu
}

var _ lattice.Store = (*Store)(nil)

// Bootstrap makes a new cluster of one member in the data folder. It is the
// only way a cluster begins; Open never makes one.
//
// Errors:
//   - errcode.Invalid if the lattice's name is not valid.
//   - errcode.Exists if the folder holds a member already.
//   - errcode.Denied, errcode.Conflict, errcode.Internal as Open.
func Bootstrap(cfg Config, latticeName string) (lattice.ClusterID, error) {
	if err := cfg.Validate(); err != nil {
		return "", err
	}
	if err := lattice.ValidName("lattice", latticeName); err != nil {
		return "", err
	}
	d, err := openDisk(cfg.Dir)
	if err != nil {
		return "", err
	}
	id, err := bootstrap(d, latticeName)
	if cErr := d.close(); err == nil && cErr != nil {
		err = cErr
	}
	return id.Cluster, err
}

func bootstrap(d *disk, latticeName string) (identity, error) {
	if d.id.Format != 0 {
		return identity{}, errcode.New(errcode.Exists, "bootstrap %s: it holds a member of cluster %s", d.dir, d.id.Cluster).
			WithNext("start without bootstrapping, or choose another data folder")
	}
	id := identity{Format: formatVersion, Cluster: lattice.NewClusterID(), Lattice: latticeName, Member: ulid.Make().String()}
	first := linkstate.Command{Bootstrap: &linkstate.Bootstrap{Cluster: string(id.Cluster), Lattice: latticeName}}
	data, err := first.Encode()
	if err != nil {
		return id, err
	}
	members := raft.Configuration{Servers: []raft.Server{{ID: raft.ServerID(id.Member), Address: raft.ServerAddress(id.Member)}}}
	now := time.Now()
	// What raft.BootstrapCluster writes, and the first command.
	return id, d.create(id, map[string][]byte{raftTerm: indexKey(1)}, []*raft.Log{
		{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members), AppendedAt: now},
		{Index: 2, Term: 1, Type: raft.LogCommand, Data: data, AppendedAt: now},
	})
}

// Open starts the member whose data is in the folder and locks the folder.
// Close must follow. Use Ready to wait until it serves.
//
// Errors:
//   - errcode.NotFound if the folder holds no member.
//   - errcode.Denied if this user may not write there.
//   - errcode.Conflict if another process holds the folder.
//   - errcode.Internal if anything in it is damaged.
//   - errcode.Unsupported if another version wrote it.
func Open(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, databaseFile)); errors.Is(err, os.ErrNotExist) {
		return nil, noMember(cfg.Dir)
	}
	d, err := openDisk(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s, err := open(cfg, d)
	if err != nil {
		_ = d.close()
		return nil, err
	}
	return s, nil
}

func noMember(dir string) error {
	return errcode.New(errcode.NotFound, "open data folder %s: it holds no member", dir).
		WithNext("bootstrap a new lattice with: lattice up; or join one with: lattice up --join ADDRESS")
}

func open(cfg Config, d *disk) (*Store, error) {
	id := d.id
	if id.Format == 0 {
		return nil, noMember(cfg.Dir)
	}
	rc := cfg.raft(id.Member)
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(cfg.Dir, 2, rc.Logger)
	if err != nil {
		return nil, folderError(cfg.Dir, err)
	}
	if err := verifySnapshots(cfg.Dir, d, snapshots); err != nil {
		return nil, err
	}
	s := &Store{id: id, disk: d, fsm: newFSM(), transport: cfg.transport(id.Member),
		inFlight: make(chan struct{}, maxInFlight), closing: make(chan struct{})}
	s.raft, err = raft.NewRaft(rc, s.fsm, d, d, snapshots, s.transport)
	if err != nil {
		closeTransport(s.transport)
		return nil, errcode.New(errcode.Internal, "start raft in %s: %w", cfg.Dir, err)
	}
	return s, nil
}

// verifySnapshots checks that every snapshot is whole and that the newest
// reaches the log. raft itself would skip a damaged one and go on from an
// older.
func verifySnapshots(dir string, d *disk, snapshots raft.SnapshotStore) error {
	folder := filepath.Join(dir, "snapshots")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return folderError(dir, err)
	}
	whole := 0
	for _, e := range entries {
		if e.IsDir() && filepath.Ext(e.Name()) != ".tmp" {
			whole++
		}
	}
	list, err := snapshots.List()
	if err != nil {
		return damaged(folder, err)
	}
	if len(list) != whole {
		return damaged(folder, errors.New("found "+strconv.Itoa(whole)+" snapshots, "+strconv.Itoa(len(list))+" can be read"))
	}
	newest := uint64(0)
	for _, meta := range list {
		_, r, err := snapshots.Open(meta.ID)
		if err != nil {
			return damaged(filepath.Join(folder, meta.ID), err)
		}
		data, err := io.ReadAll(r)
		_ = r.Close()
		if err == nil {
			_, _, err = decodeSnapshot(data)
		}
		if err != nil {
			return damaged(filepath.Join(folder, meta.ID), err)
		}
		newest = max(newest, meta.Index)
	}
	first, err := d.FirstIndex()
	if err != nil {
		return damaged(d.db.Path(), err)
	}
	if first > newest+1 {
		return damaged(folder, errors.New("the newest snapshot ends at "+strconv.FormatUint(newest, 10)+", the log begins at "+strconv.FormatUint(first, 10)))
	}
	return nil
}

// Ready waits until there is a leader and, if it is this member, until it has
// applied everything that was ever acknowledged.
//
// Errors:
//   - ErrDeadline or ErrUnavailable when ctx ends; ErrClosed after Close.
func (s *Store) Ready(ctx context.Context) error {
	for {
		if _, leader := s.raft.LeaderWithID(); leader != "" {
			if string(leader) != s.id.Member {
				return nil
			}
			_, err := s.Read(ctx)
			if err == nil || !lattice.IsRefused(err) {
				return err
			}
		}
		t := time.NewTimer(5 * time.Millisecond)
		select {
		case <-t.C:
			continue
		case <-s.closing:
			t.Stop()
			return closedError("wait for a leader")
		case <-ctx.Done():
			t.Stop()
			return errcode.New(errcode.Of(ctx.Err()), "wait for a leader: %w", ctx.Err())
		}
	}
}

// Apply writes a command, see lattice.Store.
func (s *Store) Apply(ctx context.Context, c linkstate.Command) (linkstate.Result, error) {
	data, err := c.Encode()
	if err != nil {
		return linkstate.Result{}, lattice.Refuse(err)
	}
	select {
	case s.inFlight <- struct{}{}:
	case <-ctx.Done():
		return linkstate.Result{}, lattice.Refuse(errcode.New(errcode.Of(ctx.Err()), "apply command: wait for room: %w", ctx.Err()))
	case <-s.closing:
		return linkstate.Result{}, closedError("apply command")
	}
	done := make(chan struct{})
	var f raft.ApplyFuture
	ok := s.start(func() {
		defer func() { <-s.inFlight; close(done) }()
		f = s.raft.Apply(data, 0)
		_ = f.Error()
	})
	if !ok {
		<-s.inFlight
		return linkstate.Result{}, closedError("apply command")
	}
	select {
	case <-done:
	case <-ctx.Done():
		return linkstate.Result{}, errcode.New(errcode.Of(ctx.Err()), "apply command: not confirmed: %w; it may still take effect", ctx.Err())
	}
	if err := f.Error(); err != nil {
		return linkstate.Result{}, raftError("apply command", err)
	}
	res, _ := f.Response().(linkstate.Result)
	return res, nil
}

// start runs fn in a goroutine that Close waits for. It reports false when the
// store is closed.
func (s *Store) start(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.waiters.Go(fn)
	return true
}

// raftError gives an error of raft a code.
func raftError(what string, err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return lattice.Refuse(errcode.New(errcode.Unavailable, "%s: this member does not lead", what))
	case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrAbortedByRestore):
		return errcode.New(errcode.Unavailable, "%s: the lead was lost meanwhile; it may still take effect", what)
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return lattice.Refuse(errcode.New(errcode.Exhausted, "%s: %w", what, err))
	case errors.Is(err, raft.ErrRaftShutdown):
		return closedError(what)
	}
	return errcode.New(errcode.Unavailable, "%s: %w", what, err)
}

func closedError(what string) error {
	return lattice.Refuse(errcode.New(errcode.Closed, "%s: store closed", what))
}

// Local returns what this member has applied.
func (s *Store) Local() *linkstate.View { return s.fsm.current() }

// Commits returns the commits after an index, see lattice.Store.
func (s *Store) Commits(ctx context.Context, after uint64) ([]linkstate.Commit, error) {
	return s.fsm.since(ctx, after)
}

// Status describes this member.
func (s *Store) Status() lattice.StoreStatus {
	_, leader := s.raft.LeaderWithID()
	applied, hash := s.fsm.progress()
	st := lattice.StoreStatus{
		Cluster: s.id.Cluster, Lattice: s.id.Lattice, Member: s.id.Member, Leader: string(leader),
		Leading: s.raft.State() == raft.Leader, Term: s.raft.CurrentTerm(), Applied: applied, Hash: hash,
	}
	if f := s.raft.GetConfiguration(); f.Error() == nil {
		for _, m := range f.Configuration().Servers {
			if m.Suffrage == raft.Voter {
				st.Voters++
			}
		}
	}
	return st
}

// Snapshot writes a snapshot now. Nothing new to write is not an error.
func (s *Store) Snapshot() error {
	if err := s.raft.Snapshot().Error(); err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return raftError("write snapshot", err)
	}
	return nil
}

// Close stops the member and lets the data folder go. It is idempotent.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.mu.Unlock()
	// What was handed to raft is answered while it runs: of what it holds when it
	// is shut down it may forget some, which would never be answered.
	answered := make(chan struct{})
	var join sync.WaitGroup
	join.Go(func() {
		s.waiters.Wait()
		close(answered)
	})
	wait := time.NewTimer(closeGrace)
	defer wait.Stop()
	select {
	case <-answered:
	case <-wait.C:
	}
	s.fsm.close()
	err := s.raft.Shutdown().Error()
	join.Wait()
	closeTransport(s.transport)
	if cErr := s.disk.close(); err == nil {
		err = cErr
	}
	return err
}

// closeGrace is how long Close waits for answers of a raft that runs: longer than
// a leader without followers leads.
const closeGrace = 10 * time.Second

func closeTransport(t raft.Transport) {
	if c, ok := t.(raft.WithClose); ok {
		_ = c.Close()
	}
}
