package plan

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/wit"
)

// scope holds the index spaces of one component, or of one component or
// instance type, while it is followed.
type scope struct {
	parent   *scope // where outer aliases go
	instance int    // the component instance being made

	modules       []*module
	coreInstances []*coreInstance
	coreFuncs     []coreItem
	coreTables    []coreItem
	coreMemories  []coreItem
	coreGlobals   []coreItem
	coreTags      []coreItem
	coreTypes     int
	types         []typ
	components    []*componentDef
	instances     []*instance
	funcs         []*function

	// args satisfy the imports of a nested component; nil in the outermost.
	args map[string]item
	// root says that this is the outermost component.
	root    bool
	exports *instance
}

// module is a core module in the input.
type module struct {
	start, end int
	info       *corewasm.Module
	companion  int                         // the memory whose companion it is, 0 for a module of the input
	exports    map[string]*corewasm.Export // by name; made when it is first asked for
}

// export returns the export of that name, nil if there is none.
func (m *module) export(name string) *corewasm.Export {
	if m.exports == nil {
		m.exports = make(map[string]*corewasm.Export, len(m.info.Exports))
		for i := range m.info.Exports {
			m.exports[m.info.Exports[i].Name] = &m.info.Exports[i]
		}
	}
	return m.exports[name]
}

// coreInstance is an instantiated core module (in slot), or a bundle of items
// under names.
type coreInstance struct {
	slot   int
	module *module
	bundle map[string]coreItem
	// memories are those of the module from 1 up.
	memories []coreItem
}

// coreItem is where a core function, table, memory or global comes from.
type coreItem struct {
	ref  CoreRef
	kind corewasm.Kind
}

// componentDef is a component and the scope in which it was written.
type componentDef struct {
	def   *binary.Component
	scope *scope
}

// typ is what a type index stands for. Exactly one field is set.
type typ struct {
	val   *wit.Type
	fn    *wit.FuncType
	res   *wit.Resource
	decls []binary.Decl // an instance or component type; in scope
	scope *scope
	isFor binary.TypeKind // TypeInstance or TypeComponent, with decls
}

// instance is a component instance seen from outside: its exports by name.
type instance struct {
	names []string // in order
	items map[string]item
}

// newInstance returns an instance with room for n exports.
func newInstance(n int) *instance {
	return &instance{names: make([]string, 0, n), items: make(map[string]item, n)}
}

func (in *instance) add(name string, it item) {
	if _, ok := in.items[name]; !ok {
		in.names = append(in.names, name)
	}
	in.items[name] = it
}

// item is a component-level definition.
type item struct {
	sort      binary.Sort
	fn        *function
	inst      *instance
	typ       typ
	component *componentDef
	module    *module
}

// function is a component function: an import's, or one that is lifted.
type function struct {
	typ   *wit.FuncType
	imp   int // index in Imports, or -1
	impFn int
	lift  int // index in Lifts, or -1
}
