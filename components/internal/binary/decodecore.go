package binary

// coreType reads a core type definition of a component or a type in it.
func (d *decoder) coreType() *CoreType {
	switch d.peek() {
	case 0x50:
		d.pos++
		return &CoreType{Module: d.moduleType()}
	case 0x00: // a prefix that tells a non-final `sub` from a module type
		d.byte("core type")
		if b := d.byte("type definition"); b != 0x50 && d.err == nil {
			d.leading(b, "type definition")
			return nil
		}
		d.pos = max(d.pos-1, 0)
	}
	t := coreRecType(d.reader)
	return &t
}

func (d *decoder) moduleType() *ModuleType {
	d.enter("types")
	defer func() { d.depth-- }()
	return &ModuleType{vec(d.reader, "module type declarators", func() ModuleDecl {
		m := ModuleDecl{Offset: d.pos}
		switch b := d.byte("type definition"); {
		case d.err != nil:
		case b == 0x00:
			i := coreImport(d.reader)
			m.Import = &i
		case b == 0x01:
			// Module types do not nest, so 0x50 begins a subtype here.
			t := coreRecType(d.reader)
			m.Type = &t
		case b == 0x02:
			m.Outer = d.coreAlias()
		case b == 0x03:
			name := d.name("core export")
			m.Export = &CoreExtern{name, coreExternType(d.reader)}
		default:
			d.leading(b, "type definition")
		}
		return m
	})}
}

func (d *decoder) coreAlias() *Alias {
	if b := d.byte("outer alias kind"); b != 0x10 && d.err == nil {
		d.leading(b, "outer alias kind")
	}
	if b := d.byte("outer alias target"); b != 0x01 && d.err == nil {
		d.leading(b, "outer alias target")
	}
	return &Alias{
		Kind: AliasOuter, Sort: SortCoreType,
		Count: d.u32("outer alias count"), Index: d.u32("outer alias index"),
	}
}

func (d *decoder) coreValType() CoreValType { return coreValType(d.reader) }

// coreRecType reads one recursive group, or a single type.
func coreRecType(r *reader) CoreType {
	if r.peek() == 0x4e {
		r.pos++
		return CoreType{Group: true, Rec: vec(r, "recursive types", func() CoreSubType { return coreSubType(r) })}
	}
	t := coreSubType(r)
	return CoreType{Rec: []CoreSubType{t}}
}

func coreSubType(r *reader) CoreSubType {
	b := r.byte("type definition")
	if b != 0x4f && b != 0x50 {
		return coreCompType(r, b)
	}
	supers := vec(r, "supertypes", func() uint32 { return r.u32("type index") })
	t := coreCompType(r, r.byte("type definition"))
	t.Open, t.Supers = b == 0x50, supers
	return t
}

func coreCompType(r *reader, b byte) CoreSubType {
	var t CoreSubType
	switch {
	case r.err != nil:
	case b == 0x60:
		t.Func.Params = vec(r, "core parameters", func() CoreValType { return coreValType(r) })
		t.Func.Results = vec(r, "core results", func() CoreValType { return coreValType(r) })
	case b == 0x5f:
		t.Kind = CoreStructKind
		t.Fields = vec(r, "struct fields", func() CoreField { return coreField(r) })
	case b == 0x5e:
		t.Kind = CoreArrayKind
		t.Fields = []CoreField{coreField(r)}
	default:
		r.leading(b, "type definition")
	}
	return t
}

func coreField(r *reader) CoreField {
	var f CoreField
	if b := r.peek(); b == CoreI8 || b == CoreI16 {
		r.pos++
		f.Type.Code = b
	} else {
		f.Type = coreValType(r)
	}
	f.Mutable = coreMutable(r)
	return f
}

func coreMutable(r *reader) bool {
	b := r.byte("mutability")
	if b > 1 {
		r.fail(r.pos-1, "mutability", "malformed mutability %#x", b)
	}
	return b == 1
}

// coreValType reads a core value type; the shorthands of reference types are
// written out.
func coreValType(r *reader) CoreValType {
	b := r.byte("core value type")
	switch {
	case b >= CoreV128 && b <= CoreI32:
		return CoreValType{Code: b}
	case r.err != nil:
		return CoreValType{}
	}
	return refType(r, b, "core value type")
}

// refType reads a reference type that begins with b.
func refType(r *reader, b byte, what string) CoreValType {
	switch {
	case b == CoreRef, b == CoreRefNull:
		return CoreValType{Code: b, Heap: heapType(r)}
	case isHeap(b):
		return CoreValType{Code: CoreRefNull, Heap: int64(b) - 0x80}
	}
	if r.err == nil {
		r.fail(r.pos-1, what, "malformed %s: invalid leading byte (%#x)", what, b)
	}
	return CoreValType{}
}

// isHeap reports whether b stands for an abstract heap type: noexn, nofunc,
// noextern, none, func, extern, any, eq, i31, struct, array or exn.
func isHeap(b byte) bool { return b >= 0x69 && b <= 0x74 }

func heapType(r *reader) int64 {
	at := r.pos
	h := r.sleb(33, "heap type")
	if h < 0 && (h < -0x17 || h > -0x0c) {
		r.fail(at, "heap type", "malformed heap type %d", h)
	}
	return h
}

func coreImport(r *reader) CoreImport {
	module, name := r.name("core import"), r.name("core import")
	return CoreImport{module, name, coreExternType(r)}
}

func coreExternType(r *reader) CoreExternType {
	var t CoreExternType
	switch b := r.byte("core external kind"); {
	case r.err != nil:
	case b == 0x00:
		t.Sort, t.Type = SortCoreFunc, r.u32("type index")
	case b == 0x01:
		t = tableType(r)
	case b == 0x02:
		t = memoryType(r)
	case b == 0x03:
		t = globalType(r)
	case b == 0x04:
		t = tagType(r)
	default:
		r.leading(b, "external kind")
	}
	return t
}

func tableType(r *reader) CoreExternType {
	t := CoreExternType{Sort: SortCoreTable}
	t.Val = refType(r, r.byte("table type"), "reference type")
	t.Limits = coreLimits(r, 0x07)
	return t
}

func memoryType(r *reader) CoreExternType {
	return CoreExternType{Sort: SortCoreMemory, Limits: coreLimits(r, 0x0f)}
}

func globalType(r *reader) CoreExternType {
	t := CoreExternType{Sort: SortCoreGlobal, Val: coreValType(r)}
	t.Mutable = coreMutable(r)
	return t
}

func tagType(r *reader) CoreExternType {
	if b := r.byte("tag"); b != 0 {
		r.leading(b, "tag attribute")
	}
	return CoreExternType{Sort: SortCoreTag, Type: r.u32("type index")}
}

// coreLimits reads limits whose flags are among allowed: 1 maximum, 2 shared,
// 4 64-bit, 8 custom page size.
func coreLimits(r *reader, allowed byte) CoreLimits {
	f := r.byte("limits")
	if f&^allowed != 0 {
		r.fail(r.pos-1, "limits", "invalid limits flags %#x", f)
	}
	l := CoreLimits{HasMax: f&1 != 0, Shared: f&2 != 0, Is64: f&4 != 0, PageLog2: 16}
	bits := uint(32)
	if l.Is64 {
		bits = 64
	}
	l.Min = r.uleb(bits, "limits")
	if l.HasMax {
		l.Max = r.uleb(bits, "limits")
	}
	if f&8 != 0 {
		at := r.pos
		p := r.u32("page size")
		if p > 16 {
			r.fail(at, "page size", "invalid custom page size 2^%d", p)
		}
		l.PageLog2 = uint8(p)
	}
	return l
}
