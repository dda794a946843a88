package bindgen

import (
	"fmt"
	"slices"

	"latticework/wit"
)

// worldPart is what a world imports or exports outside of named interfaces:
// its functions and types, or one interface in place. An interface stands for
// it whose name is that of the world and what it is.
type worldPart struct {
	// told is what it is called in comments.
	told string
	// name is what components call the interface; "" for functions.
	name string
	// plain says that each function is an import or export by itself.
	plain    bool
	exported bool
}

// told says what iface is, for comments.
func (g *generator) told(iface *wit.Interface) string {
	if part := g.parts[iface]; part != nil {
		return part.told
	}
	return "the interface " + iface.QualifiedName()
}

// componentName is what components call iface, "" for functions that are in
// none.
func (g *generator) componentName(iface *wit.Interface) string {
	if part := g.parts[iface]; part != nil {
		return part.name
	}
	return iface.QualifiedName()
}

// collectWorlds adds the parts of the worlds that are chosen. What worlds
// share by include is written once, for the first.
func (g *generator) collectWorlds(seen map[*wit.Interface]bool) error {
	for _, name := range g.cfg.Worlds {
		if name != "none" && g.pkg.World(name) == nil {
			return fmt.Errorf("no world %q", name)
		}
	}
	shared := map[any]bool{}
	for _, w := range g.pkg.Worlds {
		if g.cfg.Worlds == nil && g.cfg.Interfaces != nil || g.cfg.Worlds != nil && !slices.Contains(g.cfg.Worlds, w.Name) {
			continue
		}
		g.addItems(w, w.Imports, false, seen, shared)
		g.addItems(w, w.Exports, true, seen, shared)
	}
	return nil
}

// addItems adds the parts among the imports or exports of w.
func (g *generator) addItems(w *wit.World, items []wit.WorldItem, exported bool, seen map[*wit.Interface]bool, shared map[any]bool) {
	own, side, verb := &wit.Interface{Name: w.Name + "-imports"}, "imports", "import"
	if exported {
		own, side, verb = &wit.Interface{Name: w.Name + "-world"}, "exports", "export"
	}
	for _, item := range items {
		switch {
		case item.Interface != nil && item.Interface.Name == "" && !shared[item.Interface]:
			shared[item.Interface] = true
			part := *item.Interface
			part.Name, part.Package = w.Name+"-"+item.Name, nil
			if exported && slices.ContainsFunc(w.Imports, func(im wit.WorldItem) bool { return im.Name == item.Name && im.Interface != nil }) {
				part.Name += "-export"
			}
			g.inPlace[item.Interface] = part.Name
			g.index(item.Interface, seen)
			g.addPart(&part, &worldPart{told: fmt.Sprintf("the %s %s of world %s", verb, item.Name, w.Name), name: item.Name, exported: exported})
		case item.Func != nil && !shared[item.Func]:
			shared[item.Func] = true
			own.Funcs = append(own.Funcs, item.Func)
		case item.Type != nil && !shared[item.Type]:
			shared[item.Type] = true
			own.Types = append(own.Types, item.Type)
			if item.Type.Alias == nil && item.Type.Resource != nil {
				g.failf("world %s: %w: resource %s of its own", w.Name, ErrUnsupported, item.Name)
			}
		}
	}
	if len(own.Funcs)+len(own.Types) > 0 {
		g.index(own, seen)
		g.addPart(own, &worldPart{told: "the functions that world " + w.Name + " " + side + " by themselves", plain: true, exported: exported})
	}
}

// worldsType reports whether something else of the package has the name of
// def, a type of a world, so that its Go name needs the world's.
func (g *generator) worldsType(def *wit.TypeDef) bool {
	for _, iface := range g.pkg.Interfaces {
		if iface.TypeDef(def.Name) != nil {
			return true
		}
	}
	for _, w := range g.pkg.Worlds {
		if w == def.World {
			continue
		}
		if item := w.Import(def.Name); item != nil && item.Type != nil && item.Type.Root() != def.Root() {
			return true
		}
	}
	return false
}

func (g *generator) addPart(iface *wit.Interface, part *worldPart) {
	g.ifaces = append(g.ifaces, iface)
	g.parts[iface] = part
}

// emitPart writes what belongs to a part of a world: like a named interface,
// but for one side alone.
func (g *generator) emitPart(iface *wit.Interface, part *worldPart) {
	if !part.exported {
		g.emitGoInterface(iface)
	}
	g.emitTypes(iface)
	if len(iface.Funcs) == 0 && !definesResource(iface) {
		return
	}
	g.emitFuncTypes(iface)
	if part.exported {
		g.emitClient(iface)
	} else {
		g.emitServer(iface)
	}
}

// emitPlainServer writes BindX of the functions that a world imports by
// themselves: each is an interface to the linker.
func (g *generator) emitPlainServer(iface *wit.Interface, bind, glue string, used []string) {
	if len(iface.Funcs) == 0 {
		return
	}
	ap := g.use(abiPath)
	g.p("\n// %s returns %s,\n// served by impl.", bind, g.told(iface))
	g.p("func %s(impl %sInterface) []*%s.Interface {\ng := %s{impl}", bind, camel(iface.Name), ap, glue)
	g.p("return []*%s.Interface{", ap)
	for _, fn := range iface.Funcs {
		g.p("{\nName: %q,", fn.Name)
		g.resourceList("Uses", g.use(witPath), used)
		g.p("Funcs: []%s.Func{%s},\n},", ap, g.serving(iface, fn))
	}
	g.p("}\n}")
	g.emitGlue(iface, glue)
}
