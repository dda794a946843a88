package wit

import "strings"

// protoWorld is a world of the package on its way.
type protoWorld struct {
	world    *World
	ast      *astWorld
	file     int
	types    []*expr
	imports  []protoItem
	exports  []protoItem
	includes []protoInclude
}

// protoItem is an import or export as the world itself states it.
type protoItem struct {
	WorldItem
	fn  protoFunc // if WorldItem.Func is set
	pos pos
}

type protoInclude struct {
	world *World
	ast   *astInclude
}

// worldNames keeps what each name of a world's imports, or exports, is.
type worldNames struct {
	what   string            // "import" or "export"
	world  string            // the world's name
	kinds  map[string]string // by name: "func", "interface" or "type"
	folded map[string]string // by name in lower case
}

func newWorldNames(what, world string) *worldNames {
	return &worldNames{what, world, map[string]string{}, map[string]string{}}
}

// add adds a plain name.
func (n *worldNames) add(name ident, kind string) error {
	if prev, ok := n.kinds[name.name]; ok {
		return name.pos.errorf("%s `%s` conflicts with prior %s of same name", n.what, name.name, prev)
	}
	n.kinds[name.name] = kind
	return n.addFolded(name)
}

func (n *worldNames) addFolded(name ident) error {
	key := strings.ToLower(name.name)
	if prev, ok := n.folded[key]; ok {
		return name.pos.errorf("%s `%s` in world `%s` conflicts with %s `%s` (kebab-case identifiers are case-insensitive)",
			n.what, name.name, n.world, n.what, prev)
	}
	n.folded[key] = name.name
	return nil
}

// addPath adds an interface under its own name.
func (n *worldNames) addPath(i *Interface, at pos) error {
	name := i.QualifiedName()
	if n.kinds[name] != "" {
		return at.errorf("interface cannot be %sed more than once", n.what)
	}
	n.kinds[name] = "interface"
	return nil
}

// world resolves the items of a world.
func (r *resolver) world(w *protoWorld) error {
	r.types = r.newScope(nil, w.world)
	var uses []*astUse
	var defs []*astTypeDef
	for _, item := range w.ast.items {
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
	w.types = r.types.order
	if err := r.includes(w); err != nil {
		return err
	}
	imports, exports := newWorldNames("import", w.world.Name), newWorldNames("export", w.world.Name)
	for _, e := range w.types {
		if err := imports.add(ident{e.def.Name, e.pos}, "type"); err != nil {
			return err
		}
		item := WorldItem{Name: e.def.Name, Docs: e.def.Docs, Stability: e.stability, ExternalID: e.def.ExternalID, Type: e.def}
		w.imports = append(w.imports, protoItem{WorldItem: item, pos: e.pos})
	}
	for _, item := range w.ast.items {
		var err error
		switch {
		case item.typ != nil:
			err = r.worldMethods(w, item.typ)
		case item.extern != nil && item.extern.export:
			err = r.extern(&w.exports, exports, item.extern)
		case item.extern != nil:
			err = r.extern(&w.imports, imports, item.extern)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) includes(w *protoWorld) error {
	for _, item := range w.ast.items {
		inc := item.include
		if inc == nil {
			continue
		}
		from, err := r.item(inc.path, "world")
		if err != nil {
			return err
		}
		if from.world == nil {
			return inc.path.item.pos.errorf("name `%s` is defined as an interface, not a world", inc.path.item.name)
		}
		w.includes = append(w.includes, protoInclude{from.world, inc})
	}
	return nil
}

// worldMethods adds the functions of a resource that a world defines.
func (r *resolver) worldMethods(w *protoWorld, d *astTypeDef) error {
	for _, f := range d.funcs {
		pf, err := r.function(f, r.types.defs[d.name.name])
		if err != nil {
			return err
		}
		w.imports = append(w.imports, funcItem(pf))
	}
	return nil
}

func funcItem(f protoFunc) protoItem {
	item := WorldItem{Name: f.fn.Name, Docs: f.fn.Docs, Stability: f.fn.Stability, ExternalID: f.fn.ExternalID, Func: f.fn}
	return protoItem{WorldItem: item, fn: f, pos: f.pos}
}

// extern adds an import or export to items.
func (r *resolver) extern(items *[]protoItem, names *worldNames, x *astExtern) error {
	item := protoItem{pos: x.name.pos}
	item.Name, item.Docs, item.Stability, item.ExternalID = x.name.name, x.docs, x.stability, x.externalID
	switch {
	case x.fn != nil:
		if err := names.add(x.name, "func"); err != nil {
			return err
		}
		f, err := r.function(x.fn, nil)
		if err != nil {
			return err
		}
		item = funcItem(f)
	case x.inline:
		if err := names.add(x.name, "interface"); err != nil {
			return err
		}
		i, err := r.inlineInterface(x)
		if err != nil {
			return err
		}
		item.Interface = i
	default:
		i, err := r.iface(x.path)
		if err != nil {
			return err
		}
		item.Interface = i
		if x.name.name != "" {
			err = names.add(x.name, "interface")
		} else {
			item.Name, item.pos = i.QualifiedName(), x.path.item.pos
			err = names.addPath(i, item.pos)
		}
		if err != nil {
			return err
		}
	}
	*items = append(*items, item)
	return nil
}

// inlineInterface resolves an interface in place.
func (r *resolver) inlineInterface(x *astExtern) (*Interface, error) {
	i := &Interface{Package: r.pkg, Docs: x.docs, Stability: x.stability, label: x.name.name, types: map[string]*TypeDef{}}
	p := &protoInterface{iface: i, pos: x.name.pos, file: r.file}
	r.ifaces = append(r.ifaces, p)
	r.byName[i] = p
	outer := r.types
	defer func() { r.types = outer }()
	return i, r.interfaceItems(p, x.items)
}
