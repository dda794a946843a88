package wit

// build makes the resolved type of an expr whose parts have been built.
func (e *expr) build() {
	if d := e.def; d != nil {
		defer func() {
			d.Type = e.typ
			d.Resource = e.typ.Resource
			if e.typ.Kind != KindInvalid {
				d.Resource = nil
			}
		}()
	}
	if e.kind == exprAlias {
		e.typ = e.of.typ
		e.def.Alias = e.of.def
		return
	}
	t := &Type{Kind: e.kind, Len: e.length}
	e.typ = t
	if e.def != nil {
		t.Name = e.def.Name
	}
	switch e.kind {
	case exprResource:
		t.Kind = KindInvalid
		t.Resource = &Resource{Name: e.def.Name, Interface: e.def.ownerName()}
		return
	case KindOwn, KindBorrow:
		t.Resource = e.of.typ.Resource
		return
	case KindMap:
		t.Key = e.key.typ
	}
	if e.of != nil {
		t.Elem = e.of.typ
	}
	if e.err != nil {
		t.Err = e.err.typ
	}
	e.buildFields(t)
}

func (e *expr) buildFields(t *Type) {
	for _, f := range e.fields {
		var of *Type
		if f.of != nil {
			of = f.of.typ
		}
		switch e.kind {
		case KindRecord, KindTuple:
			t.Fields = append(t.Fields, Field{f.name, of})
		case KindVariant, KindEnum:
			t.Cases = append(t.Cases, Case{f.name, of})
		case KindFlags:
			t.Flags = append(t.Flags, f.name)
		}
		if e.def != nil && e.kind != KindTuple {
			e.def.Members = append(e.def.Members, Member{f.name, f.docs})
		}
	}
}

// ownerName returns the name under which the owner of a type is known: the
// qualified name of an interface, the plain one of an interface in place, ""
// for a world.
func (t *TypeDef) ownerName() string {
	switch {
	case t.Owner == nil:
		return ""
	case t.Owner.Name == "":
		return t.Owner.label
	}
	return t.Owner.QualifiedName()
}

// build makes the resolved type of a function.
func (x *funcExpr) build() *FuncType {
	f := &FuncType{Async: x.async}
	for _, p := range x.params {
		f.Params = append(f.Params, Param{p.name, p.of.typ})
	}
	if x.result != nil {
		f.Result = x.result.typ
	}
	return f
}
