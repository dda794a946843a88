package wit

// interfaceItem reads an interface with its name.
func (p *parser) interfaceItem(a attrs) (*astInterface, error) {
	if err := p.expectKeyword("interface"); err != nil {
		return nil, err
	}
	name, err := p.ident()
	if err != nil {
		return nil, err
	}
	items, err := p.interfaceBody()
	return &astInterface{name: name, docs: a.docs, stability: a.stability, items: items}, err
}

// interfaceBody reads `{ items }`.
func (p *parser) interfaceBody() (items []interfaceItem, err error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	for !p.isPunct("}") {
		a, err := p.attributes()
		if err != nil {
			return nil, err
		}
		item, err := p.interfaceEntry(a)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, p.advance()
}

func (p *parser) interfaceEntry(a attrs) (item interfaceItem, err error) {
	switch {
	case p.isKeyword("use"):
		item.use, err = p.use(a)
	case p.tok.kind == tokID:
		item.fn, err = p.namedFunc(a, false)
	case p.isTypeDef():
		item.typ, err = p.typeDef(a)
	default:
		err = p.unexpected("`type`, `resource` or `func`")
	}
	return item, err
}

// use reads `use path.{names};`.
func (p *parser) use(a attrs) (*astUse, error) {
	if err := p.refuseID(a); err != nil {
		return nil, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	path, err := p.usePath()
	if err != nil {
		return nil, err
	}
	u := &astUse{stability: a.stability, path: path}
	if err := p.expect("."); err != nil {
		return nil, err
	}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	err = p.list("}", func() error {
		n, err := p.useName(false)
		u.names = append(u.names, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return u, p.expect(";")
}

// useName reads `a` or `a as b`; the latter only if renamed.
func (p *parser) useName(renamed bool) (n useName, err error) {
	if n.name, err = p.ident(); err != nil {
		return n, err
	}
	n.as = n.name
	if !p.isKeyword("as") {
		if renamed {
			return n, p.unexpected("keyword `as`")
		}
		return n, nil
	}
	if err := p.advance(); err != nil {
		return n, err
	}
	n.as, err = p.ident()
	return n, err
}

// namedFunc reads `name: func(...);`, in a resource perhaps static.
func (p *parser) namedFunc(a attrs, inResource bool) (*astFunc, error) {
	name, err := p.ident()
	if err != nil {
		return nil, err
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	f := &astFunc{name: name, docs: a.docs, stability: a.stability, externalID: a.externalID}
	if inResource {
		f.kind = Method
		static, err := p.eat("static")
		if err != nil {
			return nil, err
		}
		if static {
			f.kind = Static
		}
	}
	if err := p.funcType(f); err != nil {
		return nil, err
	}
	return f, p.expect(";")
}

// funcType reads `async? func(params) -> result`.
func (p *parser) funcType(f *astFunc) (err error) {
	if f.async, err = p.eat("async"); err != nil {
		return err
	}
	if err := p.expectKeyword("func"); err != nil {
		return err
	}
	return p.signature(f)
}

// signature reads `(params) -> result`.
func (p *parser) signature(f *astFunc) error {
	if err := p.expect("("); err != nil {
		return err
	}
	err := p.list(")", func() error {
		field, err := p.field()
		f.params = append(f.params, field)
		return err
	})
	if err != nil {
		return err
	}
	arrow, err := p.eat("->")
	if err != nil || !arrow {
		return err
	}
	f.result, err = p.typ()
	return err
}

// field reads `name: type` with its documentation.
func (p *parser) field() (f astField, err error) {
	f.docs = joinDocs(p.tok.docs)
	if f.name, err = p.ident(); err != nil {
		return f, err
	}
	if err := p.expect(":"); err != nil {
		return f, err
	}
	f.typ, err = p.typ()
	return f, err
}
