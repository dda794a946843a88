// Package corewasm reads core WebAssembly modules before the engine sees
// them. [Scan] is the gate: it checks every count of an untrusted module
// against the bytes that are there and against [Limits], so that nothing the
// engine trusts can be a lie. [Rewrite] makes the module fit to run as part of
// a component, in one pass over its bytes: imports get names of our choosing,
// loops and function entries pay fuel, memories and tables get a maximum, and
// the bytes of active data segments move to a memory image.
//
// Source: https://webassembly.github.io/spec/core/binary/
package corewasm
