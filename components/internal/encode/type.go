package encode

import (
	"latticework/components/internal/binary"
)

func (w *encoding) valType(t binary.ValType) {
	if t.Prim != binary.PrimNone {
		w.byte(byte(t.Prim))
		return
	}
	w.sleb(int64(t.Index))
}

func (w *encoding) optValType(t *binary.ValType) {
	w.bool(t != nil)
	if t != nil {
		w.valType(*t)
	}
}

// one writes a value type that has to be there.
func (w *encoding) one(t *binary.ValType) {
	if t == nil {
		w.fail("encode type: a part is missing")
		return
	}
	w.valType(*t)
}

func (w *encoding) resultList(t *binary.ValType) {
	if t == nil {
		w.byte(0x01, 0x00)
		return
	}
	w.byte(0x00)
	w.valType(*t)
}

// opcodes are the first bytes of types; functions have two, and primitives
// are their own.
var opcodes = map[binary.TypeKind]byte{
	binary.TypeRecord: 0x72, binary.TypeVariant: 0x71, binary.TypeList: 0x70, binary.TypeFixedList: 0x67,
	binary.TypeTuple: 0x6f, binary.TypeFlags: 0x6e, binary.TypeEnum: 0x6d, binary.TypeOption: 0x6b,
	binary.TypeResult: 0x6a, binary.TypeOwn: 0x69, binary.TypeBorrow: 0x68, binary.TypeStream: 0x66,
	binary.TypeFuture: 0x65, binary.TypeMap: 0x63,
	binary.TypeResource: 0x3f, binary.TypeComponent: 0x41, binary.TypeInstance: 0x42,
}

func (w *encoding) typeDef(t *binary.Type) {
	if b, ok := opcodes[t.Kind]; ok {
		w.byte(b)
	}
	switch t.Kind {
	case binary.TypePrim, binary.TypeList, binary.TypeOption:
		w.one(t.Elem)
	case binary.TypeFixedList:
		w.one(t.Elem)
		w.u32(t.Len)
	case binary.TypeMap:
		w.one(t.Key)
		w.one(t.Elem)
	case binary.TypeRecord:
		w.fields(t.Fields)
	case binary.TypeTuple:
		vec(w.writer, t.Fields, func(f binary.Field) { w.valType(f.Type) })
	case binary.TypeVariant:
		vec(w.writer, t.Cases, func(c binary.Case) {
			w.name(c.Name)
			w.optValType(c.Type)
			w.byte(0x00)
		})
	case binary.TypeFlags, binary.TypeEnum:
		vec(w.writer, t.Labels, w.name)
	case binary.TypeResult:
		w.optValType(t.Elem)
		w.optValType(t.Err)
	case binary.TypeOwn, binary.TypeBorrow:
		w.u32(t.Index)
	case binary.TypeStream, binary.TypeFuture:
		w.optValType(t.Elem)
	case binary.TypeFunc:
		w.funcType(t.Func)
	case binary.TypeComponent, binary.TypeInstance:
		vec(w.writer, t.Decls, func(d binary.Decl) { w.decl(d, t.Kind) })
	case binary.TypeResource:
		w.resourceType(t.Resource)
	default:
		w.fail("encode type: unknown kind %d", t.Kind)
	}
}

func (w *encoding) fields(fields []binary.Field) {
	vec(w.writer, fields, func(f binary.Field) {
		w.name(f.Name)
		w.valType(f.Type)
	})
}

func (w *encoding) funcType(f *binary.FuncType) {
	switch {
	case f == nil:
		w.fail("encode function type: it is missing")
		return
	case f.Async:
		w.byte(0x43)
	default:
		w.byte(0x40)
	}
	w.fields(f.Params)
	w.resultList(f.Result)
}

func (w *encoding) resourceType(r *binary.ResourceType) {
	if r == nil {
		w.fail("encode resource type: it is missing")
		return
	}
	w.coreValType(r.Rep)
	w.bool(r.Dtor != nil)
	if r.Dtor != nil {
		w.u32(*r.Dtor)
	}
}

// decl writes a declarator of a component type or an instance type.
func (w *encoding) decl(d binary.Decl, in binary.TypeKind) {
	switch item := d.Item.(type) {
	case *binary.CoreType:
		w.byte(0x00)
		w.coreType(item)
	case *binary.Type:
		w.byte(0x01)
		w.typeDef(item)
	case *binary.Alias:
		w.byte(0x02)
		w.alias(item)
	case *binary.Import:
		if in != binary.TypeComponent {
			w.fail("encode instance type: it has an import %q", item.Name.Name)
		}
		w.byte(0x03)
		w.externName(item.Name)
		w.externType(item.Type)
	case *binary.ExportDecl:
		w.byte(0x04)
		w.externName(item.Name)
		w.externType(item.Type)
	default:
		w.fail("encode declarator: %T is none", d.Item)
	}
}
