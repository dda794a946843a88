package validate

import (
	"maps"

	"latticework/components/internal/binary"
)

// visible reports whether all types that e refers to have a name in named, as
// an import or export must. It adds the types that e itself gives a name.
func (v *validator) visible(e Entity, named map[*Type]bool) (bool, error) {
	switch e.Sort {
	case binary.SortFunc:
		return v.visibleParts(e.Type, named)
	case binary.SortInstance:
		return v.visibleInstance(e.Type, named)
	case binary.SortType:
		ok, err := v.visibleType(e.Type, named)
		named[e.Type] = true
		return ok, err
	}
	// Modules mention no component-level types, and component types were
	// checked when they were built.
	return true, nil
}

func (v *validator) visibleInstance(t *Type, named map[*Type]bool) (bool, error) {
	if err := v.spend(1 + len(t.Instance.Exports.List)); err != nil {
		return false, err
	}
	for i := range t.Instance.Exports.List {
		if ok, err := v.visible(t.Instance.Exports.List[i].Entity, named); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// visibleType checks the types that a type to be named refers to.
func (v *validator) visibleType(t *Type, named map[*Type]bool) (bool, error) {
	switch t.Kind {
	case KindResource, KindComponent:
		return true, nil
	case KindInstance:
		// What the instance type exports has a name inside of it.
		if err := v.spend(len(named)); err != nil {
			return false, err
		}
		return v.visibleInstance(t, maps.Clone(named))
	}
	return v.visibleParts(t, named)
}

func (v *validator) visibleParts(t *Type, named map[*Type]bool) (bool, error) {
	if err := v.spend(1 + len(t.Fields)); err != nil {
		return false, err
	}
	for _, f := range t.Fields {
		if ok, err := v.visibleUse(f.Type, named); !ok || err != nil {
			return false, err
		}
	}
	for _, p := range []*Type{t.Elem, t.Err, t.Key} {
		if ok, err := v.visibleUse(p, named); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// visibleUse checks a value type, or the resource of a handle, that something
// refers to.
func (v *validator) visibleUse(t *Type, named map[*Type]bool) (bool, error) {
	if t == nil || t.Kind == KindPrim || named[t] {
		return true, nil
	}
	switch t.Kind {
	case KindRecord, KindVariant, KindFlags, KindEnum, KindResource:
		return false, nil
	}
	return v.visibleParts(t, named)
}
