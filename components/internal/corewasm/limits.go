package corewasm

// Limits bounds what a core module may hold. The zero value of a field means
// its default.
type Limits struct {
	ModuleBytes   int    // 64 MiB
	Types         int    // 100,000
	Imports       int    // 100,000
	Functions     int    // 200,000
	Exports       int    // 100,000
	Globals       int    // 100,000
	Tables        int    // 100
	Memories      int    // 100
	TableElements uint32 // 1,000,000 in all tables together
	TableGrowth   uint32 // 10,000 elements that a table may grow by
	Elements      int    // 2,000,000 in all element segments together
	Segments      int    // 100,000 element and data segments each
	BodyBytes     int    // 1 MiB per function
	Locals        int    // 50,000 per function
	TotalLocals   int    // 5,000,000 in all functions together
	Calls         int    // 100,000 per function; a compiler takes 1 KB for each
	// Values is 100,000 per function and twenty times that in all: what blocks,
	// branches and calls pass. A type with a thousand results makes much of a
	// branch of two bytes.
	Values int
	// Merges is 1,000,000 per function and twenty times that in all: the
	// product of a function's locals and its blocks, which bounds the compiler's
	// work to follow locals (2 µs and 100 bytes each on wazero 1.12).
	Merges      int
	Nesting     int    // 1,000 blocks inside one another
	Params      int    // 1,000 parameters, 1,000 results of a function type
	MemoryPages uint32 // 65,536 pages of 64 KiB
	// NoExceptionRefs leaves no reference to an exception to the guest, for an
	// engine for which nobody keeps what it refers to.
	NoExceptionRefs bool
}

// WithDefaults returns l with every zero replaced by its default.
func (l Limits) WithDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.ModuleBytes, 64<<20)
	def(&l.Types, 100_000)
	def(&l.Imports, 100_000)
	def(&l.Functions, 200_000)
	def(&l.Exports, 100_000)
	def(&l.Globals, 100_000)
	def(&l.Tables, 100)
	def(&l.Memories, 100)
	def(&l.Segments, 100_000)
	def(&l.BodyBytes, 1<<20)
	def(&l.Locals, 50_000)
	def(&l.TotalLocals, 5_000_000)
	def(&l.Calls, 100_000)
	def(&l.Values, 100_000)
	def(&l.Merges, 1_000_000)
	def(&l.Elements, 2_000_000)
	def(&l.Nesting, 1_000)
	def(&l.Params, 1_000)
	if l.TableElements == 0 {
		l.TableElements = 1_000_000
	}
	if l.TableGrowth == 0 {
		l.TableGrowth = 10_000
	}
	if l.MemoryPages == 0 {
		l.MemoryPages = 65_536
	}
	return l
}
