package linkstate

import (
	"sort"
	"strings"
)

// DefaultLinkName is the name of a link whose author gave none.
const DefaultLinkName = "default"

// LinkKey identifies a link: who imports, under which link name, which
// interfaces of which WIT package.
type LinkKey struct {
	Source     string   `json:"source"`
	Name       string   `json:"name"`      // "default" when empty
	Namespace  string   `json:"namespace"` // "wasi" of wasi:keyvalue/store
	Package    string   `json:"package"`   // "keyvalue" of wasi:keyvalue/store, without version
	Interfaces []string `json:"interfaces"`
}

// Normal returns the key with an empty name replaced by the default and its
// interfaces sorted without repetitions. Records hold normal keys only.
func (k LinkKey) Normal() LinkKey {
	if k.Name == "" {
		k.Name = DefaultLinkName
	}
	set := append([]string(nil), k.Interfaces...)
	sort.Strings(set)
	out := set[:0]
	for i, s := range set {
		if i == 0 || s != set[i-1] {
			out = append(out, s)
		}
	}
	k.Interfaces = out
	return k
}

// String returns the normal key as text, e.g.
// "counter/default/wasi:keyvalue/atomics,store". Different keys have
// different texts.
func (k LinkKey) String() string {
	n := k.Normal()
	return n.Source + "/" + n.Name + "/" + n.Namespace + ":" + n.Package + "/" + strings.Join(n.Interfaces, ",")
}

// PackageName returns "wasi:keyvalue".
func (k LinkKey) PackageName() string { return k.Namespace + ":" + k.Package }

// Covers reports whether the key is for the interface iface of package pkg
// ("wasi:keyvalue") under the link name.
func (k LinkKey) Covers(source, name, pkg, iface string) bool {
	if k.Source != source || k.Name != name || k.PackageName() != pkg {
		return false
	}
	for _, i := range k.Interfaces {
		if i == iface {
			return true
		}
	}
	return false
}

// Target is where a link leads: a component or provider by name, with the
// configs the target gets for this link.
type Target struct {
	Name   string   `json:"name"`
	Config []string `json:"config,omitempty"` // config names; later ones override earlier ones
	Weight uint32   `json:"weight,omitempty"` // share of new calls among the targets; 0 counts as 1
}

// Policy says how calls over a link are routed. The zero value is the default.
type Policy struct {
	Locality      string `json:"locality,omitempty"`       // "", "local-only", "prefer-local", "any"; "" is prefer-local
	TimeoutMillis uint32 `json:"timeout_millis,omitempty"` // 0: the caller's deadline alone
	Idempotent    bool   `json:"idempotent,omitempty"`     // a call that may have been executed may be repeated
}

// Link connects an import of its source to its targets.
type Link struct {
	LinkKey
	Targets      []Target `json:"targets"`                 // 1 to MaxTargets
	SourceConfig []string `json:"source_config,omitempty"` // config names
	Policy       Policy   `json:"policy,omitzero"`
	App          string   `json:"app,omitempty"` // application that owns it; "" when put by hand

	// Generation names one set of targets with one content of their configs.
	// A host keeps one session per link and generation. It changes with the
	// targets or with a config they name, and never falls.
	Generation uint64 `json:"generation"`
	// Swap is the prepared successor, nil when no swap is under way.
	Swap *Swap `json:"swap,omitempty"`
	// Drains are replaced generations that may still serve what was opened
	// on them, oldest first. At most MaxDrains.
	Drains []Drain `json:"drains,omitempty"`

	// Revision is the log index of the last change to this record.
	Revision uint64 `json:"revision"`
}

// Key returns the link's key.
func (l *Link) Key() LinkKey { return l.LinkKey }

// Swap is a change of targets that hosts are preparing.
type Swap struct {
	Generation uint64   `json:"generation"` // the generation the targets will have
	Targets    []Target `json:"targets"`
	Request    string   `json:"request,omitempty"` // request id of the command that began it
}

// Drain is a replaced generation.
type Drain struct {
	Generation uint64   `json:"generation"`
	Targets    []Target `json:"targets"`
}

// Config is a named set of values. It never holds secrets.
type Config struct {
	Name     string            `json:"name"`
	Values   map[string]string `json:"values"`
	App      string            `json:"app,omitempty"`
	Revision uint64            `json:"revision"`
}

// Image names what a component or provider is made of.
type Image struct {
	Ref    string `json:"ref"`              // file path, URL or registry reference, as the user wrote it
	Digest string `json:"digest,omitempty"` // "sha256:" and 64 hex digits
}

// Spread is one rule of where replicas go: hosts whose labels meet all
// requirements share the weight's part of the replicas.
type Spread struct {
	Name         string            `json:"name,omitempty"`
	Weight       uint32            `json:"weight,omitempty"` // 0 counts as 100
	Requirements map[string]string `json:"requirements,omitempty"`
}

// Limits bound one instance. Zero fields mean the host's defaults.
type Limits struct {
	MemoryBytes      uint64 `json:"memory_bytes,omitempty"`
	Fuel             uint64 `json:"fuel,omitempty"`
	TimeoutMillis    uint32 `json:"timeout_millis,omitempty"`
	MaxInstances     uint32 `json:"max_instances,omitempty"`      // instances at once per host
	RequestsPerReuse uint32 `json:"requests_per_reuse,omitempty"` // used with isolation "reuse"

	StackBytes       uint64 `json:"stack_bytes,omitempty"`       // of calls inside one another
	ValueBytes       uint64 `json:"value_bytes,omitempty"`       // of strings and lists that a call takes from the guest
	Threads          uint32 `json:"threads,omitempty"`           // calls of async functions and threads under way
	Handles          uint32 `json:"handles,omitempty"`           // resource handles open at once
	OpenFiles        uint32 `json:"open_files,omitempty"`        // of all instances on a host
	Sockets          uint32 `json:"sockets,omitempty"`           // of all instances on a host
	BufferedBytes    uint32 `json:"buffered_bytes,omitempty"`    // of one HTTP body that lie in the host
	Headers          uint32 `json:"headers,omitempty"`           // fields of one HTTP message
	HeaderBytes      uint32 `json:"header_bytes,omitempty"`      // of their names and values
	OutgoingRequests uint32 `json:"outgoing_requests,omitempty"` // HTTP, of all instances on a host
}

// The isolation policies of a component.
const (
	IsolationFresh = "fresh" // fresh state for each invocation; the default
	IsolationReuse = "reuse" // one instance serves several invocations
)

// Component is a desired component.
type Component struct {
	Name      string   `json:"name"`
	App       string   `json:"app,omitempty"`
	Image     Image    `json:"image"`
	Config    []string `json:"config,omitempty"`    // config names
	Instances uint32   `json:"instances,omitempty"` // replicas in the lattice; 0 counts as 1
	Spread    []Spread `json:"spread,omitempty"`
	Limits    Limits   `json:"limits,omitzero"`
	Isolation string   `json:"isolation,omitempty"`
	// ReuseInitialized lets invocations begin with the state that one
	// initialisation left, though it called the host.
	ReuseInitialized bool    `json:"reuse_initialized,omitempty"`
	Grants           []Grant `json:"grants,omitempty"` // what it may reach outside; nothing else
	Revision         uint64  `json:"revision"`
}

// Provider is a desired capability provider.
type Provider struct {
	Name       string   `json:"name"`
	App        string   `json:"app,omitempty"`
	Technology string   `json:"technology,omitempty"` // built in, e.g. "keyvalue-redis"
	Image      Image    `json:"image,omitzero"`       // a provider of its own process
	Config     []string `json:"config,omitempty"`
	Instances  uint32   `json:"instances,omitempty"` // hosts it runs on; 0 counts as 1
	Spread     []Spread `json:"spread,omitempty"`
	Revision   uint64   `json:"revision"`
}

// Application is a deployed manifest. Its parts carry its name in App.
type Application struct {
	Name        string            `json:"name"`
	Version     string            `json:"version,omitempty"`
	Description string            `json:"description,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Spec        string            `json:"spec"` // digest of what was deployed
	Revision    uint64            `json:"revision"`
}

// WorkloadKind tells components from providers.
type WorkloadKind string

// The workload kinds.
const (
	ComponentWorkload WorkloadKind = "component"
	ProviderWorkload  WorkloadKind = "provider"
)

// Assignment says which hosts run a component or provider.
type Assignment struct {
	Kind     WorkloadKind `json:"kind"`
	Name     string       `json:"name"`
	Hosts    []Placed     `json:"hosts"` // sorted by host; never with count 0
	Revision uint64       `json:"revision"`
}

// Placed is the part of a workload on one host.
type Placed struct {
	Host  string `json:"host"`
	Count uint32 `json:"count"` // replicas of a component on this host; 1 for a provider
}

// On returns the count on host, 0 if none.
func (a *Assignment) On(host string) uint32 {
	if a == nil {
		return 0
	}
	for _, p := range a.Hosts {
		if p.Host == host {
			return p.Count
		}
	}
	return 0
}

// Key returns the assignment's key, e.g. "component/counter".
func (a *Assignment) Key() string { return string(a.Kind) + "/" + a.Name }
