package hostile

import (
	"bytes"
	"slices"
	"strings"

	"latticework/components"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// coreAttacks are valid modules that misbehave when they run.
func coreAttacks() []hostile {
	return slices.Concat(loops(), recursions(), recursionsOfTries("", func(*Module) {}), recursionsOfTries(", left to the engine", leave), exceptions())
}

func loop(code ...any) func() []byte {
	return running("iil", Cat([]byte{0x03, 0x40}, Code(code...), []byte{0x0c, 0, 0x0b}))
}

func loops() []hostile {
	late, spent := ends(errcode.Deadline), ends(errcode.Exhausted)
	return []hostile{
		{name: "loop: without calls", codes: late, bytes: loop()},
		{name: "loop: within its fuel alone", codes: spent, bytes: loop(), limits: components.Limits{Fuel: 1_000_000}},
		{name: "loop: with calls", codes: late, bytes: of(func(m *Module) {
			v := m.Type("", "")
			m.Export("run", Func, m.Func(v, "", 0x03, 0x40, Call(1), 0x0c, 0, 0x0b))
			m.Func(v, "", 0x01)
		})},
		{name: "loop: a body of a megabyte", codes: late, bytes: loop(bytes.Repeat([]byte{0x20, 0, 0x41, 3, 0x6c, 0x21, 0}, 140_000))},
		{name: "loop: 99,000 calls of a leaf each time", codes: late, bytes: of(func(m *Module) {
			v := m.Type("", "")
			m.Export("run", Func, m.Func(v, "", 0x03, 0x40, bytes.Repeat(Call(1), 99_000), 0x0c, 0, 0x0b))
			m.Func(v, "i", bytes.Repeat([]byte{0x20, 0, 0x41, 3, 0x6c, 0x21, 0}, 8))
		})},
		{name: "loop: none, but a tree of 2^60 calls", codes: late, bytes: of(func(m *Module) {
			v := m.Type("", "")
			for i := range uint32(60) {
				m.Func(v, "", Call(i+1), Call(i+1))
			}
			m.Func(v, "")
			m.Export("run", Func, 0)
		})},
		{name: "loop: tail calls", codes: late, bytes: of(func(m *Module) {
			m.Export("run", Func, m.Func(m.Type("", ""), "", 0x12, 0))
		})},
		{name: "loop: in the start function", codes: late, bytes: of(func(m *Module) {
			m.Start = 1
			m.Export("run", Func, m.Func(m.Type("", ""), "", 0x03, 0x40, 0x0c, 0, 0x0b))
		})},
		{name: "memory: fill all of it again and again", codes: late, moves: fill, bytes: loop(grown, 0x41, 0, 0x41, 1, allBytes, 0xfc, 11, 0)},
		{name: "memory: copy all of it again and again", codes: late, moves: copied, bytes: loop(grown, 0x41, 0, 0x41, 0, allBytes, 0xfc, 10, 0, 0)},
		{name: "memory: grow for ever", codes: late, bytes: loop(0x41, 1, 0x40, 0, 0x1a)},
		{name: "memory: grow beyond the cap and touch", codes: ends(errcode.Trap), bytes: running("", 0x41, U(1023), 0x40, 0, 0x1a, I32(memoryCap), 0x41, 1, 0x36, 2, 0)},
		{name: "memory: grow to the cap and touch every page", codes: late, bytes: loop(grown, 0x20, 0, 0x41, 1, 0x36, 2, 0, 0x20, 0, I32(4096), 0x6a, I32(memoryCap-65536), 0x70, 0x21, 0)},
		{name: "memory: out of bounds", codes: ends(errcode.Trap), bytes: running("", I32(-4), 0x28, 2, 0, 0x1a)},
		{name: "memories: fill the second again and again", codes: late, moves: fill, bytes: twoMemories(0x03, 0x40, 0x41, 0, 0x41, 1, allOfSecond, 0xfc, 11, 1, 0x0c, 0, 0x0b)},
		{name: "memories: copy from one to the other again and again", codes: late, moves: copied, bytes: twoMemories(0x03, 0x40, 0x41, 0, 0x41, 0, allOfSecond, 0xfc, 10, 0, 1, 0x0c, 0, 0x0b)},
		{name: "memories: grow both for ever", codes: late, bytes: twoMemories(0x03, 0x40, 0x41, 1, 0x40, 0, 0x1a, 0x41, 1, 0x40, 1, 0x1a, 0x0c, 0, 0x0b)},
		{name: "memories: load and store for ever", codes: late, bytes: twoMemories(0x03, 0x40, 0x41, 0, 0x41, 0, 0x28, 0x42, 1, 0, 0x36, 0x42, 1, 0, 0x0c, 0, 0x0b)},
		{name: "table: grow for ever", codes: late, bytes: loop(0xd0, 0x70, I32(1000), 0xfc, 15, 0, 0x1a)},
		{name: "table: fill again and again", codes: late, bytes: loop(0xd0, 0x70, I32(9000), 0xfc, 15, 0, 0x1a, 0x41, 0, 0xd0, 0x70, 0xfc, 16, 0, 0xfc, 17, 0)},
		{name: "table: a call of nothing", codes: ends(errcode.Trap), bytes: running("", 0x41, 3, 0x11, 0, 0)},
		{name: "trap: unreachable", codes: ends(errcode.Trap), bytes: running("", 0x00)},
		{name: "trap: division by zero", codes: ends(errcode.Trap), bytes: running("", 0x41, 1, 0x41, 0, 0x6d, 0x1a)},
	}
}

// grown is code that grows the memory to the cap, and allBytes pushes its
// size.
var (
	grown    = Cat(I32(memoryCap>>16-1), []byte{0x40, 0, 0x1a})
	allBytes = Cat([]byte{0x3f, 0}, I32(16), []byte{0x74})
)

var allOfSecond = Cat([]byte{0x3f, 1}, I32(16), []byte{0x74})

// twoMemories makes a component that runs code, whose memories have eight
// megabytes each.
func twoMemories(code ...any) func() []byte {
	return of(func(m *Module) {
		m.Memory(128, -1)
		m.Memory(128, -1)
		m.Export("run", Func, m.Func(m.Type("", ""), "", code...))
	})
}

func recursions() []hostile {
	deep := ends(errcode.Exhausted)
	large := strings.Repeat("l", 2000)
	// Each of n locals gets a value before the call and is used after it.
	alive := func(n int) []byte {
		var b []byte
		for i := range n {
			b = append(b, Cat([]byte{0x42}, S(int64(i)), []byte{0x23, 0, 0xad, 0x7c, 0x21}, U(i))...)
		}
		b = append(b, Call(0)...)
		for i := range n {
			b = append(b, Cat([]byte{0x20}, U(i), []byte{0xa7, 0x24, 0})...)
		}
		return b
	}
	return []hostile{
		{name: "recursion: direct", codes: deep, bytes: of(func(m *Module) {
			m.Export("run", Func, m.Func(m.Type("", ""), "", Call(0), 0x01))
		})},
		{name: "recursion: of two", codes: deep, bytes: of(func(m *Module) {
			v := m.Type("", "")
			m.Func(v, "", Call(1), 0x01)
			m.Export("run", Func, m.Func(v, "", Call(0), 0x01))
		})},
		{name: "recursion: through a table", codes: deep, bytes: of(func(m *Module) {
			v := m.Type("", "")
			m.Table(1, 1)
			m.Elem(0, 0)
			m.Export("run", Func, m.Func(v, "", 0x41, 0, 0x11, U(v), 0, 0x01))
		})},
		{name: "recursion: with large frames", codes: deep, bytes: of(func(m *Module) {
			m.Global(1)
			m.Export("run", Func, m.Func(m.Type("", ""), large, alive(2000)))
		})},
		{name: "recursion: with operands left behind", codes: deep, bytes: of(func(m *Module) {
			m.Global(1)
			m.Export("run", Func, m.Func(m.Type("", ""), "", bytes.Repeat([]byte{0x23, 0, 0x45}, 5000), Call(0), bytes.Repeat([]byte{0x6a}, 4999), 0x1a))
		})},
		{name: "recursion: in the start function", codes: deep, bytes: of(func(m *Module) {
			m.Start = 1
			m.Export("run", Func, m.Func(m.Type("", ""), "", Call(0), 0x01))
		})},
		{name: "recursion: of a thousand parameters", codes: deep, bytes: of(func(m *Module) {
			wide := strings.Repeat("l", 900)
			f := m.Func(m.Type(wide, ""), "", bytes.Repeat([]byte{0x20, 0}, 900), Call(0))
			_ = f
			m.Export("run", Func, m.Func(m.Type("", ""), "", bytes.Repeat([]byte{0x42, 1}, 900), Call(0)))
		})},
	}
}

// recursionsOfTries are calls inside try blocks.
func recursionsOfTries(kind string, how func(*Module)) []hostile {
	// Where attacks before it left much garbage, one that is left to the engine waits for
	// its time to be up.
	deepOrLate := ends(errcode.Exhausted, errcode.Deadline)
	return []hostile{
		{name: "recursion: inside try blocks" + kind, codes: deepOrLate, bytes: of(func(m *Module) {
			v := m.Type("", "")
			m.Tags = [][]byte{Cat([]byte{0}, U(v))}
			how(m)
			m.Export("run", Func, m.Func(v, "", 0x02, 0x40, 0x1f, 0x40, 1, 2, 0, Call(0), 0x0b, 0x0b))
		})},
		{name: "recursion: deep first, then try blocks" + kind, codes: deepOrLate, bytes: of(func(m *Module) {
			v := m.Type("i", "")
			m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("", "")))}
			how(m)
			m.Func(v, "", 0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, Call(0), 0x05, Call(1), 0x0b)
			m.Func(m.Type("", ""), "", 0x02, 0x40, 0x1f, 0x40, 1, 2, 0, Call(1), 0x0b, 0x0b)
			m.Export("run", Func, m.Func(m.Type("", ""), "", I32(30_000), Call(0)))
		})},
	}
}
