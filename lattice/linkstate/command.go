package linkstate

import (
	"bytes"
	"encoding/json"

	"latticework/internal/errcode"
)

// CommandVersion is the newest command version this code applies.
const CommandVersion = 1

// MaxCommandBytes bounds an encoded command.
const MaxCommandBytes = 512 << 10

// Command is one entry of the log. Exactly one body is set.
type Command struct {
	Version int    `json:"v"`                 // 0 counts as CommandVersion when encoded
	Request string `json:"request,omitempty"` // makes repetition safe; at most 64 bytes

	Bootstrap         *Bootstrap         `json:"bootstrap,omitempty"`
	PutLink           *PutLink           `json:"put_link,omitempty"`
	DeleteLink        *DeleteLink        `json:"delete_link,omitempty"`
	PrepareSwap       *PrepareSwap       `json:"prepare_swap,omitempty"`
	FlipSwap          *FlipSwap          `json:"flip_swap,omitempty"`
	AbortSwap         *AbortSwap         `json:"abort_swap,omitempty"`
	FinishDrain       *FinishDrain       `json:"finish_drain,omitempty"`
	PutConfig         *PutConfig         `json:"put_config,omitempty"`
	DeleteConfig      *DeleteConfig      `json:"delete_config,omitempty"`
	PutComponent      *PutComponent      `json:"put_component,omitempty"`
	DeleteComponent   *DeleteWorkload    `json:"delete_component,omitempty"`
	PutProvider       *PutProvider       `json:"put_provider,omitempty"`
	DeleteProvider    *DeleteWorkload    `json:"delete_provider,omitempty"`
	DeployApplication *DeployApplication `json:"deploy_application,omitempty"`
	DeleteApplication *DeleteApplication `json:"delete_application,omitempty"`
	Assign            *Assign            `json:"assign,omitempty"`
}

// Bootstrap names the lattice; it is the first command of a log and applies
// once.
type Bootstrap struct {
	Cluster string `json:"cluster"`
	Lattice string `json:"lattice"`
}

// PutLink creates the link or replaces the one with the same key. Expect, if
// not nil, is the revision the record must have; 0 means it must not exist.
// Changed targets begin a new generation and leave the old one draining.
type PutLink struct {
	Link   Link    `json:"link"`
	Expect *uint64 `json:"expect,omitempty"`
}

// DeleteLink removes a link; deleting what is absent succeeds unchanged.
type DeleteLink struct {
	Key    LinkKey `json:"key"`
	Expect *uint64 `json:"expect,omitempty"`
}

// PrepareSwap records new targets for an existing link. The result's
// Generation names them in FlipSwap and AbortSwap.
type PrepareSwap struct {
	Key     LinkKey  `json:"key"`
	Targets []Target `json:"targets"`
	Expect  *uint64  `json:"expect,omitempty"`
}

// FlipSwap makes the prepared targets the link's targets and leaves the old
// generation draining.
type FlipSwap struct {
	Key        LinkKey `json:"key"`
	Generation uint64  `json:"generation"`
}

// AbortSwap forgets the prepared targets.
type AbortSwap struct {
	Key        LinkKey `json:"key"`
	Generation uint64  `json:"generation"`
}

// FinishDrain forgets a drained generation: hosts close what is left of it.
type FinishDrain struct {
	Key        LinkKey `json:"key"`
	Generation uint64  `json:"generation"`
}

// PutConfig creates or replaces a config. Links whose targets name it begin a
// new generation.
type PutConfig struct {
	Config Config  `json:"config"`
	Expect *uint64 `json:"expect,omitempty"`
}

// DeleteConfig removes a config; refused with conflict while anything names it.
type DeleteConfig struct {
	Name   string  `json:"name"`
	Expect *uint64 `json:"expect,omitempty"`
}

// PutComponent creates or replaces a component.
type PutComponent struct {
	Component Component `json:"component"`
	Expect    *uint64   `json:"expect,omitempty"`
}

// PutProvider creates or replaces a provider.
type PutProvider struct {
	Provider Provider `json:"provider"`
	Expect   *uint64  `json:"expect,omitempty"`
}

// DeleteWorkload removes a component or provider with its assignment and the
// links it is the source of; refused with conflict while it is a target of
// another's link.
type DeleteWorkload struct {
	Name   string  `json:"name"`
	Expect *uint64 `json:"expect,omitempty"`
}

// DeployApplication replaces an application and all its parts in one step.
// The same content as the last deployment changes nothing, also where single
// records were changed since.
type DeployApplication struct {
	Application Application `json:"application"`
	Configs     []Config    `json:"configs,omitempty"`
	Components  []Component `json:"components,omitempty"`
	Providers   []Provider  `json:"providers,omitempty"`
	Links       []Link      `json:"links,omitempty"`
	Expect      *uint64     `json:"expect,omitempty"`
}

// DeleteApplication removes an application with all its parts.
type DeleteApplication struct {
	Name   string  `json:"name"`
	Expect *uint64 `json:"expect,omitempty"`
}

// Assign replaces the assignments of the named workloads.
type Assign struct {
	Assignments []Assignment `json:"assignments"`
}

// Encode returns the command as it is written to the log.
//
// Errors:
//   - errcode.Invalid if it has not exactly one body.
//   - errcode.Exhausted above MaxCommandBytes.
func (c Command) Encode() ([]byte, error) {
	if c.Version == 0 {
		c.Version = CommandVersion
	}
	if c.bodies() != 1 {
		return nil, errcode.New(errcode.Invalid, "encode command: %d bodies, want 1", c.bodies())
	}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, errcode.New(errcode.Invalid, "encode command: %w", err)
	}
	if len(data) > MaxCommandBytes {
		return nil, errcode.New(errcode.Exhausted, "encode command: %d bytes > %d", len(data), MaxCommandBytes)
	}
	return data, nil
}

// DecodeCommand reads a command written by Encode. It never panics.
//
// Errors:
//   - errcode.Invalid for anything that is not one command.
//   - errcode.Unsupported for a version newer than CommandVersion.
func DecodeCommand(data []byte) (Command, error) {
	if len(data) > MaxCommandBytes {
		return Command{}, errcode.New(errcode.Invalid, "decode command: %d bytes > %d", len(data), MaxCommandBytes)
	}
	var version struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Command{}, errcode.New(errcode.Invalid, "decode command: %w", err)
	}
	if version.V < 1 || version.V > CommandVersion {
		return Command{}, errcode.New(errcode.Unsupported, "decode command: version %d, want 1 to %d", version.V, CommandVersion)
	}
	var c Command
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Command{}, errcode.New(errcode.Invalid, "decode command: %w", err)
	}
	if c.bodies() != 1 {
		return Command{}, errcode.New(errcode.Invalid, "decode command: %d bodies, want 1", c.bodies())
	}
	return c, nil
}

func (c *Command) bodies() int {
	n := 0
	for _, set := range []bool{
		c.Bootstrap != nil, c.PutLink != nil, c.DeleteLink != nil, c.PrepareSwap != nil,
		c.FlipSwap != nil, c.AbortSwap != nil, c.FinishDrain != nil, c.PutConfig != nil,
		c.DeleteConfig != nil, c.PutComponent != nil, c.DeleteComponent != nil,
		c.PutProvider != nil, c.DeleteProvider != nil, c.DeployApplication != nil,
		c.DeleteApplication != nil, c.Assign != nil,
	} {
		if set {
			n++
		}
	}
	return n
}
