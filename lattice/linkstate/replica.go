package linkstate

import (
	"reflect"

	"latticework/internal/errcode"
)

// Replica is a copy of the state kept up to date from commits, without the
// rules that made them. The zero value is empty. It is not safe for
// concurrent use; its Views are.
type Replica struct{ tables }

// NewReplica returns a replica that begins as v.
func NewReplica(v *View) *Replica {
	r := &Replica{}
	r.Reset(v)
	return r
}

// Reset makes the replica equal to v and returns what that changed.
func (r *Replica) Reset(v *View) []Change {
	if v == nil {
		v = &View{}
	}
	changes := diff(&r.tables, &v.tables)
	t := v.tables // records are shared, tables are cloned on the first set
	t.links.owned, t.configs.owned, t.components.owned = false, false, false
	t.providers.owned, t.applications.owned, t.assignments.owned = false, false, false
	r.tables = t
	return changes
}

// Index returns the index of the last commit applied.
func (r *Replica) Index() uint64 { return r.index }

// View returns an immutable reading.
func (r *Replica) View() *View { return r.view() }

// Apply applies a commit. An old commit is skipped.
//
// Errors:
//   - errcode.Conflict if commits before it are missing: nothing is changed.
//   - errcode.Invalid if a change is malformed: nothing is changed.
func (r *Replica) Apply(c Commit) error {
	if c.Index <= r.index {
		return nil
	}
	if c.Prev != r.index {
		return errcode.New(errcode.Conflict, "apply commit %d: it follows %d, have %d", c.Index, c.Prev, r.index)
	}
	for i := range c.Changes {
		if !c.Changes[i].wellFormed() {
			return errcode.New(errcode.Invalid, "apply commit %d: malformed change of %s %q", c.Index, c.Changes[i].Kind, c.Changes[i].Key)
		}
	}
	for i := range c.Changes {
		r.put(&c.Changes[i])
	}
	r.index = c.Index
	return nil
}

func (c *Change) wellFormed() bool {
	if c.Key == "" {
		return false
	}
	set := map[Kind]bool{
		KindLink: c.Link != nil, KindConfig: c.Config != nil, KindComponent: c.Component != nil,
		KindProvider: c.Provider != nil, KindApplication: c.Application != nil, KindAssignment: c.Assignment != nil,
	}
	has, known := set[c.Kind]
	return known && (has || c.Deleted)
}

// put stores or removes one well-formed record.
func (t *tables) put(c *Change) {
	switch c.Kind {
	case KindLink:
		putRecord(&t.links, c, c.Link)
	case KindConfig:
		putRecord(&t.configs, c, c.Config)
	case KindComponent:
		putRecord(&t.components, c, c.Component)
	case KindProvider:
		putRecord(&t.providers, c, c.Provider)
	case KindApplication:
		putRecord(&t.applications, c, c.Application)
	case KindAssignment:
		putRecord(&t.assignments, c, c.Assignment)
	}
}

func putRecord[T any](t *table[T], c *Change, record *T) {
	if c.Deleted {
		record = nil
	}
	t.set(c.Key, record)
}

// diff returns the changes that lead from a to b, by kind and key.
func diff(a, b *tables) []Change {
	var out []Change
	diffTable(&out, KindConfig, &a.configs, &b.configs, func(c *Change, r *Config) { c.Config = r })
	diffTable(&out, KindComponent, &a.components, &b.components, func(c *Change, r *Component) { c.Component = r })
	diffTable(&out, KindProvider, &a.providers, &b.providers, func(c *Change, r *Provider) { c.Provider = r })
	diffTable(&out, KindLink, &a.links, &b.links, func(c *Change, r *Link) { c.Link = r })
	diffTable(&out, KindApplication, &a.applications, &b.applications, func(c *Change, r *Application) { c.Application = r })
	diffTable(&out, KindAssignment, &a.assignments, &b.assignments, func(c *Change, r *Assignment) { c.Assignment = r })
	return out
}

func diffTable[T any](out *[]Change, kind Kind, a, b *table[T], set func(*Change, *T)) {
	for _, k := range a.keys() {
		if b.get(k) == nil {
			*out = append(*out, Change{Kind: kind, Key: k, Deleted: true})
		}
	}
	for _, k := range b.keys() {
		was, is := a.get(k), b.get(k)
		if was == is || was != nil && reflect.DeepEqual(was, is) {
			continue
		}
		c := Change{Kind: kind, Key: k}
		set(&c, is)
		*out = append(*out, c)
	}
}
