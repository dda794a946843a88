package wit

import (
	"strconv"
	"sync"
)

// primitiveKinds are the kinds of types that are a keyword by themselves.
var primitiveKinds = sync.OnceValue(func() map[string]Kind {
	kinds := map[string]Kind{}
	for k := KindBool; k <= KindErrorContext; k++ {
		kinds[kindNames[k]] = k
	}
	return kinds
})

// isTypeDef reports whether the lookahead starts the definition of a type.
func (p *parser) isTypeDef() bool {
	if p.tok.kind != tokKeyword {
		return false
	}
	switch p.tok.text {
	case "type", "resource", "record", "variant", "enum", "flags":
		return true
	}
	return false
}

// typeDef reads the definition of a type.
func (p *parser) typeDef(a attrs) (d *astTypeDef, err error) {
	keyword := p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	d = &astTypeDef{docs: a.docs, stability: a.stability, externalID: a.externalID}
	if d.name, err = p.ident(); err != nil {
		return nil, err
	}
	d.typ = &astType{pos: d.name.pos}
	switch keyword {
	case "type":
		if err := p.expect("="); err != nil {
			return nil, err
		}
		if d.typ, err = p.typ(); err != nil {
			return nil, err
		}
		return d, p.expect(";")
	case "resource":
		d.typ.kind = exprResource
		return d, p.resourceBody(d)
	case "record":
		d.typ.kind = KindRecord
		err = p.members(d.typ, p.field)
	case "variant":
		d.typ.kind = KindVariant
		err = p.members(d.typ, p.variantCase)
	case "enum":
		d.typ.kind = KindEnum
		err = p.members(d.typ, p.plainCase)
	case "flags":
		d.typ.kind = KindFlags
		err = p.members(d.typ, p.plainCase)
	}
	return d, err
}

// members reads `{ a, b }`.
func (p *parser) members(t *astType, member func() (astField, error)) error {
	if err := p.expect("{"); err != nil {
		return err
	}
	return p.list("}", func() error {
		m, err := member()
		t.fields = append(t.fields, m)
		return err
	})
}

func (p *parser) plainCase() (f astField, err error) {
	f.docs = joinDocs(p.tok.docs)
	f.name, err = p.ident()
	return f, err
}

func (p *parser) variantCase() (astField, error) {
	f, err := p.plainCase()
	if err != nil || !p.isPunct("(") {
		return f, err
	}
	if err := p.advance(); err != nil {
		return f, err
	}
	if f.typ, err = p.typ(); err != nil {
		return f, err
	}
	return f, p.expect(")")
}

// resourceBody reads `;` or `{ functions }`.
func (p *parser) resourceBody(d *astTypeDef) error {
	if semi, err := p.eat(";"); semi || err != nil {
		return err
	}
	if !p.isPunct("{") {
		return p.unexpected("';' or '{'")
	}
	if err := p.advance(); err != nil {
		return err
	}
	for !p.isPunct("}") {
		a, err := p.attributes()
		if err != nil {
			return err
		}
		f, err := p.resourceFunc(a)
		if err != nil {
			return err
		}
		d.funcs = append(d.funcs, f)
	}
	return p.advance()
}

func (p *parser) resourceFunc(a attrs) (*astFunc, error) {
	switch {
	case p.isKeyword("constructor"):
		f := &astFunc{name: ident{"", p.at(p.tok)}, docs: a.docs, stability: a.stability, externalID: a.externalID, kind: Constructor}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.signature(f); err != nil {
			return nil, err
		}
		return f, p.expect(";")
	case p.tok.kind == tokID:
		return p.namedFunc(a, true)
	}
	return nil, p.unexpected("`constructor` or identifier")
}

// typ reads a type expression.
func (p *parser) typ() (*astType, error) {
	p.typeDepth++
	defer func() { p.typeDepth-- }()
	t := &astType{pos: p.at(p.tok)}
	if p.typeDepth > maxTypeDepth {
		return nil, t.pos.errorf("type nesting too deep: %d > %d", p.typeDepth, maxTypeDepth)
	}
	if p.tok.kind == tokID {
		t.kind = exprAlias
		var err error
		t.name, err = p.ident()
		return t, err
	}
	if p.tok.kind != tokKeyword {
		return nil, p.unexpected("a type")
	}
	if k, ok := primitiveKinds()[p.tok.text]; ok {
		t.kind = k
		return t, p.advance()
	}
	return t, p.constructed(t)
}

// constructors are the kinds of types that are made of others.
var constructors = map[string]Kind{
	"tuple": KindTuple, "list": KindList, "map": KindMap, "option": KindOption, "result": KindResult,
	"future": KindFuture, "stream": KindStream, "own": KindOwn, "borrow": KindBorrow,
}

// constructed reads a type that is made of others.
func (p *parser) constructed(t *astType) error {
	kind, ok := constructors[p.tok.text]
	if !ok {
		return p.unexpected("a type")
	}
	if err := p.advance(); err != nil {
		return err
	}
	switch kind {
	case KindTuple:
		return p.tuple(t)
	case KindList:
		return p.listType(t)
	case KindMap:
		return p.mapType(t)
	case KindOption:
		return p.required(t, kind)
	case KindResult:
		return p.result(t)
	case KindFuture, KindStream:
		return p.optional(t, kind)
	default:
		return p.handle(t, kind)
	}
}

func (p *parser) tuple(t *astType) error {
	t.kind = KindTuple
	if err := p.expect("<"); err != nil {
		return err
	}
	return p.list(">", func() error {
		elem, err := p.typ()
		t.fields = append(t.fields, astField{typ: elem})
		return err
	})
}

// listType reads `<T>` or `<T, 4>`.
func (p *parser) listType(t *astType) (err error) {
	t.kind = KindList
	if err := p.expect("<"); err != nil {
		return err
	}
	if t.elem, err = p.typ(); err != nil {
		return err
	}
	comma, err := p.eat(",")
	if err != nil || !comma {
		if err == nil {
			err = p.expect(">")
		}
		return err
	}
	if p.tok.kind != tokInteger {
		return p.unexpected("fixed-length")
	}
	n, err := strconv.ParseUint(p.tok.text, 10, 32)
	if err != nil || n == 0 {
		return p.at(p.tok).errorf("length of a list: %s is not within 1 and %d", p.tok.text, uint32(1<<32-1))
	}
	t.kind, t.length = KindFixedList, uint32(n)
	if err := p.advance(); err != nil {
		return err
	}
	return p.expect(">")
}

func (p *parser) mapType(t *astType) (err error) {
	t.kind = KindMap
	if err := p.expect("<"); err != nil {
		return err
	}
	if t.key, err = p.typ(); err != nil {
		return err
	}
	if err := p.expect(","); err != nil {
		return err
	}
	if t.elem, err = p.typ(); err != nil {
		return err
	}
	return p.expect(">")
}

// required reads `<T>`.
func (p *parser) required(t *astType, kind Kind) (err error) {
	t.kind = kind
	if err := p.expect("<"); err != nil {
		return err
	}
	if t.elem, err = p.typ(); err != nil {
		return err
	}
	return p.expect(">")
}

// optional reads `<T>` or nothing.
func (p *parser) optional(t *astType, kind Kind) error {
	t.kind = kind
	if !p.isPunct("<") {
		return nil
	}
	return p.required(t, kind)
}

// result reads nothing, `<T>`, `<T, E>` or `<_, E>`.
func (p *parser) result(t *astType) error {
	t.kind = KindResult
	if open, err := p.eat("<"); !open || err != nil {
		return err
	}
	underscore, err := p.eat("_")
	if err != nil {
		return err
	}
	if underscore {
		if err := p.expect(","); err != nil {
			return err
		}
	} else {
		if t.elem, err = p.typ(); err != nil {
			return err
		}
		comma, err := p.eat(",")
		if err != nil {
			return err
		}
		if !comma {
			return p.expect(">")
		}
	}
	if t.err, err = p.typ(); err != nil {
		return err
	}
	return p.expect(">")
}

// handle reads `<name>`.
func (p *parser) handle(t *astType, kind Kind) (err error) {
	t.kind = kind
	if err := p.expect("<"); err != nil {
		return err
	}
	if t.name, err = p.ident(); err != nil {
		return err
	}
	return p.expect(">")
}
