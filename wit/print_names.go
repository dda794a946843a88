package wit

// names finds the exprs to print types by. A type that was parsed has its
// own; for one that was built otherwise, names makes an expr that refers to
// the definitions in scope.
type names struct {
	defs      map[*Type]*TypeDef
	resources map[*Resource]*TypeDef
}

// newNames returns the names of an interface or world with those types.
func newNames(types ...*TypeDef) *names {
	n := &names{map[*Type]*TypeDef{}, map[*Resource]*TypeDef{}}
	for _, t := range types {
		if t.Resource != nil {
			if n.resources[t.Resource] == nil {
				n.resources[t.Resource] = t
			}
		} else if n.defs[t.Type] == nil && t.Type.Name != "" {
			n.defs[t.Type] = t
		}
	}
	return n
}

// definition returns the expr of a definition itself.
func (n *names) definition(t *TypeDef) *expr {
	switch {
	case t.expr != nil:
		return t.expr
	case t.Alias != nil:
		return &expr{kind: exprAlias, of: &expr{def: t.Alias}}
	case t.Resource != nil:
		return &expr{kind: exprResource}
	case isPrimitive(t.Type.Kind):
		return &expr{kind: exprAlias, of: primitiveExprs()[t.Type.Kind]}
	}
	e := n.structure(t.Type)
	for i := range e.fields {
		if i < len(t.Members) {
			e.fields[i].docs = t.Members[i].Docs
		}
	}
	return e
}

// source returns the expr of a function.
func (n *names) source(f *Func) *funcExpr {
	if f.expr != nil {
		return f.expr
	}
	return n.function(f.Type)
}

func (n *names) function(f *FuncType) *funcExpr {
	x := &funcExpr{async: f.Async}
	for _, p := range f.Params {
		x.params = append(x.params, exprField{name: p.Name, of: n.expr(p.Type)})
	}
	if f.Result != nil {
		x.result = n.expr(f.Result)
	}
	return x
}

// expr returns a reference to a type: by name if it is in scope or has to
// have one.
func (n *names) expr(t *Type) *expr {
	if t == nil {
		return nil
	}
	if isPrimitive(t.Kind) {
		return primitiveExprs()[t.Kind]
	}
	if d := n.defs[t]; d != nil {
		return &expr{def: d}
	}
	switch t.Kind {
	case KindInvalid, KindRecord, KindVariant, KindEnum, KindFlags:
		return &expr{def: &TypeDef{Name: t.Name}}
	}
	return n.structure(t)
}

// structure returns the expr of what a type is made of.
func (n *names) structure(t *Type) *expr {
	e := &expr{kind: t.Kind, of: n.expr(t.Elem), err: n.expr(t.Err), key: n.expr(t.Key), length: t.Len}
	if t.Kind == KindOwn || t.Kind == KindBorrow {
		e.of = n.resource(t.Resource)
	}
	for _, f := range t.Fields {
		e.fields = append(e.fields, exprField{name: f.Name, of: n.expr(f.Type)})
	}
	for _, c := range t.Cases {
		e.fields = append(e.fields, exprField{name: c.Name, of: n.expr(c.Type)})
	}
	for _, f := range t.Flags {
		e.fields = append(e.fields, exprField{name: f})
	}
	return e
}

func (n *names) resource(r *Resource) *expr {
	if r == nil {
		return &expr{def: &TypeDef{Name: "resource"}}
	}
	if d := n.resources[r]; d != nil {
		return &expr{def: d}
	}
	return &expr{def: &TypeDef{Name: r.Name}}
}
