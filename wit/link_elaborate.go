package wit

// elaborate adds to the world the interfaces that its items depend on, so
// that nothing in it refers to something outside.
//
// An interface that an import depends on is imported before it. One that an
// export depends on is the world's export of it if there is one, else an
// import; what makes both necessary at once is an error.
func elaborate(w *World, at pos) error {
	e := elaboration{imports: newItemSet(), exports: newItemSet(), exported: map[*Interface]bool{}, required: map[*Interface]bool{}}
	sortImports(w.Imports)
	for _, item := range w.Imports {
		switch {
		case item.Interface != nil:
			e.imported(item)
		case item.Type != nil:
			if i := item.Type.dependsOn(); i != nil {
				e.imported(WorldItem{Name: i.QualifiedName(), Interface: i, Stability: item.Stability})
			}
			e.imports.add(item)
		default:
			e.imports.add(item)
		}
	}
	var ifaces []WorldItem
	for _, item := range w.Exports {
		if item.Interface == nil {
			e.exports.add(item)
			continue
		}
		ifaces = append(ifaces, item)
		if item.Name == item.Interface.QualifiedName() {
			e.exported[item.Interface] = true
		}
	}
	for _, item := range ifaces {
		if !e.export(item, true) {
			return at.errorf("interface `%s` transitively depends on an interface in incompatible ways", item.Name)
		}
	}
	w.Imports, w.Exports = e.imports.items, e.exports.items
	sortImports(w.Imports)
	return nil
}

// itemSet is a list of world items with distinct names.
type itemSet struct {
	items []WorldItem
	names map[string]bool
}

func newItemSet() *itemSet { return &itemSet{names: map[string]bool{}} }

func (s *itemSet) has(name string) bool { return s.names[name] }

func (s *itemSet) add(item WorldItem) {
	if !s.names[item.Name] {
		s.names[item.Name] = true
		s.items = append(s.items, item)
	}
}

type elaboration struct {
	imports, exports *itemSet
	exported         map[*Interface]bool // exported under its own name
	required         map[*Interface]bool // imported because of exports
}

// imported adds an import after what it depends on.
func (e *elaboration) imported(item WorldItem) {
	if e.imports.has(item.Name) {
		return
	}
	for _, dep := range item.Interface.deps {
		e.imported(WorldItem{Name: dep.QualifiedName(), Interface: dep, Stability: item.Stability})
	}
	e.imports.add(item)
}

// export adds an interface after what it depends on, as an export or as an
// import for the sake of exports. It returns false if the interface would
// have to be both.
func (e *elaboration) export(item WorldItem, export bool) bool {
	if e.exports.has(item.Name) {
		return export
	}
	if !export && e.required[item.Interface] {
		return true
	}
	for _, dep := range item.Interface.deps {
		i := WorldItem{Name: dep.QualifiedName(), Interface: dep, Stability: item.Stability}
		if !e.export(i, export && e.exported[dep]) {
			return false
		}
	}
	if !export {
		e.required[item.Interface] = true
		e.imports.add(item)
		return true
	}
	if e.required[item.Interface] && item.Name == item.Interface.QualifiedName() {
		return false
	}
	e.exports.add(item)
	return true
}

// dependsOn returns the interfaces that i uses types of, each once, in order.
func (i *Interface) dependsOn() []*Interface {
	var deps []*Interface
	seen := map[*Interface]bool{}
	for _, t := range i.Types {
		if d := t.dependsOn(); d != nil && !seen[d] {
			seen[d] = true
			deps = append(deps, d)
		}
	}
	return deps
}

// dependsOn returns the interface that holds what t is an alias of, if that
// is another one than t's own.
func (t *TypeDef) dependsOn() *Interface {
	if t.Alias == nil || t.Alias.Owner == t.Owner {
		return nil
	}
	return t.Alias.Owner
}
