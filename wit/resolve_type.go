package wit

import (
	"strconv"
	"strings"
	"sync"
)

// typeScope holds the names of one interface or world while it is resolved.
type typeScope struct {
	iface *Interface // or
	world *World
	defs  map[string]*expr
	funcs map[string]bool
	order []*expr // the types in order of definition
}

func (r *resolver) newScope(i *Interface, w *World) *typeScope {
	return &typeScope{iface: i, world: w, defs: map[string]*expr{}, funcs: map[string]bool{}}
}

// define gives a name of the scope a meaning.
func (s *typeScope) define(name ident, e *expr) error {
	if s.defs[name.name] != nil || s.funcs[name.name] {
		return name.pos.errorf("name `%s` is defined more than once", name.name)
	}
	if e == nil {
		s.funcs[name.name] = true
		return nil
	}
	s.defs[name.name] = e
	s.order = append(s.order, e)
	return nil
}

// interfaceItems resolves the items of an interface.
func (r *resolver) interfaceItems(p *protoInterface, items []interfaceItem) error {
	r.types = r.newScope(p.iface, nil)
	var uses []*astUse
	var defs []*astTypeDef
	for _, item := range items {
		switch {
		case item.use != nil:
			uses = append(uses, item.use)
		case item.typ != nil:
			defs = append(defs, item.typ)
		}
	}
	if err := r.typeItems(uses, defs); err != nil {
		return err
	}
	p.types = r.types.order
	for _, e := range p.types {
		p.iface.types[e.def.Name] = e.def
	}
	return r.interfaceFuncs(p, items)
}

func (r *resolver) interfaceFuncs(p *protoInterface, items []interfaceItem) error {
	for _, item := range items {
		if f := item.fn; f != nil {
			if err := r.types.define(f.name, nil); err != nil {
				return err
			}
			pf, err := r.function(f, nil)
			if err != nil {
				return err
			}
			p.funcs = append(p.funcs, pf)
		}
		if item.typ == nil {
			continue
		}
		for _, f := range item.typ.funcs {
			pf, err := r.function(f, r.types.defs[item.typ.name.name])
			if err != nil {
				return err
			}
			p.funcs = append(p.funcs, pf)
		}
	}
	p.iface.funcs = map[string]bool{}
	for _, f := range p.funcs {
		p.iface.funcs[f.fn.Name] = true
	}
	return nil
}

// typeItems resolves the uses and types of an interface or world.
func (r *resolver) typeItems(uses []*astUse, defs []*astTypeDef) error {
	g := newGraph("type")
	for _, u := range uses {
		if err := r.use(u); err != nil {
			return err
		}
		for _, n := range u.names {
			g.add(n.as.name)
		}
	}
	byName := map[string]*astTypeDef{}
	for _, d := range defs {
		if !g.add(d.name.name) {
			return d.name.pos.errorf("name `%s` is defined more than once", d.name.name)
		}
		byName[d.name.name] = d
	}
	for _, d := range defs {
		d.typ.names(func(n ident) { g.depend(d.name.name, n) })
	}
	order, err := g.sort()
	if err != nil {
		return err
	}
	for _, name := range order {
		if d := byName[name]; d != nil {
			if err := r.typeDef(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// names calls f for every name that a type expression mentions.
func (t *astType) names(f func(ident)) {
	if t == nil {
		return
	}
	if t.name.name != "" {
		f(t.name)
	}
	t.key.names(f)
	t.elem.names(f)
	t.err.names(f)
	for _, m := range t.fields {
		m.typ.names(f)
	}
}

// use defines the names of a use.
func (r *resolver) use(u *astUse) error {
	from, err := r.iface(u.path)
	if err != nil {
		return err
	}
	for _, n := range u.names {
		def := from.types[n.name.name]
		switch {
		case def != nil:
		case u.path.foreign:
			return n.name.pos.errorf("type `%s` not defined in interface", n.name.name)
		case from.funcs[n.name.name]:
			return n.name.pos.errorf("cannot import function `%s`", n.name.name)
		default:
			return n.name.pos.errorf("name `%s` does not exist", n.name.name)
		}
		e := r.newDef(n.as, "", u.stability, "")
		e.kind, e.of, e.base = exprAlias, def.expr, def.expr.root()
		if err := r.types.define(n.as, e); err != nil {
			return err
		}
	}
	return nil
}

// newDef adds a named type to the package.
func (r *resolver) newDef(name ident, docs string, s Stability, externalID string) *expr {
	d := &TypeDef{Name: name.name, Docs: docs, Stability: s, ExternalID: externalID, Owner: r.types.iface, World: r.types.world}
	e := &expr{def: d, stability: s, pos: name.pos}
	d.expr = e
	r.addExpr(e)
	return e
}

func (r *resolver) addExpr(e *expr) {
	e.id = len(r.exprs)
	r.exprs = append(r.exprs, e)
}

// typeDef resolves the definition of a type.
func (r *resolver) typeDef(d *astTypeDef) error {
	if err := checkMembers(d); err != nil {
		return err
	}
	e := &expr{kind: d.typ.kind}
	if err := r.fill(e, d.typ); err != nil {
		return err
	}
	if isPrimitive(e.kind) {
		e = &expr{kind: exprAlias, of: primitiveExprs()[e.kind]}
	}
	if e.kind == exprAlias {
		e.base = e.of.root() // at once, or long chains would take long
	}
	named := r.newDef(d.name, d.docs, d.stability, d.externalID)
	def, id, pos := named.def, named.id, named.pos
	*named = *e
	named.def, named.id, named.pos, named.stability = def, id, pos, d.stability
	return r.types.define(d.name, named)
}

func isPrimitive(k Kind) bool { return k >= KindBool && k <= KindErrorContext }

// primitiveExprs are the exprs of the primitive types.
var primitiveExprs = sync.OnceValue(func() (e *[KindErrorContext + 1]*expr) {
	e = new([KindErrorContext + 1]*expr)
	for k := KindBool; k <= KindErrorContext; k++ {
		e[k] = &expr{kind: k, typ: Primitive(k)}
	}
	return e
})

// checkMembers refuses types without members and members of the same name.
func checkMembers(d *astTypeDef) error {
	var what string
	switch d.typ.kind {
	case KindEnum:
		what = "enum"
	case KindVariant:
		what = "variant"
	case KindRecord, KindFlags:
	default:
		return checkResource(d)
	}
	if what != "" && len(d.typ.fields) == 0 {
		return d.name.pos.errorf("empty %s", what)
	}
	seen := map[string]string{}
	for _, m := range d.typ.fields {
		key := strings.ToLower(m.name.name)
		if prev, ok := seen[key]; ok {
			return m.name.pos.errorf("name `%s` conflicts with `%s` in `%s`", m.name.name, prev, d.name.name)
		}
		seen[key] = m.name.name
	}
	return nil
}

func checkResource(d *astTypeDef) error {
	seen := map[string]bool{}
	for _, f := range d.funcs {
		switch {
		case !seen[f.name.name]:
			seen[f.name.name] = true
		case f.kind == Constructor:
			return f.name.pos.errorf("duplicate constructors")
		default:
			return f.name.pos.errorf("duplicate function name `%s`", f.name.name)
		}
	}
	return nil
}

// typ resolves a type expression where it is used.
func (r *resolver) typ(t *astType) (*expr, error) {
	if isPrimitive(t.kind) {
		return primitiveExprs()[t.kind], nil
	}
	if t.kind == exprAlias {
		return r.lookup(t.name)
	}
	e := &expr{kind: t.kind, pos: t.pos}
	if err := r.fill(e, t); err != nil {
		return nil, err
	}
	if e.kind == KindOwn {
		return e.of, nil // "own<r>" and "r" are the same
	}
	return r.share(e), nil
}

// lookup finds a type by its name in the scope.
func (r *resolver) lookup(name ident) (*expr, error) {
	if e := r.types.defs[name.name]; e != nil {
		return e, nil
	}
	if r.types.funcs[name.name] {
		return nil, name.pos.errorf("cannot use function `%s` as a type", name.name)
	}
	return nil, name.pos.errorf("name `%s` does not exist", name.name)
}

// fill resolves what a type expression is made of.
func (r *resolver) fill(e *expr, t *astType) (err error) {
	e.length = t.length
	switch t.kind {
	case exprAlias:
		e.of, err = r.lookup(t.name)
		return err
	case KindOwn, KindBorrow:
		if e.of, err = r.lookup(t.name); err != nil {
			return err
		}
		if e.of.root().kind != exprResource {
			return t.name.pos.errorf("type `%s` used in a handle must be a resource", t.name.name)
		}
		return nil
	}
	if t.key != nil {
		if e.key, err = r.typ(t.key); err != nil {
			return err
		}
		if !isMapKey(e.key.root().kind) {
			return t.pos.errorf("invalid map key type: map keys must be bool, u8, u16, u32, u64, s8, s16, s32, s64, char, or string")
		}
	}
	if t.elem != nil {
		if e.of, err = r.typ(t.elem); err != nil {
			return err
		}
	}
	if t.err != nil {
		if e.err, err = r.typ(t.err); err != nil {
			return err
		}
	}
	for _, m := range t.fields {
		f := exprField{name: m.name.name, docs: m.docs, pos: m.name.pos}
		if m.typ != nil {
			if f.of, err = r.typ(m.typ); err != nil {
				return err
			}
		}
		e.fields = append(e.fields, f)
	}
	return nil
}

func isMapKey(k Kind) bool {
	return k >= KindBool && k <= KindU64 || k == KindChar || k == KindString
}

// share returns the one expr of an anonymous type in the package.
func (r *resolver) share(e *expr) *expr {
	var key strings.Builder
	key.WriteString(strconv.Itoa(int(e.kind)))
	ref := func(of *expr) {
		switch {
		case of == nil:
			key.WriteString(" _")
		case of.def == nil && isPrimitive(of.kind):
			key.WriteString(" p" + strconv.Itoa(int(of.kind)))
		default:
			key.WriteString(" " + strconv.Itoa(of.id))
		}
	}
	ref(e.key)
	ref(e.of)
	ref(e.err)
	key.WriteString(" " + strconv.FormatUint(uint64(e.length), 10))
	for _, f := range e.fields {
		ref(f.of)
	}
	if prev := r.anon[key.String()]; prev != nil {
		return prev
	}
	e.stability = e.inner()
	r.addExpr(e)
	r.anon[key.String()] = e
	return e
}
