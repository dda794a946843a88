package linkstate

// Kind names a sort of record.
type Kind string

// The record kinds.
const (
	KindLink        Kind = "link"
	KindConfig      Kind = "config"
	KindComponent   Kind = "component"
	KindProvider    Kind = "provider"
	KindApplication Kind = "application"
	KindAssignment  Kind = "assignment"
)

// Change is the new content of one record, or its removal. The record pointer
// of its kind is set unless Deleted. Records are shared and never modified.
type Change struct {
	Kind    Kind   `json:"kind"`
	Key     string `json:"key"`
	Deleted bool   `json:"deleted,omitempty"`

	Link        *Link        `json:"link,omitempty"`
	Config      *Config      `json:"config,omitempty"`
	Component   *Component   `json:"component,omitempty"`
	Provider    *Provider    `json:"provider,omitempty"`
	Application *Application `json:"application,omitempty"`
	Assignment  *Assignment  `json:"assignment,omitempty"`
}

// Commit is what one log entry changed. Prev is the index of the entry before
// it that changed something, 0 for the first: a follower whose index is Prev
// misses nothing.
type Commit struct {
	Prev    uint64   `json:"prev"`
	Index   uint64   `json:"index"`
	Term    uint64   `json:"term"`
	Changes []Change `json:"changes"`
}
