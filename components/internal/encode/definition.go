package encode

import (
	"latticework/components/internal/binary"
)

func (w *encoding) coreInstance(d *binary.CoreInstance) {
	w.bool(d.Inline)
	if d.Inline {
		vec(w.writer, d.Exports, func(e binary.CoreExport) {
			w.name(e.Name)
			w.coreSort(e.Ref.Sort)
			w.u32(e.Ref.Index)
		})
		return
	}
	w.u32(d.Module)
	vec(w.writer, d.Args, func(a binary.CoreArg) {
		w.name(a.Name)
		w.coreSort(binary.SortCoreInstance)
		w.u32(a.Instance)
	})
}

func (w *encoding) instance(d *binary.Instance) {
	w.bool(d.Inline)
	if d.Inline {
		vec(w.writer, d.Exports, func(e binary.InlineExport) {
			w.externName(e.Name)
			w.sortIdx(e.Ref)
		})
		return
	}
	w.u32(d.Component)
	vec(w.writer, d.Args, func(a binary.Arg) {
		w.name(a.Name)
		w.sortIdx(a.Ref)
	})
}

func (w *encoding) sortIdx(r binary.SortIdx) {
	w.sort(r.Sort)
	w.u32(r.Index)
}

func (w *encoding) sort(s binary.Sort) {
	if s.Core() {
		w.byte(0x00)
		w.coreSort(s)
		return
	}
	if s > binary.SortInstance {
		w.fail("encode sort: %d is none", s)
	}
	w.byte(0x01 + byte(s-binary.SortFunc))
}

func (w *encoding) coreSort(s binary.Sort) {
	switch {
	case s <= binary.SortCoreTag:
		w.byte(byte(s))
	case s <= binary.SortCoreInstance:
		w.byte(0x10 + byte(s-binary.SortCoreType))
	default:
		w.fail("encode core sort: %s is not of core", s)
	}
}

func (w *encoding) alias(a *binary.Alias) {
	w.sort(a.Sort)
	w.byte(byte(a.Kind))
	switch a.Kind {
	case binary.AliasExport, binary.AliasCoreExport:
		w.u32(a.Instance)
		w.name(a.Name)
	case binary.AliasOuter:
		switch a.Sort {
		case binary.SortCoreModule, binary.SortCoreType, binary.SortType, binary.SortComponent:
		default:
			w.fail("encode outer alias: a %s cannot be reached", a.Sort)
		}
		w.u32(a.Count)
		w.u32(a.Index)
	default:
		w.fail("encode alias: unknown kind %d", a.Kind)
	}
}

func (w *encoding) export(d *binary.Export) {
	w.externName(d.Name)
	w.sortIdx(d.Ref)
	w.bool(d.Type != nil)
	if d.Type != nil {
		w.externType(*d.Type)
	}
}

// externName writes a name. The prefix 1 is read as 0 and never written.
func (w *encoding) externName(n binary.ExternName) {
	attributes := []*string{n.Implements, n.VersionSuffix, n.ExternalID}
	count := 0
	for _, a := range attributes {
		if a != nil {
			count++
		}
	}
	if count == 0 {
		w.byte(0x00)
		w.name(n.Name)
		return
	}
	w.byte(0x02)
	w.name(n.Name)
	w.len(count)
	for i, a := range attributes {
		if a != nil {
			w.byte(byte(i))
			w.name(*a)
		}
	}
}

func (w *encoding) externType(t binary.ExternType) {
	switch t.Sort {
	case binary.SortCoreModule:
		w.byte(0x00, 0x11)
	case binary.SortFunc:
		w.byte(0x01)
	case binary.SortValue:
		w.byte(0x02)
		if t.Bound == binary.BoundType {
			w.byte(0x01)
			w.valType(t.Val)
			return
		}
		w.byte(0x00)
	case binary.SortType:
		w.byte(0x03)
		if t.Bound == binary.BoundSub {
			w.byte(0x01)
			return
		}
		w.byte(0x00)
	case binary.SortComponent:
		w.byte(0x04)
	case binary.SortInstance:
		w.byte(0x05)
	default:
		w.fail("encode external type: a %s cannot be imported or exported", t.Sort)
	}
	w.u32(t.Index)
}
