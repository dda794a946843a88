package corewasm

import (
	"slices"
	"strconv"

	"latticework/internal/errcode"
)

// The engine gives a module one memory. Of a module with several, memory 0 stays
// in it. Each other one is that of a companion, a module of its own that imports
// or defines the memory and exports functions that load from it, store to it and
// so on; the rewritten module calls these where it names the memory. Companions
// are instantiated before their module, and lay its data segments into their
// memories. They go the way of other modules: they are scanned and rewritten, so
// that limits, fuel and images hold for them.

// CompanionMemory is the name under which a companion exports its memory.
const CompanionMemory = "m"

// Companion is the module of one memory but the first.
type Companion struct {
	*Module
	// From gives each of its imports the import of the companion's module that
	// it is.
	From []int
}

// accessor is a function of a companion.
type accessor struct {
	memory uint32
	op     uint32 // the opcode, of two bytes for those with a prefix
	arg    uint32 // a data segment, or a lane
}

const (
	prefixMisc = opMisc << 8
	prefixSIMD = opSIMD << 8
)

// several is what a module with several memories has besides.
type several struct {
	imports []int // the imported memories, by index in Imports
	copied  int   // bytes of data segments in companions besides
	// inits are, by data segment, the memories that it is copied to.
	inits map[uint32][]uint32
	// accessors are those that its code calls, in the order of the imports by
	// which it does.
	accessors []accessor
	index     map[accessor]int
	final     bool // accessors are all

	made  []Companion // nil before they were asked for
	fuels bool        // of what was made
}

// find returns the place of a, which is added if it is new.
func (s *several) find(a accessor) int {
	i, ok := s.index[a]
	if !ok {
		if s.index == nil {
			s.index = map[accessor]int{}
		}
		i = len(s.accessors)
		s.index[a], s.accessors = i, append(s.accessors, a)
		if a.op == prefixMisc|memoryInit {
			if s.inits == nil {
				s.inits = map[uint32][]uint32{}
			}
			s.inits[a.arg] = append(s.inits[a.arg], a.memory)
		}
	}
	return i
}

const (
	// accessorFootprint is what the engine takes for an accessor in an instance of
	// the module.
	accessorFootprint = 64
	// freelyCopied is how many bytes of data segments a module may have copied to
	// companions, besides as many as it has bytes.
	freelyCopied = 4 << 20
)

// Memories returns how many memories the module has, imported ones included.
func (m *Module) Memories() int { return m.importMem + len(m.memories) }

// ImportedMemory returns which of Imports memory i of a module with several is,
// false if the module defines it.
func (m *Module) ImportedMemory(i int) (int, bool) {
	if i >= m.importMem {
		return 0, false
	}
	return m.several.imports[i], true
}

// Companions returns the companions of a module with several memories, for
// memories 1 and up, or nil. fuel says whether the module will be rewritten with
// fuel. They are made once, and the caller must not change them.
//
// Errors: those of [Scan] and [Module.Rewrite].
func (m *Module) Companions(lim Limits, fuel bool) ([]Companion, error) {
	s := m.several
	if s == nil {
		return nil, nil
	}
	if s.made != nil && s.fuels == fuel {
		return s.made, nil
	}
	// Which functions of companions are called is known when the code was
	// rewritten, with other indices of functions. Then a segment may turn out to
	// be in a companion that is dropped before.
	for n := -1; n < len(s.accessors); {
		n = len(s.accessors)
		if _, err := m.rewriter(lim, fuel).rewritten(); err != nil {
			return nil, err
		}
		if limit := lim.WithDefaults().Imports; len(s.accessors) > limit {
			return nil, errcode.New(errcode.Exhausted, "core module loads and stores of different kinds: %d > %d", len(s.accessors), limit)
		}
	}
	if !s.final {
		m.Footprint += accessorFootprint * uint64(len(s.accessors))
	}
	s.final, s.copied = true, 0
	s.made, s.fuels = nil, fuel
	var out []Companion
	for i := 1; i < m.Memories(); i++ {
		c := companionOf{m: m, memory: uint32(i), limit: len(m.data) + freelyCopied}
		data, from, err := c.bytes()
		if err != nil {
			return nil, err
		}
		scanned, err := Scan(data, lim)
		if err != nil {
			return nil, err
		}
		out = append(out, Companion{scanned, from})
	}
	s.made = out
	return out, nil
}

// checkMemories checks how many memories the module has and what names one
// outside of code.
func (m *Module) checkMemories(lim Limits) error {
	n := m.Memories()
	if n > lim.Memories {
		return errcode.New(errcode.Exhausted, "core memories: %d > %d", n, lim.Memories)
	}
	for _, e := range m.Exports {
		if e.Kind == KindMemory && uint64(e.Index) >= uint64(n) {
			return errcode.New(errcode.Invalid, "read core module: unknown memory %d", e.Index)
		}
	}
	for _, s := range m.segments {
		if s.memory > 0 && uint64(s.memory) >= uint64(n) { // of memory 0 the engine says it
			return errcode.New(errcode.Invalid, "read core module: unknown memory %d", s.memory)
		}
	}
	if n < 2 {
		return nil
	}
	m.several = &several{}
	for i, im := range m.Imports {
		if im.Kind == KindMemory {
			m.several.imports = append(m.several.imports, i)
		}
	}
	return nil
}

// elsewhere reports whether the engine is not told of import i, a memory of a
// companion.
func (m *Module) elsewhere(i int) bool {
	return m.Imports[i].Kind == KindMemory && i != m.several.imports[0]
}

// companionOf writes a companion.
type companionOf struct {
	m      *Module
	memory uint32
	limit  int // of several.copied
	out    []byte

	// The contents of its sections.
	types, imports, funcs, exports, code, data [][]byte
	from                                       []int
	segments                                   map[uint32]uint32 // those copied, by index in m
}

// bytes returns the companion's module, as it is before rewriting, and From of
// [Companion].
func (c *companionOf) bytes() (out []byte, from []int, err error) {
	m := c.m
	c.exports = append(c.exports, append(appendName(nil, CompanionMemory), byte(KindMemory), 0))
	for _, s := range m.segments {
		if s.active && s.memory == c.memory {
			c.data = append(c.data, append(append([]byte{0}, s.expr...), sizedBytes(s.bytes)...))
		}
	}
	for j, a := range m.several.accessors {
		if a.memory == c.memory {
			if err := c.function(j, a); err != nil {
				return nil, nil, err
			}
		}
	}
	imported, err := c.origins()
	if err != nil {
		return nil, nil, err
	}
	c.out = append(c.out, preamble...)
	c.section(secType, c.types)
	c.section(secImport, c.imports)
	c.section(secFunction, c.funcs)
	if !imported {
		l := m.memories[int(c.memory)-m.importMem]
		b := appendLEB([]byte{l.flags}, l.min)
		if l.hasMax {
			b = appendLEB(b, l.max)
		}
		c.section(secMemory, [][]byte{b})
	}
	c.section(secExport, c.exports)
	if len(c.segments) > 0 {
		c.out = append(append(c.out, secDataCount), sizedBytes(appendLEB(nil, uint64(len(c.data))))...)
	}
	c.section(secCode, c.code)
	c.section(secData, c.data)
	return c.out, c.from, nil
}

// origins adds the imports: the memory, unless the module defines it, and where
// offsets of segments are computed the globals that they may name.
func (c *companionOf) origins() (imported bool, err error) {
	m := c.m
	im, imported := m.ImportedMemory(int(c.memory))
	computed := slices.ContainsFunc(m.segments, func(s dataSegment) bool { return s.active && s.memory == c.memory && !s.constant })
	for i, g := range m.Imports {
		if (!imported || i != im) && (!computed || g.Kind != KindGlobal) {
			continue
		}
		if g.Kind == KindGlobal && (g.desc[0] == 0x63 || g.desc[0] == 0x64) {
			return false, errcode.New(errcode.Unsupported, "core module with %d memories and an imported global of type 0x%x", m.Memories(), g.desc[0])
		}
		c.imports = append(c.imports, append([]byte{1, 'g', 1, 'm', byte(g.Kind)}, g.desc...))
		c.from = append(c.from, i)
	}
	return imported, nil
}

// function adds accessor j, and the data segment that it names.
func (c *companionOf) function(j int, a accessor) error {
	if a.op == prefixMisc|memoryInit || a.op == prefixMisc|dataDrop {
		i, ok := c.segments[a.arg]
		if !ok {
			s := c.m.segments[a.arg]
			if s.active { // dropped when the module was instantiated
				s.bytes = nil
			}
			several := c.m.several
			if several.copied += len(s.bytes); several.copied > c.limit {
				return errcode.New(errcode.Exhausted, "core module bytes of data segments for several memories: %d > %d", several.copied, c.limit)
			}
			if c.segments == nil {
				c.segments = map[uint32]uint32{}
			}
			i = uint32(len(c.data))
			c.segments[a.arg] = i
			c.data = append(c.data, append([]byte{1}, sizedBytes(s.bytes)...))
		}
		a.arg = i
	}
	c.funcs = append(c.funcs, appendLEB(nil, uint64(len(c.types))))
	c.exports = append(c.exports, appendLEB(append(appendName(nil, accessorName(j)), byte(KindFunc)), uint64(len(c.types))))
	c.types = append(c.types, a.signature())
	c.code = append(c.code, sizedBytes(append([]byte{0}, a.body()...)))
	return nil
}

// section writes a section of items, unless there are none.
func (c *companionOf) section(id byte, items [][]byte) {
	if len(items) > 0 {
		content := append(appendLEB(nil, uint64(len(items))), slices.Concat(items...)...)
		c.out = append(append(c.out, id), sizedBytes(content)...)
	}
}

// sizedBytes returns b after its length.
func sizedBytes(b []byte) []byte { return append(appendLEB(nil, uint64(len(b))), b...) }

// accessorName is the name under which a companion exports accessor j.
func accessorName(j int) string { return "a" + strconv.Itoa(j) }
