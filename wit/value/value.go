package value

import "latticework/wit"

// MaxDepth is how deeply a type, and so a value, may nest.
const MaxDepth = 100

// Value is a value of a component-model type. The implementations are the
// types of this package; [Check] tells whether a value is one of a type.
type Value interface{ isValue() }

// The values of the types that need no more than a Go type.
type (
	Bool   bool
	S8     int8
	U8     uint8
	S16    int16
	U16    uint16
	S32    int32
	U32    uint32
	S64    int64
	U64    uint64
	F32    float32
	F64    float64
	Char   rune // a Unicode scalar value
	String string
)

// List is a list, of a fixed length or not; a map is a List whose elements
// are each a [Tuple] of key and value.
type List []Value

// Bytes is a list<u8>. Load, Decode and Parse make a Bytes of every list<u8>;
// a [List] of [U8] is taken as well.
type Bytes []byte

// Record holds the values of a record's fields, in the order of the type.
type Record []Value

// Tuple holds the values of a tuple's elements.
type Tuple []Value

// Variant is a case of a variant by index; Payload is nil for a case without
// one.
type Variant struct {
	Case    int
	Payload Value
}

// Enum is a case of an enum by index.
type Enum int

// Option is an option; Value is nil for none.
type Option struct{ Value Value }

// Result is a result; Value is nil where that side has no type.
type Result struct {
	IsErr bool
	Value Value
}

// Flags is a set of flags: bit i%32 of word i/32 is flag i. Missing words
// count as zero.
type Flags []uint32

// Has reports whether flag i is set.
func (f Flags) Has(i int) bool { return i/32 < len(f) && f[i/32]>>(i%32)&1 == 1 }

// Handle is an own or borrow handle. On the wire, and without a table of
// handles, Rep is the handle's number as uint32.
type Handle struct {
	Rep      any
	Resource *wit.Resource
	Owned    bool
}

// Async is a stream, a future or an error-context.
type Async struct{ Rep any }

func (Bool) isValue()    {}
func (S8) isValue()      {}
func (U8) isValue()      {}
func (S16) isValue()     {}
func (U16) isValue()     {}
func (S32) isValue()     {}
func (U32) isValue()     {}
func (S64) isValue()     {}
func (U64) isValue()     {}
func (F32) isValue()     {}
func (F64) isValue()     {}
func (Char) isValue()    {}
func (String) isValue()  {}
func (List) isValue()    {}
func (Bytes) isValue()   {}
func (Record) isValue()  {}
func (Tuple) isValue()   {}
func (Variant) isValue() {}
func (Enum) isValue()    {}
func (Option) isValue()  {}
func (Result) isValue()  {}
func (Flags) isValue()   {}
func (Handle) isValue()  {}
func (Async) isValue()   {}
