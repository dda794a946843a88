package wit

// resolver turns one parsed package into its model in two steps. The first
// one, in resolve_*.go, follows all names and builds exprs, also for items
// that feature gates exclude. The second one, in link*.go, leaves those out,
// refuses references to them, makes the handles that the source implies, and
// completes the worlds.
type resolver struct {
	linker *linker
	pkg    *Package
	// scopes hold, for each file, what its names mean; items are those that
	// the package itself defines.
	scopes []map[string]scopeItem
	items  map[string]scopeItem
	file   int // whose scope counts

	exprs  []*expr // in order of definition
	anon   map[string]*expr
	ifaces []*protoInterface // in order of definition
	worlds []*protoWorld
	byName map[*Interface]*protoInterface

	types *typeScope // of the interface or world at hand
}

// scopeItem is what a name at the top level means: exactly one field is set.
type scopeItem struct {
	iface *Interface
	world *World
}

// protoInterface is an interface of the package on its way.
type protoInterface struct {
	iface *Interface
	pos   pos
	ast   *astInterface // nil for one in place
	file  int
	funcs []protoFunc
	types []*expr
}

// protoFunc is a function with the place of its name.
type protoFunc struct {
	fn  *Func
	res *expr // the resource of a method, static or constructor
	pos pos
}

// link resolves a unit and adds it to the Resolve.
func (l *linker) link(u *unit) error {
	r := &resolver{
		linker: l,
		pkg:    &Package{Name: u.name, Docs: u.docs},
		anon:   map[string]*expr{},
		items:  map[string]scopeItem{},
		byName: map[*Interface]*protoInterface{},
	}
	if err := r.collect(u); err != nil {
		return err
	}
	r.pkg.items = r.items
	for _, p := range r.ifaces[:len(r.ifaces):len(r.ifaces)] {
		r.file = p.file
		if err := r.interfaceItems(p, p.ast.items); err != nil {
			return err
		}
	}
	for _, w := range r.worlds {
		r.file = w.file
		if err := r.world(w); err != nil {
			return err
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	l.resolve.Packages = append(l.resolve.Packages, r.pkg)
	l.packages[u.name] = r.pkg
	return nil
}

// collect finds the package's interfaces and worlds, orders them, and builds
// the scopes of its files.
func (r *resolver) collect(u *unit) error {
	type entry struct {
		item astItem
		file int
	}
	entries := map[string]entry{}
	g := newGraph("interface or world")
	for i, file := range u.files {
		for _, item := range file.items {
			name := item.name()
			if item.use != nil {
				continue
			}
			if !g.add(name.name) {
				return name.pos.errorf("duplicate item named `%s`", name.name)
			}
			entries[name.name] = entry{item, i}
		}
	}
	for _, file := range u.files {
		if err := r.collectEdges(g, file); err != nil {
			return err
		}
	}
	order, err := g.sort()
	if err != nil {
		return err
	}
	for _, name := range order {
		e := entries[name]
		if e.item.iface != nil {
			r.items[name] = scopeItem{iface: r.newInterface(e.item.iface, e.file)}
		} else {
			r.items[name] = scopeItem{world: r.newWorld(e.item.world, e.file)}
		}
	}
	return r.buildScopes(u)
}

// name returns the name that a top-level item has in its file.
func (i astItem) name() ident {
	switch {
	case i.use != nil:
		return i.use.as
	case i.iface != nil:
		return i.iface.name
	}
	return i.world.name
}

// collectEdges adds to g what the interfaces and worlds of a file depend on
// within the package.
func (r *resolver) collectEdges(g *graph, file *astPackage) error {
	// local names what a name of the file is in the package; "" for a name
	// of another package.
	local := map[string]ident{}
	for _, item := range file.items {
		name, means := item.name(), item.name()
		if item.use != nil {
			means = item.use.path.item
			if item.use.path.foreign {
				means = ident{}
			}
		}
		if _, ok := local[name.name]; ok {
			return name.pos.errorf("duplicate name `%s` in this file", name.name)
		}
		local[name.name] = means
	}
	return file.paths(func(p pathUse) error {
		if p.inside == "" || p.foreign {
			return nil
		}
		on := p.item
		if means, ok := local[on.name]; ok {
			if means.name == "" {
				return nil
			}
			on = means
		} else if _, ok := g.index[on.name]; !ok {
			return on.pos.errorf("interface or world `%s` does not exist", on.name)
		}
		g.depend(p.inside, on)
		return nil
	})
}

func (r *resolver) newInterface(a *astInterface, file int) *Interface {
	i := &Interface{Name: a.name.name, Package: r.pkg, Docs: a.docs, Stability: a.stability, types: map[string]*TypeDef{}}
	p := &protoInterface{iface: i, pos: a.name.pos, ast: a, file: file}
	r.ifaces = append(r.ifaces, p)
	r.byName[i] = p
	return i
}

func (r *resolver) newWorld(a *astWorld, file int) *World {
	w := &World{Name: a.name.name, Package: r.pkg, Docs: a.docs, Stability: a.stability}
	r.worlds = append(r.worlds, &protoWorld{world: w, ast: a, file: file})
	return w
}

// buildScopes fills scopes.
func (r *resolver) buildScopes(u *unit) error {
	for _, file := range u.files {
		scope := map[string]scopeItem{}
		for _, item := range file.items {
			name := item.name()
			if item.use == nil {
				scope[name.name] = r.items[name.name]
				continue
			}
			path := item.use.path
			var found scopeItem
			var err error
			if path.foreign {
				found, err = r.foreignItem(path, "interface")
			} else if i, ok := r.items[path.item.name]; ok {
				found = i
			} else {
				err = path.item.pos.errorf("interface or world `%s` does not exist", path.item.name)
			}
			if err != nil {
				return err
			}
			scope[name.name] = found
		}
		r.scopes = append(r.scopes, scope)
	}
	return nil
}

// foreignItem finds an interface or world of another package. One that
// feature gates exclude is found too: the place that refers to it may be
// excluded itself.
func (r *resolver) foreignItem(p usePath, want string) (scopeItem, error) {
	pkg := r.linker.packages[p.pkg]
	if pkg == nil {
		return scopeItem{}, r.linker.unknownPackage(p)
	}
	i, ok := pkg.items[p.item.name]
	but := ""
	switch {
	case !ok:
	case want == "interface" && i.iface != nil, want == "world" && i.world != nil:
		return i, nil
	case i.iface != nil && !i.iface.excluded:
		but = ": it is an interface"
	case i.world != nil && !i.world.excluded:
		but = ": it is a world"
	default:
		return scopeItem{iface: &Interface{Name: p.item.name, Package: pkg, excluded: true}, world: &World{excluded: true}}, nil
	}
	return scopeItem{}, p.item.pos.errorf("%s '%s' not found in package '%s'%s", want, p.item.name, p.pkg, but)
}

// item follows a path.
func (r *resolver) item(p usePath, want string) (scopeItem, error) {
	if p.foreign {
		return r.foreignItem(p, want)
	}
	if i, ok := r.scopes[r.file][p.item.name]; ok {
		return i, nil
	}
	if i, ok := r.items[p.item.name]; ok {
		return i, nil
	}
	return scopeItem{}, p.item.pos.errorf("interface or world `%s` does not exist", p.item.name)
}

// iface follows a path to an interface.
func (r *resolver) iface(p usePath) (*Interface, error) {
	i, err := r.item(p, "interface")
	if err == nil && i.iface == nil {
		err = p.item.pos.errorf("name `%s` is defined as a world, not an interface", p.item.name)
	}
	return i.iface, err
}
