package wit

import "slices"

// finish is the second step: see resolver.
func (r *resolver) finish() error {
	k := &finisher{resolver: r, owns: map[*expr]*expr{}}
	if err := k.exprs(); err != nil {
		return err
	}
	for _, p := range r.ifaces {
		if err := k.iface(p); err != nil {
			return err
		}
	}
	if err := k.owners(); err != nil {
		return err
	}
	for _, w := range r.worlds {
		if err := k.world(w); err != nil {
			return err
		}
	}
	for _, w := range r.worlds {
		if err := k.completeWorld(w); err != nil {
			return err
		}
	}
	return nil
}

// finisher carries out the second step.
type finisher struct {
	*resolver
	owns map[*expr]*expr // the implied own handle of a resource or its alias
}

// included reports whether the gates of an item let it in.
func (k *finisher) included(s Stability, at pos) (bool, error) {
	switch {
	case s.Feature != "":
		return k.linker.cfg.allFeatures || k.linker.cfg.features[s.Feature], nil
	case s.Since == "":
		return true, nil
	}
	have := k.pkg.Name.Version
	if have == "" {
		return false, at.errorf("package [%s] contains a feature gate with a version specifier, so it must have a version", k.pkg.Name)
	}
	if CompareVersions(s.Since, have) > 0 {
		return false, at.errorf("feature gate cannot reference unreleased version %s of package [%s] (current version %s)", s.Since, k.pkg.Name, have)
	}
	return true, nil
}

func excludedError(at pos, what string) error {
	return at.errorf("found a reference to a %s which is excluded due to its feature not being activated", what)
}

// exprs goes through the package's types in order.
func (k *finisher) exprs() error {
	for _, e := range k.resolver.exprs {
		in, err := k.included(e.stability, e.pos)
		if err != nil {
			return err
		}
		if !in {
			e.excluded = true
			continue
		}
		keep := e.kind == exprAlias || e.kind == KindOwn || e.kind == KindBorrow
		e.refs(func(p **expr, at pos) {
			if err == nil {
				err = k.ref(p, at, keep)
			}
		})
		if err != nil {
			return err
		}
		k.addToArena(e)
	}
	return nil
}

// ref checks a reference and replaces one to a resource by its own handle,
// unless it is kept.
func (k *finisher) ref(p **expr, at pos, keep bool) error {
	e := *p
	if e.excluded {
		return excludedError(at, "type")
	}
	if keep || e.root().kind != exprResource {
		return nil
	}
	own := k.owns[e]
	if own == nil {
		own = &expr{kind: KindOwn, of: e, pos: at}
		k.addToArena(own)
		k.owns[e] = own
	}
	*p = own
	return nil
}

func (k *finisher) addToArena(e *expr) {
	e.borrows = e.kind == KindBorrow
	e.refs(func(p **expr, _ pos) { e.borrows = e.borrows || e.kind != KindOwn && (*p).borrows })
	e.build()
	k.linker.resolve.arena = append(k.linker.resolve.arena, e)
}

// iface finishes an interface.
func (k *finisher) iface(p *protoInterface) error {
	i := p.iface
	in, err := k.included(i.Stability, p.pos)
	if err != nil {
		return err
	}
	if !in {
		i.excluded = true
		return nil
	}
	for _, e := range p.types {
		if !e.excluded {
			i.Types = append(i.Types, e.def)
		}
	}
	for _, f := range p.funcs {
		in, err := k.function(f)
		if err != nil {
			return err
		}
		if in {
			i.Funcs = append(i.Funcs, f.fn)
		}
	}
	i.deps = i.dependsOn()
	k.linker.resolve.ifaces = append(k.linker.resolve.ifaces, i)
	if i.Name != "" {
		k.pkg.Interfaces = append(k.pkg.Interfaces, i)
	}
	return nil
}

// owners refuses types whose gates let them in but not the interface around
// them.
func (k *finisher) owners() error {
	for _, p := range k.ifaces {
		for _, e := range p.types {
			if p.iface.excluded && !e.excluded {
				return e.pos.errorf("found a reference to a interface which is excluded due to its feature not being activated; " +
					"this type is not gated by a feature but its interface is")
			}
		}
	}
	return nil
}

// function finishes a function and reports whether its gates let it in.
func (k *finisher) function(f protoFunc) (bool, error) {
	in, err := k.included(f.fn.Stability, f.pos)
	if err != nil || !in {
		return false, err
	}
	if f.res != nil {
		if f.res.excluded {
			return false, excludedError(f.pos, "type")
		}
		f.fn.Resource = f.res.def.Resource
		f.res.def.Methods = append(f.res.def.Methods, f.fn)
	}
	x := f.fn.expr
	for i := range x.params {
		if err := k.ref(&x.params[i].of, f.pos, false); err != nil {
			return false, err
		}
	}
	if x.result != nil {
		if err := k.ref(&x.result, f.pos, false); err != nil {
			return false, err
		}
		if x.result.borrows {
			return false, f.pos.errorf("function `%s` returns a type which contains a `borrow<T>` which is not supported", f.fn.Name)
		}
	}
	f.fn.Type = x.build()
	return true, nil
}

// world keeps the items of a world that its gates let in.
func (k *finisher) world(w *protoWorld) error {
	in, err := k.included(w.world.Stability, w.ast.name.pos)
	if err != nil {
		return err
	}
	if !in {
		w.world.excluded = true
		for _, e := range w.types {
			if !e.excluded {
				return e.pos.errorf("found a reference to a world which is excluded due to its feature not being activated; " +
					"this type is not gated by a feature but its world is")
			}
		}
		return nil
	}
	k.pkg.Worlds = append(k.pkg.Worlds, w.world)
	if w.world.Imports, err = k.worldItems(w.imports); err != nil {
		return err
	}
	w.world.Exports, err = k.worldItems(w.exports)
	return err
}

func (k *finisher) worldItems(items []protoItem) (out []WorldItem, err error) {
	for _, item := range items {
		in, err := k.included(item.Stability, item.pos)
		if err != nil {
			return nil, err
		}
		switch {
		case !in || item.Type != nil && item.Type.expr.excluded:
			continue
		case item.Func != nil:
			if _, err := k.function(item.fn); err != nil {
				return nil, err
			}
		case item.Interface != nil && item.Interface.excluded:
			return nil, excludedError(item.pos, "interface")
		}
		out = append(out, item.WorldItem)
	}
	return out, nil
}

// maxWorldItems limits how many imports and exports of worlds are handled in
// one go: includes can make them many more than the text says.
const maxWorldItems = 1 << 17

// work counts items of worlds.
func (k *finisher) work(items int, at pos) error {
	k.linker.count += items
	if k.linker.count > maxWorldItems {
		return at.errorf("items of all worlds with those they include: %d > %d", k.linker.count, maxWorldItems)
	}
	return nil
}

// completeWorld adds to a world what it includes and what its items depend
// on.
func (k *finisher) completeWorld(w *protoWorld) error {
	if w.world.excluded {
		return nil
	}
	for _, inc := range w.includes {
		if err := k.include(w.world, inc); err != nil {
			return err
		}
	}
	if err := elaborate(w.world, w.ast.name.pos); err != nil {
		return err
	}
	if err := k.work(len(w.world.Imports)+len(w.world.Exports), w.ast.name.pos); err != nil {
		return err
	}
	return checkFolded(w)
}

// checkFolded refuses imports, or exports, whose names differ only in case.
func checkFolded(w *protoWorld) error {
	for i, items := range [][]WorldItem{w.world.Imports, w.world.Exports} {
		names := newWorldNames([]string{"import", "export"}[i], w.world.Name)
		for _, item := range items {
			if err := names.addFolded(ident{item.Name, w.ast.name.pos}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sortImports puts interfaces first, then types, then functions, those of
// resources last.
func sortImports(items []WorldItem) {
	rank := func(i WorldItem) int {
		switch {
		case i.Interface != nil:
			return 0
		case i.Type != nil:
			return 1
		case i.Func.Kind == FreeFunc:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(items, func(a, b WorldItem) int { return rank(a) - rank(b) })
}
