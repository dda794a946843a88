package wit

// parser reads one file by recursive descent with one token of lookahead.
type parser struct {
	lex lexer
	tok token // the lookahead
	// How deep types are within types, and packages within packages.
	typeDepth, packageDepth int
	// misplaced is the error for the first package within a nested one. What
	// is in it is still read: other errors come first.
	misplaced error
}

// parseFile reads a file.
func parseFile(name, text string) (*astFile, error) {
	src := &source{name, text}
	if err := checkText(src); err != nil {
		return nil, err
	}
	p := &parser{lex: lexer{src: src}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.file()
}

// advance reads the next token into the lookahead.
func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

// clone returns a parser that reads on from here by itself.
func (p *parser) clone() *parser {
	c := *p
	return &c
}

func (p *parser) at(t token) pos { return pos{p.lex.src, t.off} }

// unexpected returns the error for the lookahead being something else than
// want.
func (p *parser) unexpected(want string) error {
	return p.at(p.tok).errorf("expected %s, found %s", want, p.tok.describe())
}

func (p *parser) isPunct(s string) bool   { return p.tok.kind == tokPunct && p.tok.text == s }
func (p *parser) isKeyword(s string) bool { return p.tok.kind == tokKeyword && p.tok.text == s }

// eat consumes the lookahead if it is the punctuation or keyword s.
func (p *parser) eat(s string) (bool, error) {
	if !p.isPunct(s) && !p.isKeyword(s) {
		return false, nil
	}
	return true, p.advance()
}

// expect consumes punctuation.
func (p *parser) expect(s string) error {
	if !p.isPunct(s) {
		return p.unexpected("'" + s + "'")
	}
	return p.advance()
}

func (p *parser) expectKeyword(s string) error {
	if !p.isKeyword(s) {
		return p.unexpected("keyword `" + s + "`")
	}
	return p.advance()
}

// ident consumes an identifier.
func (p *parser) ident() (ident, error) {
	if p.tok.kind != tokID {
		return ident{}, p.unexpected("an identifier")
	}
	id := ident{p.tok.text, p.at(p.tok)}
	return id, p.advance()
}

// list reads items separated by commas up to the closing punctuation, which
// it consumes; a comma may follow the last.
func (p *parser) list(end string, item func() error) error {
	for {
		if p.isPunct(end) {
			return p.advance()
		}
		if err := item(); err != nil {
			return err
		}
		comma, err := p.eat(",")
		if err != nil {
			return err
		}
		if !comma {
			return p.expect(end)
		}
	}
}

// file reads a whole file.
func (p *parser) file() (*astFile, error) {
	f := &astFile{}
	for p.tok.kind != tokEOF {
		if !p.isKeyword("package") {
			item, err := p.topItem()
			if err != nil {
				return nil, err
			}
			f.main.items = append(f.main.items, item)
			continue
		}
		pkg, err := p.packageDecl()
		if err != nil {
			return nil, err
		}
		first := !f.main.named && len(f.nested) == 0 && len(f.main.items) == 0
		if first && p.isPunct(";") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			f.main = *pkg
			continue
		}
		if err := p.packageBody(pkg); err != nil {
			return nil, err
		}
		f.nested = append(f.nested, pkg)
	}
	return f, nil
}

// packageDecl reads `package a:b@1.0.0`.
func (p *parser) packageDecl() (*astPackage, error) {
	pkg := &astPackage{named: true, docs: joinDocs(p.tok.docs), docsPos: p.at(p.tok)}
	for _, d := range p.tok.docs {
		if d.explicit() {
			pkg.docsPos, pkg.explicitDocs = pos{p.lex.src, d.off}, true
			break
		}
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	parts, seps, err := p.pathParts()
	if err != nil {
		return nil, err
	}
	if len(seps) == 0 || seps[0] != ":" {
		return nil, p.unexpected("':'")
	}
	pkg.pos = parts[0].pos
	pkg.name = packageName(parts, seps)
	pkg.name.Version, err = p.optVersion()
	return pkg, err
}

// packageBody reads the items of a nested package.
func (p *parser) packageBody(pkg *astPackage) error {
	p.packageDepth++
	defer func() { p.packageDepth-- }()
	if err := p.expect("{"); err != nil {
		return err
	}
	for !p.isPunct("}") {
		if !p.isKeyword("package") {
			item, err := p.topItem()
			if err != nil {
				return err
			}
			pkg.items = append(pkg.items, item)
			continue
		}
		if p.packageDepth >= maxPackageDepth {
			return p.at(p.tok).errorf("package nesting too deep: %d > %d", p.packageDepth+1, maxPackageDepth)
		}
		inner, err := p.packageDecl()
		if err != nil {
			return err
		}
		if p.misplaced == nil {
			p.misplaced = inner.pos.errorf("nested packages must be placed at the top-level")
		}
		if err := p.packageBody(inner); err != nil {
			return err
		}
	}
	if err := p.advance(); err != nil {
		return err
	}
	return p.misplaced
}

// topItem reads a use, an interface or a world.
func (p *parser) topItem() (astItem, error) {
	a, err := p.attributes()
	if err == nil {
		err = p.refuseID(a)
	}
	if err != nil {
		return astItem{}, err
	}
	switch {
	case p.isKeyword("use"):
		u, err := p.topUse()
		return astItem{use: u}, err
	case p.isKeyword("interface"):
		i, err := p.interfaceItem(a)
		return astItem{iface: i}, err
	case p.isKeyword("world"):
		w, err := p.world(a)
		return astItem{world: w}, err
	}
	return astItem{}, p.unexpected("`world`, `interface` or `use`")
}

func (p *parser) topUse() (*astTopUse, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	path, err := p.usePath()
	if err != nil {
		return nil, err
	}
	u := &astTopUse{path: path, as: path.item}
	as, err := p.eat("as")
	if err != nil {
		return nil, err
	}
	if as {
		if u.as, err = p.ident(); err != nil {
			return nil, err
		}
	}
	return u, p.expect(";")
}
