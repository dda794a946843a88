package binary

// Prim is a primitive value type; PrimNone marks a type index.
type Prim uint8

// The primitive value types, by their opcode.
const (
	PrimNone         Prim = 0
	PrimBool         Prim = 0x7f
	PrimS8           Prim = 0x7e
	PrimU8           Prim = 0x7d
	PrimS16          Prim = 0x7c
	PrimU16          Prim = 0x7b
	PrimS32          Prim = 0x7a
	PrimU32          Prim = 0x79
	PrimS64          Prim = 0x78
	PrimU64          Prim = 0x77
	PrimF32          Prim = 0x76
	PrimF64          Prim = 0x75
	PrimChar         Prim = 0x74
	PrimString       Prim = 0x73
	PrimErrorContext Prim = 0x64
)

var primNames = [256]string{
	PrimBool: "bool", PrimS8: "s8", PrimU8: "u8", PrimS16: "s16", PrimU16: "u16",
	PrimS32: "s32", PrimU32: "u32", PrimS64: "s64", PrimU64: "u64", PrimF32: "f32",
	PrimF64: "f64", PrimChar: "char", PrimString: "string", PrimErrorContext: "error-context",
}

// String returns the type's name as in the text format.
func (p Prim) String() string {
	if s := primNames[p]; s != "" {
		return s
	}
	return "unknown type"
}

// ValType is a value type as written: a primitive, or else the type Index.
type ValType struct {
	Prim  Prim
	Index uint32
}

// TypeKind is the shape of a Type.
type TypeKind uint8

// The kinds of type definition.
const (
	TypePrim      TypeKind = iota + 1 // Elem
	TypeRecord                        // Fields
	TypeVariant                       // Cases
	TypeList                          // Elem
	TypeFixedList                     // Elem, Len
	TypeTuple                         // Fields without names
	TypeFlags                         // Labels
	TypeEnum                          // Labels
	TypeOption                        // Elem
	TypeResult                        // Elem (may be nil), Err (may be nil)
	TypeOwn                           // Index
	TypeBorrow                        // Index
	TypeStream                        // Elem (may be nil)
	TypeFuture                        // Elem (may be nil)
	TypeMap                           // Key, Elem
	TypeFunc                          // Func
	TypeComponent                     // Decls
	TypeInstance                      // Decls
	TypeResource                      // Resource
)

// Type is a type definition; it adds a type index. Kind says which of the
// other fields are used.
type Type struct {
	Kind     TypeKind
	Elem     *ValType
	Err      *ValType
	Key      *ValType
	Len      uint32
	Index    uint32
	Fields   []Field
	Cases    []Case
	Labels   []string
	Func     *FuncType
	Decls    []Decl
	Resource *ResourceType
}

// Field is a field of a record, an element of a tuple (Name is "") or a
// parameter.
type Field struct {
	Name string
	Type ValType
}

// Case is a case of a variant; Type is nil without a payload.
type Case struct {
	Name string
	Type *ValType
}

// FuncType is a function type; Result is nil without one.
type FuncType struct {
	Async  bool
	Params []Field
	Result *ValType
}

// ResourceType defines a resource represented by a core value of type Rep,
// with the core function Dtor, if not nil, as destructor.
type ResourceType struct {
	Rep  CoreValType
	Dtor *uint32
}

// Decl is a declarator of a component type or an instance type: one of
// *CoreType, *Type, *Alias, *Import (component types only) and *ExportDecl.
type Decl struct {
	Offset int
	Item   DeclItem
}

// DeclItem is what a Decl holds.
type DeclItem interface{ declItem() }

func (*CoreType) declItem()   {}
func (*Type) declItem()       {}
func (*Alias) declItem()      {}
func (*Import) declItem()     {}
func (*ExportDecl) declItem() {}

// CoreType is a core type definition: a module type, or else a group of
// recursive types, each of which adds a core type index.
type CoreType struct {
	Module *ModuleType
	// Rec holds one type unless Group is set.
	Rec   []CoreSubType
	Group bool
}

// CoreKind is the shape of a core composite type.
type CoreKind uint8

// The kinds of core composite type.
const (
	CoreFuncKind   CoreKind = iota // Func
	CoreStructKind                 // Fields
	CoreArrayKind                  // Fields, exactly one
	CoreContKind                   // unused by the component model
)

// CoreSubType is a core composite type with its declared supertypes.
type CoreSubType struct {
	Open   bool // declared by a non-final `sub`
	Supers []uint32
	Kind   CoreKind
	Func   CoreFuncType
	Fields []CoreField
}

// CoreFuncType is a core function type.
type CoreFuncType struct{ Params, Results []CoreValType }

// CoreField is a field of a struct or the element of an array.
type CoreField struct {
	Type    CoreValType // Code may also be CoreI8 or CoreI16
	Mutable bool
}

// CoreValType is a core value type. It is comparable.
type CoreValType struct {
	// Code is the opcode: a number or vector type, CoreRef or CoreRefNull.
	Code byte
	// Heap is a reference's heap type: a type index, or, if negative, an
	// abstract heap type such as HeapFunc.
	Heap int64
}

// Codes of core value types.
const (
	CoreI32     byte = 0x7f
	CoreI64     byte = 0x7e
	CoreF32     byte = 0x7d
	CoreF64     byte = 0x7c
	CoreV128    byte = 0x7b
	CoreI8      byte = 0x78
	CoreI16     byte = 0x77
	CoreRef     byte = 0x64
	CoreRefNull byte = 0x63
)

// Abstract heap types: their opcodes as signed LEB128 numbers.
const (
	HeapFunc   int64 = -0x10
	HeapExtern int64 = -0x11
)

// ModuleType is the type of a core module.
type ModuleType struct{ Decls []ModuleDecl }

// ModuleDecl is a declarator of a module type. Exactly one of the pointers is
// set.
type ModuleDecl struct {
	Offset int
	Import *CoreImport
	Type   *CoreType // not a module type
	Outer  *Alias    // of sort SortCoreType, kind AliasOuter
	Export *CoreExtern
}

// CoreImport is an import of a core module or module type.
type CoreImport struct {
	Module string
	Name   string
	Type   CoreExternType
}

// CoreExtern is an export of a core module or module type.
type CoreExtern struct {
	Name string
	Type CoreExternType
}

// CoreExternType is the type of a core import or export. Sort is one of
// SortCoreFunc, SortCoreTable, SortCoreMemory, SortCoreGlobal, SortCoreTag.
type CoreExternType struct {
	Sort    Sort
	Type    uint32      // a func's or tag's type index
	Val     CoreValType // a global's type, a table's element type
	Mutable bool        // a global's
	Limits  CoreLimits  // a table's or memory's
}

// CoreLimits are the limits of a core table or memory.
type CoreLimits struct {
	Min      uint64
	Max      uint64 // if HasMax
	HasMax   bool
	Shared   bool
	Is64     bool
	PageLog2 uint8 // 16 unless a custom page size is given
}
