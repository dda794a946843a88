package validate

import (
	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// maxCoreExterns bounds the imports and exports of all core modules together.
const maxCoreExterns = 200_000

// coreWords names core sorts in errors about core definitions.
var coreWords = map[binary.Sort]string{
	binary.SortCoreFunc: "func", binary.SortCoreTable: "table", binary.SortCoreMemory: "memory",
	binary.SortCoreGlobal: "global", binary.SortCoreTag: "tag",
	binary.SortCoreType: "type", binary.SortCoreModule: "module", binary.SortCoreInstance: "instance",
}

// coreModule validates what an embedded core module imports and exports.
func (v *validator) coreModule(s *scope, d *binary.CoreModule) error {
	info, err := binary.ScanCore(v.data, d.Start, d.End, binary.Limits{})
	if err != nil {
		return err
	}
	var types []*CoreType
	space := func(i uint32) (*CoreType, error) { return get(types, i, "type") }
	for i, start := range info.Groups {
		end := len(info.Types)
		if i+1 < len(info.Groups) {
			end = info.Groups[i+1]
		}
		group, err := v.core.group(info.Types[start:end], space, start)
		if err != nil {
			return err
		}
		types = append(types, group...)
	}
	if v.coreExterns += len(info.Imports) + len(info.Exports); v.coreExterns > maxCoreExterns {
		return errcode.New(errcode.Exhausted, "imports and exports of core modules: %d > %d", v.coreExterns, maxCoreExterns)
	}
	m := &ModuleType{}
	b := &moduleBuilder{m: m, seen: map[[2]string]bool{}, types: space}
	for _, i := range info.Imports {
		if err := b.addImport(i); err != nil {
			return err
		}
	}
	for _, e := range info.Exports {
		if err := b.addExport(e); err != nil {
			return err
		}
	}
	s.coreModules = append(s.coreModules, m)
	v.info.Module[d] = m
	return nil
}

// moduleBuilder collects a module type.
type moduleBuilder struct {
	m     *ModuleType
	seen  map[[2]string]bool
	types func(uint32) (*CoreType, error)
}

func (b *moduleBuilder) addImport(i binary.CoreImport) error {
	key := [2]string{i.Module, i.Name}
	if b.seen[key] {
		return invalid("duplicate import name `%s:%s`", i.Module, i.Name)
	}
	b.seen[key] = true
	e, err := b.entity(i.Type)
	if err != nil {
		return err
	}
	b.m.Imports = append(b.m.Imports, ModuleImport{i.Module, i.Name, e})
	return nil
}

func (b *moduleBuilder) addExport(x binary.CoreExtern) error {
	e, err := b.entity(x.Type)
	if err != nil {
		return err
	}
	if !b.m.addExport(CoreExtern{x.Name, e}) {
		return invalid("duplicate export: export name `%s` already defined", x.Name)
	}
	return nil
}

// entity resolves a core extern type.
func (b *moduleBuilder) entity(t binary.CoreExternType) (CoreEntity, error) {
	e := CoreEntity{Sort: t.Sort, Extern: t}
	switch t.Sort {
	case binary.SortCoreFunc, binary.SortCoreTag:
		f, err := b.types(t.Type)
		if err != nil {
			return e, err
		}
		if f.Kind != binary.CoreFuncKind {
			return e, invalid("type index %d is not a function type", t.Type)
		}
		if t.Sort == binary.SortCoreTag && len(f.Func.Results) > 0 {
			return e, invalid("non-empty tag result type")
		}
		e.Func = f
		return e, nil
	case binary.SortCoreTable, binary.SortCoreMemory:
		if err := checkLimits(t); err != nil {
			return e, err
		}
	}
	if t.Val.Heap > 0 || t.Val.Heap == 0 && (t.Val.Code == binary.CoreRef || t.Val.Code == binary.CoreRefNull) {
		f, err := b.types(uint32(t.Val.Heap))
		if err != nil {
			return e, err
		}
		e.Extern.Val.Heap = f.number
	}
	return e, nil
}

// checkLimits checks the limits of a table or memory.
func checkLimits(t binary.CoreExternType) error {
	l := t.Limits
	if l.HasMax && l.Min > l.Max {
		return invalid("size minimum must not be greater than maximum: %d > %d", l.Min, l.Max)
	}
	if t.Sort != binary.SortCoreMemory {
		return nil
	}
	if !l.Is64 {
		if most := uint64(1) << (32 - l.PageLog2); l.Min > most || l.HasMax && l.Max > most {
			return invalid("memory size must be at most %d pages (4GiB): %d", most, max(l.Min, l.Max))
		}
	}
	if l.Shared && !l.HasMax {
		return invalid("shared memory must have maximum size")
	}
	return nil
}

// coreType validates a core type definition.
func (v *validator) coreType(s *scope, d *binary.CoreType) error {
	if d.Module != nil {
		m, err := v.moduleType(s, d.Module)
		s.coreTypes = append(s.coreTypes, coreDef{module: m})
		return err
	}
	space := func(i uint32) (*CoreType, error) { return plainType(s.coreTypes, i) }
	types, err := v.core.group(d.Rec, space, len(s.coreTypes))
	for _, t := range types {
		s.coreTypes = append(s.coreTypes, coreDef{typ: t})
	}
	return err
}

// plainType returns the type with index i that is not a module type.
func plainType(space []coreDef, i uint32) (*CoreType, error) {
	d, err := get(space, i, "type")
	if err == nil && d.typ == nil {
		return nil, invalid("core type index %d is a module type", i)
	}
	return d.typ, err
}

// moduleType resolves a module type. Its type index space is its own.
func (v *validator) moduleType(s *scope, d *binary.ModuleType) (*ModuleType, error) {
	var types []coreDef
	space := func(i uint32) (*CoreType, error) { return plainType(types, i) }
	b := &moduleBuilder{m: &ModuleType{}, seen: map[[2]string]bool{}, types: space}
	for i := range d.Decls {
		decl := &d.Decls[i]
		var err error
		switch {
		case decl.Import != nil:
			err = b.addImport(*decl.Import)
		case decl.Export != nil:
			err = b.addExport(*decl.Export)
		case decl.Outer != nil:
			var t coreDef
			t, err = outerCoreType(s, types, decl.Outer)
			types = append(types, t)
		default:
			var group []*CoreType
			group, err = v.core.group(decl.Type.Rec, space, len(types))
			for _, t := range group {
				types = append(types, coreDef{typ: t})
			}
		}
		if err != nil {
			return nil, at("module type declarator", decl.Offset, err)
		}
	}
	return b.m, nil
}

// outerCoreType resolves an outer alias of a module type in s.
func outerCoreType(s *scope, own []coreDef, d *binary.Alias) (coreDef, error) {
	space := own
	if d.Count > 0 {
		o, _, err := s.outer(d.Count - 1)
		if err != nil {
			return coreDef{}, invalid("invalid outer alias count of %d", d.Count)
		}
		space = o.coreTypes
	}
	t, err := plainType(space, d.Index)
	return coreDef{typ: t}, err
}

// coreInstance validates a core instance.
func (v *validator) coreInstance(s *scope, d *binary.CoreInstance) error {
	inst := &ModuleType{}
	if d.Inline {
		for _, x := range d.Exports {
			e, err := s.coreEntity(x.Ref)
			if err != nil {
				return err
			}
			if !inst.addExport(CoreExtern{x.Name, e}) {
				return invalid("export name `%s` already defined", x.Name)
			}
		}
		s.coreInstances = append(s.coreInstances, inst)
		return nil
	}
	m, err := get(s.coreModules, d.Module, "module")
	if err != nil {
		return err
	}
	args := map[string]*ModuleType{}
	for _, a := range d.Args {
		arg, err := get(s.coreInstances, a.Instance, "core instance")
		if err != nil {
			return err
		}
		if args[a.Name] != nil {
			return invalid("duplicate module instantiation argument named `%s`", a.Name)
		}
		args[a.Name] = arg
	}
	if err := v.spend(len(m.Imports)); err != nil {
		return err
	}
	for _, i := range m.Imports {
		if err := matchImport(i, args[i.Module]); err != nil {
			return err
		}
	}
	// The index spaces do not tell a module's exports from an instance's.
	s.coreInstances = append(s.coreInstances, m)
	return nil
}

func matchImport(i ModuleImport, arg *ModuleType) error {
	if arg == nil {
		return invalid("missing module instantiation argument named `%s`", i.Module)
	}
	e, ok := arg.export(i.Name)
	if !ok {
		return invalid("module instantiation argument `%s` does not export an item named `%s`", i.Module, i.Name)
	}
	if err := subCore(e, i.CoreEntity); err != nil {
		return invalid("type mismatch for export `%s` of module instantiation argument `%s`: %w", i.Name, i.Module, err)
	}
	return nil
}
