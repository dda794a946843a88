package compose

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
)

// typeWriter writes types of parts as definitions of the result.
type typeWriter struct {
	classes classes
	err     error // the first
}

func (w *typeWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// origin tells copies of a definition from definitions that look the same: an
// import or export of a type copies the node but shares the fields.
type origin struct{ fields *validate.Field }

// originOf returns t's origin, or none if t has no fields of its own.
func originOf(t *validate.Type) origin {
	if t.Value() && len(t.Fields) > 0 {
		return origin{&t.Fields[0]}
	}
	return origin{}
}

// spot is where a type or an instance is: an index of its scope, or, until it
// is asked for, an export of an instance.
type spot struct {
	known bool
	index uint32
	in    *spot
	name  string
}

// scope is a component, or a component type or instance type, being written.
type scope struct {
	*typeWriter
	outer *scope
	emit  func(binary.DeclItem)

	types, instances, coreTypes uint32

	nodes     map[*validate.Type]*spot
	origins   map[origin]*spot
	resources map[*validate.Resource]*spot // by class
}

func newScope(w *typeWriter, outer *scope, emit func(binary.DeclItem)) *scope {
	return &scope{
		typeWriter: w, outer: outer, emit: emit,
		nodes: map[*validate.Type]*spot{}, origins: map[origin]*spot{},
		resources: map[*validate.Resource]*spot{},
	}
}

// inner returns a scope for a type in s, and the declarators it will have.
func (s *scope) inner() (*scope, *[]binary.Decl) {
	var decls []binary.Decl
	in := newScope(s.typeWriter, s, nil)
	in.emit = func(i binary.DeclItem) { decls = append(decls, binary.Decl{Item: i}) }
	return in, &decls
}

// put records that t is at p. What is known of a copy of t already stays.
func (s *scope) put(t *validate.Type, p *spot) {
	s.nodes[t] = p
	if t.Kind == validate.KindResource {
		if r := s.classes.of(t.Res); s.resources[r] == nil {
			s.resources[r] = p
		}
	}
	if o := originOf(t); o != (origin{}) && s.origins[o] == nil {
		s.origins[o] = p
	}
}

// here returns where s has t.
func (s *scope) here(t *validate.Type) *spot {
	if p := s.nodes[t]; p != nil {
		return p
	}
	if t.Kind == validate.KindResource {
		return s.resources[s.classes.of(t.Res)]
	}
	if o := originOf(t); o != (origin{}) {
		return s.origins[o]
	}
	return nil
}

// find returns the index of t in s if it has one here or in a scope around.
func (s *scope) find(t *validate.Type) (uint32, bool) {
	count := uint32(0)
	for o := s; o != nil; o = o.outer {
		if p := o.here(t); p != nil {
			i := o.reach(p, binary.SortType)
			if o == s {
				return i, true
			}
			s.emit(&binary.Alias{Kind: binary.AliasOuter, Sort: binary.SortType, Count: count, Index: i})
			p := s.newType()
			s.put(t, p)
			return p.index, true
		}
		count++
	}
	return 0, false
}

// reach returns the index of p, which is made by an alias if need be.
func (s *scope) reach(p *spot, sort binary.Sort) uint32 {
	if p.known {
		return p.index
	}
	in := s.reach(p.in, binary.SortInstance)
	s.emit(&binary.Alias{Kind: binary.AliasExport, Sort: sort, Instance: in, Name: p.name})
	p.known = true
	if sort == binary.SortType {
		p.index = s.newType().index
	} else {
		p.index = s.newInstance().index
	}
	return p.index
}

// newType and newInstance take the next index.
func (s *scope) newType() *spot {
	s.types++
	return &spot{known: true, index: s.types - 1}
}

func (s *scope) newInstance() *spot {
	s.instances++
	return &spot{known: true, index: s.instances - 1}
}

// named records what an import or export of entities just written has made:
// entities are what different parts know it as.
func (s *scope) named(entities []validate.Entity) {
	switch entities[0].Sort {
	case binary.SortType:
		p := s.newType()
		for _, e := range entities {
			s.put(e.Type, p)
			// From here on this name stands for copies too.
			if o := originOf(e.Type); o != (origin{}) {
				s.origins[o] = p
			}
		}
	case binary.SortInstance:
		p := s.newInstance()
		for _, e := range entities {
			s.contents(e.Type.Instance, p)
		}
	}
}

// contents records the types that an instance at p exports.
func (s *scope) contents(t *validate.InstanceType, p *spot) {
	for _, e := range t.Exports.List {
		switch e.Sort {
		case binary.SortType:
			s.put(e.Type, &spot{in: p, name: e.Name.Name})
		case binary.SortInstance:
			s.contents(e.Type.Instance, &spot{in: p, name: e.Name.Name})
		}
	}
}
