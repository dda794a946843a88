package validate

import (
	"latticework/components/internal/binary"
)

// externType resolves the type of an import or export as written. Resources
// that the type introduces are not made yet, see bind.
func (v *validator) externType(s *scope, t binary.ExternType) (Entity, error) {
	e := Entity{Sort: t.Sort}
	var err error
	switch t.Sort {
	case binary.SortCoreModule:
		e.Module, err = s.moduleTypeAt(t.Index)
	case binary.SortFunc:
		e.Type, err = s.kindAt(t.Index, KindFunc, "a function")
	case binary.SortComponent:
		e.Type, err = s.kindAt(t.Index, KindComponent, "a component")
	case binary.SortInstance:
		e.Type, err = s.kindAt(t.Index, KindInstance, "an instance")
	case binary.SortType:
		if t.Bound == binary.BoundSub {
			e.Type, err = v.seal(&Type{Kind: KindResource, Res: &Resource{}})
		} else {
			e.Type, err = s.typeAt(t.Index)
		}
	default:
		err = unsupported("value definitions are not supported")
	}
	return e, err
}

// bind makes what an import or export introduces: a node of its own for a
// type, fresh resources for a (sub resource) bound or an instance type. The
// new resources are added to made, under path name.
func (v *validator) bind(name string, t binary.ExternType, e Entity, made *[]Binding) (Entity, error) {
	switch {
	case e.Sort == binary.SortType && t.Bound == binary.BoundSub:
		e.Type.Res.Name = name
		*made = append(*made, Binding{e.Type.Res, []string{name}})
		return e, nil
	case e.Sort == binary.SortType:
		return v.renew(e)
	case e.Sort != binary.SortInstance || len(e.Type.Instance.Made) == 0:
		return e, nil
	}
	sub := newSubst(v)
	for _, b := range e.Type.Instance.Made {
		fresh := &Resource{Name: b.Res.Name}
		sub.resources[b.Res] = fresh
		if err := v.spend(len(b.Path) + 1); err != nil {
			return e, err
		}
		*made = append(*made, Binding{fresh, append([]string{name}, b.Path...)})
	}
	exports, err := sub.externs(&e.Type.Instance.Exports)
	if err != nil {
		return e, err
	}
	e.Type, err = v.seal(&Type{Kind: KindInstance, Instance: &InstanceType{Exports: exports}})
	return e, err
}

// renew returns e with a node of its own if it is a type.
func (v *validator) renew(e Entity) (Entity, error) {
	if e.Sort != binary.SortType {
		return e, nil
	}
	t := *e.Type
	e.Type = &t
	return e, v.spend(1)
}

func (v *validator) importDef(s *scope, d *binary.Import) error {
	e, err := v.externType(s, d.Type)
	if err != nil {
		return err
	}
	if e, err = v.bind(d.Name.Name, d.Type, e, &s.given); err != nil {
		return err
	}
	if err := s.importNames.add(d.Name, e, false); err != nil {
		return err
	}
	ok, err := v.visible(e, s.namedImport)
	if err != nil {
		return err
	}
	if !ok {
		return invalid("%s not valid to be used as import: it refers to a type that is not imported", e.Sort)
	}
	if ok, err = v.visible(e, s.namedExport); err != nil || !ok {
		return err
	}
	s.imports.add(Extern{d.Name, e})
	s.push(e)
	return nil
}

// exportDef validates an export of a component.
func (v *validator) exportDef(s *scope, d *binary.Export) error {
	e, err := s.entity(d.Ref)
	if err != nil {
		return err
	}
	if d.Type == nil {
		e, err = v.renew(e)
	} else {
		e, err = v.ascribe(s, d, e)
	}
	if err != nil {
		return err
	}
	return v.addExport(s, d.Name, e)
}

// ascribe returns what is exported if e is exported by d's type.
func (v *validator) ascribe(s *scope, d *binary.Export, e Entity) (Entity, error) {
	want, err := v.externType(s, *d.Type)
	if err != nil {
		return e, err
	}
	if d.Type.Bound == binary.BoundSub {
		if e.Sort != binary.SortType || e.Type.Kind != KindResource {
			return e, invalid("ascribed type of export is not compatible with item's type: expected resource, found %s", describeEntity(e))
		}
	} else if err := v.subtype().entity(e, want); err != nil {
		return e, invalid("ascribed type of export is not compatible with item's type: %w", err)
	}
	return v.bind(d.Name.Name, *d.Type, want, &s.made)
}

// exportDecl validates an export declarator.
func (v *validator) exportDecl(s *scope, d *binary.ExportDecl) error {
	e, err := v.externType(s, d.Type)
	if err != nil {
		return err
	}
	if e, err = v.bind(d.Name.Name, d.Type, e, &s.made); err != nil {
		return err
	}
	return v.addExport(s, d.Name, e)
}

func (v *validator) addExport(s *scope, name binary.ExternName, e Entity) error {
	if err := s.exportNames.add(name, e, false); err != nil {
		return err
	}
	if s.kind != inInstanceType { // checked where the instance type is used
		ok, err := v.visible(e, s.namedExport)
		if err != nil {
			return err
		}
		if !ok {
			return invalid("%s not valid to be used as export: it refers to a type that is neither imported nor exported", e.Sort)
		}
	}
	s.exports.add(Extern{name, e})
	s.push(e)
	return nil
}
