package binary

// Component is a component as written: its definitions in binary order, which
// is the order in which index spaces grow.
type Component struct {
	// Start and End delimit the component's bytes, preamble included, in the
	// outermost input.
	Start, End int
	Defs       []Def
}

// Def is one definition and the offset of its first byte in the outermost
// input.
type Def struct {
	Offset int
	Item   Item
}

// Item is one of *CoreModule, *CoreInstance, *CoreType, *Component, *Instance,
// *Alias, *Type, *Canon, *Start, *Import, *Export, *Value and *Custom.
type Item interface{ item() }

func (*CoreModule) item()   {}
func (*CoreInstance) item() {}
func (*CoreType) item()     {}
func (*Component) item()    {}
func (*Instance) item()     {}
func (*Alias) item()        {}
func (*Type) item()         {}
func (*Canon) item()        {}
func (*Start) item()        {}
func (*Import) item()       {}
func (*Export) item()       {}
func (*Value) item()        {}
func (*Custom) item()       {}

// CoreModule is an embedded core module: input[Start:End]. It adds a core
// module index.
type CoreModule struct{ Start, End int }

// Custom is a custom section: its name and the range of its contents after
// the name. It adds no index.
type Custom struct {
	Name       string
	Start, End int
}

// Sort names an index space. The core sorts come first.
type Sort uint8

// The sorts.
const (
	SortCoreFunc Sort = iota
	SortCoreTable
	SortCoreMemory
	SortCoreGlobal
	SortCoreTag
	SortCoreType
	SortCoreModule
	SortCoreInstance
	SortFunc
	SortValue
	SortType
	SortComponent
	SortInstance
)

var sortNames = [...]string{
	"core func", "core table", "core memory", "core global", "core tag",
	"core type", "core module", "core instance",
	"func", "value", "type", "component", "instance",
}

// String returns the sort's name as in the text format, such as "core func".
func (s Sort) String() string {
	if int(s) < len(sortNames) {
		return sortNames[s]
	}
	return "unknown sort"
}

// Core reports whether s is an index space of core definitions.
func (s Sort) Core() bool { return s <= SortCoreInstance }

// SortIdx is a reference to a definition.
type SortIdx struct {
	Sort  Sort
	Index uint32
}

// CoreInstance adds a core instance index: Module instantiated with Args, or,
// if Inline is set, an instance made of Exports.
type CoreInstance struct {
	Inline  bool
	Module  uint32
	Args    []CoreArg
	Exports []CoreExport
}

// CoreArg is a named argument of a core instantiation: a core instance whose
// exports satisfy the imports from module Name.
type CoreArg struct {
	Name     string
	Instance uint32
}

// CoreExport is an inline export of a core instance.
type CoreExport struct {
	Name string
	Ref  SortIdx
}

// Instance adds an instance index: Component instantiated with Args, or, if
// Inline is set, an instance made of Exports.
type Instance struct {
	Inline    bool
	Component uint32
	Args      []Arg
	Exports   []InlineExport
}

// Arg is a named argument of an instantiation.
type Arg struct {
	Name string
	Ref  SortIdx
}

// InlineExport is an inline export of an instance.
type InlineExport struct {
	Name ExternName
	Ref  SortIdx
}

// AliasKind says what an alias points into.
type AliasKind uint8

// The kinds of alias.
const (
	AliasExport     AliasKind = iota // Instance's export Name
	AliasCoreExport                  // core Instance's export Name
	AliasOuter                       // Index in the scope Count levels outwards
)

// Alias adds an index of sort Sort.
type Alias struct {
	Kind     AliasKind
	Sort     Sort
	Instance uint32 // AliasExport, AliasCoreExport
	Name     string // AliasExport, AliasCoreExport
	Count    uint32 // AliasOuter; 0 is the current scope
	Index    uint32 // AliasOuter
}

// Start calls Func with values; it adds Results value indices.
type Start struct {
	Func    uint32
	Args    []uint32
	Results uint32
}

// Value adds a value index: a literal of type Type, encoded in
// input[Start:End].
type Value struct {
	Type       ValType
	Start, End int
}

// ExternName is an external name with its attributes. An absent attribute is
// nil.
type ExternName struct {
	Name          string
	Implements    *string // an interface name
	VersionSuffix *string
	ExternalID    *string
}

// Import adds an index of its type's sort. It also stands for an import
// declarator in a component type.
type Import struct {
	Name ExternName
	Type ExternType
}

// Export exports Ref under Name, by Type if that is not nil. It adds an index
// of Ref's sort.
type Export struct {
	Name ExternName
	Ref  SortIdx
	Type *ExternType
}

// ExportDecl is an export declarator in a component or instance type. It adds
// an index of its type's sort.
type ExportDecl struct {
	Name ExternName
	Type ExternType
}

// ExternType is the type of an import or export. Its Sort is one of
// SortCoreModule, SortFunc, SortValue, SortType, SortComponent, SortInstance.
type ExternType struct {
	Sort Sort
	// Bound belongs to SortType and SortValue; other sorts have BoundEq.
	Bound Bound
	// Index is a core type index for a core module, a value index for a
	// value with BoundEq, otherwise a type index; unused with other bounds.
	Index uint32
	// Val is a value's type, with BoundType.
	Val ValType
}

// Bound says how an ExternType bounds what may be given for it.
type Bound uint8

// The bounds.
const (
	BoundEq   Bound = iota // equal to Index
	BoundSub               // any resource type
	BoundType              // a value of type Val
)
