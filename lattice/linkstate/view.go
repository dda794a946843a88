package linkstate

import (
	"maps"

	"latticework/internal/errcode"
)

// View is an immutable reading of the state. Records it returns are shared and
// must not be modified. A nil *View is empty. It is safe for concurrent use.
type View struct{ tables }

// tables are the records of a state.
type tables struct {
	cluster string
	lattice string
	index   uint64 // of the last entry that changed a record; 0 before any

	links        table[Link]
	configs      table[Config]
	components   table[Component]
	providers    table[Provider]
	applications table[Application]
	assignments  table[Assignment] // by "kind/name"
}

func (t *tables) view() *View {
	return &View{tables{
		cluster: t.cluster, lattice: t.lattice, index: t.index,
		links: t.links.share(), configs: t.configs.share(),
		components: t.components.share(), providers: t.providers.share(),
		applications: t.applications.share(), assignments: t.assignments.share(),
	}}
}

// Cluster returns the cluster id, "" before bootstrap.
func (v *View) Cluster() string {
	if v == nil {
		return ""
	}
	return v.cluster
}

// Lattice returns the lattice's name, "" before bootstrap.
func (v *View) Lattice() string {
	if v == nil {
		return ""
	}
	return v.lattice
}

// Index returns the log index of the last entry that changed a record.
func (v *View) Index() uint64 {
	if v == nil {
		return 0
	}
	return v.index
}

// Link returns the link with the key, nil if absent.
func (v *View) Link(k LinkKey) *Link {
	if v == nil {
		return nil
	}
	return v.links.get(k.String())
}

// Links returns all links, sorted by key.
func (v *View) Links() []*Link {
	if v == nil {
		return nil
	}
	return v.links.list()
}

// LinkFor returns the link that serves interface iface ("store") of package
// pkg ("wasi:keyvalue") for the source under the link name, nil if none.
func (v *View) LinkFor(source, name, pkg, iface string) *Link {
	if v == nil {
		return nil
	}
	if name == "" {
		name = DefaultLinkName
	}
	for _, l := range v.links.items {
		if l.Covers(source, name, pkg, iface) {
			return l
		}
	}
	return nil
}

// FindLinks returns the links of source for package pkg under the link name,
// sorted by key. Interfaces, if any, narrow the search to links that serve
// all of them.
func (v *View) FindLinks(source, name, pkg string, interfaces []string) []*Link {
	if name == "" {
		name = DefaultLinkName
	}
	var out []*Link
next:
	for _, l := range v.Links() {
		if l.Source != source || l.Name != name || l.PackageName() != pkg {
			continue
		}
		for _, i := range interfaces {
			if !l.Covers(source, name, pkg, i) {
				continue next
			}
		}
		out = append(out, l)
	}
	return out
}

// LinksFrom returns the links of a source, sorted by key.
func (v *View) LinksFrom(source string) []*Link {
	var out []*Link
	for _, l := range v.Links() {
		if l.Source == source {
			out = append(out, l)
		}
	}
	return out
}

// LinksTo returns the links that lead to target now, are prepared to, or
// drain from it, sorted by key.
func (v *View) LinksTo(target string) []*Link {
	var out []*Link
	for _, l := range v.Links() {
		if l.touches(target) {
			out = append(out, l)
		}
	}
	return out
}

// Config returns the config, nil if absent.
func (v *View) Config(name string) *Config {
	if v == nil {
		return nil
	}
	return v.configs.get(name)
}

// Configs returns all configs, sorted by name.
func (v *View) Configs() []*Config {
	if v == nil {
		return nil
	}
	return v.configs.list()
}

// ResolveConfig returns the merged values of the named configs; later names
// override earlier ones. The map is the caller's and not nil.
//
// Errors:
//   - errcode.NotFound if a config is absent.
func (v *View) ResolveConfig(names []string) (map[string]string, error) {
	out := map[string]string{}
	for _, n := range names {
		c := v.Config(n)
		if c == nil {
			return nil, errcode.New(errcode.NotFound, "config %q does not exist", n)
		}
		maps.Copy(out, c.Values)
	}
	return out, nil
}

// Component returns the component, nil if absent.
func (v *View) Component(name string) *Component {
	if v == nil {
		return nil
	}
	return v.components.get(name)
}

// Components returns all components, sorted by name.
func (v *View) Components() []*Component {
	if v == nil {
		return nil
	}
	return v.components.list()
}

// Provider returns the provider, nil if absent.
func (v *View) Provider(name string) *Provider {
	if v == nil {
		return nil
	}
	return v.providers.get(name)
}

// Providers returns all providers, sorted by name.
func (v *View) Providers() []*Provider {
	if v == nil {
		return nil
	}
	return v.providers.list()
}

// Application returns the application, nil if absent.
func (v *View) Application(name string) *Application {
	if v == nil {
		return nil
	}
	return v.applications.get(name)
}

// Applications returns all applications, sorted by name.
func (v *View) Applications() []*Application {
	if v == nil {
		return nil
	}
	return v.applications.list()
}

// Assignment returns where a workload runs, nil if nowhere.
func (v *View) Assignment(kind WorkloadKind, name string) *Assignment {
	if v == nil {
		return nil
	}
	return v.assignments.get(string(kind) + "/" + name)
}

// Assignments returns all assignments, sorted by kind and name.
func (v *View) Assignments() []*Assignment {
	if v == nil {
		return nil
	}
	return v.assignments.list()
}

// AssignmentOf returns where the component or provider of the name runs, nil
// if nowhere. Components and providers share one space of names.
func (v *View) AssignmentOf(name string) *Assignment {
	if a := v.Assignment(ComponentWorkload, name); a != nil {
		return a
	}
	return v.Assignment(ProviderWorkload, name)
}

// AffectedHosts returns the hosts that act on the link: those of its source
// and of all its targets, present, prepared and draining; sorted.
func (v *View) AffectedHosts(l *Link) []string {
	set := map[string]bool{}
	add := func(name string) {
		if a := v.AssignmentOf(name); a != nil {
			for _, p := range a.Hosts {
				set[p.Host] = true
			}
		}
	}
	add(l.Source)
	l.eachTarget(func(t *Target) { add(t.Name) })
	return sortedKeys(set)
}

func (l *Link) eachTarget(fn func(*Target)) {
	for i := range l.Targets {
		fn(&l.Targets[i])
	}
	if l.Swap != nil {
		for i := range l.Swap.Targets {
			fn(&l.Swap.Targets[i])
		}
	}
	for d := range l.Drains {
		for i := range l.Drains[d].Targets {
			fn(&l.Drains[d].Targets[i])
		}
	}
}

func (l *Link) touches(target string) bool {
	found := false
	l.eachTarget(func(t *Target) { found = found || t.Name == target })
	return found
}
