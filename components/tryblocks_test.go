package components_test

import (
	"errors"
	"strings"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
)

// tagged returns a module whose tag 0 comes with an i32, as those of C++ and Rust do,
// and the block type of an i32 with a reference to its exception.
func tagged() (m *Module, withRef byte) {
	m = &Module{}
	m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("i", "")))}
	m.Types = append(m.Types, []byte{0x60, 0, 2, 0x7f, exnType})
	return m, byte(len(m.Types) - 1)
}

var exceptionEngines = map[string]components.EngineConfig{
	"compiler": {}, "without fuel": {NoFuel: true}, "interpreter": {Interpreter: true}, "interpreter without fuel": {Interpreter: true, NoFuel: true},
}

// throwI32 throws v with the tag 0.
func throwI32(v int64) []byte { return Code(I32(v), throwOp, 0) }

// tryBlocks are functions that throw and catch, and what they answer.
var tryBlocks = []struct {
	name string
	add  func(m *Module, withRef byte) (run uint32) // returns function () -> i32
	want uint64
	err  string // a part of the error instead
}{
	{name: "what a local was set to before the exception", want: 3, add: func(m *Module, _ byte) uint32 {
		thrower := m.Func(m.Type("i", ""), "", getOp, 0, 0x04, void, throwI32(7), endOp)
		return m.Func(m.Type("", "i"), "i", I32(1), setOp, 0,
			blockOp, 0x7f, tryOp, void, 1, 0, 0, 0, I32(2), setOp, 0, I32(0), Call(thrower), I32(3), setOp, 0,
			I32(1), Call(thrower), I32(4), setOp, 0, endOp, 0x00, endOp, 0x1a, getOp, 0)
	}},
	{name: "with values on the stack", want: 118, add: func(m *Module, _ byte) uint32 {
		thrower := m.Func(m.Type("", "i"), "", throwI32(8))
		return m.Func(m.Type("", "i"), "", I32(110), blockOp, 0x7f, tryOp, 0x7f, 1, 0, 0, 0, I32(1), I32(2), Call(thrower), 0x6a, 0x6a, endOp, endOp, 0x6a)
	}},
	{name: "a try block with parameters and results", want: 42, add: func(m *Module, _ byte) uint32 {
		typ := m.Type("ii", "i")
		thrower := m.Func(m.Type("i", ""), "", getOp, 0, 0x04, void, throwI32(8), endOp)
		return m.Func(m.Type("", "i"), "", blockOp, 0x7f, I32(20), I32(22), tryOp, U(typ), 1, 0, 0, 0, I32(0), Call(thrower), 0x6a, endOp, endOp)
	}},
	{name: "thrown again by its reference, past a handler that does not fit", want: 5, add: func(m *Module, ref byte) uint32 {
		m.Tags = append(m.Tags, Cat([]byte{0}, U(m.Type("", ""))))
		again := m.Body(m.Type("", ""), Code([]byte{1, 1, exnType}, blockOp, void,
			tryOp, void, 1, 0, 1, 0, // the other tag
			blockOp, ref, tryOp, void, 1, 1, 0, 0, throwI32(5), endOp, 0x00, endOp, setOp, 0, 0x1a, getOp, 0, throwRefOp, endOp, endOp, endOp))
		return m.Func(m.Type("", "i"), "", blockOp, 0x7f, tryOp, void, 1, 0, 0, 0, Call(again), endOp, 0x00, endOp)
	}},
	{name: "no reference to throw", err: "null reference", add: func(m *Module, _ byte) uint32 {
		return m.Func(m.Type("", "i"), "", blockOp, void, tryOp, void, 1, 2, 0, 0xd0, exnType, throwRefOp, endOp, endOp, I32(1))
	}},
	{name: "out of all calls", err: "uncaught exception", add: func(m *Module, _ byte) uint32 {
		inner := m.Func(m.Type("", ""), "", blockOp, void, tryOp, void, 1, 2, 0, endOp, endOp, throwI32(1))
		return m.Func(m.Type("", "i"), "", Call(inner), I32(1))
	}},
	{name: "through a table and branches out of try blocks", want: 1420, add: func(m *Module, _ byte) uint32 {
		f := m.Func(m.Type("i", "i"), "", getOp, 0, I32(1), 0x71, 0x04, void, getOp, 0, throwOp, 0, endOp, getOp, 0)
		m.Table(1, 1)
		m.Elem(0, f)
		return m.Func(m.Type("", "i"), "ii", blockOp, void, 0x03, void, getOp, 0, I32(40), 0x46, 0x0d, 1,
			blockOp, 0x7f, tryOp, void, 1, 0, 0, 0, getOp, 0, I32(0), 0x11, U(m.Type("i", "i")), 0, getOp, 1, 0x6a, setOp, 1,
			getOp, 0, I32(1), 0x6a, setOp, 0, 0x0c, 2, endOp, 0x00, endOp,
			I32(32), 0x6a, getOp, 1, 0x6a, setOp, 1, getOp, 0, I32(1), 0x6a, setOp, 0, 0x0c, 0, endOp, endOp, getOp, 1)
	}},
}

// TestTryBlocks runs them under each engine.
func TestTryBlocks(t *testing.T) {
	for _, k := range tryBlocks {
		for engine, cfg := range exceptionEngines {
			t.Run(k.name+"/"+engine, func(t *testing.T) {
				m, ref := tagged()
				m.Export("run", Func, k.add(m, ref))
				got, err := runCore(t, cfg, components.Limits{}, m.Bytes())
				switch {
				case k.err != "":
					if !errors.Is(err, components.ErrTrap) || !strings.Contains(err.Error(), k.err) {
						t.Errorf("answered %v, %v; want a trap: %s", got, err, k.err)
					}
				case err != nil || uint32(got[0]) != uint32(k.want):
					t.Errorf("answered %v, %v; want %d", got, err, k.want)
				}
			})
		}
	}
}

// TestTryBlocksOfOthers: a try block that the engine would do wrong, because it
// sets a local, is refused in a module that does not keep its exceptions to itself.
func TestTryBlocksOfOthers(t *testing.T) {
	set := func(m *Module) uint32 {
		return m.Func(m.Type("", "i"), "i", blockOp, void, tryOp, void, 1, 2, 0, I32(3), setOp, 0, endOp, endOp, getOp, 0)
	}
	for name, k := range map[string]struct {
		add func(m *Module)
		ok  bool
	}{
		"a tag that is exported":   {add: func(m *Module) { m.Export("tag", 4, 0) }, ok: true},
		"a table that is exported": {add: func(m *Module) { m.Table(1, 1); m.Export("table", Table, 0) }, ok: true},
		"a reference to an exception that is exported": {add: func(m *Module) {
			m.Types = append(m.Types, []byte{0x60, 0, 1, exnType})
			m.Export("exn", Func, m.Body(uint32(len(m.Types)-1), []byte{0, 0x00, endOp}))
		}},
		"a reference to a function": {add: func(m *Module) {
			m.Export("f", Func, m.Func(m.Type("", ""), "", 0xd2, 0, 0x1a))
		}},
		"a wide exception": {add: func(m *Module) { m.Tags = append(m.Tags, Cat([]byte{0}, U(m.Type("l", "")))) }},
		"nothing of that":  {add: func(*Module) {}, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := tagged()
			k.add(m)
			m.Export("run", Func, set(m))
			got, err := runCore(t, components.EngineConfig{}, components.Limits{}, m.Bytes())
			if k.ok && (err != nil || got[0] != 3) || !k.ok && !errors.Is(err, components.ErrUnsupported) {
				t.Errorf("answered %v, %v; want %v", got, err, map[bool]string{true: "3", false: "unsupported"}[k.ok])
			}
		})
	}
}

// TestLegacyExceptions: what compilers made of exceptions before is refused by
// its name.
func TestLegacyExceptions(t *testing.T) {
	for name, op := range map[string]byte{"try": 0x06, "catch": 0x07, "rethrow": 0x09, "delegate": 0x18, "catch_all": 0x19} {
		m, _ := tagged()
		m.Export("run", Func, m.Func(m.Type("", "i"), "", op, void, endOp, I32(1)))
		_, err := runCore(t, components.EngineConfig{}, components.Limits{}, m.Bytes())
		if !errors.Is(err, components.ErrUnsupported) || !strings.Contains(err.Error(), "legacy exceptions") {
			t.Errorf("%s: answered %v, want unsupported: legacy exceptions", name, err)
		}
	}
}

// TestExceptionsOfAnother: a component whose module with try blocks gives another its
// table or a tag is refused: what the other calls in the table could throw past
// it, and by its tag it throws nothing.
func TestExceptionsOfAnother(t *testing.T) {
	for what, lend := range map[string]func(shim, user *Module){
		"table": func(_, user *Module) {
			user.Imports = append(user.Imports, Cat(Name("shim"), Name("$imports"), []byte{1, 0x70, 0, 1}))
		},
		"tag": func(shim, user *Module) {
			shim.Export("tag", 4, 0)
			user.Imports = append(user.Imports, Cat(Name("shim"), Name("tag"), []byte{4, 0}, U(user.Type("", ""))))
		},
	} {
		for _, tries := range []bool{false, true} {
			e, err := components.NewEngine(t.Context(), components.EngineConfig{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Compile(t.Context(), shimmed(func(shim, user, _ *Module) {
				shim.Tags = [][]byte{Cat([]byte{0}, U(shim.Type("", "")))}
				if tries {
					shim.Func(shim.Type("", ""), "", blockOp, void, tryOp, void, 1, 2, 0, throwOp, 0, endOp, endOp)
				}
				lend(shim, user)
			}))
			if cerr := e.Close(t.Context()); cerr != nil {
				t.Error(cerr)
			}
			refused := errors.Is(err, components.ErrUnsupported) && strings.Contains(err.Error(), "a "+what+" of")
			if tries && !refused || !tries && err != nil {
				t.Errorf("a %s, try blocks %v: answered %v", what, tries, err)
			}
		}
	}
}
