package host

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/wit/abi"
)

// Config configures a [Host]. Bus, Lattice, ID, Engine, Registry and Images
// are needed.
type Config struct {
	Bus     lattice.Bus
	Lattice string
	// Cluster pins the cluster; empty: the first one that answers.
	Cluster lattice.ClusterID
	ID      lattice.HostID
	// Name, Zone and Labels are for people and for placement.
	Name    string
	Zone    string
	Labels  map[string]string
	Version string

	Engine   *components.Engine
	Registry *providers.Registry
	// Contracts describe the interfaces that links can serve: their types and
	// resources. Their functions are not called.
	Contracts []*abi.Interface
	// Builtins returns the interfaces that a component gets without a link,
	// such as WASI's. It is called when the component starts.
	Builtins func(c Builtin) ([]*abi.Interface, error)
	// Images finds the bytes of components.
	Images Images
	// DataFolder is where providers keep their files.
	DataFolder string
	// Limits apply where a component states none.
	Limits components.Limits
	// MaxInstances bounds the instances of one component at once where it
	// states no bound; 0 means 1,000.
	MaxInstances int
	// CallTimeout bounds a call where nothing else does; 0 means 60 s.
	CallTimeout time.Duration
	// DrainTime bounds how long a provider that stops, or the target of a link
	// that is deleted, waits for what is open on it; 0 means 10 s.
	DrainTime time.Duration
	// Heartbeat is the time between two announcements; 0 means 1 s.
	Heartbeat time.Duration
	// Now is the clock of leases; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Builtin is what Builtins knows of a component.
type Builtin struct {
	Component *linkstate.Component
	// Config reads the component's own settings as they are now. The map must
	// not be changed.
	Config func() map[string]string
	Log    *slog.Logger
	// Defer keeps what ends with the component; nil where nothing is to be
	// opened for it.
	Defer func(end func())
}

// Images finds the bytes of a component.
type Images interface {
	// Get returns the bytes of the image with that digest
	// ("sha256:" and 64 hex digits).
	Get(ctx context.Context, image linkstate.Image) ([]byte, error)
}

// Validate reports every problem of c.
//
// Errors: ErrInvalid.
func (c Config) Validate() error {
	var problems []string
	need := func(ok bool, what string) {
		if !ok {
			problems = append(problems, what+" is missing")
		}
	}
	need(c.Bus != nil, "Bus")
	need(c.Engine != nil, "Engine")
	need(c.Registry != nil, "Registry")
	need(c.Images != nil, "Images")
	if err := lattice.ValidName("lattice", c.Lattice); err != nil {
		problems = append(problems, err.Error())
	}
	if err := c.ID.Validate(); err != nil {
		problems = append(problems, err.Error())
	}
	if c.MaxInstances < 0 || c.CallTimeout < 0 || c.DrainTime < 0 || c.Heartbeat < 0 {
		problems = append(problems, "a limit is negative")
	}
	if len(problems) > 0 {
		return errcode.New(errcode.Invalid, "host config: %s", strings.Join(problems, "; "))
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxInstances == 0 {
		c.MaxInstances = 1_000
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = 60 * time.Second
	}
	if c.DrainTime == 0 {
		c.DrainTime = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Name == "" {
		c.Name = string(c.ID)
	}
	if c.Builtins == nil {
		c.Builtins = func(Builtin) ([]*abi.Interface, error) { return nil, nil }
	}
}
