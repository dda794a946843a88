package wit

// include adds what another world imports and exports to w.
func (k *finisher) include(w *World, inc protoInclude) error {
	at := inc.ast.path.item.pos
	in, err := k.included(inc.ast.stability, at)
	if err != nil || !in {
		return err
	}
	from := inc.world
	if from.excluded {
		return excludedError(at, "world")
	}
	renames := map[string]string{}
	for _, n := range inc.ast.names {
		if !hasPlain(from, n.name.name) {
			return n.name.pos.errorf("no import or export kebab-name `%s`. Note that an ID does not support renaming", n.name.name)
		}
		renames[n.name.name] = n.as.name
	}
	if err := k.work(len(w.Imports)+len(w.Exports)+len(from.Imports)+len(from.Exports), at); err != nil {
		return err
	}
	c := &cloner{finisher: k, from: from, to: w, renames: renames, types: map[*expr]*expr{}, defs: map[*Resource]*TypeDef{}}
	if w.Imports, err = c.merge(w.Imports, from.Imports, "import", at); err != nil {
		return err
	}
	w.Exports, err = c.merge(w.Exports, from.Exports, "export", at)
	return err
}

func hasPlain(w *World, name string) bool {
	for _, items := range [][]WorldItem{w.Imports, w.Exports} {
		if i := findItem(items, name); i != nil && !i.qualified() {
			return true
		}
	}
	return false
}

// qualified reports whether the item is an interface under its own name.
func (i *WorldItem) qualified() bool {
	return i.Interface != nil && i.Interface.Name != "" && i.Name == i.Interface.QualifiedName()
}

// merge adds items to those that a world has.
func (c *cloner) merge(have, items []WorldItem, what string, at pos) ([]WorldItem, error) {
	index := map[string]int{}
	for i, item := range have {
		index[item.Name] = i
	}
	for _, item := range items {
		item.Stability = c.stability(item.Stability)
		if !item.qualified() {
			item = c.item(item)
			if _, ok := index[item.Name]; ok {
				return nil, at.errorf("%s of `%s` shadows previously %sed items", what, item.Name, what)
			}
		} else if i, ok := index[item.Name]; ok {
			have[i].Stability = mergeStability(have[i].Stability, item.Stability)
			continue
		}
		index[item.Name] = len(have)
		have = append(have, item)
	}
	return have, nil
}

// mergeStability returns the gates of an item that comes in once more.
func mergeStability(have, more Stability) Stability {
	if have == (Stability{}) {
		return more
	}
	return have
}

// cloner copies the items of one world into another one: types that the first
// defines become types of the second.
type cloner struct {
	*finisher
	from, to *World
	iface    *Interface // the copy of the interface in place at hand
	source   *Interface // the interface in place that it is a copy of
	renames  map[string]string
	types    map[*expr]*expr
	defs     map[*Resource]*TypeDef
}

// stability returns the gates of a copy: versions of another package mean
// nothing here.
func (c *cloner) stability(s Stability) Stability {
	if c.from.Package != c.to.Package && s.Since != "" {
		return Stability{}
	}
	return s
}

func (c *cloner) item(item WorldItem) WorldItem {
	if as, ok := c.renames[item.Name]; ok {
		item.Name = as
	}
	switch {
	case item.Type != nil:
		item.Type = c.expr(item.Type.expr, item.Name).def
	case item.Func != nil:
		item.Func = c.function(item.Func, item.Name)
		item.Name = item.Func.Name
	case item.Interface.Name == "":
		item.Interface = c.inline(item.Interface, item.Name)
	}
	return item
}

// owned reports whether the type is defined where the cloner copies from.
func (c *cloner) owned(d *TypeDef) bool {
	if c.source != nil && d.Owner == c.source {
		return true
	}
	return d.World == c.from
}

// expr returns the copy of e under a name; e itself if nothing in it changes.
func (c *cloner) expr(e *expr, name string) *expr {
	if isPrimitive(e.kind) || e.def != nil && !c.owned(e.def) {
		return e
	}
	if n := c.types[e]; n != nil {
		return n
	}
	n := *e
	n.fields = append([]exprField(nil), e.fields...)
	changed := e.def != nil
	n.refs(func(p **expr, _ pos) {
		of := *p
		refName := ""
		if of.def != nil {
			refName = of.def.Name
			if as, ok := c.renames[refName]; ok && of.def.World == c.from {
				refName = as
			}
		}
		*p = c.expr(of, refName)
		changed = changed || *p != of
	})
	if !changed {
		c.types[e] = e
		return e
	}
	n.base = nil
	if e.def != nil {
		d := *e.def
		d.Name, d.Methods, d.Members, d.expr = name, nil, nil, &n
		d.Stability = c.stability(d.Stability)
		n.stability = d.Stability
		d.Alias = nil
		if d.World != nil {
			d.World = c.to
		} else {
			d.Owner = c.iface
		}
		n.def = &d
	}
	c.types[e] = &n
	c.addToArena(&n)
	if n.kind == exprResource {
		c.defs[e.typ.Resource] = n.def
	}
	return &n
}

// function returns the copy of a function under a name.
func (c *cloner) function(f *Func, name string) *Func {
	n := *f
	n.Name, n.Stability = name, c.stability(f.Stability)
	if d := c.defs[f.Resource]; d != nil {
		n.Resource = d.Resource
		n.Name = funcPrefix(f.Kind) + d.Name
		if f.Kind != Constructor {
			n.Name += "." + f.ItemName()
		}
		d.Methods = append(d.Methods, &n)
	}
	x := *f.expr
	x.params = append([]exprField(nil), x.params...)
	ref := func(of *expr) *expr {
		if of.def != nil {
			if as, ok := c.renames[of.def.Name]; ok && of.def.World == c.from {
				return c.expr(of, as)
			}
			return c.expr(of, of.def.Name)
		}
		return c.expr(of, "")
	}
	for i := range x.params {
		x.params[i].of = ref(x.params[i].of)
	}
	if x.result != nil {
		x.result = ref(x.result)
	}
	n.expr, n.Type = &x, x.build()
	return &n
}

// inline returns the copy of an interface in place.
func (c *cloner) inline(i *Interface, label string) *Interface {
	n := *i
	n.Package, n.label, n.Types, n.Funcs = c.pkg, label, nil, nil
	n.Stability = c.stability(i.Stability)
	n.types, n.funcs = map[string]*TypeDef{}, i.funcs
	c.source, c.iface = i, &n
	for _, t := range i.Types {
		d := c.expr(t.expr, t.Name).def
		n.Types = append(n.Types, d)
		n.types[d.Name] = d
	}
	for _, f := range i.Funcs {
		n.Funcs = append(n.Funcs, c.function(f, f.Name))
	}
	c.source, c.iface = nil, nil
	n.deps = n.dependsOn()
	c.linker.resolve.ifaces = append(c.linker.resolve.ifaces, &n)
	return &n
}
