package compose

import (
	"slices"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
)

// homes says which import introduces a type.
type homes struct {
	classes classes
	// nodes and origins hold the import in which a part names a type first.
	nodes   map[*validate.Type]*group
	origins map[origin]*group
	// resources holds the import by which a part gets a resource, by the
	// part's own resource; byClass the first such import of any part.
	resources, byClass map[*validate.Resource]*group
}

func newHomes(groups []*group, c classes) *homes {
	h := &homes{
		c, map[*validate.Type]*group{}, map[origin]*group{},
		map[*validate.Resource]*group{}, map[*validate.Resource]*group{},
	}
	of := map[*unit]map[string]*group{}
	var units []*unit
	for _, g := range groups {
		for _, m := range g.members {
			if of[m.unit] == nil {
				of[m.unit] = map[string]*group{}
				units = append(units, m.unit)
			}
			of[m.unit][m.Name.Name] = g
		}
	}
	for _, u := range units {
		for _, b := range u.typ.Given {
			g := of[u][b.Path[0]]
			if g == nil {
				continue
			}
			h.resources[b.Res] = g
			if h.byClass[c.of(b.Res)] == nil {
				h.byClass[c.of(b.Res)] = g
			}
		}
		for _, e := range u.typ.Imports.List { // in the part's own order
			if g := of[u][e.Name.Name]; g != nil {
				h.name(g, e.Entity)
			}
		}
	}
	return h
}

// name records the types that e, imported by g, gives a name.
func (h *homes) name(g *group, e validate.Entity) {
	switch e.Sort {
	case binary.SortType:
		if _, ok := h.nodes[e.Type]; !ok {
			h.nodes[e.Type] = g
		}
		if o := originOf(e.Type); o != (origin{}) && h.origins[o] == nil {
			h.origins[o] = g
		}
	case binary.SortInstance:
		for _, x := range e.Type.Instance.Exports.List {
			h.name(g, x.Entity)
		}
	}
}

// needs adds to g the groups that introduce types m refers to.
func (h *homes) needs(g *group, m member, links map[string]*link) error {
	seen := map[*validate.Type]bool{}
	var walk func(t *validate.Type) error
	walk = func(t *validate.Type) error {
		if t == nil || seen[t] {
			return nil
		}
		seen[t] = true
		home := h.nodes[t]
		if o := originOf(t); o != (origin{}) && h.origins[o] != nil {
			home = h.origins[o]
		}
		if t.Kind == validate.KindResource {
			if home = h.resources[t.Res]; home == nil {
				home = h.byClass[h.classes.of(t.Res)]
			}
			if l := provider(t.Res, m.unit, links); home == nil && l != nil {
				return &MismatchError{
					m.unit.Name, "import " + m.Name.Name, l.plug.Name, "export " + l.export.Name.Name,
					errMismatch("resource %q comes from the plug, and %s, which nothing provides, is about it", t.Res.Name, m.Name.Name),
				}
			}
		}
		if home != nil && home != g && !slices.Contains(g.needs, home) {
			g.needs = append(g.needs, home)
		}
		return parts(t, walk)
	}
	return walk(m.Type)
}

// provider returns the link through which u gets r, or nil. Only the socket
// has links.
func provider(r *validate.Resource, u *unit, links map[string]*link) *link {
	for _, b := range u.typ.Given {
		if b.Res == r && u.socket {
			return links[b.Path[0]]
		}
	}
	return nil
}

// parts calls f with the types that t is made of.
func parts(t *validate.Type, f func(*validate.Type) error) error {
	list := []*validate.Type{t.Elem, t.Err, t.Key}
	for _, x := range t.Fields {
		list = append(list, x.Type)
	}
	add := func(x *validate.Externs) {
		for _, e := range x.List {
			list = append(list, e.Type)
		}
	}
	switch t.Kind {
	case validate.KindInstance:
		add(&t.Instance.Exports)
	case validate.KindComponent:
		add(&t.Component.Imports)
		add(&t.Component.Exports)
	}
	for _, p := range list {
		if err := f(p); err != nil {
			return err
		}
	}
	return nil
}
