package binary

func (d *decoder) valType() ValType {
	if b := d.peek(); primNames[Prim(b)] != "" {
		d.pos++
		return ValType{Prim: Prim(b)}
	}
	at := d.pos
	i := d.sleb(33, "value type")
	if i < 0 {
		d.fail(at, "value type", "invalid leading byte (%#x) for component value type", d.data[at])
	}
	return ValType{Index: uint32(i)}
}

func (d *decoder) optValType() *ValType {
	if !d.bool("optional value type") {
		return nil
	}
	t := d.valType()
	return &t
}

func (d *decoder) typeDef() *Type {
	const what = "component defined type"
	b := d.byte(what)
	switch {
	case d.err != nil:
		return nil
	case b == 0x3f:
		return &Type{Kind: TypeResource, Resource: d.resourceType()}
	case b == 0x40, b == 0x43:
		return &Type{Kind: TypeFunc, Func: d.funcType(b == 0x43)}
	case b == 0x41:
		return &Type{Kind: TypeComponent, Decls: d.decls(true)}
	case b == 0x42:
		return &Type{Kind: TypeInstance, Decls: d.decls(false)}
	case primNames[Prim(b)] != "":
		return &Type{Kind: TypePrim, Elem: &ValType{Prim: Prim(b)}}
	}
	return d.defValType(b, what)
}

func (d *decoder) defValType(b byte, what string) *Type {
	one := func() *ValType { t := d.valType(); return &t }
	switch b {
	case 0x72:
		return &Type{Kind: TypeRecord, Fields: d.fields("record fields")}
	case 0x71:
		return &Type{Kind: TypeVariant, Cases: vec(d.reader, "variant cases", d.variantCase)}
	case 0x70:
		return &Type{Kind: TypeList, Elem: one()}
	case 0x67:
		return &Type{Kind: TypeFixedList, Elem: one(), Len: d.u32("list length")}
	case 0x6f:
		return &Type{Kind: TypeTuple, Fields: vec(d.reader, "tuple types", func() Field {
			return Field{Type: d.valType()}
		})}
	case 0x6e:
		return &Type{Kind: TypeFlags, Labels: d.labels("flags")}
	case 0x6d:
		return &Type{Kind: TypeEnum, Labels: d.labels("enum cases")}
	case 0x6b:
		return &Type{Kind: TypeOption, Elem: one()}
	case 0x6a:
		return &Type{Kind: TypeResult, Elem: d.optValType(), Err: d.optValType()}
	case 0x69:
		return &Type{Kind: TypeOwn, Index: d.u32("type index")}
	case 0x68:
		return &Type{Kind: TypeBorrow, Index: d.u32("type index")}
	case 0x66:
		return &Type{Kind: TypeStream, Elem: d.optValType()}
	case 0x65:
		return &Type{Kind: TypeFuture, Elem: d.optValType()}
	case 0x63:
		return &Type{Kind: TypeMap, Key: one(), Elem: one()}
	}
	d.leading(b, what)
	return nil
}

func (d *decoder) fields(what string) []Field {
	return vec(d.reader, what, func() Field {
		name := d.name("label")
		return Field{name, d.valType()}
	})
}

func (d *decoder) labels(what string) []string {
	return vec(d.reader, what, func() string { return d.name("label") })
}

func (d *decoder) variantCase() Case {
	c := Case{Name: d.name("label"), Type: d.optValType()}
	if b := d.byte("variant case"); b != 0 {
		d.leading(b, "zero byte required")
	}
	return c
}

func (d *decoder) funcType(async bool) *FuncType {
	return &FuncType{Async: async, Params: d.fields("function parameters"), Result: d.resultList()}
}

func (d *decoder) resultList() *ValType {
	switch b := d.byte("component function results"); b {
	case 0x00:
		t := d.valType()
		return &t
	case 0x01:
		if b := d.byte("number of results"); b != 0 {
			d.leading(b, "number of results")
		}
	default:
		d.leading(b, "component function results")
	}
	return nil
}

func (d *decoder) resourceType() *ResourceType {
	t := &ResourceType{Rep: d.coreValType()}
	if d.bool("optional destructor") {
		i := d.u32("core function index")
		t.Dtor = &i
	}
	return t
}

// decls reads the declarators of a component type or an instance type.
func (d *decoder) decls(component bool) []Decl {
	d.enter("types")
	defer func() { d.depth-- }()
	return vec(d.reader, "declarators", func() Decl {
		at := d.pos
		switch b := d.byte("component or instance type declaration"); {
		case d.err != nil:
		case b == 0x00:
			return Decl{at, d.coreType()}
		case b == 0x01:
			return Decl{at, d.typeDef()}
		case b == 0x02:
			return Decl{at, d.alias()}
		case b == 0x03 && component:
			return Decl{at, d.importDef()}
		case b == 0x04:
			return Decl{at, d.exportDecl()}
		default:
			d.leading(b, "component or instance type declaration")
		}
		return Decl{}
	})
}
