// Package value holds component-model values without a guest: as Go data
// ([Value]), as bytes on the wire ([Encoder], [Decoder]: the value encoding of
// the component model's Binary.md) and as text a person types (WAVE).
//
// The wire encoding of a value is Binary.md's val production, with three
// additions for what that grammar leaves out: an own or borrow handle is its
// number as an unsigned LEB128; a map is a list of key-value tuples; a
// fixed-length list is its elements without a count.
//
// Nothing here trusts its input: lengths are checked against the bytes that
// remain, nesting is at most [MaxDepth] and what [Decode] builds is bounded.
package value
