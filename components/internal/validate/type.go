package validate

import (
	"latticework/components/internal/binary"
)

// Kind is the shape of a Type.
type Kind uint8

// The kinds. Value types come first.
const (
	KindPrim      Kind = iota // Prim
	KindRecord                // Fields
	KindVariant               // Fields: the cases; a Type may be nil
	KindList                  // Elem
	KindFixedList             // Elem, Len
	KindTuple                 // Fields without names
	KindFlags                 // Fields without types
	KindEnum                  // Fields without types
	KindOption                // Elem
	KindResult                // Elem (ok) and Err, either may be nil
	KindOwn                   // Elem: a resource
	KindBorrow                // Elem: a resource
	KindStream                // Elem, may be nil
	KindFuture                // Elem, may be nil
	KindMap                   // Key, Elem
	KindResource              // Res
	KindFunc                  // Fields: the parameters; Elem: the result, may be nil; Async
	KindComponent             // Component
	KindInstance              // Instance
)

var kindNames = [...]string{
	"primitive", "record", "variant", "list", "fixed-length list", "tuple", "flags", "enum", "option",
	"result", "own", "borrow", "stream", "future", "map", "resource", "func", "component", "instance",
}

// String returns the kind's name.
func (k Kind) String() string { return kindNames[k] }

// Type is a resolved type. A Type is immutable once built. Two nodes may
// stand for equal types: which one is used tells whether it has a name at a
// component's border.
type Type struct {
	Kind      Kind
	Async     bool
	Prim      binary.Prim
	Len       uint32
	Fields    []Field
	Elem      *Type
	Err       *Type
	Key       *Type
	Res       *Resource
	Component *ComponentType
	Instance  *InstanceType

	facts
}

// facts are what is known of a whole type, computed when it is built.
type facts struct {
	nodes     int    // in the type written out as a tree
	depth     int    // of that tree
	resources bool   // refers to a resource
	borrow    bool   // contains a borrow
	pointer   bool   // contains a list or a string, in the canonical ABI
	size      uint64 // of an element in a 64-bit memory, value types only
	align     uint64
}

// Value reports whether t is a value type.
func (t *Type) Value() bool { return t.Kind < KindResource }

// Field is a field, a case, a label or a parameter.
type Field struct {
	Name string
	Type *Type
}

// Resource is a resource type's identity: its address.
type Resource struct {
	// Name is a name that it was imported, exported or declared under, if
	// any; for messages.
	Name string
	// owner is the component that defines it with (resource …); nil for one
	// that is imported, comes from an instance or is bound by a type.
	owner *scope
}

// Entity is something that can be imported or exported.
type Entity struct {
	Sort binary.Sort
	// Type is a func's, value's, component's or instance's type, or the type
	// itself for SortType.
	Type *Type
	// Module is a core module's type.
	Module *ModuleType
}

// Extern is an entity with its external name.
type Extern struct {
	Name binary.ExternName
	Entity
}

// Externs is an ordered set of entities by name.
type Externs struct {
	List  []Extern
	index map[string]int
}

// Get returns the entity with the given name.
func (x *Externs) Get(name string) (Entity, bool) {
	i, ok := x.index[name]
	if !ok {
		return Entity{}, false
	}
	return x.List[i].Entity, true
}

func (x *Externs) add(e Extern) {
	if x.index == nil {
		x.index = map[string]int{}
	}
	x.index[e.Name.Name] = len(x.List)
	x.List = append(x.List, e)
}

// path returns the resource type found by following names through instances,
// or nil.
func (x *Externs) path(names []string) *Type {
	for i, n := range names {
		e, ok := x.Get(n)
		switch {
		case !ok:
			return nil
		case i == len(names)-1 && e.Sort == binary.SortType && e.Type.Kind == KindResource:
			return e.Type
		case e.Sort != binary.SortInstance:
			return nil
		}
		x = &e.Type.Instance.Exports
	}
	return nil
}

// Binding is a resource that a component type or instance type introduces.
// Path leads to it through the imports or exports, if it can be reached.
type Binding struct {
	Res  *Resource
	Path []string
}

// ComponentType is the type of a component.
type ComponentType struct {
	Imports, Exports Externs
	// Given are resources introduced by the imports: whoever instantiates
	// the component says what they are.
	Given []Binding
	// Made are resources that each instance makes anew.
	Made []Binding
}

// InstanceType is the type of an instance.
type InstanceType struct {
	Exports Externs
	// Made are resources that are made anew wherever the type is used for an
	// import or an export.
	Made []Binding
}

// ModuleType is the type of a core module.
type ModuleType struct {
	Imports []ModuleImport
	Exports []CoreExtern
	index   map[string]int
}

// ModuleImport is an import of a core module.
type ModuleImport struct {
	Module, Name string
	CoreEntity
}

// CoreExtern is an export of a core module or core instance.
type CoreExtern struct {
	Name string
	CoreEntity
}

// CoreEntity is a core definition with its type. Func is a func's or tag's
// type; for other sorts Extern holds the type.
type CoreEntity struct {
	Sort   binary.Sort
	Func   *CoreType
	Extern binary.CoreExternType
}

// CoreType is a core composite type. Equal types are the same CoreType. Heap
// types in it that are not abstract hold the numbers of CoreTypes.
type CoreType struct {
	binary.CoreSubType
	supers []*CoreType
	number int64
}

func (m *ModuleType) export(name string) (CoreEntity, bool) {
	i, ok := m.index[name]
	if !ok {
		return CoreEntity{}, false
	}
	return m.Exports[i].CoreEntity, true
}

// addExport adds an export unless there is one of that name.
func (m *ModuleType) addExport(e CoreExtern) bool {
	if _, dup := m.index[e.Name]; dup {
		return false
	}
	if m.index == nil {
		m.index = map[string]int{}
	}
	m.index[e.Name] = len(m.Exports)
	m.Exports = append(m.Exports, e)
	return true
}
