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

// The primitive types, shared: a primitive may be compared by address after
// resolution, and [Primitive] returns these.
var primitives = [...]Type{
	KindBool: {Kind: KindBool}, KindS8: {Kind: KindS8}, KindU8: {Kind: KindU8}, KindS16: {Kind: KindS16}, KindU16: {Kind: KindU16},
	KindS32: {Kind: KindS32}, KindU32: {Kind: KindU32}, KindS64: {Kind: KindS64}, KindU64: {Kind: KindU64},
	KindF32: {Kind: KindF32}, KindF64: {Kind: KindF64}, KindChar: {Kind: KindChar}, KindString: {Kind: KindString},
	KindErrorContext: {Kind: KindErrorContext},
}

// Primitive returns the shared Type of a primitive kind, nil for any other.
func Primitive(k Kind) *Type {
	if k >= KindBool && k <= KindErrorContext {
		return &primitives[k]
	}
	return nil
}
