package lattice

import (
	"context"

	"latticework/lattice/linkstate"
)

// Store keeps link state on disk, agreed among the control members. It is safe
// for concurrent use.
type Store interface {
	// Apply writes a command and returns its result once it is committed and
	// applied. A refusal by the state machine is in the result, not the error.
	//
	// Errors:
	//   - ErrInvalid, ErrExhausted if the command cannot be encoded.
	//   - ErrUnavailable if this member does not lead or lost the lead; the
	//     command may still be committed, unless the error is refused.
	//   - ErrDeadline if ctx ended; the command may still be committed.
	//   - ErrClosed after Close.
	Apply(ctx context.Context, c linkstate.Command) (linkstate.Result, error)

	// Read returns a linearizable reading: it holds every command whose Apply
	// returned before Read was called.
	Read(ctx context.Context) (*linkstate.View, error)

	// Local returns what this member has applied, which may be behind.
	Local() *linkstate.View

	// Commits returns the commits after the given index in order, at least
	// one; it waits until there is one.
	//
	// Errors:
	//   - ErrNotFound if commits after the index are no longer kept, or the
	//     index is in the future: start again from Local.
	//   - ErrDeadline, ErrUnavailable when ctx ends; ErrClosed after Close.
	Commits(ctx context.Context, after uint64) ([]linkstate.Commit, error)

	// Status describes this member.
	Status() StoreStatus

	// Close stops the member. It is idempotent.
	Close() error
}

// StoreStatus describes a control member's store.
type StoreStatus struct {
	Cluster ClusterID `json:"cluster"`
	Lattice string    `json:"lattice"`
	Member  string    `json:"member"`           // raft server id
	Leader  string    `json:"leader,omitempty"` // raft server id of the leader, "" if unknown
	Leading bool      `json:"leading"`
	Term    uint64    `json:"term"`
	Applied uint64    `json:"applied"` // log index
	Hash    string    `json:"hash"`    // running hash of applied entries, hex
	Voters  int       `json:"voters"`
}
