package abi

import (
	"math"

	"latticework/wit"
)

// CoreType is a core WebAssembly value type, in its binary encoding.
type CoreType byte

// The core value types.
const (
	I32 CoreType = 0x7f
	I64 CoreType = 0x7e
	F32 CoreType = 0x7d
	F64 CoreType = 0x7c
)

// String returns the type's name in WebAssembly text.
func (t CoreType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	}
	return "invalid"
}

// How many flat values a call passes before it goes through memory.
const (
	MaxFlatParams      = 16
	MaxFlatResults     = 1
	MaxFlatAsyncParams = 4
)

// Size returns the bytes that a t takes in memory; 0 for a type that
// CompileType refuses.
func Size(t *wit.Type) uint32 {
	c, err := CompileType(t)
	if err != nil {
		return 0
	}
	return c.size
}

// Align returns the alignment of a t in memory; 0 for a type that CompileType
// refuses.
func Align(t *wit.Type) uint32 {
	c, err := CompileType(t)
	if err != nil {
		return 0
	}
	return c.align
}

// Flatten returns the core values that a t is passed as; nil for a type that
// CompileType refuses, or if they are more than MaxFlatParams, so that no
// call ever passes them.
func Flatten(t *wit.Type) []CoreType {
	c, err := CompileType(t)
	if err != nil {
		return nil
	}
	return c.flat
}

func alignTo(n uint64, align uint32) uint64 {
	return (n + uint64(align) - 1) &^ (uint64(align) - 1)
}

// discSize is the size of the discriminant of n cases.
func discSize(n int) uint32 {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

// flagsSize is the size of n flags.
func flagsSize(n int) uint32 {
	switch {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	}
	return 4
}

// flagsMask has the lowest n bits set.
func flagsMask(n int) uint32 {
	if n >= 32 {
		return math.MaxUint32
	}
	return 1<<n - 1
}

// join is the core type that can carry an a as well as a b.
func join(a, b CoreType) CoreType {
	switch {
	case a == b:
		return a
	case a == I32 && b == F32 || a == F32 && b == I32:
		return I32
	}
	return I64
}
