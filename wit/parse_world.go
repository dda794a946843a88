package wit

// world reads a world.
func (p *parser) world(a attrs) (*astWorld, error) {
	if err := p.expectKeyword("world"); err != nil {
		return nil, err
	}
	name, err := p.ident()
	if err != nil {
		return nil, err
	}
	w := &astWorld{name: name, docs: a.docs, stability: a.stability}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	for !p.isPunct("}") {
		a, err := p.attributes()
		if err != nil {
			return nil, err
		}
		item, err := p.worldEntry(a)
		if err != nil {
			return nil, err
		}
		w.items = append(w.items, item)
	}
	return w, p.advance()
}

func (p *parser) worldEntry(a attrs) (item astWorldItem, err error) {
	switch {
	case p.isKeyword("import"), p.isKeyword("export"):
		item.extern, err = p.extern(a)
	case p.isKeyword("use"):
		item.use, err = p.use(a)
	case p.isKeyword("include"):
		item.include, err = p.include(a)
	case p.isTypeDef():
		item.typ, err = p.typeDef(a)
	default:
		err = p.unexpected("`import`, `export`, `include`, `use`, or type definition")
	}
	return item, err
}

// include reads `include path;` or `include path with { a as b }`; after the
// latter the semicolon may be left out.
func (p *parser) include(a attrs) (*astInclude, error) {
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
	inc := &astInclude{stability: a.stability, path: path}
	with, err := p.eat("with")
	if err != nil {
		return nil, err
	}
	if !with {
		return inc, p.expect(";")
	}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	err = p.list("}", func() error {
		n, err := p.useName(true)
		inc.names = append(inc.names, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = p.eat(";")
	return inc, err
}

// extern reads an import or export.
func (p *parser) extern(a attrs) (*astExtern, error) {
	x := &astExtern{export: p.isKeyword("export"), docs: a.docs, stability: a.stability, externalID: a.externalID}
	if err := p.advance(); err != nil {
		return nil, err
	}
	ahead := p.clone()
	name, err := ahead.ident()
	if err != nil {
		return nil, err
	}
	colonEnd := ahead.tok.end
	if !ahead.isPunct(":") {
		return x, p.externPath(x, a)
	}
	if err := ahead.advance(); err != nil {
		return nil, err
	}
	// "a:b/c" without a space is one name; "a: b" is the name a for b.
	if ahead.tok.kind == tokID && ahead.tok.off == colonEnd {
		return x, p.externPath(x, a)
	}
	*p = *ahead
	x.name = name
	return x, p.externBody(x)
}

// externPath reads an interface imported or exported under its own name.
func (p *parser) externPath(x *astExtern, a attrs) (err error) {
	if err := p.refuseID(a); err != nil {
		return err
	}
	if x.path, err = p.usePath(); err != nil {
		return err
	}
	return p.expect(";")
}

// externBody reads what a named import or export is.
func (p *parser) externBody(x *astExtern) (err error) {
	switch {
	case p.isKeyword("interface"):
		if err := p.advance(); err != nil {
			return err
		}
		x.inline = true
		x.items, err = p.interfaceBody()
		return err
	case p.isKeyword("func"), p.isKeyword("async"):
		x.fn = &astFunc{name: x.name, docs: x.docs, stability: x.stability, externalID: x.externalID}
		err = p.funcType(x.fn)
	case p.tok.kind == tokID:
		x.path, err = p.usePath()
	default:
		err = p.unexpected("`func`, `interface` or the name of an interface")
	}
	if err != nil {
		return err
	}
	return p.expect(";")
}
