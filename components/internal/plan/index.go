package plan

import (
	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

func at[T any](space []T, i uint32, what string) (T, error) {
	if uint64(i) >= uint64(len(space)) {
		var zero T
		return zero, errcode.New(errcode.Invalid, "plan: unknown %s %d: index out of bounds", what, i)
	}
	return space[i], nil
}

func (s *scope) typeAt(i uint32) (typ, error) { return at(s.types, i, "type") }

// core returns core item i of a sort.
func (s *scope) core(sort binary.Sort, i uint32) (coreItem, error) {
	switch sort {
	case binary.SortCoreFunc:
		return at(s.coreFuncs, i, "core func")
	case binary.SortCoreTable:
		return at(s.coreTables, i, "core table")
	case binary.SortCoreMemory:
		return at(s.coreMemories, i, "core memory")
	case binary.SortCoreGlobal:
		return at(s.coreGlobals, i, "core global")
	case binary.SortCoreTag:
		return at(s.coreTags, i, "core tag")
	}
	return coreItem{}, errcode.New(errcode.Invalid, "plan: a %s is no core item", sort)
}

func (s *scope) pushCore(sort binary.Sort, it coreItem) {
	switch sort {
	case binary.SortCoreFunc:
		s.coreFuncs = append(s.coreFuncs, it)
	case binary.SortCoreTable:
		s.coreTables = append(s.coreTables, it)
	case binary.SortCoreMemory:
		s.coreMemories = append(s.coreMemories, it)
	case binary.SortCoreGlobal:
		s.coreGlobals = append(s.coreGlobals, it)
	case binary.SortCoreTag:
		s.coreTags = append(s.coreTags, it)
	}
}

// item returns the definition that ref names.
func (s *scope) item(ref binary.SortIdx) (item, error) {
	it := item{sort: ref.Sort}
	var err error
	switch ref.Sort {
	case binary.SortFunc:
		it.fn, err = at(s.funcs, ref.Index, "func")
	case binary.SortType:
		it.typ, err = s.typeAt(ref.Index)
	case binary.SortInstance:
		it.inst, err = at(s.instances, ref.Index, "instance")
	case binary.SortComponent:
		it.component, err = at(s.components, ref.Index, "component")
	case binary.SortCoreModule:
		it.module, err = at(s.modules, ref.Index, "core module")
	case binary.SortValue:
		err = errcode.New(errcode.Unsupported, "component values are not supported")
	default:
		err = errcode.New(errcode.Invalid, "plan: a %s is no component-level definition", ref.Sort)
	}
	return it, err
}

// push gives it the next index of its sort.
func (s *scope) push(it item) {
	switch it.sort {
	case binary.SortFunc:
		s.funcs = append(s.funcs, it.fn)
	case binary.SortType:
		s.types = append(s.types, it.typ)
	case binary.SortInstance:
		s.instances = append(s.instances, it.inst)
	case binary.SortComponent:
		s.components = append(s.components, it.component)
	case binary.SortCoreModule:
		s.modules = append(s.modules, it.module)
	}
}
