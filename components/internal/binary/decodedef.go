package binary

func (d *decoder) coreInstance() *CoreInstance {
	switch b := d.byte("core instance"); b {
	case 0x00:
		return &CoreInstance{
			Module: d.u32("core module index"),
			Args: vec(d.reader, "core instantiation arguments", func() CoreArg {
				a := CoreArg{Name: d.name("core instantiation argument")}
				if b := d.byte("instantiation arg kind"); b != 0x12 && d.err == nil {
					d.leading(b, "instantiation arg kind")
				}
				a.Instance = d.u32("core instance index")
				return a
			}),
		}
	case 0x01:
		return &CoreInstance{
			Inline: true,
			Exports: vec(d.reader, "core inline exports", func() CoreExport {
				name := d.name("core inline export")
				sort := d.coreSort("component external kind")
				return CoreExport{name, SortIdx{sort, d.u32("index")}}
			}),
		}
	default:
		d.leading(b, "core instance")
		return nil
	}
}

func (d *decoder) instance() *Instance {
	switch b := d.byte("instance"); b {
	case 0x00:
		return &Instance{
			Component: d.u32("component index"),
			Args: vec(d.reader, "instantiation arguments", func() Arg {
				name := d.name("instantiation argument")
				return Arg{name, d.sortIdx()}
			}),
		}
	case 0x01:
		return &Instance{
			Inline: true,
			Exports: vec(d.reader, "inline exports", func() InlineExport {
				name := d.externName()
				return InlineExport{name, d.sortIdx()}
			}),
		}
	default:
		d.leading(b, "instance")
		return nil
	}
}

func (d *decoder) sortIdx() SortIdx {
	sort := d.sort("component external kind")
	return SortIdx{sort, d.u32("index")}
}

// sort reads the sort of a component-level reference; what names it in the
// error about an unknown one.
func (d *decoder) sort(what string) Sort {
	b := d.byte(what)
	switch b {
	case 0x00:
		return d.coreSort(what)
	case 0x01:
		return SortFunc
	case 0x02:
		return SortValue
	case 0x03:
		return SortType
	case 0x04:
		return SortComponent
	case 0x05:
		return SortInstance
	}
	if d.err == nil {
		d.leading(b, what)
	}
	return 0
}

func (d *decoder) coreSort(what string) Sort {
	b := d.byte(what)
	switch {
	case b <= 0x04:
		return SortCoreFunc + Sort(b)
	case b == 0x10:
		return SortCoreType
	case b == 0x11:
		return SortCoreModule
	case b == 0x12:
		return SortCoreInstance
	}
	d.leading(b, what)
	return 0
}

func (d *decoder) alias() *Alias {
	a := &Alias{}
	at := d.pos
	a.Sort = d.sort("component outer alias kind")
	switch b := d.byte("alias"); b {
	case 0x00:
		a.Kind, a.Instance, a.Name = AliasExport, d.u32("instance index"), d.name("alias")
	case 0x01:
		a.Kind, a.Instance, a.Name = AliasCoreExport, d.u32("core instance index"), d.name("alias")
	case 0x02:
		a.Kind, a.Count, a.Index = AliasOuter, d.u32("outer alias count"), d.u32("outer alias index")
		d.outerSort(a.Sort, at)
	default:
		d.leading(b, "alias")
	}
	return a
}

// outerSort refuses outer aliases to what depends on an instance.
func (d *decoder) outerSort(s Sort, at int) {
	switch s {
	case SortCoreModule, SortCoreType, SortType, SortComponent:
		return
	}
	if d.err == nil {
		b := d.data[at]
		if s.Core() {
			b = d.data[at+1]
		}
		d.fail(at, "component outer alias kind", "invalid leading byte (%#x) for component outer alias kind: %s", b, s)
	}
}

func (d *decoder) start() *Start {
	return &Start{
		Func:    d.u32("start function index"),
		Args:    vec(d.reader, "start arguments", func() uint32 { return d.u32("value index") }),
		Results: d.u32("number of start results"),
	}
}

func (d *decoder) value() *Value {
	t := d.valType()
	n := d.length("value size")
	v := &Value{Type: t, Start: d.pos}
	d.bytes(n, "value")
	v.End = d.pos
	return v
}

func (d *decoder) importDef() *Import {
	name := d.externName()
	return &Import{name, d.externType()}
}

func (d *decoder) export() *Export {
	e := &Export{Name: d.externName(), Ref: d.sortIdx()}
	switch b := d.byte("optional component export type"); {
	case b == 0x01:
		t := d.externType()
		e.Type = &t
	case b != 0x00:
		d.leading(b, "optional component export type")
	}
	return e
}

func (d *decoder) exportDecl() *ExportDecl {
	name := d.externName()
	return &ExportDecl{name, d.externType()}
}

func (d *decoder) externName() ExternName {
	var n ExternName
	b := d.byte("component name")
	switch b {
	case 0x00, 0x01:
		n.Name = d.name("component name")
	case 0x02:
		n.Name = d.name("component name")
		for i := d.count("name options"); i > 0 && d.err == nil; i-- {
			d.attribute(&n)
		}
	default:
		d.leading(b, "component name")
	}
	return n
}

func (d *decoder) attribute(n *ExternName) {
	at := d.pos
	slot, what := &n.Implements, "implements"
	switch b := d.byte("name option"); b {
	case 0x00:
	case 0x01:
		slot, what = &n.VersionSuffix, "versionsuffix"
	case 0x02:
		slot, what = &n.ExternalID, "external-id"
	default:
		d.leading(b, "name option")
		return
	}
	s := d.name("name option")
	if *slot != nil {
		d.fail(at, "name option", "duplicate '%s' option in name", what)
		return
	}
	*slot = &s
}

func (d *decoder) externType() ExternType {
	const what = "component external kind"
	var t ExternType
	switch b := d.byte(what); b {
	case 0x00:
		if b := d.byte(what); b != 0x11 && d.err == nil {
			d.leading(b, what)
		}
		t.Sort, t.Index = SortCoreModule, d.u32("core type index")
	case 0x01:
		t.Sort, t.Index = SortFunc, d.u32("type index")
	case 0x02:
		t.Sort = SortValue
		switch b := d.byte("value bound"); b {
		case 0x00:
			t.Index = d.u32("value index")
		case 0x01:
			t.Bound, t.Val = BoundType, d.valType()
		default:
			d.leading(b, "value bound")
		}
	case 0x03:
		t.Sort = SortType
		switch b := d.byte("type bound"); b {
		case 0x00:
			t.Index = d.u32("type index")
		case 0x01:
			t.Bound = BoundSub
		default:
			d.leading(b, "type bound")
		}
	case 0x04:
		t.Sort, t.Index = SortComponent, d.u32("type index")
	case 0x05:
		t.Sort, t.Index = SortInstance, d.u32("type index")
	default:
		d.leading(b, what)
	}
	return t
}
