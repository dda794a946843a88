package compose

import (
	"slices"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
	"latticework/wit"
)

// member is an import of a part that nobody provides.
type member struct {
	unit *unit
	validate.Extern
}

// group is an import of the result: what its members ask for together. The
// first member has the highest version and gives the name.
type group struct {
	members []member
	ref     binary.SortIdx // in the result

	needs   []*group
	visited bool
	open    bool // being visited
}

func (g *group) name() string { return g.members[0].Name.Name }

// merge gathers the imports that remain. Groups come in an order in which
// each needs only those before it.
func merge(units []*unit, links map[string]*link) ([]*group, classes, error) {
	split := map[string]bool{}
	for {
		groups := gather(units, links, split)
		c := classes{}
		for _, l := range links {
			c.unify(l.want.Entity, l.export.Entity)
		}
		for _, g := range groups {
			for i, m := range g.members {
				for _, before := range g.members[:i] {
					c.unify(m.Entity, before.Entity)
				}
			}
		}
		again, err := agree(groups, c, split)
		if err != nil {
			return nil, nil, err
		}
		if again {
			continue
		}
		if err := fit(units[0], links, c); err != nil {
			return nil, nil, err
		}
		groups, err = order(links, groups, c)
		return groups, c, err
	}
}

// gather makes groups of the imports that no link provides. Versions that
// may stand for one another are together unless their track is in split.
func gather(units []*unit, links map[string]*link, split map[string]bool) []*group {
	var groups []*group
	byKey := map[string]*group{}
	for _, u := range units {
		for _, e := range u.typ.Imports.List {
			if u.socket && links[e.Name.Name] != nil {
				continue
			}
			key := e.Name.Name
			if k := track(e); k != "" && !split[k] {
				key = k
			}
			g := byKey[key]
			if g == nil {
				g = &group{}
				byKey[key] = g
				groups = append(groups, g)
			}
			g.members = append(g.members, member{u, e})
		}
	}
	for _, g := range groups {
		slices.SortStableFunc(g.members, func(a, b member) int {
			_, va := wit.SplitVersion(a.Name.Name)
			_, vb := wit.SplitVersion(b.Name.Name)
			return wit.CompareVersions(vb, va)
		})
	}
	return groups
}

// track returns what the names of all versions of an interface that may stand
// for one another have in common, or "".
func track(e validate.Extern) string {
	name, version := wit.SplitVersion(e.Name.Name)
	if t := wit.VersionTrack(version); t != "" && e.Sort == binary.SortInstance {
		return name + "@" + t + ".*"
	}
	return ""
}

// agree checks that the members of each group have equal types. If other
// versions differ, their track is added to split, and the groups have to be
// made again.
func agree(groups []*group, c classes, split map[string]bool) (again bool, err error) {
	for _, g := range groups {
		for i, m := range g.members {
			for _, first := range g.members[:i] {
				err := c.compare(m.Entity, first.Entity, agrees)
				switch {
				case err == nil:
				case m.Name.Name == first.Name.Name && g.members[len(g.members)-1].Name.Name == g.name():
					return false, &MismatchError{first.unit.Name, "import " + first.Name.Name, m.unit.Name, "import " + m.Name.Name, err}
				default:
					split[track(m.Extern)] = true
					again = true
				}
			}
		}
	}
	return again, nil
}

// fit checks that what the plugs provide is what the socket asks for.
func fit(socket *unit, links map[string]*link, c classes) error {
	for _, want := range socket.typ.Imports.List {
		l := links[want.Name.Name]
		if l == nil {
			continue
		}
		if err := c.compare(l.export.Entity, want.Entity, fits); err != nil {
			return &MismatchError{socket.Name, "import " + want.Name.Name, l.plug.Name, "export " + l.export.Name.Name, err}
		}
	}
	return nil
}

// order sorts groups so that each comes after those that it needs.
func order(links map[string]*link, groups []*group, c classes) ([]*group, error) {
	h := newHomes(groups, c)
	for _, g := range groups {
		for _, m := range g.members {
			if err := h.needs(g, m, links); err != nil {
				return nil, err
			}
		}
	}
	var out []*group
	var visit func(*group) error
	visit = func(g *group) error {
		switch {
		case g.open:
			return errcode.New(errcode.Invalid, "compose: import %s needs itself: parts order their imports in ways that exclude each other", g.name())
		case g.visited:
			return nil
		}
		g.visited, g.open = true, true
		for _, n := range g.needs {
			if err := visit(n); err != nil {
				return err
			}
		}
		g.open = false
		out = append(out, g)
		return nil
	}
	for _, g := range groups {
		if err := visit(g); err != nil {
			return nil, err
		}
	}
	return out, nil
}
