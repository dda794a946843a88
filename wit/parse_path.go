package wit

import "strings"

// pathParts reads identifiers joined by ':' and '/'.
func (p *parser) pathParts() (parts []ident, seps []string, err error) {
	for {
		id, err := p.ident()
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, id)
		if !p.isPunct(":") && !p.isPunct("/") {
			return parts, seps, nil
		}
		seps = append(seps, p.tok.text)
		if err := p.advance(); err != nil {
			return nil, nil, err
		}
	}
}

// packageName makes a name of parts: all up to the last ':' are the
// namespace.
func packageName(parts []ident, seps []string) PackageName {
	last := 0
	for i, s := range seps {
		if s == ":" {
			last = i
		}
	}
	var ns, name strings.Builder
	for i, part := range parts {
		b := &ns
		if i > last {
			b = &name
		}
		if b.Len() > 0 {
			b.WriteString(seps[i-1])
		}
		b.WriteString(part.name)
	}
	return PackageName{Namespace: ns.String(), Name: name.String()}
}

// optVersion reads `@1.0.0` if it is there.
func (p *parser) optVersion() (string, error) {
	if !p.isPunct("@") {
		return "", nil
	}
	v, err := p.lex.version()
	if err != nil {
		return "", err
	}
	return v, p.advance()
}

// usePath reads the name of an interface or world: `a`, or `a:b/c@1.0.0`.
func (p *parser) usePath() (usePath, error) {
	first, err := p.ident()
	if err != nil {
		return usePath{}, err
	}
	if !p.isPunct(":") {
		return usePath{item: first}, nil
	}
	if err := p.advance(); err != nil {
		return usePath{}, err
	}
	parts, seps, err := p.pathParts()
	if err != nil {
		return usePath{}, err
	}
	if len(seps) == 0 || seps[len(seps)-1] != "/" {
		return usePath{}, p.unexpected("'/'")
	}
	parts, seps = append([]ident{first}, parts...), append([]string{":"}, seps...)
	n := len(parts) - 1
	path := usePath{foreign: true, pkgPos: first.pos, item: parts[n]}
	path.pkg = packageName(parts[:n], seps[:n-1])
	path.pkg.Version, err = p.optVersion()
	return path, err
}

// attrs are the annotations in front of an item, with its documentation.
type attrs struct {
	docs       string
	stability  Stability
	externalID string
	pos        pos // of the first annotation
	any        bool
}

// attributes reads the documentation and the annotations of an item.
func (p *parser) attributes() (attrs, error) {
	a := attrs{docs: joinDocs(p.tok.docs), pos: p.at(p.tok)}
	seen := map[string]bool{}
	for p.isPunct("@") {
		start := p.at(p.tok)
		if err := p.advance(); err != nil {
			return a, err
		}
		name, err := p.ident()
		if err != nil {
			return a, err
		}
		if seen[name.name] {
			return a, name.pos.errorf("duplicate annotation `@%s`", name.name)
		}
		seen[name.name] = true
		if err := p.attribute(name, &a); err != nil {
			return a, err
		}
		if !a.any {
			a.any, a.pos = true, start
		}
		if len(p.tok.docs) > 0 {
			a.docs = strings.TrimPrefix(a.docs+"\n"+joinDocs(p.tok.docs), "\n")
		}
	}
	s := a.stability
	switch {
	case s.Since != "" && s.Feature != "":
		return a, a.pos.errorf("cannot use `@since` and `@unstable` together")
	case s.Deprecated != "" && s.Since == "" && s.Feature == "":
		return a, a.pos.errorf("must pair `@deprecated` with either `@since` or `@unstable`")
	}
	return a, nil
}

// attribute reads what follows the name of an annotation.
func (p *parser) attribute(name ident, a *attrs) (err error) {
	if err := p.expectAttr(name); err != nil {
		return err
	}
	switch name.name {
	case "since":
		a.stability.Since, err = p.versionField()
	case "deprecated":
		a.stability.Deprecated, err = p.versionField()
	case "unstable":
		if err := p.attrField("feature"); err != nil {
			return err
		}
		var id ident
		id, err = p.ident()
		a.stability.Feature = id.name
	case "external-id":
		if p.tok.kind != tokString {
			return p.unexpected("a string")
		}
		a.externalID = p.tok.text
		err = p.advance()
	}
	if err != nil {
		return err
	}
	return p.expect(")")
}

// refuseID refuses an @external-id in front of what cannot have one.
func (p *parser) refuseID(a attrs) error {
	if a.externalID != "" {
		return a.pos.errorf("`@external-id` is only for types, functions, and imports and exports with a name of their own")
	}
	return nil
}

func (p *parser) expectAttr(name ident) error {
	switch name.name {
	case "since", "deprecated", "unstable", "external-id":
		return p.expect("(")
	}
	return name.pos.errorf("unknown annotation `@%s`: expected `@since`, `@unstable`, `@deprecated` or `@external-id`", name.name)
}

// versionField reads `version = 1.0.0`.
func (p *parser) versionField() (string, error) {
	if err := p.attrFieldName("version"); err != nil {
		return "", err
	}
	if !p.isPunct("=") {
		return "", p.unexpected("'='")
	}
	v, err := p.lex.version()
	if err != nil {
		return "", err
	}
	return v, p.advance()
}

// attrField reads `name =`.
func (p *parser) attrField(name string) error {
	if err := p.attrFieldName(name); err != nil {
		return err
	}
	return p.expect("=")
}

func (p *parser) attrFieldName(name string) error {
	id, err := p.ident()
	if err != nil {
		return err
	}
	if id.name != name {
		return id.pos.errorf("expected `%s`, found `%s`", name, id.name)
	}
	return nil
}
