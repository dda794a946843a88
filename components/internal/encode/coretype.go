package encode

import (
	"latticework/components/internal/binary"
)

// coreType writes a core type definition of a component or a type in it. A
// subtype that is not final begins like a module type: a prefix tells them
// apart.
func (w *encoding) coreType(t *binary.CoreType) {
	if t.Module != nil {
		w.byte(0x50)
		w.moduleType(t.Module)
		return
	}
	if !t.Group && len(t.Rec) == 1 && t.Rec[0].Open {
		w.byte(0x00)
	}
	w.coreRecType(t)
}

func (w *encoding) moduleType(m *binary.ModuleType) {
	vec(w.writer, m.Decls, func(d binary.ModuleDecl) {
		switch {
		case d.Import != nil:
			w.byte(0x00)
			w.name(d.Import.Module)
			w.name(d.Import.Name)
			w.coreExternType(d.Import.Type)
		case d.Type != nil:
			w.byte(0x01)
			w.coreRecType(d.Type)
		case d.Outer != nil:
			w.byte(0x02, 0x10, 0x01)
			w.u32(d.Outer.Count)
			w.u32(d.Outer.Index)
		case d.Export != nil:
			w.byte(0x03)
			w.name(d.Export.Name)
			w.coreExternType(d.Export.Type)
		default:
			w.fail("encode module type: an empty declarator")
		}
	})
}

func (w *encoding) coreRecType(t *binary.CoreType) {
	switch {
	case t.Group:
		w.byte(0x4e)
		vec(w.writer, t.Rec, w.coreSubType)
	case len(t.Rec) == 1:
		w.coreSubType(t.Rec[0])
	default:
		w.fail("encode core type: %d types that are no group", len(t.Rec))
	}
}

func (w *encoding) coreSubType(t binary.CoreSubType) {
	switch {
	case t.Open:
		w.byte(0x50)
	case len(t.Supers) > 0:
		w.byte(0x4f)
	}
	if t.Open || len(t.Supers) > 0 {
		vec(w.writer, t.Supers, w.u32)
	}
	switch t.Kind {
	case binary.CoreFuncKind:
		w.byte(0x60)
		vec(w.writer, t.Func.Params, w.coreValType)
		vec(w.writer, t.Func.Results, w.coreValType)
	case binary.CoreStructKind:
		w.byte(0x5f)
		vec(w.writer, t.Fields, w.coreField)
	case binary.CoreArrayKind:
		w.byte(0x5e)
		if len(t.Fields) != 1 {
			w.fail("encode core array type: %d fields", len(t.Fields))
			return
		}
		w.coreField(t.Fields[0])
	default:
		w.fail("encode core type: unknown kind %d", t.Kind)
	}
}

func (w *encoding) coreField(f binary.CoreField) {
	if f.Type.Code == binary.CoreI8 || f.Type.Code == binary.CoreI16 {
		w.byte(f.Type.Code)
	} else {
		w.coreValType(f.Type)
	}
	w.bool(f.Mutable)
}

// coreValType writes a core value type; a nullable reference to an abstract
// heap type has a form of one byte.
func (w *encoding) coreValType(t binary.CoreValType) {
	switch {
	case t.Code >= binary.CoreV128 && t.Code <= binary.CoreI32:
		w.byte(t.Code)
	case t.Code == binary.CoreRefNull && t.Heap < 0:
		w.sleb(t.Heap)
	case t.Code == binary.CoreRef, t.Code == binary.CoreRefNull:
		w.byte(t.Code)
		w.sleb(t.Heap)
	default:
		w.fail("encode core value type: unknown code %#x", t.Code)
	}
}

func (w *encoding) coreExternType(t binary.CoreExternType) {
	switch t.Sort {
	case binary.SortCoreFunc:
		w.byte(0x00)
		w.u32(t.Type)
	case binary.SortCoreTable:
		w.byte(0x01)
		w.coreValType(t.Val)
		w.coreLimits(t.Limits, false)
	case binary.SortCoreMemory:
		w.byte(0x02)
		w.coreLimits(t.Limits, true)
	case binary.SortCoreGlobal:
		w.byte(0x03)
		w.coreValType(t.Val)
		w.bool(t.Mutable)
	case binary.SortCoreTag:
		w.byte(0x04, 0x00)
		w.u32(t.Type)
	default:
		w.fail("encode core external type: %s is none", t.Sort)
	}
}

func (w *encoding) coreLimits(l binary.CoreLimits, memory bool) {
	paged := memory && l.PageLog2 != 16
	var flags byte
	for i, set := range []bool{l.HasMax, l.Shared, l.Is64, paged} {
		if set {
			flags |= 1 << i
		}
	}
	w.byte(flags)
	w.uleb(l.Min)
	if l.HasMax {
		w.uleb(l.Max)
	}
	if paged {
		w.u32(uint32(l.PageLog2))
	}
}
