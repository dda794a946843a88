package validate

import "latticework/components/internal/binary"

// subst rewrites types: resources to others, and nodes to others that stand
// for the same type under another name. It may be used for many types and
// remembers what it has rewritten.
type subst struct {
	v         *validator
	resources map[*Resource]*Resource
	types     map[*Type]*Type
}

func newSubst(v *validator) *subst {
	return &subst{v: v, resources: map[*Resource]*Resource{}, types: map[*Type]*Type{}}
}

// rename makes uses of the types that want names refer to those that got
// names, where got is what was given for want.
func (s *subst) rename(want, got Entity) {
	switch {
	case want.Sort != got.Sort:
	case want.Sort == binary.SortType:
		s.types[want.Type] = got.Type
	case want.Sort == binary.SortInstance:
		s.v.work += len(want.Type.Instance.Exports.List) // counted by the next spend
		for _, e := range want.Type.Instance.Exports.List {
			if g, ok := got.Type.Instance.Exports.Get(e.Name.Name); ok {
				s.rename(e.Entity, g)
			}
		}
	}
}

func (s *subst) entity(e Entity) (Entity, error) {
	var err error
	e.Type, err = s.typ(e.Type)
	return e, err
}

func (s *subst) externs(x *Externs) (Externs, error) {
	if err := s.v.spend(len(x.List)); err != nil {
		return Externs{}, err
	}
	out := Externs{index: x.index, List: make([]Extern, len(x.List))}
	for i, e := range x.List {
		var err error
		if e.Entity, err = s.entity(e.Entity); err != nil {
			return out, err
		}
		out.List[i] = e
	}
	return out, nil
}

// typ rewrites t. A type in which nothing changes stays the same node.
func (s *subst) typ(t *Type) (*Type, error) {
	if t == nil || t.Kind == KindPrim {
		return t, nil
	}
	if r, ok := s.types[t]; ok {
		return r, nil
	}
	if err := s.v.spend(1 + len(t.Fields)); err != nil {
		return nil, err
	}
	r, err := s.rewrite(t)
	if err != nil {
		return nil, err
	}
	s.types[t] = r
	return r, nil
}

func (s *subst) rewrite(t *Type) (*Type, error) {
	switch t.Kind {
	case KindResource:
		if r, ok := s.resources[t.Res]; ok {
			return s.v.seal(&Type{Kind: KindResource, Res: r})
		}
		return t, nil
	case KindComponent:
		return s.component(t)
	case KindInstance:
		exports, err := s.externs(&t.Instance.Exports)
		if err != nil || same(exports.List, t.Instance.Exports.List) {
			return t, err
		}
		return s.v.seal(&Type{Kind: KindInstance, Instance: &InstanceType{Exports: exports, Made: t.Instance.Made}})
	}
	return s.parts(t)
}

func (s *subst) component(t *Type) (*Type, error) {
	c := *t.Component
	var err error
	if c.Imports, err = s.externs(&t.Component.Imports); err != nil {
		return nil, err
	}
	if c.Exports, err = s.externs(&t.Component.Exports); err != nil {
		return nil, err
	}
	if same(c.Imports.List, t.Component.Imports.List) && same(c.Exports.List, t.Component.Exports.List) {
		return t, nil
	}
	return s.v.seal(&Type{Kind: KindComponent, Component: &c})
}

// same reports whether two lists of externs, one made from the other, have
// the same types.
func same(a, b []Extern) bool {
	for i := range a {
		if a[i].Type != b[i].Type {
			return false
		}
	}
	return true
}

// parts rewrites a value type or a function type.
func (s *subst) parts(t *Type) (*Type, error) {
	n := *t
	n.facts = facts{}
	changed := false
	part := func(p *Type) (*Type, error) {
		q, err := s.typ(p)
		changed = changed || q != p
		return q, err
	}
	var err error
	n.Fields = make([]Field, len(t.Fields))
	for i, f := range t.Fields {
		if f.Type, err = part(f.Type); err != nil {
			return nil, err
		}
		n.Fields[i] = f
	}
	for _, p := range []**Type{&n.Elem, &n.Err, &n.Key} {
		if *p, err = part(*p); err != nil {
			return nil, err
		}
	}
	if !changed {
		return t, nil
	}
	return s.v.seal(&n)
}

// freeResource reports whether t refers to a resource that no component type
// or instance type in t introduces.
func (v *validator) freeResource(t *Type) (bool, error) {
	if !t.resources {
		return false, nil
	}
	used, bound := map[*Resource]bool{}, map[*Resource]bool{}
	seen := map[*Type]bool{}
	var walk func(*Type)
	walk = func(t *Type) {
		if t == nil || !t.resources || seen[t] {
			return
		}
		seen[t] = true
		v.work += 1 + len(t.Fields)
		switch t.Kind {
		case KindResource:
			used[t.Res] = true
		case KindComponent:
			bindAll(bound, t.Component.Given)
			bindAll(bound, t.Component.Made)
		case KindInstance:
			bindAll(bound, t.Instance.Made)
		}
		for _, f := range t.Fields {
			walk(f.Type)
		}
		walk(t.Elem)
		walk(t.Err)
		walk(t.Key)
		t.externs(walk)
	}
	walk(t)
	for r := range used {
		if !bound[r] {
			return true, v.spend(0)
		}
	}
	return false, v.spend(0)
}

func bindAll(set map[*Resource]bool, bs []Binding) {
	for _, b := range bs {
		set[b.Res] = true
	}
}
