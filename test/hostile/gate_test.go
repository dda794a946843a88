package hostile

import (
	"bytes"
	"strings"

	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

var lie = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

func raw(sections ...[]byte) func() []byte {
	return func() []byte { return inComponent(Cat(Preamble(), Cat(sections...))) }
}

func body(b ...[]byte) [][]byte {
	code := Cat(b...)
	return [][]byte{Section(1, []byte{1, 0x60, 0, 0}), Section(3, []byte{1, 0}), Section(10, []byte{1}, U(len(code)), code)}
}

// gateAttacks are core modules that must not reach the engine.
func gateAttacks() []hostile {
	refused := ends(errcode.Invalid, errcode.Exhausted)
	wide := strings.Repeat("i", 1000)
	list := []hostile{
		{name: "core: a section longer than the module", bytes: raw(Cat([]byte{1}, lie, []byte{0}))},
		{name: "core: types without end", bytes: raw(Section(1, lie))},
		{name: "core: parameters without end", bytes: raw(Section(1, []byte{1, 0x60}, lie))},
		{name: "core: imports without end", bytes: raw(Section(2, lie))},
		{name: "core: functions without end", bytes: raw(Section(3, lie))},
		{name: "core: tables without end", bytes: raw(Section(4, lie))},
		{name: "core: globals without end", bytes: raw(Section(6, lie))},
		{name: "core: exports without end", bytes: raw(Section(7, lie))},
		{name: "core: elements without end", bytes: raw(Section(9, []byte{1, 1, 0}, lie))},
		{name: "core: bodies without end", bytes: raw(Section(10, lie))},
		{name: "core: data without end", bytes: raw(Section(11, []byte{1, 1}, lie))},
		{name: "core: branch targets without end", bytes: raw(body([]byte{0, 0x41, 0, 0x0e}, lie, []byte{0x0b})...)},
		{name: "core: a name of 4 GiB", bytes: raw(Section(2, []byte{1}, lie))},
		{name: "core: 50 million locals", bytes: raw(body([]byte{1, 0x80, 0xe1, 0xeb, 0x17, 0x7f, 0x0b})...)},
		{name: "core: a giant function", bytes: raw(body([]byte{0}, bytes.Repeat([]byte{0x01}, 4<<20), []byte{0x0b})...)},
		{name: "core: deep nesting", bytes: raw(body([]byte{0}, bytes.Repeat([]byte{0x02, 0x40}, 100_000), bytes.Repeat([]byte{0x0b}, 100_001))...)},
		{name: "core: a table of 2^32", bytes: raw(Section(4, Cat([]byte{1, 0x70, 0}, lie)))},
		{name: "core: 4,000 memories", bytes: raw(Section(5, U(4000), bytes.Repeat([]byte{0, 0}, 4000)))},
		{name: "core: a segment copied to 100 memories", bytes: of(func(m *Module) {
			m.DataCount = true
			m.Datas = [][]byte{Cat([]byte{1}, U(1<<20), bytes.Repeat([]byte("x"), 1<<20))}
			var code []byte
			for i := range byte(100) {
				m.Memory(1, 1)
				code = append(code, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, i)
			}
			m.Export("run", Func, m.Func(m.Type("", ""), "", code))
		})},
		{name: "core: a memory of 4 GiB", bytes: raw(Section(5, Cat([]byte{1, 0}, U(65536))))},
		{name: "core: the fuel counter by its index", bytes: raw(body([]byte{0, 0x41, 0, 0x24, 0, 0x0b})...)},
		{name: "core: branches with a thousand values", bytes: of(func(m *Module) {
			m.Export("run", Func, m.Func(m.Type("", ""), "", 0x02, U(m.Type("", wide)),
				bytes.Repeat([]byte{0x41, 0}, 1000), bytes.Repeat([]byte{0x41, 0, 0x0d, 0}, 200_000), 0x0b, 0x00))
		})},
		{name: "core: calls with a thousand results", bytes: of(func(m *Module) {
			m.Export("run", Func, m.Func(m.Type("", ""), "", bytes.Repeat(Call(1), 400_000), 0x00))
			m.Func(m.Type("", wide), "", bytes.Repeat([]byte{0x41, 0}, 1000))
		})},
		{name: "core: many locals across many blocks", bytes: of(func(m *Module) {
			m.Export("run", Func, m.Func(m.Type("", ""), strings.Repeat("i", 50_000), bytes.Repeat([]byte{0x20, 0, 0x04, 0x40, 0x0b}, 100_000)))
		})},
		{name: "core: 50,000 locals in each of 100,000 functions", bytes: of(func(m *Module) {
			m.Export("run", Func, 0)
			for range 100_000 {
				m.Body(m.Type("", ""), Cat([]byte{1}, U(50_000), []byte{0x7f, 0x0b}))
			}
		})},
		{name: "core: a section between sections", bytes: raw(Section(3, []byte{0}), Section(1, []byte{0}))},
		{name: "core: nothing but 0xff", bytes: func() []byte { return inComponent(Cat(Preamble(), bytes.Repeat([]byte{0xff}, 1<<20))) }},
	}
	for i := range list {
		list[i].codes = refused
	}
	return list
}
