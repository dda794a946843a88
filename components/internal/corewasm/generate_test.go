package corewasm_test

import (
	"encoding/binary"

	. "latticework/internal/wasmbuild"
)

// maker makes valid modules that end: choices come from bytes, and where they
// are used up the simplest choice is made. Loops count down, and functions
// call only those made before them.
type maker struct {
	choices []byte
	m       *Module
	made    []signature // of the functions made so far

	locals string // of the function in the making, parameters first
	loops  int    // around the place in the making
	room   int    // how much more code is made
}

type signature struct {
	params string
	result byte // a letter, as wasmbuild has them; 0 for none
}

// Functions of a made module, and the locals that count its loops: two, after
// all others but the one that dispatches are over.
const (
	madeFunctions = 4
	madeLoops     = 2
	madeHidden    = madeLoops + 1
)

func (g *maker) n(k int) int {
	if len(g.choices) == 0 {
		return 0
	}
	c := int(g.choices[0])
	g.choices = g.choices[1:]
	return c % k
}

func (g *maker) number() int64 {
	edges := []int64{0, 1, -1, 2, 64, 65535, 65536, 131071, 1 << 20, -1 << 31, 1<<31 - 1, -1 << 63, 1<<63 - 1}
	if i := g.n(len(edges) + 1); i < len(edges) {
		return edges[i]
	}
	var b [8]byte
	g.choices = g.choices[copy(b[:], g.choices):]
	return int64(binary.LittleEndian.Uint64(b[:]))
}

// generate makes a module and the functions that it exports as f0, f1, ….
func generate(choices []byte) ([]byte, []signature) {
	g := &maker{choices: choices, m: &Module{}}
	m := g.m
	m.Memory(1, 3)
	m.Export("memory", Memory, 0)
	m.Table(3, 3)
	m.Global(int64(g.n(9)))
	m.Export("global", Global, 0)
	m.Tags = append(m.Tags, Cat([]byte{0}, U(m.Type("", ""))), Cat([]byte{0}, U(m.Type("i", ""))))
	m.Data(int64(g.n(200)), []byte("some bytes of data"))
	m.Datas = append(m.Datas, Cat([]byte{1}, U(3), []byte("abc")))
	m.DataCount = true
	for i := range madeFunctions {
		g.function(i)
	}
	m.Elem(0, 0)
	return m.Bytes(), g.made
}

func (g *maker) function(i int) {
	s := signature{result: "\x00ild"[g.n(4)]}
	for range g.n(4) {
		s.params += string("ild"[g.n(3)])
	}
	if i == 0 {
		s = signature{params: "i", result: 'i'} // what the table holds
	}
	local := ""
	for range g.n(5) {
		local += string("ildv"[g.n(4)])
	}
	for range g.n(3) * 40 {
		local += "l" // a frame that pays more
	}
	local += "iii"
	g.locals, g.loops, g.room = s.params+local, 0, 60
	code := g.statements(3)
	result := ""
	if s.result != 0 {
		result = string(s.result)
		code = Cat(code, g.value(s.result, 3))
	}
	fn := g.m.Func(g.m.Type(s.params, result), local, code)
	g.m.Export("f"+string(rune('0'+i)), Func, fn)
	g.made = append(g.made, s)
}

// local picks a local of a type, -1 without one. Hidden ones are not picked.
func (g *maker) local(typ byte) int {
	n := len(g.locals) - madeHidden
	if n <= 0 {
		return -1
	}
	first := g.n(n)
	for i := range n {
		if at := (first + i) % n; g.locals[at] == typ {
			return at
		}
	}
	return -1
}

// statements leave nothing on the stack.
func (g *maker) statements(depth int) []byte {
	var code []byte
	for n := g.n(4); n > 0 && g.room > 0; n-- {
		code = append(code, g.statement(depth)...)
	}
	return code
}

func (g *maker) statement(depth int) []byte {
	g.room--
	if depth == 0 {
		return Code(g.value('i', 0), 0x1a)
	}
	i := func() []byte { return g.value('i', depth-1) }
	switch g.n(17) {
	case 1:
		typ := "ildv"[g.n(4)]
		if at := g.local(typ); at >= 0 {
			return Code(g.value(typ, depth-1), 0x21, U(at))
		}
	case 2: // a store; the address may be anywhere
		return Code(g.address(depth-1), g.value('l', depth-1), 0x37, g.n(4), U(g.n(100)*1000))
	case 3:
		return Code(i(), 0x24, 0)
	case 4:
		return Code(i(), 0x04, 0x40, g.statements(depth-1), 0x05, g.statements(depth-1), 0x0b)
	case 5:
		return g.loop(depth)
	case 6: // out of one of two blocks
		return Code(0x02, 0x40, 0x02, 0x40, g.statements(depth-1), i(), 0x0e, 1, 0, 1, 0x0b, g.statements(depth-1), 0x0b)
	case 7: // memory.fill, memory.copy, memory.init, data.drop
		return [][]byte{
			Code(g.address(depth-1), i(), i(), 0xfc, 11, 0),
			Code(g.address(depth-1), g.address(depth-1), I32(int64(g.n(50)*1000)), 0xfc, 10, 0, 0),
			Code(g.address(depth-1), I32(0), I32(int64(g.n(5))), 0xfc, 8, 1, 0),
			Code(0xfc, 9, 1),
		}[g.n(4)]
	case 8:
		return Code(i(), 0x40, 0, 0x1a)
	case 9: // an exception, and somebody who may catch it
		return Code(0x02, 0x40, 0x1f, 0x40, 1, 2, 0, g.statements(depth-1), i(), 0x04, 0x40, 0x08, 0, 0x0b, 0x0b, 0x0b)
	case 10:
		return Code(i(), 0x04, 0x40, 0x00, 0x0b)
	case 13: // an exception for the callers
		return Code(i(), 0x04, 0x40, 0x08, 0, 0x0b)
	case 15: // one with a number, which is kept
		return Code(0x02, 0x7f, 0x1f, 0x40, 1, 0, 1, 0, g.statements(depth-1), i(), 0x04, 0x40, g.value('i', 0), 0x08, 1, 0x0b, 0x0b, i(), 0x0b, 0x24, 0)
	case 14: // one that is caught with a reference, and thrown again or not
		then := [][]byte{{0x1a}, {0x0a}}[g.n(2)]
		return Code(0x02, 0x40, 0x02, 0x69, 0x1f, 0x40, 1, 3, 0, g.statements(depth-1), i(), 0x04, 0x40, 0x08, 0, 0x0b, 0x0b, 0x0c, 1, 0x0b, then, 0x0b)
	case 11: // table.set of null, of what it is
		return Code(i(), 0xd0, 0x70, 0x26, 0)
	case 12:
		return g.dispatch(depth)
	}
	return Code(g.value("ild"[g.n(3)], depth-1), 0x1a)
}

// loop goes round a few times.
func (g *maker) loop(depth int) []byte {
	if g.loops == madeLoops {
		return Code(0x01)
	}
	counter := len(g.locals) - madeHidden + g.loops
	g.loops++
	body := g.statements(depth - 1)
	g.loops--
	return Code(I32(int64(1+g.n(4))), 0x21, U(counter),
		0x03, 0x40, body, 0x20, U(counter), I32(1), 0x6b, 0x22, U(counter), 0x0d, 0, 0x0b)
}

// dispatch is a loop over pieces of code, as Go's compiler makes them: each
// jump goes by a branch table, forwards or backwards, a few times in all.
func (g *maker) dispatch(depth int) []byte {
	if g.loops == madeLoops {
		return Code(0x01)
	}
	counter, next := len(g.locals)-madeHidden+g.loops, len(g.locals)-1
	g.loops++
	pieces := 1 + g.n(4)
	code := Code(I32(int64(1+g.n(6))), 0x21, U(counter), g.value('i', 0), 0x21, U(next), 0x03, 0x40)
	for range pieces {
		code = Code(code, 0x02, 0x40)
	}
	entries := g.n(6)
	code = Code(code, 0x20, U(next), 0x0e, U(entries))
	for range entries + 1 {
		code = Code(code, U(g.n(pieces)))
	}
	for left := pieces - 1; left >= 0; left-- {
		code = Code(code, 0x0b, g.statements(depth-1))
		count := Code(0x20, U(counter), I32(1), 0x6b, 0x22, U(counter), I32(0), 0x4a)
		jump := Code(I32(int64(g.n(7))), 0x21, U(next))
		switch g.n(3) {
		case 1:
			code = Code(code, count, 0x04, 0x40, jump, 0x0c, U(left+1), 0x0b)
		case 2:
			code = Code(code, count, jump, 0x0d, U(left))
		}
	}
	g.loops--
	return Code(code, 0x0b)
}

// address is mostly within the memory.
func (g *maker) address(depth int) []byte {
	code := g.value('i', depth)
	if g.n(8) > 0 {
		code = Code(code, I32(0x7fff), 0x71)
	}
	return code
}

// value leaves a value of a type on the stack.
func (g *maker) value(typ byte, depth int) []byte {
	g.room--
	if depth > 0 && g.room > 0 {
		switch g.n(9) {
		case 1:
			if at := g.local(typ); at >= 0 {
				return Code(0x20, U(at))
			}
		case 2:
			if code := g.call(typ, depth); code != nil {
				return code
			}
		case 3:
			return Code(g.value(typ, depth-1), g.value(typ, depth-1), g.value('i', depth-1), 0x1c, 1, valueByte[typ])
		case 4:
			return Code(g.value('i', depth-1), 0x04, valueByte[typ], g.value(typ, depth-1), 0x05, g.value(typ, depth-1), 0x0b)
		case 5, 6, 7, 8:
			return g.operation(typ, depth)
		}
	}
	switch typ {
	case 'i':
		return I32(int64(int32(g.number())))
	case 'l':
		return i64(g.number())
	case 'd':
		return Code(i64(g.number()), 0xb9)
	}
	return Code(I32(int64(int32(g.number()))), 0xfd, 0x11)
}

func i64(v int64) []byte { return Cat([]byte{0x42}, S(v)) }

var valueByte = map[byte]int{'i': 0x7f, 'l': 0x7e, 'd': 0x7c, 'v': 0x7b}

// call calls a function made before, or the table's; nil without one.
func (g *maker) call(typ byte, depth int) []byte {
	if typ == 'i' && g.n(3) == 1 && len(g.made) > 0 {
		return Code(g.value('i', depth-1), g.value('i', depth-1), I32(3), 0x71, 0x11, U(g.m.Type("i", "i")), 0)
	}
	for i, s := range g.made {
		if s.result != typ {
			continue
		}
		var code []byte
		for _, p := range []byte(s.params) {
			code = append(code, g.value(p, depth-1)...)
		}
		return Code(code, Call(uint32(i)))
	}
	return nil
}

func (g *maker) operation(typ byte, depth int) []byte {
	sub := func(t byte) []byte { return g.value(t, depth-1) }
	switch typ {
	case 'i':
		return [](func() []byte){
			func() []byte { return Code(sub('i'), sub('i'), 0x6a+g.n(15)) },
			func() []byte { return Code(sub('l'), sub('l'), 0x51+g.n(10)) },
			func() []byte { return Code(g.address(depth-1), 0x28, g.n(3), U(g.n(100)*1000)) },
			func() []byte { return Code(sub('d'), 0xaa) },
			func() []byte { return Code(sub('l'), 0xa7) },
			func() []byte { return Code(0x23, 0) },
			func() []byte { return Code(0x3f, 0) },
			func() []byte { return Code(sub('v'), 0xfd, 0x1b, g.n(4)) },
			func() []byte { return Code(sub('i'), 0x25, 0, 0xd1) },
			func() []byte { return Code(sub('d'), 0xfc, 2) },
		}[g.n(10)]()
	case 'l':
		return [](func() []byte){
			func() []byte { return Code(sub('l'), sub('l'), 0x7c+g.n(15)) },
			func() []byte { return Code(sub('i'), 0xac+g.n(2)) },
			func() []byte { return Code(g.address(depth-1), 0x29, g.n(4), U(g.n(100)*1000)) },
			func() []byte { return Code(sub('l'), 0x79+g.n(3)) },
			func() []byte { return Code(sub('d'), 0xbd) },
		}[g.n(5)]()
	case 'd':
		return [](func() []byte){
			func() []byte { return Code(sub('d'), sub('d'), 0xa0+g.n(7)) },
			func() []byte { return Code(sub('d'), 0x99+g.n(7)) },
			func() []byte { return Code(sub('l'), 0xbf) },
			func() []byte { return Code(sub('i'), 0xb7+g.n(2)) },
		}[g.n(4)]()
	}
	return Code(sub('v'), sub('v'), 0xfd, 0xae, 1)
}
