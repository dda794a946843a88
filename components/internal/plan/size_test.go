package plan_test

import (
	"fmt"
	"testing"
	"time"

	"latticework/components/internal/binary"
	"latticework/components/internal/plan"
	. "latticework/internal/wasmbuild"
)

// TestTimeIsInProportion plans components of many parts: eight times as many
// take eight times as long, about, and not sixty-four.
func TestTimeIsInProportion(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("f%06d", i) }
	exporting := func(n int) *Module {
		m := &Module{}
		f := m.Func(m.Type("", ""), "")
		for i := range n {
			m.Export(name(i), Func, f)
		}
		return m
	}
	for what, make := range map[string]func(c *Component, n int){
		"imports": func(c *Component, n int) {
			m := &Module{}
			for i := range n {
				m.Import("a", name(i), m.Type("", ""))
			}
			a := c.CoreInstance(c.CoreModule(exporting(n).Bytes()))
			c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "a", Instance: a})
		},
		"aliases": func(c *Component, n int) {
			a := c.CoreInstance(c.CoreModule(exporting(n).Bytes()))
			for i := range n {
				c.CoreFunc(a, name(i))
			}
		},
		"functions of a shim": func(c *Component, n int) {
			f := c.Lower(c.ImportFunc("next", c.FuncType(nil)))
			shim, user, fill := &Module{}, &Module{}, &Module{}
			shim.Table(n, n)
			typ := shim.Type("", "")
			items, elems := []Item{}, []uint32{}
			for i := range n {
				shim.Export(name(i), Func, shim.Func(typ, "", I32(int64(i)), 0x11, U(typ), 0))
				items = append(items, Item{Name: name(i), Func: f})
				elems = append(elems, fill.Import("host", name(i), fill.Type("", "")))
			}
			shim.Export("table", Table, 0)
			user.Import("shim", name(0), user.Type("", ""))
			fill.Imports = append(fill.Imports, Cat(Name("shim"), Name("table"), []byte{Table, 0x70, 0}, U(n)))
			fill.Elem(0, elems...)
			from := Arg{Name: "shim", Instance: c.CoreInstance(c.CoreModule(shim.Bytes()))}
			c.CoreInstance(c.CoreModule(user.Bytes()), from)
			c.CoreInstance(c.CoreModule(fill.Bytes()), from, Arg{Name: "host", Instance: c.CoreExports(items...)})
		},
	} {
		t.Run(what, func(t *testing.T) {
			took := func(n int) time.Duration {
				c := NewComponent()
				make(c, n)
				ast, err := binary.Decode(c.Bytes(), binary.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				best := time.Hour
				for range 3 {
					start := time.Now()
					if _, err := plan.Build(ast, c.Bytes(), plan.Config{}); err != nil {
						t.Fatal(err)
					}
					best = min(best, time.Since(start))
				}
				return best
			}
			few, many := took(5_000), took(40_000)
			if many > 40*few+200*time.Millisecond { // the collector comes at times
				t.Errorf("5,000 take %v, 40,000 %v: %.0f times as long", few, many, float64(many)/float64(few))
			}
		})
	}
}
