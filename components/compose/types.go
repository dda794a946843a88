package compose

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
)

// externType writes what is needed to import or export entities, which
// different parts know by these types, and returns the type to do it by.
func (s *scope) externType(entities []validate.Entity) binary.ExternType {
	e := entities[0]
	t := binary.ExternType{Sort: e.Sort}
	switch e.Sort {
	case binary.SortType:
		i, ok := s.find(e.Type)
		switch {
		case ok:
			t.Index = i
		case e.Type.Kind == validate.KindResource:
			t.Bound = binary.BoundSub
		default:
			t.Index = s.define(e.Type)
		}
	case binary.SortInstance:
		types := make([]*validate.InstanceType, len(entities))
		for i, e := range entities {
			types[i] = e.Type.Instance
		}
		t.Index = s.instanceType(types)
	case binary.SortFunc:
		t.Index = s.define(e.Type)
	case binary.SortComponent:
		t.Index = s.componentType(e.Type.Component)
	case binary.SortCoreModule:
		t.Index = s.moduleType(e.Module)
	default:
		s.fail(errcode.New(errcode.Unsupported, "compose: import of a %s", e.Sort))
	}
	return t
}

// instanceType writes the type of an instance that has all exports of types.
func (s *scope) instanceType(types []*validate.InstanceType) uint32 {
	in, decls := s.inner()
	seen := map[string]bool{}
	for i, t := range types {
		for _, e := range t.Exports.List {
			if seen[e.Name.Name] {
				continue
			}
			seen[e.Name.Name] = true
			entities := []validate.Entity{e.Entity}
			for _, other := range types[i+1:] {
				if o, ok := other.Exports.Get(e.Name.Name); ok {
					entities = append(entities, o)
				}
			}
			x := &binary.ExportDecl{Name: e.Name, Type: in.externType(entities)}
			in.emit(x)
			in.named(entities)
		}
	}
	s.emit(&binary.Type{Kind: binary.TypeInstance, Decls: *decls})
	return s.newType().index
}

func (s *scope) componentType(t *validate.ComponentType) uint32 {
	in, decls := s.inner()
	for _, e := range t.Imports.List {
		one := []validate.Entity{e.Entity}
		in.emit(&binary.Import{Name: e.Name, Type: in.externType(one)})
		in.named(one)
	}
	for _, e := range t.Exports.List {
		one := []validate.Entity{e.Entity}
		in.emit(&binary.ExportDecl{Name: e.Name, Type: in.externType(one)})
		in.named(one)
	}
	s.emit(&binary.Type{Kind: binary.TypeComponent, Decls: *decls})
	return s.newType().index
}

// val returns the use of a value type; nil stays nil.
func (s *scope) val(t *validate.Type) *binary.ValType {
	switch {
	case t == nil:
		return nil
	case t.Kind == validate.KindPrim:
		return &binary.ValType{Prim: t.Prim}
	}
	return &binary.ValType{Index: s.use(t)}
}

// use returns the index of t, which is defined if it is nowhere yet.
func (s *scope) use(t *validate.Type) uint32 {
	if i, ok := s.find(t); ok {
		return i
	}
	if t.Kind == validate.KindResource {
		s.fail(errcode.New(errcode.Invalid, "compose: resource %q is used where the result neither imports nor exports it", t.Res.Name))
		return 0
	}
	i := s.define(t)
	s.put(t, &spot{known: true, index: i})
	return i
}

var typeKinds = map[validate.Kind]binary.TypeKind{
	validate.KindPrim: binary.TypePrim, validate.KindRecord: binary.TypeRecord, validate.KindVariant: binary.TypeVariant,
	validate.KindList: binary.TypeList, validate.KindFixedList: binary.TypeFixedList, validate.KindTuple: binary.TypeTuple,
	validate.KindFlags: binary.TypeFlags, validate.KindEnum: binary.TypeEnum, validate.KindOption: binary.TypeOption,
	validate.KindResult: binary.TypeResult, validate.KindOwn: binary.TypeOwn, validate.KindBorrow: binary.TypeBorrow,
	validate.KindStream: binary.TypeStream, validate.KindFuture: binary.TypeFuture, validate.KindMap: binary.TypeMap,
	validate.KindFunc: binary.TypeFunc,
}

// define writes a definition of t, a value type, a function type, or the type
// of an instance or component.
func (s *scope) define(t *validate.Type) uint32 {
	d := &binary.Type{Kind: typeKinds[t.Kind], Len: t.Len}
	switch t.Kind {
	case validate.KindInstance:
		return s.instanceType([]*validate.InstanceType{t.Instance})
	case validate.KindComponent:
		return s.componentType(t.Component)
	case validate.KindOwn, validate.KindBorrow:
		d.Index = s.use(t.Elem)
	case validate.KindFlags, validate.KindEnum:
		for _, f := range t.Fields {
			d.Labels = append(d.Labels, f.Name)
		}
	case validate.KindVariant:
		for _, f := range t.Fields {
			d.Cases = append(d.Cases, binary.Case{Name: f.Name, Type: s.val(f.Type)})
		}
	case validate.KindRecord, validate.KindTuple:
		d.Fields = s.fields(t.Fields)
	case validate.KindFunc:
		d.Func = &binary.FuncType{Async: t.Async, Params: s.fields(t.Fields), Result: s.val(t.Elem)}
	case validate.KindPrim:
		d.Elem = &binary.ValType{Prim: t.Prim}
	default:
		d.Key, d.Elem, d.Err = s.val(t.Key), s.val(t.Elem), s.val(t.Err)
	}
	s.emit(d)
	return s.newType().index
}

func (s *scope) fields(fields []validate.Field) []binary.Field {
	out := make([]binary.Field, len(fields))
	for i, f := range fields {
		out[i] = binary.Field{Name: f.Name, Type: *s.val(f.Type)}
	}
	return out
}

// moduleType writes the type of a core module and returns its core type
// index.
func (s *scope) moduleType(t *validate.ModuleType) uint32 {
	m := &binary.ModuleType{}
	types := uint32(0)
	extern := func(e validate.CoreEntity) binary.CoreExternType {
		if e.Func == nil {
			s.plain(e.Extern.Val)
			return e.Extern
		}
		sub := e.Func.CoreSubType
		for _, v := range append(append([]binary.CoreValType{}, sub.Func.Params...), sub.Func.Results...) {
			s.plain(v)
		}
		if sub.Open || len(sub.Supers) > 0 {
			s.fail(errcode.New(errcode.Unsupported, "compose: import of a core module that uses subtypes"))
		}
		m.Decls = append(m.Decls, binary.ModuleDecl{Type: &binary.CoreType{Rec: []binary.CoreSubType{sub}}})
		types++
		return binary.CoreExternType{Sort: e.Sort, Type: types - 1}
	}
	for _, i := range t.Imports {
		x := extern(i.CoreEntity)
		m.Decls = append(m.Decls, binary.ModuleDecl{Import: &binary.CoreImport{Module: i.Module, Name: i.Name, Type: x}})
	}
	for _, e := range t.Exports {
		x := extern(e.CoreEntity)
		m.Decls = append(m.Decls, binary.ModuleDecl{Export: &binary.CoreExtern{Name: e.Name, Type: x}})
	}
	s.emit(&binary.CoreType{Module: m})
	s.coreTypes++
	return s.coreTypes - 1
}

// plain refuses references to types by index: they are numbers of another
// scope.
func (s *scope) plain(v binary.CoreValType) {
	if v.Heap >= 0 && (v.Code == binary.CoreRef || v.Code == binary.CoreRefNull) {
		s.fail(errcode.New(errcode.Unsupported, "compose: import of a core module that uses types of its own in references"))
	}
}
