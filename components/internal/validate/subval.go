package validate

import "latticework/components/internal/binary"

// val checks that two value types are equal: the component model has no
// subtyping of values.
func (s *subtyping) val(got, want *Type) error {
	if got == want {
		return nil
	}
	if err := s.v.spend(1 + len(want.Fields)); err != nil {
		return err
	}
	if got.Kind != want.Kind {
		return invalid("expected %s, found %s", describe(want), describe(got))
	}
	switch want.Kind {
	case KindPrim:
		if got.Prim != want.Prim {
			return invalid("expected primitive `%s` found primitive `%s`", want.Prim, got.Prim)
		}
		return nil
	case KindRecord:
		return s.record(got, want)
	case KindVariant:
		return s.variant(got, want)
	case KindTuple:
		return s.tuple(got, want)
	case KindFlags, KindEnum:
		return sameLabels(got, want)
	case KindOwn, KindBorrow:
		return s.equal(got.Elem, want.Elem)
	case KindResult:
		if err := s.option(got.Elem, want.Elem, "ok"); err != nil {
			return err
		}
		return s.option(got.Err, want.Err, "err")
	case KindStream, KindFuture:
		return s.option(got.Elem, want.Elem, "element")
	case KindMap:
		if err := s.val(got.Key, want.Key); err != nil {
			return invalid("type mismatch in map key: %w", err)
		}
	case KindFixedList:
		if got.Len != want.Len {
			return invalid("expected fixed-length list of %d elements, found %d", want.Len, got.Len)
		}
	}
	return s.val(got.Elem, want.Elem)
}

func (s *subtyping) record(got, want *Type) error {
	if len(got.Fields) != len(want.Fields) {
		return invalid("expected %d fields, found %d", len(want.Fields), len(got.Fields))
	}
	for i, w := range want.Fields {
		g := got.Fields[i]
		if g.Name != w.Name {
			return invalid("expected field name `%s`, found `%s`", w.Name, g.Name)
		}
		if err := s.val(g.Type, w.Type); err != nil {
			return invalid("type mismatch in record field `%s`: %w", w.Name, err)
		}
	}
	return nil
}

func (s *subtyping) variant(got, want *Type) error {
	if len(got.Fields) != len(want.Fields) {
		return invalid("expected %d cases, found %d", len(want.Fields), len(got.Fields))
	}
	for i, w := range want.Fields {
		g := got.Fields[i]
		switch {
		case g.Name != w.Name:
			return invalid("expected case named `%s`, found `%s`", w.Name, g.Name)
		case g.Type == nil && w.Type == nil:
			continue
		case g.Type == nil:
			return invalid("expected case `%s` to have a type, found none", w.Name)
		case w.Type == nil:
			return invalid("expected case `%s` to have no type", w.Name)
		}
		if err := s.val(g.Type, w.Type); err != nil {
			return invalid("type mismatch in variant case `%s`: %w", w.Name, err)
		}
	}
	return nil
}

func (s *subtyping) tuple(got, want *Type) error {
	if len(got.Fields) != len(want.Fields) {
		return invalid("expected %d types, found %d", len(want.Fields), len(got.Fields))
	}
	for i, w := range want.Fields {
		if err := s.val(got.Fields[i].Type, w.Type); err != nil {
			return invalid("type mismatch in tuple field %d: %w", i, err)
		}
	}
	return nil
}

func sameLabels(got, want *Type) error {
	same := len(got.Fields) == len(want.Fields)
	for i := 0; same && i < len(want.Fields); i++ {
		same = got.Fields[i].Name == want.Fields[i].Name
	}
	if !same {
		return invalid("mismatch in %s elements", want.Kind)
	}
	return nil
}

// option compares parts that may be absent.
func (s *subtyping) option(got, want *Type, what string) error {
	switch {
	case got == nil && want == nil:
		return nil
	case want == nil:
		return invalid("expected %s type to not be present", what)
	case got == nil:
		return invalid("expected %s type, but found none", what)
	}
	if err := s.val(got, want); err != nil {
		return invalid("type mismatch in %s variant: %w", what, err)
	}
	return nil
}

// prim returns the shared node of a primitive type.
func (v *validator) prim(p binary.Prim) (*Type, error) {
	if t := v.prims[p]; t != nil {
		return t, nil
	}
	t, err := v.seal(&Type{Kind: KindPrim, Prim: p})
	if v.prims == nil {
		v.prims = map[binary.Prim]*Type{}
	}
	v.prims[p] = t
	return t, err
}
