package corewasm_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	. "latticework/internal/wasmbuild"
)

// scanAndRewrite is what a module goes through before the engine sees it.
func scanAndRewrite(data []byte) ([]byte, error) {
	m, err := corewasm.Scan(data, corewasm.Limits{})
	if err != nil {
		return nil, err
	}
	cfg := corewasm.RewriteConfig{Refill: corewasm.Target{Module: "refill", Name: "f"}, Image: true}
	for _, i := range m.Imports {
		cfg.Imports = append(cfg.Imports, corewasm.Target{Module: i.Module, Name: i.Name})
	}
	return m.Rewrite(cfg)
}

// module returns a module of sections given as bytes.
func module(sections ...[]byte) []byte { return Cat(Preamble(), Cat(sections...)) }

// lie is a count of four thousand million.
var lie = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

var (
	oneType = Section(1, []byte{1, 0x60, 0, 0})
	oneFunc = Section(3, []byte{1, 0})
)

func body(b ...byte) []byte { return Section(10, []byte{1}, U(len(b)), b) }

func TestGateRefuses(t *testing.T) {
	zeros := func(n int) []byte { return make([]byte, n) }
	for _, c := range []struct {
		name string
		data []byte
		code errcode.Code
		say  string
	}{
		{"empty", nil, errcode.Invalid, "preamble"},
		{"another version", []byte{0, 'a', 's', 'm', 2, 0, 0, 0}, errcode.Invalid, "preamble"},
		{"15 bytes with a lying section length", module(Cat([]byte{1}, lie, []byte{0})), errcode.Invalid, "bytes stated"},
		{"15 bytes with a lying count of types", module(Section(1, lie)), errcode.Invalid, "types: 4294967295 stated"},
		{"lying count of parameters", module(Section(1, []byte{1, 0x60}, lie)), errcode.Invalid, "parameters"},
		{"lying count of results", module(Section(1, []byte{1, 0x60, 0}, lie)), errcode.Invalid, "results"},
		{"lying count of imports", module(Section(2, lie)), errcode.Invalid, "imports"},
		{"lying import name", module(Section(2, []byte{1}, lie)), errcode.Invalid, "bytes stated"},
		{"lying count of functions", module(Section(3, lie)), errcode.Invalid, "functions"},
		{"lying count of tables", module(Section(4, lie)), errcode.Invalid, "tables"},
		{"lying count of memories", module(Section(5, lie)), errcode.Invalid, "memories"},
		{"lying count of tags", module(Section(13, lie)), errcode.Invalid, "tags"},
		{"lying count of globals", module(Section(6, lie)), errcode.Invalid, "globals"},
		{"lying count of exports", module(Section(7, lie)), errcode.Invalid, "exports"},
		{"lying count of element segments", module(Section(9, lie)), errcode.Invalid, "element segments"},
		{"lying count of elements", module(Section(9, []byte{1, 1, 0}, lie)), errcode.Invalid, "elements"},
		{"lying count of bodies", module(Section(10, lie)), errcode.Invalid, "function bodies"},
		{"lying length of a body", module(oneType, oneFunc, Section(10, []byte{1}, lie)), errcode.Invalid, "bytes stated"},
		{"lying count of data segments", module(Section(11, lie)), errcode.Invalid, "data segments"},
		{"lying length of data", module(Section(11, []byte{1, 1}, lie)), errcode.Invalid, "bytes stated"},
		{"lying count of local groups", module(oneType, oneFunc, body(Cat(lie, []byte{0x0b})...)), errcode.Invalid, "local groups"},
		{"50 million locals in 39 bytes", module(oneType, oneFunc, body(1, 0x80, 0xe1, 0xeb, 0x17, 0x7f, 0x0b)), errcode.Exhausted, "locals: 50000000 > 50000"},
		{"locals that overflow", module(oneType, oneFunc, body(Cat([]byte{2}, lie, []byte{0x7f}, lie, []byte{0x7f, 0x0b})...)), errcode.Exhausted, "locals"},
		{"lying count of branch targets", module(oneType, oneFunc, body(Cat([]byte{0, 0x41, 0, 0x0e}, lie, []byte{0x0b})...)), errcode.Invalid, "branch targets"},
		{"lying count of types of select", module(oneType, oneFunc, body(Cat([]byte{0, 0x1c}, lie, []byte{0x0b})...)), errcode.Invalid, "types of select"},
		{"lying count of catch clauses", module(oneType, oneFunc, body(Cat([]byte{0, 0x1f, 0x40}, lie, []byte{0x0b})...)), errcode.Invalid, "catch clauses"},
		{"unending block", module(oneType, oneFunc, body(0, 0x02, 0x40, 0x0b)), errcode.Invalid, "unexpected end"},
		{"code after the end", module(oneType, oneFunc, body(0, 0x0b, 0x01)), errcode.Invalid, "after its end"},
		{"nesting", module(oneType, oneFunc, body(Cat([]byte{0}, bytes.Repeat([]byte{0x02, 0x40}, 2000), bytes.Repeat([]byte{0x0b}, 2001))...)), errcode.Exhausted, "nesting: 1001 > 1000"},
		{"an unknown instruction", module(oneType, oneFunc, body(0, 0x27, 0x0b)), errcode.Unsupported, "0x27"},
		{"an unknown 0xfc instruction", module(oneType, oneFunc, body(0, 0xfc, 0x20, 0x0b)), errcode.Unsupported, "0xfc 32"},
		{"atomics", module(oneType, oneFunc, body(0, 0xfe, 0x03, 0, 0x0b)), errcode.Unsupported, "0xfe"},
		{"a giant function", module(oneType, oneFunc, Section(10, []byte{1}, U(1<<20+2), []byte{0}, bytes.Repeat([]byte{1}, 1<<20), []byte{0x0b})), errcode.Exhausted, "function 0 bytes: 1048578 > 1048576"},
		{"functions without bodies", module(oneType, Section(3, []byte{2, 0, 0})), errcode.Invalid, "2 functions are declared, 0 have a body"},
		{"bodies without functions", module(body(0, 0x0b)), errcode.Invalid, "0 functions are declared, 1 have a body"},
		{"a repeated section", module(oneType, oneType), errcode.Invalid, "repeated"},
		{"sections out of order", module(oneFunc, oneType), errcode.Invalid, "out of order"},
		{"an unknown section", module(Section(14)), errcode.Invalid, "section id 14"},
		{"a section too long", module(Section(1, []byte{0, 0})), errcode.Invalid, "1 bytes too many"},
		{"a custom section without a name", module(Section(0, lie)), errcode.Invalid, "bytes stated"},
		{"an import name that is no text", module(Section(2, []byte{1, 1, 0xff})), errcode.Invalid, "UTF-8"},
		{"a garbage-collected type", module(Section(1, []byte{1, 0x5f, 0})), errcode.Unsupported, "0x5f"},
		{"a 64-bit memory", module(Section(5, []byte{1, 4, 1})), errcode.Unsupported, "64-bit"},
		{"a shared memory", module(Section(5, []byte{1, 3, 1, 1})), errcode.Unsupported, "shared"},
		{"two memories", module(Section(5, []byte{2, 0, 1, 0, 1})), errcode.Unsupported, "core module with 2 memories"},
		{"a memory beyond 4 GiB", module(Section(5, Cat([]byte{1, 0}, U(65537)))), errcode.Invalid, "65536"},
		{"a memory smaller than itself", module(Section(5, []byte{1, 1, 2, 1})), errcode.Invalid, "above maximum"},
		{"a table of 2^32 elements", module(Section(4, Cat([]byte{1, 0x70, 0}, lie))), errcode.Exhausted, "table elements: 4294967295 > 1000000"},
		{"many large tables", module(Section(4, []byte{60}, bytes.Repeat(Cat([]byte{0x70, 0}, U(20_000)), 60))), errcode.Exhausted, "table elements: 1020000 > 1000000"},
		{"a hundred and one tables", module(Section(4, []byte{101}, bytes.Repeat([]byte{0x70, 0, 1}, 101))), errcode.Exhausted, "tables: 101 > 100"},
		{"data beyond the memory", module(Section(5, []byte{1, 0, 1}), Section(11, Cat([]byte{1, 0}, I32(65535), []byte{0x0b, 2, 1, 2}))), errcode.Trap, "out of bounds"},
		{"types without end", module(Section(1, U(100_001), bytes.Repeat([]byte{0x60, 0, 0}, 100_001))), errcode.Exhausted, "types: 100001 > 100000"},
		{"a function type of a thousand and one", module(Section(1, []byte{1, 0x60}, U(1001), bytes.Repeat([]byte{0x7f}, 1001), []byte{0})), errcode.Exhausted, "parameters: 1001 > 1000"},
		{"an unknown function type", module(oneType, Section(3, []byte{1, 1}), body(0, 0x0b)), errcode.Invalid, "unknown type 1"},
		{"the fuel counter by its index", module(oneType, oneFunc, body(0, 0x41, 0, 0x24, 0, 0x0b)), errcode.Invalid, "unknown global 0"},
		{"the fuel counter as an export", module(oneType, oneFunc, Section(7, []byte{1, 1, 'g', 3, 0}), body(0, 0x0b)), errcode.Invalid, "unknown global 0"},
		{"a start function that takes values", module(Section(1, []byte{1, 0x60, 1, 0x7f, 0}), oneFunc, Section(8, []byte{0}), body(0, 0x0b)), errcode.Invalid, "takes or gives values"},
		{"a start function that is not there", module(Section(8, []byte{7})), errcode.Invalid, "unknown start function 7"},
		{"nothing but zeros", module(zeros(1000)), errcode.Invalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := scanAndRewrite(c.data)
			if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("%v (%s), want %s with %q", err, errcode.Of(err), c.code, c.say)
			}
		})
	}
}

// TestGateBoundsTheCompiler refuses small modules that would keep a compiler
// busy for minutes or take gigabytes of it.
func TestGateBoundsTheCompiler(t *testing.T) {
	wide := strings.Repeat("i", 1000)
	rep := bytes.Repeat
	for _, c := range []struct {
		name string
		make func(m *Module)
		say  string
	}{
		{"branches with a thousand values", func(m *Module) {
			m.Func(m.Type("", ""), "", 0x02, U(m.Type("", wide)), rep([]byte{0x41, 0}, 1000), rep([]byte{0x41, 0, 0x0d, 0}, 1000), 0x0b, 0x00)
		}, "values passed"},
		{"a branch table with a thousand values", func(m *Module) {
			m.Func(m.Type("", ""), "", 0x02, U(m.Type("", wide)), rep([]byte{0x41, 0}, 1001), 0x0e, U(1000), rep([]byte{0}, 1001), 0x0b, 0x00)
		}, "values passed"},
		{"blocks with a thousand results", func(m *Module) {
			m.Func(m.Type("", ""), "", rep(Cat([]byte{0x02}, U(m.Type("", wide)), []byte{0x00, 0x0b}), 1000), 0x00)
		}, "values passed"},
		{"calls with a thousand results", func(m *Module) {
			m.Func(m.Type("", ""), "", rep(Call(1), 1000), 0x00)
			m.Func(m.Type("", wide), "", rep([]byte{0x41, 0}, 1000))
		}, "values passed"},
		{"indirect calls with a thousand results", func(m *Module) {
			m.Table(1, 1)
			m.Func(m.Type("", ""), "", rep(Cat([]byte{0x41, 0, 0x11}, U(m.Type("", wide)), []byte{0}), 1000), 0x00)
		}, "values passed"},
		{"calls without end", func(m *Module) {
			m.Func(m.Type("", ""), "", rep(Call(0), 100_001))
		}, "calls: 100001 > 100000"},
		{"many locals across many blocks", func(m *Module) {
			m.Func(m.Type("", ""), strings.Repeat("i", 50_000), rep([]byte{0x20, 0, 0x04, 0x40, 0x0b}, 1000))
		}, "locals times blocks"},
		{"many functions with many locals", func(m *Module) {
			for range 101 {
				m.Func(m.Type("", ""), strings.Repeat("i", 50_000))
			}
		}, "locals: 5050000 > 5000000"},
		{"many functions with many blocks", func(m *Module) {
			for range 30 {
				m.Func(m.Type("", ""), strings.Repeat("i", 900), rep([]byte{0x02, 0x40, 0x0b}, 1000))
			}
		}, "module locals times blocks"},
		{"many functions with many values", func(m *Module) {
			for range 30 {
				m.Func(m.Type("", ""), "", rep(Cat([]byte{0x02}, U(m.Type("", wide)), []byte{0x00, 0x0b}), 90), 0x00)
			}
		}, "module values passed"},
		{"element segments without end", func(m *Module) {
			m.Func(m.Type("", ""), "")
			for range 3 {
				m.Elems = append(m.Elems, Cat([]byte{1, 0}, U(900_000), make([]byte, 900_000)))
			}
		}, "elements: 2700000 > 2000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Module{}
			c.make(m)
			if _, err := scanAndRewrite(m.Bytes()); !errors.Is(err, errcode.Exhausted) || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("%v, want exhausted with %q", err, c.say)
			}
		})
	}
}

// TestGateAllocates checks that a refused module costs no more than its bytes.
func TestGateAllocates(t *testing.T) {
	m := &Module{}
	for range 100 {
		m.Func(m.Type("", ""), strings.Repeat("i", 50_000))
	}
	m.Tables = [][]byte{Cat([]byte{0x70, 0}, lie)}
	data := m.Bytes()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := scanAndRewrite(data)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 64<<10 {
		t.Fatalf("%d bytes allocated for %d bytes that end with %v", got, len(data), err)
	}
}

// guestModules returns the core modules of the recorded guests.
func guestModules(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/wasm"), "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no guests: %v", err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := binary.Decode(data, binary.Limits{})
		if err != nil {
			continue // a core module by itself
		}
		collect(c, data, filepath.Base(f), out)
	}
	return out
}

func collect(c *binary.Component, data []byte, name string, out map[string][]byte) {
	for _, d := range c.Defs {
		switch d := d.Item.(type) {
		case *binary.CoreModule:
			out[name+"@"+string(U(d.Start))] = data[d.Start:d.End]
		case *binary.Component:
			collect(d, data, name, out)
		}
	}
}

// TestTruncated cuts modules at every byte: none panics, and what is accepted
// is what the engine accepts.
func TestTruncated(t *testing.T) {
	s := newSide(t, engines[1].config(), false, false)
	for name, data := range guestModules(t) {
		if len(data) > 80_000 {
			continue
		}
		ends := map[int]bool{}
		for n := range len(data) {
			m, err := corewasm.Scan(data[:n], corewasm.Limits{})
			if err != nil {
				continue
			}
			ends[n] = true
			out, err := m.Rewrite(corewasm.RewriteConfig{Imports: make([]corewasm.Target, len(m.Imports))})
			if err != nil {
				continue
			}
			if _, err := s.rt.CompileModule(context.Background(), data[:n]); err != nil && len(out) > 0 {
				if _, err2 := s.rt.CompileModule(context.Background(), out); err2 == nil {
					t.Errorf("%s cut at %d: refused as it is (%v), accepted after rewriting", name, n, err)
				}
			}
		}
		if len(ends) > 40 {
			t.Errorf("%s: accepted when cut at %d places", name, len(ends))
		}
	}
}

// TestRoundTrip rewrites guests without fuel and under their own names: the
// engine sees the same imports, exports and functions.
func TestRoundTrip(t *testing.T) {
	for name, data := range guestModules(t) {
		m, err := corewasm.Scan(data, corewasm.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cfg := corewasm.RewriteConfig{}
		for _, i := range m.Imports {
			cfg.Imports = append(cfg.Imports, corewasm.Target{Module: i.Module, Name: i.Name})
		}
		once, err := m.Rewrite(cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := corewasm.Scan(once, corewasm.Limits{})
		if err != nil {
			t.Fatalf("%s: scan what was written: %v", name, err)
		}
		twice, err := again.Rewrite(cfg)
		if err != nil {
			t.Fatalf("%s: rewrite what was written: %v", name, err)
		}
		if !bytes.Equal(once, twice) {
			t.Errorf("%s: %d bytes, %d when rewritten again", name, len(once), len(twice))
		}
		if len(m.Imports) != len(again.Imports) {
			t.Errorf("%s: %d imports became %d", name, len(m.Imports), len(again.Imports))
		}
	}
}
