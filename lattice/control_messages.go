package lattice

import (
	"time"

	"latticework/lattice/linkstate"
)

// Hello is the control member's answer to OpHello.
type Hello struct {
	Cluster    ClusterID `json:"cluster"`
	Lattice    string    `json:"lattice"`
	Member     string    `json:"member"`
	Index      uint64    `json:"index"`
	Term       uint64    `json:"term"`
	MaxPayload int       `json:"max_payload"`
}

// FeedMessage is what the leading control member publishes for each commit.
type FeedMessage struct {
	Cluster ClusterID        `json:"cluster"`
	Commit  linkstate.Commit `json:"commit"`
}

// ChangesRequest asks for the commits after an index.
type ChangesRequest struct {
	After uint64 `json:"after"`
}

// ChangesReply holds commits in order. More says that there are more than fit.
// With Reset the follower must take a snapshot.
type ChangesReply struct {
	Cluster ClusterID          `json:"cluster"`
	Commits []linkstate.Commit `json:"commits,omitempty"`
	More    bool               `json:"more,omitempty"`
	Reset   bool               `json:"reset,omitempty"`
}

// SnapshotRequest asks for a part of a snapshot. Index 0 begins a new one.
type SnapshotRequest struct {
	Index  uint64 `json:"index,omitempty"`
	Offset int    `json:"offset,omitempty"`
}

// SnapshotReply is a part of the encoded view at Index.
type SnapshotReply struct {
	Cluster ClusterID `json:"cluster"`
	Index   uint64    `json:"index"`
	Offset  int       `json:"offset"` // of Data; 0 if a new snapshot had to begin
	Size    int       `json:"size"`   // of the whole
	SHA256  string    `json:"sha256"`
	Data    []byte    `json:"data"`
}

// PutOptions of a write.
type PutOptions struct {
	// Expect is the revision the record must have, 0 that it must not exist;
	// nil: any.
	Expect *uint64 `json:"expect,omitempty"`
	// Wait: answer when every affected live host acts on the change.
	Wait bool `json:"wait,omitempty"`
	// DrainBudget bounds how long a replaced generation may drain; 0 means 30 s.
	DrainBudget time.Duration `json:"drain_budget,omitempty"`
}

// PutLinkRequest asks for a link. A link whose targets change is swapped.
type PutLinkRequest struct {
	Link linkstate.Link `json:"link"`
	PutOptions
}

// LinkQuery names one link by source, package and link name. Interfaces are
// needed only where several links share these.
type LinkQuery struct {
	Source     string   `json:"source"`
	Name       string   `json:"name,omitempty"`
	Package    string   `json:"package"` // "wasi:keyvalue"
	Interfaces []string `json:"interfaces,omitempty"`
}

// DeleteLinkRequest asks for a link's removal.
type DeleteLinkRequest struct {
	LinkQuery
	PutOptions
}

// SwapLinkRequest asks to lead a link to another target. It is answered when
// every affected live host sends new calls to the new target; with Wait, when
// the old one has drained as well.
type SwapLinkRequest struct {
	LinkQuery
	To string `json:"to"`
	// Config names the new target's configs. nil keeps the link's present
	// ones where the target's name stays, else none.
	Config []string `json:"config,omitempty"`
	PutOptions
}

// LinkReply answers a write on a link.
type LinkReply struct {
	Link      linkstate.Link `json:"link"` // as committed; zero after a delete
	Index     uint64         `json:"index"`
	Unchanged bool           `json:"unchanged,omitempty"`
	// Applied are the live hosts known to act on the change.
	Applied []HostID `json:"applied,omitempty"`
	// Pending are affected hosts that did not confirm in time.
	Pending []HostID `json:"pending,omitempty"`
	// Drained says that the replaced generation is closed; Cut is what was
	// still open on it then.
	Drained bool          `json:"drained,omitempty"`
	Cut     []DrainReport `json:"cut,omitempty"`
}

// LinkStatus is a link with what is known of it.
type LinkStatus struct {
	linkstate.Link
	Hosts []LinkOnHost `json:"hosts,omitempty"`
}

// LinkOnHost is a link on one affected host.
type LinkOnHost struct {
	Host    HostID     `json:"host"`
	Live    bool       `json:"live"`
	Applied bool       `json:"applied"` // the host acts on the link's revision
	Error   *WireError `json:"error,omitempty"`
}

// LinksReply lists links.
type LinksReply struct {
	Links []LinkStatus `json:"links"`
	Index uint64       `json:"index"`
}

// PutConfigRequest asks for a config.
type PutConfigRequest struct {
	Config linkstate.Config `json:"config"`
	PutOptions
}

// NameRequest names a record.
type NameRequest struct {
	Name string `json:"name"`
	PutOptions
}

// WriteReply answers a write.
type WriteReply struct {
	Index     uint64   `json:"index"`
	Revision  uint64   `json:"revision"`
	Unchanged bool     `json:"unchanged,omitempty"`
	Applied   []HostID `json:"applied,omitempty"`
	Pending   []HostID `json:"pending,omitempty"`
}

// ConfigsReply lists configs.
type ConfigsReply struct {
	Configs []linkstate.Config `json:"configs"`
	Index   uint64             `json:"index"`
}

// DeployRequest asks for an application. With Wait it is answered when every
// part runs and all its links are well, or with the reason why one does not.
type DeployRequest struct {
	Deploy linkstate.DeployApplication `json:"deploy"`
	PutOptions
}

// ApplicationStatus is an application and what is known of its parts.
type ApplicationStatus struct {
	linkstate.Application
	Status   string   `json:"status"` // "deployed", "deploying", "failed"
	Problems []string `json:"problems,omitempty"`
}

// ApplicationsReply lists applications.
type ApplicationsReply struct {
	Applications []ApplicationStatus `json:"applications"`
	Index        uint64              `json:"index"`
}

// HostStatus is what the control member knows of a host.
type HostStatus struct {
	Heartbeat
	Inventory Inventory     `json:"inventory_detail"`
	State     string        `json:"state"`     // "live", "suspect", "lost", "stopped"
	LastSeen  time.Duration `json:"last_seen"` // time since its last heartbeat
}

// HostsReply lists hosts.
type HostsReply struct {
	Hosts []HostStatus `json:"hosts"`
}

// WorkloadOnHost is a part of a workload on one host.
type WorkloadOnHost struct {
	Host     HostID `json:"host"`
	HostName string `json:"host_name,omitempty"`
	Assigned uint32 `json:"assigned"`
	RunningWorkload
}

// ComponentStatus is a component and where it runs.
type ComponentStatus struct {
	linkstate.Component
	Hosts   []WorkloadOnHost `json:"hosts,omitempty"`
	Problem string           `json:"problem,omitempty"` // why it is not placed as asked
}

// ComponentsReply lists components.
type ComponentsReply struct {
	Components []ComponentStatus `json:"components"`
	Index      uint64            `json:"index"`
}

// ProviderStatus is a provider and where it runs.
type ProviderStatus struct {
	linkstate.Provider
	Hosts   []WorkloadOnHost `json:"hosts,omitempty"`
	Problem string           `json:"problem,omitempty"`
}

// ProvidersReply lists providers.
type ProvidersReply struct {
	Providers []ProviderStatus `json:"providers"`
	Index     uint64           `json:"index"`
}
