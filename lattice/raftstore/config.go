package raftstore

import (
	"errors"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"

	"latticework/internal/errcode"
	"latticework/lattice"
)

// Profile is the pace of raft. All members of a cluster use the same.
type Profile struct {
	Election time.Duration // heartbeat and election timeout
	Lease    time.Duration // at most half of Election
}

// The profiles.
var (
	// SingleMember is for a cluster that has one voter and nobody to wait for.
	SingleMember = Profile{Election: 50 * time.Millisecond, Lease: 25 * time.Millisecond}
	// LAN is for voters in one place.
	LAN = Profile{Election: 300 * time.Millisecond, Lease: 150 * time.Millisecond}
	// Continent is for voters on one continent.
	Continent = Profile{Election: time.Second, Lease: 500 * time.Millisecond}
	// World is for voters between continents.
	World = Profile{Election: 3 * time.Second, Lease: 1500 * time.Millisecond}
)

// Config configures a member. Only Dir is needed.
type Config struct {
	// Dir is the member's data folder; it is made if absent.
	Dir string
	// Profile is SingleMember if zero.
	Profile Profile
	// Transport carries raft's messages between members; its address is the
	// member's id. nil: a loopback for a cluster of one.
	Transport raft.Transport
	// SnapshotEntries is how many entries are applied between two snapshots; 0
	// means 8192.
	SnapshotEntries uint64
	// SnapshotInterval is how often that is looked at; 0 means 2 minutes.
	SnapshotInterval time.Duration
	// Logger hears of raft's warnings and errors; nil: nobody does.
	Logger *slog.Logger
}

// trailingLogs is how many entries are kept behind a snapshot, so that a
// member that is a little late needs no snapshot.
const trailingLogs = 10240

// maxInFlight is how many applies are under way at once; others wait.
const maxInFlight = 256

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errcode.New(errcode.Invalid, "open raft store: no data folder"))
	}
	if p := c.profile(); p.Election < 10*time.Millisecond || p.Lease < 5*time.Millisecond || 2*p.Lease > p.Election {
		errs = append(errs, errcode.New(errcode.Invalid, "open raft store: lease %s, want 5ms to half of election %s", p.Lease, p.Election))
	}
	return errors.Join(errs...)
}

func (c Config) profile() Profile {
	if c.Profile == (Profile{}) {
		return SingleMember
	}
	return c.Profile
}

func (c Config) raft(member string) *raft.Config {
	p := c.profile()
	r := raft.DefaultConfig()
	r.LocalID = raft.ServerID(member)
	r.HeartbeatTimeout, r.ElectionTimeout, r.LeaderLeaseTimeout = p.Election, p.Election, p.Lease
	r.CommitTimeout = p.Lease
	r.TrailingLogs = trailingLogs
	if c.SnapshotEntries > 0 {
		r.SnapshotThreshold = c.SnapshotEntries
	}
	if c.SnapshotInterval > 0 {
		r.SnapshotInterval = c.SnapshotInterval
	}
	r.Logger = newLogger(c.Logger)
	return r
}

// transport returns the transport of a member. Heartbeats go through the
// consumer channel like all else: handled apart they race the main loop, and
// two leaders of one term become possible (hashicorp/raft issue 695).
func (c Config) transport(member string) raft.Transport {
	if c.Transport != nil {
		return c.Transport
	}
	_, t := raft.NewInmemTransport(raft.ServerAddress(member))
	return loopback{t}
}

// loopback is the transport of a cluster of one.
type loopback struct{ *raft.InmemTransport }

// SetHeartbeatHandler does nothing: no fast path.
func (loopback) SetHeartbeatHandler(func(raft.RPC)) {}

// identity is who a member is. It is written once, at bootstrap or when the
// member joins.
type identity struct {
	Format  int               `json:"format"`
	Cluster lattice.ClusterID `json:"cluster"`
	Lattice string            `json:"lattice"`
	Member  string            `json:"member"`
}

// formatVersion is the version of the data folder.
const formatVersion = 1
