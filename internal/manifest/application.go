package manifest

import (
	"time"

	"latticework/internal/grant"
)

// Application is a manifest that has no problems: names are unique, link
// targets exist or are declared external, values are within their ranges.
type Application struct {
	Name        string
	Version     string // annotation "version"; "" if there is none
	Description string // annotation "description"
	Annotations map[string]string
	Labels      map[string]string

	// External are link targets that this application does not contain.
	External []string

	Components   []Component
	Capabilities []Capability
	Links        []Link   // of all parts, in the manifest's order
	Configs      []Config // defined here, in the manifest's order

	// Notices say what was accepted in a form that is not the current one.
	Notices []Notice
}

// Part is what components and capabilities have in common.
type Part struct {
	Name string
	// ID is how the lattice knows the part; the name where the manifest
	// gives no id. IDs are unique within an application.
	ID       string
	Image    Image
	Config   []string // names of configs, in the order they are merged
	Scale    Scale
	Position Position
}

// Component is a WebAssembly component to run. Its image is a file.
type Component struct {
	Part
	Limits Limits
	// MaxRequestsPerInstance is how many invocations one instance serves
	// before its state is thrown away; 1, the default, means fresh state for
	// each.
	MaxRequestsPerInstance int
	// ReuseInitialized lets invocations begin with the state that one
	// initialisation of the component left, though it called the host.
	ReuseInitialized bool
	// Grants are what the component may reach outside, each well formed and
	// none against another.
	Grants []Grant
}

// Grant is something outside that a component may reach.
type Grant struct {
	Kind     grant.Kind
	Text     string
	Position Position
}

// Capability is a provider to run. Its image names a technology.
type Capability struct {
	Part
	Technology Technology
}

// Scale says how many and where.
type Scale struct {
	// Instances is how many invocations may run at once in all, from 0 to
	// MaxInstances; 1 where the manifest has no spreadscaler.
	Instances int
	// Spread divides the instances over hosts by label; empty means anywhere.
	Spread []Spread
}

// Spread is a share of the instances for the hosts that carry all the labels
// in Requirements. Weights are relative to each other, from 1 to 100.
type Spread struct {
	Name         string
	Requirements map[string]string
	Weight       int
}

// Limits bound a component; the zero value of a field is the host's default.
type Limits struct {
	Memory int64         // bytes of linear memory, from 64 KiB to 4 GiB
	Time   time.Duration // of one invocation, from 1 ms to 1 h

	StackBytes int64 // of calls inside one another, from 64 KiB to 32 MiB
	ValueBytes int64 // of strings and lists that a call takes from it, from 1 KiB to 1 GiB
	Fuel       int64 // of one invocation: about as many instructions
	Threads    int   // calls of async functions and threads under way at once

	Instances        int // that run at once on a host
	Handles          int // resource handles open at once
	OpenFiles        int // of all instances on a host together
	Sockets          int // of all instances on a host together
	BufferedBytes    int // of one HTTP body that lie in the host
	Headers          int // fields of one HTTP message
	HeaderBytes      int // of their names and values
	OutgoingRequests int // over HTTP, of all instances on a host together
}

// Link connects imports of Source to Target.
type Link struct {
	Source    string // name of a part
	Target    string // name of a part, or one of Application.External
	Name      string // "default" where the manifest gives none
	Namespace string // "wasi"
	Package   string // "keyvalue"
	// Interfaces has at least one name, none twice; together with source,
	// name, namespace and package each belongs to one link only.
	Interfaces   []string
	SourceConfig []string // names of configs, in the order they are merged
	TargetConfig []string
	Position     Position
}

// Config is a named set of properties.
type Config struct {
	Name       string
	Properties map[string]string
	Position   Position
}

// Position is a place in the manifest; both count from 1.
type Position struct{ Line, Column int }

// Notice is something accepted that the author should know about.
type Notice struct {
	Position Position
	Path     string // such as spec.components[0].properties.image
	Text     string
}

// Properties merges the named configs that the application defines; on equal
// keys the later name wins. Names it does not define are returned in missing:
// they have to be in the lattice already.
func (a *Application) Properties(names []string) (merged map[string]string, missing []string) {
	merged = map[string]string{}
next:
	for _, name := range names {
		for _, c := range a.Configs {
			if c.Name != name {
				continue
			}
			for k, v := range c.Properties {
				merged[k] = v
			}
			continue next
		}
		missing = append(missing, name)
	}
	return merged, missing
}
