package validate

import (
	"latticework/components/internal/binary"
)

// subtyping asks whether one thing can be given where another is wanted. Its
// errors say why not.
type subtyping struct{ v *validator }

func (v *validator) subtype() *subtyping { return &subtyping{v} }

var sortWords = map[binary.Sort]string{
	binary.SortCoreModule: "module", binary.SortFunc: "func", binary.SortValue: "value",
	binary.SortType: "type", binary.SortComponent: "component", binary.SortInstance: "instance",
}

func describe(t *Type) string {
	switch {
	case t.Kind == KindPrim:
		return t.Prim.String()
	case t.Value():
		return t.Kind.String()
	case t.Kind == KindResource:
		return "resource"
	}
	return t.Kind.String() + " type"
}

func describeEntity(e Entity) string {
	if e.Sort == binary.SortType {
		return describe(e.Type)
	}
	return sortWords[e.Sort]
}

// entity checks that got can be given for want.
func (s *subtyping) entity(got, want Entity) error {
	if got.Sort != want.Sort {
		return invalid("expected %s, found %s", sortWords[want.Sort], sortWords[got.Sort])
	}
	if err := s.v.spend(1); err != nil {
		return err
	}
	switch {
	case got.Sort == binary.SortCoreModule:
		return s.v.subModule(got.Module, want.Module)
	case got.Type == want.Type:
		return nil
	}
	switch got.Sort {
	case binary.SortFunc:
		return s.fun(got.Type, want.Type)
	case binary.SortInstance:
		return s.instance(got.Type.Instance, want.Type.Instance)
	case binary.SortComponent:
		return s.component(got.Type.Component, want.Type.Component)
	}
	return s.equal(got.Type, want.Type)
}

// class says to which of the worlds of types t belongs.
func class(t *Type) string {
	switch {
	case t.Kind == KindResource:
		return "resource"
	case t.Value():
		return "defined type"
	}
	return t.Kind.String()
}

// equal checks that two types, as opposed to things of these types, are equal.
func (s *subtyping) equal(got, want *Type) error {
	if class(got) != class(want) {
		return invalid("expected %s, found %s", class(want), class(got))
	}
	switch want.Kind {
	case KindResource:
		if got.Res != want.Res {
			return invalid("resource types are not the same%s", resourceNames(got.Res, want.Res))
		}
		return nil
	case KindFunc:
		return s.fun(got, want)
	case KindInstance:
		if err := s.instance(got.Instance, want.Instance); err != nil {
			return err
		}
		return s.instance(want.Instance, got.Instance)
	case KindComponent:
		if err := s.component(got.Component, want.Component); err != nil {
			return err
		}
		return s.component(want.Component, got.Component)
	}
	if want.Kind == KindPrim && got.Kind != KindPrim {
		return invalid("expected primitive, found %s", describe(got))
	}
	return s.val(got, want)
}

func resourceNames(got, want *Resource) string {
	if got.Name == "" || want.Name == "" {
		return ""
	}
	return " (`" + got.Name + "` for `" + want.Name + "`)"
}

func (s *subtyping) fun(got, want *Type) error {
	if got.Async != want.Async {
		return invalid("expected %s function, found %s function", syncWord(want), syncWord(got))
	}
	if len(got.Fields) != len(want.Fields) {
		return invalid("expected %d parameters, found %d", len(want.Fields), len(got.Fields))
	}
	for i, w := range want.Fields {
		g := got.Fields[i]
		if g.Name != w.Name {
			return invalid("expected parameter named `%s`, found `%s`", w.Name, g.Name)
		}
		if err := s.val(g.Type, w.Type); err != nil {
			return invalid("type mismatch in function parameter `%s`: %w", w.Name, err)
		}
	}
	switch {
	case got.Elem == nil && want.Elem == nil:
		return nil
	case got.Elem == nil || want.Elem == nil:
		return invalid("expected a result, found none")
	}
	if err := s.val(got.Elem, want.Elem); err != nil {
		return invalid("type mismatch with result type: %w", err)
	}
	return nil
}

func syncWord(t *Type) string {
	if t.Async {
		return "async"
	}
	return "sync"
}

// instance checks that an instance of type got can be given for want. What
// want makes anew is taken to be what got has in its place.
func (s *subtyping) instance(got, want *InstanceType) error {
	return s.exports(&got.Exports, &want.Exports, want.Made, "instance export")
}

func (s *subtyping) exports(got, want *Externs, made []Binding, what string) error {
	sub := newSubst(s.v)
	if err := sub.open(made, got); err != nil {
		return err
	}
	for _, w := range want.List {
		g, ok := got.Get(w.Name.Name)
		if !ok {
			return invalid("missing expected export `%s`", w.Name.Name)
		}
		we, err := sub.entity(w.Entity)
		if err != nil {
			return err
		}
		if err := s.entity(g, we); err != nil {
			return invalid("type mismatch in %s `%s`: %w", what, w.Name.Name, err)
		}
	}
	return nil
}

// open maps each binding to the resource that x has at its path. One that
// is not there stays as it is: comparison will find that nothing equals it.
func (s *subst) open(bs []Binding, x *Externs) error {
	for _, b := range bs {
		if err := s.v.spend(1 + len(b.Path)); err != nil {
			return err
		}
		if t := x.path(b.Path); t != nil {
			s.resources[b.Res] = t.Res
		}
	}
	return nil
}

// component checks that a component of type got can be given for want: it
// can be instantiated with what want's user gives, and gives what the user
// expects.
func (s *subtyping) component(got, want *ComponentType) error {
	sub := newSubst(s.v)
	if err := sub.open(got.Given, &want.Imports); err != nil {
		return err
	}
	for _, g := range got.Imports.List {
		w, ok := want.Imports.Get(g.Name.Name)
		if !ok {
			return invalid("missing expected import `%s`", g.Name.Name)
		}
		ge, err := sub.entity(g.Entity)
		if err != nil {
			return err
		}
		if err := s.entity(w, ge); err != nil {
			return invalid("type mismatch in import `%s`: %w", g.Name.Name, err)
		}
		sub.rename(g.Entity, w)
	}
	exports, err := sub.externs(&got.Exports)
	if err != nil {
		return err
	}
	return s.exports(&exports, &want.Exports, want.Made, "export")
}
