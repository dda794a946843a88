package plan

import (
	"latticework/components/internal/binary"
	"latticework/internal/errcode"
	"latticework/wit"
)

var prims = [256]wit.Kind{
	binary.PrimBool: wit.KindBool, binary.PrimS8: wit.KindS8, binary.PrimU8: wit.KindU8,
	binary.PrimS16: wit.KindS16, binary.PrimU16: wit.KindU16, binary.PrimS32: wit.KindS32,
	binary.PrimU32: wit.KindU32, binary.PrimS64: wit.KindS64, binary.PrimU64: wit.KindU64,
	binary.PrimF32: wit.KindF32, binary.PrimF64: wit.KindF64, binary.PrimChar: wit.KindChar,
	binary.PrimString: wit.KindString, binary.PrimErrorContext: wit.KindErrorContext,
}

func (b *builder) valType(s *scope, v binary.ValType) (*wit.Type, error) {
	if v.Prim != binary.PrimNone {
		if t := wit.Primitive(prims[v.Prim]); t != nil {
			return t, nil
		}
		return nil, errcode.New(errcode.Invalid, "plan: value type 0x%x is unknown", byte(v.Prim))
	}
	t, err := s.typeAt(v.Index)
	if err != nil {
		return nil, err
	}
	if t.val == nil {
		return nil, errcode.New(errcode.Invalid, "plan: type %d is not a value type", v.Index)
	}
	return t.val, nil
}

func (b *builder) optType(s *scope, v *binary.ValType) (*wit.Type, error) {
	if v == nil {
		return nil, nil
	}
	return b.valType(s, *v)
}

// define evaluates a type definition in s.
func (b *builder) define(s *scope, t *binary.Type) (typ, error) {
	switch t.Kind {
	case binary.TypeFunc:
		ft, err := b.funcType(s, t.Func)
		return typ{fn: ft}, err
	case binary.TypeComponent, binary.TypeInstance:
		return typ{decls: t.Decls, scope: s, isFor: t.Kind}, nil
	case binary.TypeResource:
		r, err := b.defineResource(s, t.Resource)
		return typ{res: r}, err
	case binary.TypePrim:
		v, err := b.valType(s, *t.Elem)
		return typ{val: v}, err
	}
	v, err := b.defValType(s, t)
	return typ{val: v}, err
}

var composite = [256]wit.Kind{
	binary.TypeRecord: wit.KindRecord, binary.TypeVariant: wit.KindVariant, binary.TypeList: wit.KindList,
	binary.TypeFixedList: wit.KindFixedList, binary.TypeTuple: wit.KindTuple, binary.TypeFlags: wit.KindFlags,
	binary.TypeEnum: wit.KindEnum, binary.TypeOption: wit.KindOption, binary.TypeResult: wit.KindResult,
	binary.TypeOwn: wit.KindOwn, binary.TypeBorrow: wit.KindBorrow, binary.TypeStream: wit.KindStream,
	binary.TypeFuture: wit.KindFuture, binary.TypeMap: wit.KindMap,
}

func (b *builder) defValType(s *scope, t *binary.Type) (*wit.Type, error) {
	v := &wit.Type{Kind: composite[t.Kind], Len: t.Len}
	var err error
	switch t.Kind {
	case binary.TypeRecord, binary.TypeTuple:
		v.Fields = make([]wit.Field, len(t.Fields))
		for i, f := range t.Fields {
			v.Fields[i].Name = f.Name
			if v.Fields[i].Type, err = b.valType(s, f.Type); err != nil {
				return nil, err
			}
		}
	case binary.TypeVariant:
		v.Cases = make([]wit.Case, len(t.Cases))
		for i, c := range t.Cases {
			v.Cases[i].Name = c.Name
			if v.Cases[i].Type, err = b.optType(s, c.Type); err != nil {
				return nil, err
			}
		}
	case binary.TypeEnum:
		for _, l := range t.Labels {
			v.Cases = append(v.Cases, wit.Case{Name: l})
		}
	case binary.TypeFlags:
		v.Flags = t.Labels
	case binary.TypeOwn, binary.TypeBorrow:
		r, err := s.typeAt(t.Index)
		if err != nil {
			return nil, err
		}
		if r.res == nil {
			return nil, errcode.New(errcode.Invalid, "plan: type %d is not a resource type", t.Index)
		}
		v.Resource = r.res
	default:
		if v.Elem, err = b.optType(s, t.Elem); err != nil {
			return nil, err
		}
		if v.Err, err = b.optType(s, t.Err); err != nil {
			return nil, err
		}
		if v.Key, err = b.optType(s, t.Key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (b *builder) funcType(s *scope, f *binary.FuncType) (*wit.FuncType, error) {
	ft := &wit.FuncType{Async: f.Async, Params: make([]wit.Param, len(f.Params))}
	for i, p := range f.Params {
		t, err := b.valType(s, p.Type)
		if err != nil {
			return nil, err
		}
		ft.Params[i] = wit.Param{Name: p.Name, Type: t}
	}
	var err error
	ft.Result, err = b.optType(s, f.Result)
	return ft, err
}

// newResource adds a resource type to the plan.
func (b *builder) newResource(name, iface string, r Resource) *wit.Resource {
	r.Type = &wit.Resource{Name: name, Interface: iface, Slot: len(b.plan.Resources) + 1}
	b.plan.Resources = append(b.plan.Resources, r)
	return r.Type
}

func (b *builder) defineResource(s *scope, t *binary.ResourceType) (*wit.Resource, error) {
	r := Resource{Import: -1, Instance: s.instance, Dtor: -1}
	if t.Dtor != nil {
		it, err := s.core(binary.SortCoreFunc, *t.Dtor)
		if err != nil {
			return nil, err
		}
		r.Dtor = b.coreFunc(it)
	}
	return b.newResource("", "", r), nil
}

// named returns t under a name: a copy, so that the name stays with those
// who refer to the type by it.
func named(t typ, name string) typ {
	switch {
	case t.val != nil && t.val.Name == "" && t.val.Kind > wit.KindErrorContext:
		c := *t.val
		c.Name = name
		t.val = &c
	case t.res != nil && t.res.Name == "":
		t.res.Name = name
	}
	return t
}

// hostInstance evaluates the instance type t as an import of the outermost
// component: what it exports is what the host will give.
func (b *builder) hostInstance(t typ, imp int) (*instance, error) {
	s := &scope{parent: t.scope, instance: t.scope.instance, types: make([]typ, 0, len(t.decls))}
	exports := 0
	for _, d := range t.decls {
		if _, ok := d.Item.(*binary.ExportDecl); ok {
			exports++
		}
	}
	out := newInstance(exports)
	for _, d := range t.decls {
		switch d := d.Item.(type) {
		case *binary.CoreType:
			s.coreTypes++
		case *binary.Type:
			v, err := b.define(s, d)
			if err != nil {
				return nil, err
			}
			s.types = append(s.types, v)
		case *binary.Alias:
			if err := b.alias(s, d); err != nil {
				return nil, err
			}
		case *binary.ExportDecl:
			if err := b.hostExport(s, out, d, imp); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (b *builder) hostExport(s *scope, out *instance, d *binary.ExportDecl, imp int) error {
	it, err := b.hostItem(s, d.Name.Name, d.Type, imp)
	if err != nil {
		return err
	}
	s.push(it)
	out.add(d.Name.Name, it)
	return nil
}

// hostItem makes the item of external type et that import imp brings in
// under name.
func (b *builder) hostItem(s *scope, name string, et binary.ExternType, imp int) (item, error) {
	im := &b.plan.Imports[imp]
	it := item{sort: et.Sort}
	switch et.Sort {
	case binary.SortFunc:
		t, err := s.typeAt(et.Index)
		if err != nil {
			return it, err
		}
		im.Funcs = append(im.Funcs, Func{Name: name, Type: t.fn})
		it.fn = &function{typ: t.fn, imp: imp, impFn: len(im.Funcs) - 1, lift: -1}
	case binary.SortType:
		if et.Bound == binary.BoundSub {
			it.typ.res = b.newResource(name, im.Name, Resource{Import: imp, Instance: -1, Dtor: -1})
			im.Resources = append(im.Resources, it.typ.res)
		} else {
			t, err := s.typeAt(et.Index)
			if err != nil {
				return it, err
			}
			it.typ = named(t, name)
		}
		im.Types = append(im.Types, NamedType{Name: name, Type: it.typ.val, Resource: it.typ.res})
	case binary.SortInstance:
		t, err := s.typeAt(et.Index)
		if err != nil {
			return it, err
		}
		before := len(im.Funcs) + len(im.Resources)
		if it.inst, err = b.hostInstance(t, imp); err != nil {
			return it, err
		}
		if len(im.Funcs)+len(im.Resources) > before && b.plan.Refuse == nil { // they would be taken for im's own
			b.plan.Refuse = errcode.New(errcode.Unsupported, "link import %q: the instance %q in it, with functions or resources, cannot be given by the host", im.Name, name)
		}
	case binary.SortComponent, binary.SortCoreModule:
		it.component, it.module = &componentDef{}, &module{}
		if b.plan.Refuse == nil {
			b.plan.Refuse = errcode.New(errcode.Unsupported, "link import %q: a %s cannot be given by the host", im.Name, et.Sort)
		}
	default:
		return it, errcode.New(errcode.Unsupported, "import %q: a %s cannot be imported from the host", im.Name, et.Sort)
	}
	return it, nil
}
