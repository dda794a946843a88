package wit

// Kind names the shape of a [Type].
type Kind uint8

// The kinds, in the component model's own words.
const (
	KindInvalid Kind = iota
	KindBool
	KindS8
	KindU8
	KindS16
	KindU16
	KindS32
	KindU32
	KindS64
	KindU64
	KindF32
	KindF64
	KindChar
	KindString
	KindErrorContext
	KindList      // Elem
	KindFixedList // Elem, Len
	KindMap       // Key, Elem
	KindRecord    // Fields
	KindTuple     // Fields without names
	KindVariant   // Cases
	KindEnum      // Cases without types
	KindOption    // Elem
	KindResult    // Elem (ok, may be nil), Err (may be nil)
	KindFlags     // Flags
	KindOwn       // Resource
	KindBorrow    // Resource
	KindStream    // Elem (may be nil)
	KindFuture    // Elem (may be nil)
)

// Type is a resolved value type: aliases are gone, what it is made of is
// reached by pointer. A Type is immutable once built; two types are the same
// if they are structurally [Equal], except that resources are compared by
// identity.
type Type struct {
	Kind Kind
	// Name is the name of the type's definition, "" for an anonymous one.
	// It does not take part in equality.
	Name     string
	Fields   []Field
	Cases    []Case
	Flags    []string
	Elem     *Type
	Err      *Type
	Key      *Type
	Len      uint32
	Resource *Resource
}

// Field is one field of a record, or one element of a tuple (Name is "").
type Field struct {
	Name string
	Type *Type
}

// Case is one case of a variant or an enum; Type is nil without a payload.
type Case struct {
	Name string
	Type *Type
}

// Resource is a resource type. Its identity is its address.
type Resource struct {
	// Name is the resource's own name, such as "bucket".
	Name string
	// Interface is the qualified name of the interface that defines it, such
	// as "wasi:keyvalue/store@0.2.0-draft"; "" in a world.
	Interface string
	// Slot is the resource's index in a component's plan, from 1. It is 0
	// for a resource that the host defines.
	Slot int
}

// Param is a named parameter.
type Param struct {
	Name string
	Type *Type
}

// FuncType is a function's type; Result is nil for a function without one.
type FuncType struct {
	Params []Param
	Result *Type
	Async  bool
}

// The primitive types. They are shared and must not be changed: a primitive may
// be compared by address after resolution. Generated code takes their addresses,
// which costs nothing when a program starts.
var (
	TypeBool         = Type{Kind: KindBool}
	TypeS8           = Type{Kind: KindS8}
	TypeU8           = Type{Kind: KindU8}
	TypeS16          = Type{Kind: KindS16}
	TypeU16          = Type{Kind: KindU16}
	TypeS32          = Type{Kind: KindS32}
	TypeU32          = Type{Kind: KindU32}
	TypeS64          = Type{Kind: KindS64}
	TypeU64          = Type{Kind: KindU64}
	TypeF32          = Type{Kind: KindF32}
	TypeF64          = Type{Kind: KindF64}
	TypeChar         = Type{Kind: KindChar}
	TypeString       = Type{Kind: KindString}
	TypeErrorContext = Type{Kind: KindErrorContext}
)

var primitives = [...]*Type{
	KindBool: &TypeBool, KindS8: &TypeS8, KindU8: &TypeU8, KindS16: &TypeS16, KindU16: &TypeU16,
	KindS32: &TypeS32, KindU32: &TypeU32, KindS64: &TypeS64, KindU64: &TypeU64,
	KindF32: &TypeF32, KindF64: &TypeF64, KindChar: &TypeChar, KindString: &TypeString,
	KindErrorContext: &TypeErrorContext,
}

// Primitive returns the shared Type of a primitive kind, nil for any other.
func Primitive(k Kind) *Type {
	if k >= KindBool && k <= KindErrorContext {
		return primitives[k]
	}
	return nil
}
