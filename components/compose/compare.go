package compose

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
)

// classes says which resources of different parts stand for the same one in
// the result: a forest that leads to one resource of each class.
type classes map[*validate.Resource]*validate.Resource

func (c classes) of(r *validate.Resource) *validate.Resource {
	for c[r] != nil {
		r = c[r]
	}
	return r
}

func (c classes) join(a, b *validate.Resource) {
	if a, b = c.of(a), c.of(b); a != b {
		c[a] = b
	}
}

// unify joins the resources that have the same path in a and b.
func (c classes) unify(a, b validate.Entity) {
	switch {
	case a.Sort != b.Sort:
	case a.Sort == binary.SortType:
		if a.Type.Kind == validate.KindResource && b.Type.Kind == validate.KindResource {
			c.join(a.Type.Res, b.Type.Res)
		}
	case a.Sort == binary.SortInstance:
		for _, e := range a.Type.Instance.Exports.List {
			if other, ok := b.Type.Instance.Exports.Get(e.Name.Name); ok {
				c.unify(e.Entity, other)
			}
		}
	}
}

// relation is what two entities are asked to be to each other.
type relation uint8

const (
	fits   relation = iota // got can be given for want
	agrees                 // something can be both: what both have is equal
)

// compare checks that got and want are related, once the resources of the
// same path are unified. Component types and core modules are not compared:
// validation of the result does it.
func (c classes) compare(got, want validate.Entity, r relation) error {
	if got.Sort != want.Sort {
		return errMismatch("%s for %s", got.Sort, want.Sort)
	}
	switch got.Sort {
	case binary.SortFunc:
		return c.fun(got.Type, want.Type)
	case binary.SortType:
		return c.typ(got.Type, want.Type)
	case binary.SortInstance:
		return c.instance(&got.Type.Instance.Exports, &want.Type.Instance.Exports, r)
	}
	return nil
}

func (c classes) instance(got, want *validate.Externs, r relation) error {
	for _, w := range want.List {
		g, ok := got.Get(w.Name.Name)
		switch {
		case ok:
			if err := c.compare(g, w.Entity, r); err != nil {
				return within(w.Sort.String(), w.Name.Name, err)
			}
		case r == fits:
			return errMismatch("%s %q is missing", w.Sort, w.Name.Name)
		}
	}
	return nil
}

func (c classes) fun(got, want *validate.Type) error {
	switch {
	case got.Async != want.Async:
		return errMismatch("one is async, the other is not")
	case len(got.Fields) != len(want.Fields):
		return errMismatch("%d parameters for %d", len(got.Fields), len(want.Fields))
	}
	for i, w := range want.Fields {
		g := got.Fields[i]
		if g.Name != w.Name {
			return errMismatch("parameter %q for %q", g.Name, w.Name)
		}
		if err := c.typ(g.Type, w.Type); err != nil {
			return within("parameter", w.Name, err)
		}
	}
	if err := c.typ(got.Elem, want.Elem); err != nil {
		return errMismatch("result: %w", err)
	}
	return nil
}

// typ checks that two value types or resources, or none, are equal.
func (c classes) typ(got, want *validate.Type) error {
	switch {
	case got == want:
		return nil
	case got == nil || want == nil:
		return errMismatch("%s for %s", describe(got), describe(want))
	case got.Kind != want.Kind || got.Prim != want.Prim || got.Len != want.Len:
		return errMismatch("%s for %s", describe(got), describe(want))
	case got.Kind == validate.KindResource:
		if c.of(got.Res) != c.of(want.Res) {
			return errMismatch("resource %q for another, %q", got.Res.Name, want.Res.Name)
		}
		return nil
	case len(got.Fields) != len(want.Fields):
		return errMismatch("%s with %d members for one with %d", got.Kind, len(got.Fields), len(want.Fields))
	}
	for i, w := range want.Fields {
		g := got.Fields[i]
		if g.Name != w.Name {
			return errMismatch("%s with %q for one with %q", got.Kind, g.Name, w.Name)
		}
		if err := c.typ(g.Type, w.Type); err != nil {
			return within(got.Kind.String(), w.Name, err)
		}
	}
	for _, p := range [][2]*validate.Type{{got.Elem, want.Elem}, {got.Err, want.Err}, {got.Key, want.Key}} {
		if err := c.typ(p[0], p[1]); err != nil {
			return errMismatch("%s: %w", got.Kind, err)
		}
	}
	return nil
}

func describe(t *validate.Type) string {
	switch {
	case t == nil:
		return "nothing"
	case t.Kind == validate.KindPrim:
		return t.Prim.String()
	}
	return t.Kind.String()
}
