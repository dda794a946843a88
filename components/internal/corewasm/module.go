package corewasm

// Section ids of a core module, in the order in which they may appear (the
// data count stands before the code, tags after memories).
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

// Kind is the sort of an import or export.
type Kind byte

// The kinds, with their numbers in the binary format.
const (
	KindFunc Kind = iota
	KindTable
	KindMemory
	KindGlobal
	KindTag
)

// String returns the kind's word in the text format.
func (k Kind) String() string {
	switch k {
	case KindFunc:
		return "func"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	case KindTag:
		return "tag"
	}
	return "unknown"
}

// Import is one import of a module; Module and Name are as in the bytes.
type Import struct {
	Module, Name string
	Kind         Kind
	desc         []byte // the description's bytes
	min, max     uint64 // of a memory or table
	hasMax       bool
}

// Export is one export of a module.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// distant reports whether it is the memory of a companion.
func (e *Export) distant() bool { return e.Kind == KindMemory && e.Index > 0 }

// Segment is an active data segment at a constant offset.
type Segment struct {
	Offset uint32
	Data   []byte
}

// Memory describes the memory that a module defines itself.
type Memory struct {
	MinPages, MaxPages uint32 // of 64 KiB; MaxPages is capped by the limits
	// Image holds the segments to lay into a new memory, in order.
	Image []Segment
	// Index is its index in the module's memory space.
	Index uint32
}

// arity is how many values a function type takes and gives.
type arity struct{ params, results uint16 }

type section struct {
	id         byte
	start, end int // of the contents
}

type limits struct {
	flags    byte
	min, max uint64
	hasMax   bool
}

type dataSegment struct {
	start, end int // the whole segment's bytes
	active     bool
	constant   bool // active, at a constant offset in memory 0
	imaged     bool // the bytes go to the memory image
	memory     uint32
	expr       []byte // of the offset
	offset     uint32
	bytes      []byte
}

// Module is what [Scan] learned of a core module.
type Module struct {
	Imports []Import
	Exports []Export
	// Memory is memory 0 if it defines that, else nil.
	Memory *Memory
	// Start is the name under which the start function is exported after
	// rewriting, so that whoever instantiates calls it; "" without one.
	Start string
	// Footprint is how many bytes of host memory an instance of the module
	// takes at most, without its memory: tables, globals, segments.
	Footprint uint64
	// Globals are the names under which the mutable globals that the module
	// defines are exported after rewriting with RewriteConfig.Globals, so that whoever instantiates can
	// read them and set them back. No name is one of Exports. Empty if there are
	// more than [MaxGlobals].
	Globals []string

	data      []byte
	sections  []section
	names     section // the contents of its name section
	types     []arity
	raw       [][]byte // the types' bytes
	result    [][]byte // the result type of types that have one
	exnTys    []bool   // whether types have references to exceptions in them
	importTys []uint32 // the types of the imported functions
	funcTys   []uint32 // the types of the defined functions
	tagTys    []uint32 // the types of tags, imported and defined
	startFn   uint32
	hasStart  bool
	// startDeclared says that ref.func may name the start function without its
	// being exported by the rewriter.
	startDeclared bool
	declared      []bool // the defined functions that may be called from anywhere; nil if none
	funcs         int    // defined
	importFns     int
	tables        []tableType // defined
	memories      []limits    // defined
	globals       int         // defined
	elems         int         // element segments
	elements      int         // in all of them
	segments      []dataSegment
	importMem     int
	importGlb     int
	bodies        int
	original      *Module  // what it was before it was lowered; nil if it was not
	wrappers      uint32   // the first of those that lower added, 0 without
	mutable       []uint32 // the mutable globals that it defines, of numbers
	state         stateful
	several       *several // nil with one memory or none
}

// stateful says what a module changes besides memories and globals.
type stateful struct {
	globals bool // a mutable global that is no number, or too many
	tables  bool // elements of tables
	reads   bool // memory.init
	drops   bool // data.drop
}

// MaxGlobals is how many mutable globals of a module are exported.
const MaxGlobals = 256

// Resettable reports whether all that code of the module can change are
// memories and the globals named by Globals. It is known after [Module.Rewrite].
func (m *Module) Resettable() bool {
	s := &m.state
	return !s.globals && !s.tables && !(s.reads && s.drops)
}

// Loose reports whether the engine writes data segments when it instantiates
// the module after rewriting with RewriteConfig.Image.
func (m *Module) Loose() bool {
	for _, s := range m.segments {
		if s.active && !s.imaged && s.memory == 0 {
			return true
		}
	}
	return false
}

type tableType struct {
	raw  []byte // reference type, or the bytes before the limits
	lim  limits
	init int // where the initial expression begins, 0 without one
}
