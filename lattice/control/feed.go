package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// publish publishes commits after an index as they come.
func (s *Service) publish(after uint64) {
	for s.ctx.Err() == nil {
		commits, err := s.store.Commits(s.ctx, after)
		switch {
		case errors.Is(err, errcode.NotFound): // a snapshot came in between: followers take it too
			after = s.store.Local().Index()
			s.announce(linkstate.Commit{Prev: after, Index: after})
		case err != nil:
			return
		}
		for _, c := range commits {
			s.announce(c)
			after = c.Index
		}
	}
}

// changes answers a follower that missed something.
func (s *Service) changes(ctx context.Context, r lattice.ChangesRequest) (lattice.ChangesReply, error) {
	rep := lattice.ChangesReply{Cluster: s.cluster}
	if r.After == s.store.Local().Index() {
		return rep, nil
	}
	commits, err := s.store.Commits(ctx, r.After)
	if errors.Is(err, errcode.NotFound) {
		rep.Reset = true
		return rep, nil
	}
	if err != nil {
		return rep, err
	}
	room := s.bus.MaxPayload() - 1024 // for what is around the commits
	for _, c := range commits {
		data, err := json.Marshal(c)
		if err != nil {
			return rep, errcode.New(errcode.Internal, "encode commit %d: %w", c.Index, err)
		}
		if room -= len(data) + 1; room < 0 {
			rep.More = true
			break
		}
		rep.Commits = append(rep.Commits, c)
	}
	// One commit that fits in no message: the follower takes a snapshot.
	rep.Reset = len(rep.Commits) == 0
	return rep, nil
}

// keptSnapshots is how many encoded views are kept for followers that are
// fetching them.
const keptSnapshots = 4

// snapshots are encoded views, for followers that fetch them in parts.
type snapshots struct {
	mu   sync.Mutex
	kept []encodedView // newest last; guarded by mu
}

type encodedView struct {
	index uint64
	data  []byte
	sum   string
}

// at returns the encoded view of an index, nil if it is not kept.
func (e *snapshots) at(index uint64) *encodedView {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.kept, func(v encodedView) bool { return v.index == index })
	if i < 0 {
		return nil
	}
	v := e.kept[i]
	return &v
}

func (e *snapshots) add(v *linkstate.View) *encodedView {
	if old := e.at(v.Index()); old != nil {
		return old
	}
	data := v.Encode()
	sum := sha256.Sum256(data)
	n := encodedView{index: v.Index(), data: data, sum: hex.EncodeToString(sum[:])}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept = append(e.kept, n)
	if len(e.kept) > keptSnapshots {
		e.kept = slices.Delete(e.kept, 0, 1)
	}
	return &n
}

// snapshot answers with a part of the present state, or of the one that the
// follower is fetching.
func (s *Service) snapshot(ctx context.Context, r lattice.SnapshotRequest) (lattice.SnapshotReply, error) {
	e := s.snaps.at(r.Index)
	if r.Offset == 0 || e == nil || r.Offset < 0 || r.Offset > len(e.data) {
		v, err := s.store.Read(ctx)
		if err != nil {
			return lattice.SnapshotReply{}, err
		}
		e, r.Offset = s.snaps.add(v), 0
	}
	part := e.data[r.Offset:]
	if limit := (s.bus.MaxPayload() - 1024) / 4 * 3; len(part) > limit { // base64 in JSON
		part = part[:limit]
	}
	return lattice.SnapshotReply{Cluster: s.cluster, Index: e.index, Offset: r.Offset, Size: len(e.data), SHA256: e.sum, Data: part}, nil
}
