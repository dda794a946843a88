package hostile

import (
	"bytes"
	"fmt"
	"strings"

	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// component makes a component of what fill adds.
func component(fill func(c *Component)) func() []byte {
	return func() []byte {
		c := NewComponent()
		fill(c)
		return c.Bytes()
	}
}

// section makes a component of one section.
func section(id byte, content ...[]byte) func() []byte {
	return component(func(c *Component) { c.Add(id, content...) })
}

// componentAttacks are components that must not be compiled, or that grow when
// they are instantiated.
func componentAttacks() []hostile {
	refused := ends(errcode.Invalid, errcode.Exhausted)
	list := []hostile{
		{name: "component: core instances without end", bytes: section(2, lie)},
		{name: "component: types without end", bytes: section(7, lie)},
		{name: "component: fields without end", bytes: section(7, []byte{1, 0x72}, lie)},
		{name: "component: cases without end", bytes: section(7, []byte{1, 0x71}, lie)},
		{name: "component: aliases without end", bytes: section(6, lie)},
		{name: "component: options without end", bytes: section(8, []byte{1, 0, 0, 0}, lie)},
		{name: "component: imports without end", bytes: section(10, lie)},
		{name: "component: exports without end", bytes: section(11, lie)},
		{name: "component: a name of 4 GiB", bytes: section(10, []byte{1, 0}, lie)},
		{name: "component: a name of 20 MB", bytes: component(func(c *Component) {
			c.ImportFunc(strings.Repeat("a", 20<<20), c.FuncType(nil))
		})},
		{name: "component: names that are long and alike", bytes: component(func(c *Component) {
			t := c.FuncType(nil)
			for i := range 300 {
				c.ImportFunc(strings.Repeat("a-", 45_000)+fmt.Sprint("b", i), t)
			}
		}), codes: ends(errcode.Invalid, errcode.Exhausted, errcode.NotFound)},
		{name: "component: 300,000 imports", bytes: component(func(c *Component) {
			c.FuncType(nil)
			items := make([][]byte, 300_000)
			for i := range items {
				items[i] = Cat([]byte{0}, Name(fmt.Sprint("f", i)), []byte{SortFunc, 0})
			}
			c.Add(10, Vec(items...))
		})},
		{name: "component: the same export twice", bytes: component(func(c *Component) {
			f := c.ImportFunc("f", c.FuncType(nil))
			c.Export("run", SortFunc, f)
			c.Export("run", SortFunc, f)
		})},
		{name: "component: nested a thousand deep", bytes: func() []byte {
			b := NewComponent().Bytes()
			for range 1000 {
				c := NewComponent()
				c.Component(b)
				b = c.Bytes()
			}
			return b
		}},
		{name: "component: a type of 2^60 parts", bytes: component(func(c *Component) {
			t := []byte{U64}
			for range 60 {
				t = U(c.Type([]byte{0x6f}, Vec(t, t)))
			}
			c.ImportFunc("f", c.FuncType(t))
		})},
		{name: "component: an instance type of 2^60 parts", bytes: component(func(c *Component) {
			b := Cat([]byte{0x42}, Vec())
			for range 60 {
				// (instance (type prev) (export "a" (instance prev)) (export "b" (instance prev)))
				inner := Cat([]byte{1}, b)
				b = Cat([]byte{0x42}, Vec(inner, Cat([]byte{4, 0}, Name("a"), []byte{5, 0}), Cat([]byte{4, 0}, Name("b"), []byte{5, 0})))
			}
			t := c.Type(b)
			c.Add(10, []byte{1, 0}, Name("i"), []byte{5}, U(t))
		}), codes: ends(errcode.Invalid, errcode.Exhausted, errcode.NotFound, "")},
		{name: "component: lists ten thousand deep", bytes: component(func(c *Component) {
			t := []byte{U8}
			for range 10_000 {
				t = U(c.List(t))
			}
			c.ImportFunc("f", c.FuncType(t))
		})},
		{name: "component: a variant of 500,000 cases", bytes: component(func(c *Component) {
			items := make([][]byte, 500_000)
			for i := range items {
				items[i] = Cat(Name(fmt.Sprint("c", i)), []byte{0, 0})
			}
			c.Type([]byte{0x71}, Vec(items...))
		})},
		{name: "component: 33 flags", bytes: component(func(c *Component) {
			items := make([][]byte, 33)
			for i := range items {
				items[i] = Name(fmt.Sprint("f", i))
			}
			c.Type([]byte{0x6e}, Vec(items...))
		})},
		{name: "component: a list of 2^31 parts", bytes: component(func(c *Component) {
			c.Type([]byte{0x67, U64}, U(uint32(1<<31)))
		})},
		{name: "component: an index beyond everything", bytes: component(func(c *Component) { c.CoreInstance(1 << 31) })},
		{name: "component: nothing but 0xff", bytes: component(func(c *Component) { c.Add(0xff, bytes.Repeat([]byte{0xff}, 1<<20)) })},
	}
	for i := range list {
		if list[i].codes == nil {
			list[i].codes = refused
		}
	}
	return append(list, instantiations()...)
}

// instantiations are components that become many instances.
func instantiations() []hostile {
	spent := ends(errcode.Exhausted)
	withTable := func(elements int) []byte {
		m := &Module{}
		m.Table(elements, -1)
		m.Export("run", Func, m.Func(m.Type("", ""), ""))
		return m.Bytes()
	}
	many := func(n int, core []byte) func() []byte {
		return component(func(c *Component) {
			mod := c.CoreModule(core)
			for range n {
				c.CoreInstance(mod)
			}
			run := c.CoreFunc(0, "run")
			c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil)))
		})
	}
	return []hostile{
		{name: "instances: 2^25 by doubling", codes: spent, bytes: func() []byte {
			b := inComponent((&Module{}).Bytes())
			for range 25 {
				c := NewComponent()
				n := c.Component(b)
				c.Instance(n)
				c.Instance(n)
				b = c.Bytes()
			}
			return b
		}},
		{name: "instances: 50,000 of a core module", codes: spent, bytes: many(50_000, withTable(0))},
		{name: "instances: a hundred tables of a million", codes: spent, bytes: many(100, withTable(1_000_000))},
		{name: "instances: 9,000 small tables", codes: spent, bytes: many(9_000, withTable(1))},
		{name: "instances: a hundred memories, each filled at the start", codes: ends(errcode.Exhausted), bytes: many(100, func() []byte {
			m := &Module{}
			m.Memory(memoryCap>>16, -1)
			f := m.Func(m.Type("", ""), "", 0x41, 0, 0x41, 1, I32(memoryCap), 0xfc, 11, 0)
			m.Start = int(f) + 1
			m.Export("run", Func, f)
			return m.Bytes()
		}())},
		{name: "instances: a hundred memories, grown at the start", codes: ends(errcode.Trap, errcode.Exhausted), bytes: many(100, func() []byte {
			m := &Module{}
			m.Memory(1, -1)
			f := m.Func(m.Type("", ""), "", I32(memoryCap>>16-1), 0x40, 0, 0x41, 0, 0x48, 0x04, 0x40, 0x00, 0x0b,
				0x41, 0, 0x41, 1, I32(memoryCap), 0xfc, 11, 0)
			m.Start = int(f) + 1
			m.Export("run", Func, f)
			return m.Bytes()
		}())},
	}
}
