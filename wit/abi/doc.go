// Package abi is the component model's canonical ABI as arithmetic and
// movement, without a runtime: sizes, alignments and flat signatures
// ([Codec], [FuncCodec]), guest memory seen from Go ([Mem]), and the
// contracts through which Go serves and calls components ([Interface],
// [Call], [WireCall]).
//
// A type is compiled once, by [CompileType] or [CompileFunc]; what is
// compiled moves values between four places: guest memory, another guest's
// memory, wire bytes and dynamic values. Sizes are those of 32-bit memories.
//
// The words and the checks are those of CanonicalABI.md and of its reference
// interpreter definitions.py; where they disagree the latter holds. All that
// comes from a guest is checked; what the specification calls a trap is a
// failure with code trap.
package abi
