// Package plan turns a validated component into a flat list of steps. Nested
// components, aliases and outer references are followed here, once: what is
// left are numbered slots for core instances, numbered functions that the host
// gives to them, and numbered core functions that the host calls.
//
// Source: design/mvp/Explainer.md and CanonicalABI.md in
// github.com/WebAssembly/component-model.
package plan

import (
	"strconv"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/wit"
)

// Plan is a component made ready: immutable, without references to its bytes
// but for those of its modules.
type Plan struct {
	// Modules are the distinct core modules after rewriting.
	Modules []Module
	// Unused are modules that nothing instantiates, to be validated all the
	// same, and those that are as they were before exceptions were made to numbers.
	Unused [][]byte
	// Changed says that there are some of the latter.
	Changed bool
	// Steps instantiate core modules, in order. Step i fills slot i.
	Steps []Step
	// Hosts are the functions that core modules import from the host; their
	// names in the host module are their indices.
	Hosts []Host
	// Memories and Funcs are what the host takes from core instances.
	Memories []CoreRef
	Funcs    []CoreRef
	// Lifts are the component functions made of core functions.
	Lifts []Lift
	// Parents gives each component instance the one it was made in; instance 0
	// is the outermost, its parent is -1.
	Parents []int
	// Async tells of each component instance whether it uses anything of the
	// asynchronous ABI: others need no tasks.
	Async []bool
	// Resources are indexed by wit.Resource.Slot - 1.
	Resources []Resource
	Imports   []Import
	Exports   []Export
	// Refuse is why the component cannot be linked though it is valid: it
	// imports what no host gives. The rest of the plan is incomplete then.
	Refuse error
}

// Module is a core module to compile.
type Module struct {
	Code   corewasm.Code
	Origin Range // where the module as it was lies in the component's bytes
	// Companion says that it is one of that module's, see corewasm.Companion.
	Companion bool
	Memory    *corewasm.Memory // its own memory, nil without one
	Start     string           // the export to call after instantiation, "" for none
	// Names are what it calls its functions; stack traces call it ModuleName of
	// its index.
	Names *corewasm.Names
	// Globals are the exports by which its mutable globals are read and set.
	Globals []string
	// Resettable says that its code changes nothing but memories and Globals.
	Resettable bool
	// Loose says that instantiation writes data segments to a memory.
	Loose bool
}

// Range is a part of the component's bytes.
type Range struct{ Start, End int }

// Step instantiates Modules[Module]. The module named corewasm.Group(i) in
// its imports is the core instance in slot Groups[i].
type Step struct {
	Module   int
	Groups   []int
	Instance int // the component instance that it belongs to
	// Companions are the slots of its memories from 1 up, see corewasm.Companion.
	Companions []int
}

// HostSlot is the slot number of the host module.
const HostSlot = -1

// HostModule and RefillName are the names under which rewritten modules
// import from the host module.
const (
	HostModule = "h"
	RefillName = "f"
)

// MaxNames is how many bytes of the names of functions a component keeps.
const MaxNames = 1 << 20

// ModuleName is what the engine's stack traces call module i.
func ModuleName(i int) string { return "m" + strconv.Itoa(i) }

// CoreRef names an export of the core instance in Slot.
type CoreRef struct {
	Slot int
	Name string
}

// HostKind says what a host function does.
type HostKind uint8

// The kinds of host function.
const (
	HostImport       HostKind = iota // call the component's import
	HostFused                        // call a function lifted from another instance
	HostResourceNew                  // Resource
	HostResourceDrop                 // Resource
	HostResourceRep                  // Resource
	HostReenter                      // Type: a call between a component instance and one around it, which traps
	HostBuiltin                      // Canon: a built-in of the asynchronous ABI
)

// Host is a function that core modules import.
type Host struct {
	Kind     HostKind
	Instance int // the component instance whose core modules call it
	Type     *wit.FuncType
	Options  Options
	Import   int // HostImport: index in Imports
	Func     int // HostImport: index in the import's Funcs
	Lift     int // HostFused: index in Lifts
	Resource int // index in Resources

	Canon       binary.CanonKind // HostBuiltin
	Async       bool             // of a cancel
	Cancellable bool
	Slot        uint32    // of context.get and context.set
	Val         *wit.Type // the stream or future, or task.return's result
	Table       Table     // of thread.new-indirect
}

// Table is table Index of the core instance in Slot.
type Table struct {
	Slot  int
	Index uint32
}

// Options are the canonical options; an absent memory or function is -1.
type Options struct {
	Encoding   binary.OptionKind
	Memory     int
	Realloc    int
	PostReturn int
	Callback   int
	Async      bool
}

// Lift is a component function made of a core function.
type Lift struct {
	Name     string // for messages
	Core     int    // index in Funcs
	Type     *wit.FuncType
	Options  Options
	Instance int
}

// Resource is a resource type as the component knows it.
type Resource struct {
	Type *wit.Resource
	// Import is the index of the import that brings it, or -1 if the
	// component defines it.
	Import int
	// Instance is the component instance that defines it.
	Instance int
	// Dtor is the index in Funcs of its destructor, or -1.
	Dtor int
}

// Import is an import of the outermost component.
type Import struct {
	// Name is the import's name, such as "wasi:io/streams@0.2.12".
	Name string
	// Plain says that the import is a function, the only one in Funcs.
	Plain     bool
	Funcs     []Func
	Types     []NamedType
	Resources []*wit.Resource
}

// Func is a function of an import.
type Func struct {
	Name string
	Type *wit.FuncType
}

// NamedType is a type that an instance exports: Type, or Resource.
type NamedType struct {
	Name     string
	Type     *wit.Type
	Resource *wit.Resource
}

// Export is an export of the outermost component.
type Export struct {
	// Name is the export's name, such as "wasi:cli/run@0.2.12" or "init".
	Name string
	// Plain says that the export is a function, the only one in Funcs.
	Plain bool
	Funcs []ExportFunc
	Types []NamedType
}

// ExportFunc is a function that the component exports.
type ExportFunc struct {
	Name string
	Type *wit.FuncType
	Lift int // index in Lifts, or -1 if an import is exported as it is
}
