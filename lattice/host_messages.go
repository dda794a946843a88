package lattice

import (
	"context"
	"time"

	"latticework/lattice/linkstate"
)

// Heartbeat is what a host says of itself every second. It is soft state.
type Heartbeat struct {
	Host      HostID    `json:"host"`
	Epoch     EpochID   `json:"epoch"`               // changes when the host's process restarts
	Cluster   ClusterID `json:"cluster"`             // the state it follows
	Applied   uint64    `json:"applied"`             // index of link state it acts on
	Load      float64   `json:"load"`                // calls running over calls it would accept, 0 to 1
	Draining  bool      `json:"draining,omitempty"`  // takes no new work
	Stopping  bool      `json:"stopping,omitempty"`  // the last heartbeat of this epoch
	Inventory uint64    `json:"inventory,omitempty"` // revision of its inventory; a change is fetched
}

// Inventory is what a host has and runs.
type Inventory struct {
	Host       HostID            `json:"host"`
	Epoch      EpochID           `json:"epoch"`
	Revision   uint64            `json:"revision"` // counts changes within the epoch
	Name       string            `json:"name"`     // for people
	Version    string            `json:"version,omitempty"`
	Zone       string            `json:"zone,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Components []RunningWorkload `json:"components,omitempty"`
	Providers  []RunningWorkload `json:"providers,omitempty"`
	Links      []LinkHealth      `json:"links,omitempty"` // only links that are not well
	Opening    []LinkOpening     `json:"opening,omitempty"`
}

// LinkOpening is a link from a provider that neither serves yet on a host nor
// failed to.
type LinkOpening struct {
	Key        linkstate.LinkKey `json:"key"`
	Generation uint64            `json:"generation"`
}

// RunningWorkload is one component or provider on a host.
type RunningWorkload struct {
	Name     string `json:"name"`
	Revision uint64 `json:"revision"` // of the record it runs
	Count    uint32 `json:"count"`    // replicas
	State    string `json:"state"`    // "starting", "running", "failed", "stopping"
	Message  string `json:"message,omitempty"`
	Address  string `json:"address,omitempty"` // the URLs that an HTTP provider listens at, with commas
}

// LinkHealth says what is wrong with a link on a host.
type LinkHealth struct {
	Key        linkstate.LinkKey `json:"key"`
	Generation uint64            `json:"generation"`
	Error      WireError         `json:"error"`
}

// PrepareLink asks a host to make a generation of a link ready: where it runs
// the target, to open and probe the session; where it runs the source, to
// check that it can route to it, or that a provider takes its settings. Link is the record as it will be: its
// Targets and Generation are the new ones. Repetition is harmless. What was
// prepared is used when the link's Generation becomes this one and closed when
// it can no longer (an applied entry shows neither Generation nor Swap with it).
type PrepareLink struct {
	Link         linkstate.Link      `json:"link"`
	SourceConfig map[string]string   `json:"source_config,omitempty"`
	TargetConfig []map[string]string `json:"target_config"` // one for each of Link.Targets
	// OwnConfig has, by name, the settings that providers at either end are to
	// have themselves, where those change.
	OwnConfig map[string]map[string]string `json:"own_config,omitempty"`
	// Index is the link state the request is based on; the host waits until it
	// has applied it.
	Index uint64 `json:"index"`
	// DryRun: open, probe, close again; Generation means nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// Ready is the answer to PrepareLink; a rejection is an error with the
// provider's message.
type Ready struct {
	Host HostID `json:"host"`
}

// AwaitRequest asks to be answered when the host acts on link state Index.
type AwaitRequest struct {
	Index uint64 `json:"index"`
}

// AwaitReply is the index the host acts on.
type AwaitReply struct {
	Host    HostID `json:"host"`
	Applied uint64 `json:"applied"`
}

// DrainLink asks to be answered when nothing is open on a replaced generation
// of a link, or when Budget is over.
type DrainLink struct {
	Key        linkstate.LinkKey `json:"key"`
	Generation uint64            `json:"generation"`
	Budget     time.Duration     `json:"budget"`
}

// DrainReport says what is still open on the generation.
type DrainReport struct {
	Host    HostID `json:"host"`
	Calls   int    `json:"calls"`   // calls in flight
	Handles int    `json:"handles"` // resources held by guests
}

// CallRequest asks a host that runs the component to call an export given as
// WAVE text, e.g. `wasi:cli/run.run()`.
type CallRequest struct {
	Component string `json:"component"`
	Text      string `json:"text"`
}

// CallReply is the result as WAVE text, "" for a function without result.
type CallReply struct {
	Text string `json:"text"`
	Host HostID `json:"host"`
}

// HostService is what a host does for the control member. ServeHost puts it on
// the bus. Its methods are called concurrently and must end with ctx.
type HostService interface {
	// PrepareLink makes a generation of a link ready, see PrepareLink.
	PrepareLink(ctx context.Context, p PrepareLink) error
	// DrainLink waits for a replaced generation to fall silent.
	DrainLink(ctx context.Context, d DrainLink) (DrainReport, error)
	// Call calls an export of a component this host runs.
	Call(ctx context.Context, c CallRequest) (CallReply, error)
	// Inventory describes the host now.
	Inventory(ctx context.Context) (Inventory, error)
}
