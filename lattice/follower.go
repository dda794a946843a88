package lattice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// FollowerConfig configures a Follower.
type FollowerConfig struct {
	Bus     Bus
	Lattice string
	// Cluster pins the cluster; empty: the first one that answers.
	Cluster ClusterID
	// OnChange is called for each step of the state, in order, never
	// concurrently with itself: first with the whole state as changes, then for
	// each commit, or for several at once after a gap. The follower's applied
	// index moves when it returns: the host must then act on the changes (new
	// calls take the new routes). Long work belongs elsewhere: until it
	// returns, nothing later is applied.
	OnChange func(ctx context.Context, v *linkstate.View, changes []linkstate.Change)
	// OnError, if set, hears why the follower cannot catch up at the moment.
	OnError func(error)
}

// Follower keeps a host's copy of link state, without gaps, from the feed. It
// survives the loss of control members with the last state it knows.
type Follower struct {
	cfg      FollowerConfig
	subjects Subjects

	mail   chan FeedMessage
	kick   chan struct{} // the mailbox may have lost messages
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	sub    Subscription

	replica *linkstate.Replica // owned by Open, then by run

	mu      sync.Mutex
	cluster ClusterID
	view    *linkstate.View
	applied uint64
	moved   chan struct{} // closed and replaced when applied moves
}

// catchUpTimeout bounds one request for what was missed; it is repeated.
const catchUpTimeout = 2 * time.Second

// mailboxSize is how many feed messages wait while OnChange runs; more cause a
// catch-up.
const mailboxSize = 1024

// NewFollower returns a follower that has not begun.
//
// Errors:
//   - ErrInvalid if Bus or OnChange is nil or the lattice's name is not valid.
func NewFollower(cfg FollowerConfig) (*Follower, error) {
	if cfg.Bus == nil || cfg.OnChange == nil {
		return nil, errcode.New(errcode.Invalid, "new follower: bus and OnChange are needed")
	}
	if err := ValidName("lattice", cfg.Lattice); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Follower{
		cfg: cfg, subjects: Subjects(cfg.Lattice), cluster: cfg.Cluster,
		mail: make(chan FeedMessage, mailboxSize), kick: make(chan struct{}, 1),
		ctx: ctx, cancel: cancel, done: make(chan struct{}),
		replica: linkstate.NewReplica(nil), view: &linkstate.View{}, moved: make(chan struct{}),
	}, nil
}

// Open takes a snapshot, calls OnChange with it and follows from there. It is
// called once; Close must follow, also after an error.
//
// Errors:
//   - ErrUnavailable, ErrDeadline if no control member answers until ctx ends.
//   - ErrConflict if the control member belongs to another cluster.
func (f *Follower) Open(ctx context.Context) error {
	sub, err := f.cfg.Bus.Subscribe(f.subjects.Feed(), SubscribeOptions{Ordered: true, OnLost: f.lost},
		func(_ context.Context, m *Message) (Reply, error) {
			var fm FeedMessage
			if err := json.Unmarshal(m.Data, &fm); err != nil {
				f.lost() // whatever it said, ask
				return Reply{}, nil
			}
			select {
			case f.mail <- fm:
			default:
				f.lost()
			}
			return Reply{}, nil
		})
	if err != nil {
		close(f.done)
		return err
	}
	f.sub = sub
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	wait := 20 * time.Millisecond
	for {
		err = f.snapshot(ctx)
		if err == nil {
			go f.run()
			return nil
		}
		again := errors.Is(err, ErrUnavailable) || errors.Is(err, ErrDeadline)
		if !again || !sleep(ctx, wait) {
			close(f.done)
			return err
		}
		wait = min(2*wait, 500*time.Millisecond)
	}
}

// Close stops following and waits for a running OnChange, whose context it
// ends. It is idempotent and needs no successful Open, but Open must have
// returned if it was called.
func (f *Follower) Close() error {
	f.cancel()
	if f.sub == nil {
		return nil
	}
	err := f.sub.Close()
	<-f.done
	return err
}

// Cluster returns the cluster followed, "" before Open.
func (f *Follower) Cluster() ClusterID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cluster
}

// View returns the state last acted on.
func (f *Follower) View() *linkstate.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.view
}

// Applied returns the index of the state last acted on.
func (f *Follower) Applied() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied
}

// Wait waits until the state of index, or a later one, is acted on.
//
// Errors:
//   - ErrDeadline or ErrUnavailable when ctx ends; ErrClosed after Close.
func (f *Follower) Wait(ctx context.Context, index uint64) error {
	for {
		f.mu.Lock()
		applied, moved := f.applied, f.moved
		f.mu.Unlock()
		if applied >= index {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return errcode.New(errcode.Of(ctx.Err()), "wait for link state %d: %w (have %d)", index, ctx.Err(), applied)
		case <-f.ctx.Done():
			return errcode.New(errcode.Closed, "wait for link state %d: follower closed", index)
		}
	}
}

func (f *Follower) lost() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// run applies what arrives until Close.
func (f *Follower) run() {
	defer close(f.done)
	for {
		var err error
		select {
		case <-f.ctx.Done():
			return
		case <-f.kick:
			err = f.catchUp(f.ctx)
		case m := <-f.mail:
			err = f.receive(m)
		}
		for wait := 50 * time.Millisecond; err != nil; wait = min(2*wait, 2*time.Second) {
			if f.ctx.Err() != nil {
				return
			}
			if f.cfg.OnError != nil {
				f.cfg.OnError(err)
			}
			if !sleep(f.ctx, wait) {
				return
			}
			err = f.catchUp(f.ctx)
		}
	}
}

func (f *Follower) receive(m FeedMessage) error {
	if m.Cluster != f.Cluster() {
		if f.cfg.OnError != nil {
			f.cfg.OnError(errcode.New(errcode.Conflict, "feed of cluster %s ignored, following %s", m.Cluster, f.Cluster()))
		}
		return nil
	}
	switch {
	case m.Commit.Index <= f.replica.Index():
		return nil
	case m.Commit.Prev != f.replica.Index() || len(m.Commit.Changes) == 0:
		return f.catchUp(f.ctx)
	}
	return f.apply([]linkstate.Commit{m.Commit})
}

// apply applies commits that follow the replica and acts on them as one step.
func (f *Follower) apply(commits []linkstate.Commit) error {
	var changes []linkstate.Change
	for _, c := range commits {
		if c.Index <= f.replica.Index() {
			continue
		}
		if err := f.replica.Apply(c); err != nil {
			return f.snapshot(f.ctx)
		}
		changes = append(changes, c.Changes...)
	}
	if len(changes) > 0 {
		f.act(f.ctx, changes)
	}
	return nil
}

// act tells the host and then moves the applied index.
func (f *Follower) act(ctx context.Context, changes []linkstate.Change) {
	v := f.replica.View()
	f.cfg.OnChange(ctx, v, changes)
	f.mu.Lock()
	f.view, f.applied = v, v.Index()
	close(f.moved)
	f.moved = make(chan struct{})
	f.mu.Unlock()
}

// catchUp asks for the commits after the replica's index.
func (f *Follower) catchUp(ctx context.Context) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
		rep, err := Ask[ChangesRequest, ChangesReply](ctx, f.cfg.Bus, f.subjects.Control(OpChanges),
			f.header(), ChangesRequest{After: f.replica.Index()})
		cancel()
		if err != nil {
			return err
		}
		if err := f.checkCluster(rep.Cluster); err != nil {
			return err
		}
		if rep.Reset {
			return f.snapshot(f.ctx)
		}
		if err := f.apply(rep.Commits); err != nil {
			return err
		}
		if !rep.More || len(rep.Commits) == 0 {
			return nil
		}
	}
}

// snapshot replaces the replica by the control member's state.
func (f *Follower) snapshot(ctx context.Context) error {
	var data []byte
	var first SnapshotReply
	for {
		req := SnapshotRequest{Index: first.Index, Offset: len(data)}
		ctx, cancel := context.WithTimeout(ctx, 2*catchUpTimeout)
		rep, err := Ask[SnapshotRequest, SnapshotReply](ctx, f.cfg.Bus, f.subjects.Control(OpSnapshot), f.header(), req)
		cancel()
		if err != nil {
			return err
		}
		if err := f.checkCluster(rep.Cluster); err != nil {
			return err
		}
		if rep.Index != first.Index || rep.Offset == 0 {
			first, data = rep, nil // a new one began
		}
		if rep.Offset != len(data) {
			return errcode.New(errcode.Internal, "take snapshot: part at %d, want %d", rep.Offset, len(data))
		}
		data = append(data, rep.Data...)
		if len(data) >= rep.Size {
			break
		}
		if len(rep.Data) == 0 {
			return errcode.New(errcode.Internal, "take snapshot: empty part at %d of %d", len(data), rep.Size)
		}
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != first.SHA256 {
		return errcode.New(errcode.Unavailable, "take snapshot: checksum %s, want %s", got, first.SHA256)
	}
	v, err := linkstate.DecodeView(data)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.cluster = first.Cluster
	f.mu.Unlock()
	f.act(ctx, f.replica.Reset(v))
	return nil
}

func (f *Follower) checkCluster(got ClusterID) error {
	if own := f.Cluster(); own != "" && got != own {
		return errcode.New(errcode.Conflict, "follow link state: control member is of cluster %s, this host of %s", got, own).
			WithNext("join with the address of the right cluster, or start with an empty data folder")
	}
	return nil
}

func (f *Follower) header() Header {
	if c := f.Cluster(); c != "" {
		return Header{HeaderCluster: string(c)}
	}
	return nil
}

// sleep waits d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
