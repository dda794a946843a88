package components_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"latticework/components"
	. "latticework/internal/wasmbuild"
)

// Instructions of exceptions, and types that Module.Type has no letter for.
const (
	tryOp      = 0x1f
	throwOp    = 0x08
	throwRefOp = 0x0a
	exnType    = 0x69
)

// runCore returns what the export "run" of a core module answers.
func runCore(t *testing.T, cfg components.EngineConfig, limits components.Limits, module []byte) ([]uint64, error) {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	m, err := e.CompileModule(t.Context(), module)
	if err != nil {
		return nil, err
	}
	tmpl, err := m.Link(t.Context(), components.CoreLinkConfig{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	return in.Call(t.Context(), "run")
}

// exceptionModule returns a module with the tag 0, of an i64, the type exnAndI64
// of blocks that give an i64 and a reference to an exception, and a global that
// counts.
func exceptionModule() (m *Module, exnAndI64 byte) {
	m = &Module{}
	m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("l", "")))}
	m.Type("", "l")
	m.Types = append(m.Types, []byte{0x60, 0, 2, 0x7e, exnType})
	m.Global(0)
	return m, byte(len(m.Types) - 1)
}

// thrown throws n n times, each caught where it is thrown.
func thrown(n int) []byte {
	return Cat([]byte{loopOp, void, blockOp, 0x7e, tryOp, void, 1, 0, 0, 0, 0x42}, S(int64(n)), []byte{throwOp, 0, endOp, 0x00, endOp, 0x1a},
		[]byte{0x23, 0, 0x41, 1, 0x6a, 0x24, 0, 0x23, 0, 0x41}, S(int64(n)), []byte{0x48, 0x0d, 0, endOp})
}

// caughtAs leaves the i64 of the exception that code throws, which is caught with
// a reference that ref takes.
func caughtAs(exnAndI64 byte, code, ref []byte) []byte {
	return Cat([]byte{blockOp, exnAndI64, tryOp, void, 1, 1, 0, 0}, code, []byte{endOp, 0x00, endOp}, ref)
}

// throwing throws v.
func throwing(v int64) []byte { return Cat([]byte{0x42}, S(v), []byte{throwOp, 0}) }

// TestExceptionOutlivesOthers holds a reference to an exception while the guest
// throws and catches others, so that the collector runs, and throws it again.
// The engine has the collector know only of the one that was thrown last.
func TestExceptionOutlivesOthers(t *testing.T) {
	const want, others = 0x1234, 10_000
	again := []byte{blockOp, 0x7e, tryOp, void, 1, 0, 0, 0, getOp, 2, throwRefOp, endOp, 0x00, endOp}
	// Locals: an i64, an i32, a reference.
	locals := []byte{3, 1, 0x7e, 1, 0x7f, 1, exnType}
	for _, c := range []struct {
		name string
		code func(exnAndI64 byte) []byte
	}{
		{"in a local", func(typ byte) []byte {
			return Cat(caughtAs(typ, throwing(want), []byte{setOp, 2, 0x1a}), thrown(others), again)
		}},
		// The copy of the stack that a try block made has the only reference that is
		// still used.
		{"in a try block", func(typ byte) []byte {
			inner := Cat(thrown(others), throwing(7))
			return Cat(caughtAs(typ, throwing(want), []byte{setOp, 2, 0x1a}),
				[]byte{blockOp, 0x7e, tryOp, void, 1, 0, 0, 0}, inner, []byte{endOp, 0x00, endOp, 0x1a}, again)
		}},
		// A call that is far up holds it.
		{"in a caller", func(typ byte) []byte {
			return Cat(caughtAs(typ, throwing(want), []byte{setOp, 2, 0x1a}), Call(1), again)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, typ := exceptionModule()
			m.Export("run", Func, m.Body(m.Type("", "l"), Cat(locals, c.code(typ), []byte{endOp})))
			m.Func(m.Type("", ""), "", thrown(others))
			got, err := runCore(t, components.EngineConfig{}, components.Limits{}, m.Bytes())
			if err != nil || got[0] != want {
				t.Errorf("the exception has %#x, %v; want %#x", got, err, want)
			}
		})
	}
}

// TestExceptionsInDepth runs a program that calls itself to random depths, inside
// random try blocks, and throws or returns from there, and compares what it adds up
// with the same in Go: what is on a stack is still there after it was cut, grew
// and was copied.
func TestExceptionsInDepth(t *testing.T) {
	const rounds = 40
	m, _ := exceptionModule()
	m.Globals = append(m.Globals, Cat([]byte{0x7e, 1, 0x42, 0, endOp}))
	add := func(code ...byte) []byte { return Cat([]byte{0x23, 1}, code, []byte{0x7c, 0x24, 1}) } // to the sum
	next := Cat([]byte{getOp, 1, 0x42}, S(lcgFactor), []byte{0x7e, 0x42}, S(lcgTerm), []byte{0x7c})
	bits := func(shift, mask int64) []byte {
		return Cat([]byte{getOp, 1, 0x42}, S(shift), []byte{0x88, 0x42}, S(mask), []byte{0x83})
	}
	deeper := Cat([]byte{getOp, 0, 0x41, 1, 0x6b}, next, Call(0))
	// Locals: the depth, the number; what is to survive, what was caught.
	m.Func(m.Type("il", ""), "ll", []byte{getOp, 1, 0x42, 3, 0x7e, setOp, 2},
		[]byte{getOp, 0, 0x45, 0x04, 0x40}, bits(40, 1), []byte{0x50, 0x04, 0x40, 0x0f, endOp, getOp, 1, throwOp, 0, endOp},
		bits(33, 7), []byte{0x50, 0x04, 0x40},
		[]byte{blockOp, 0x7e, tryOp, void, 1, 0, 0, 0}, deeper, []byte{endOp}, add(getOp, 2), []byte{0x0f, endOp, setOp, 3},
		add(getOp, 3, getOp, 2, 0x7c), []byte{getOp, 3, 0x42, 1, 0x7c, throwOp, 0, endOp},
		deeper, add(getOp, 2))
	m.Export("run", Func, m.Func(m.Type("", "l"), "il",
		[]byte{loopOp, void}, next, []byte{setOp, 1, blockOp, void, blockOp, 0x7e, tryOp, void, 1, 0, 0, 0},
		bits(35, 511), []byte{0xa7, getOp, 1}, Call(0), []byte{endOp, 0x0c, 1, endOp, setOp, 1}, add(getOp, 1), []byte{endOp},
		[]byte{getOp, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41}, S(rounds), []byte{0x48, 0x0d, 0, endOp, 0x23, 1}))

	var sum, n int64
	var deep func(depth, n int64) (thrown bool, value int64)
	deep = func(depth, n int64) (bool, int64) {
		if depth == 0 {
			return n>>40&1 != 0, n
		}
		thrown, v := deep(depth-1, n*lcgFactor+lcgTerm)
		switch caught := n>>33&7 == 0; {
		case thrown && caught:
			sum += v + 3*n
			return true, v + 1
		case thrown:
			return true, v
		}
		sum += 3 * n
		return false, 0
	}
	for range rounds {
		n = n*lcgFactor + lcgTerm
		if thrown, v := deep(n>>35&511, n); thrown {
			n, sum = v, sum+v
		}
	}
	got, err := runCore(t, components.EngineConfig{}, components.Limits{StackBytes: 256 << 20}, m.Bytes())
	if err != nil || int64(got[0]) != sum {
		t.Errorf("the sum is %v, %v; want %d", got, err, uint64(sum))
	}
}

// The next of a row of random numbers is lcgFactor times the last and lcgTerm.
const lcgFactor, lcgTerm = 6364136223846793005, 1442695040888963407

// TestManyReferences holds a reference to each of more exceptions than a guest may
// have, on a stack that is within its limit.
func TestManyReferences(t *testing.T) {
	m := &Module{}
	wide := m.Type(string(bytes.Repeat([]byte("l"), 900)), "")
	m.Tags = [][]byte{Cat([]byte{0}, U(wide))}
	m.Types = append(m.Types, []byte{0x60, 0, 1, exnType})
	one := byte(len(m.Types) - 1)
	// f: catch an exception with 900 values, call f, throw the exception again.
	body := Cat([]byte{1, 1, exnType}, []byte{blockOp, one, tryOp, void, 1, 3, 0}, bytes.Repeat([]byte{0x42, 1}, 900), []byte{throwOp, 0, endOp, 0x00, endOp, setOp, 0},
		Call(0), []byte{getOp, 0, throwRefOp, endOp})
	m.Export("run", Func, m.Body(m.Type("", ""), body))
	_, err := runCore(t, components.EngineConfig{}, components.Limits{StackBytes: 4 << 20}, m.Bytes())
	if !errors.Is(err, components.ErrExhausted) {
		t.Errorf("answered %v, want exhausted", err)
	}
}

// TestManyExceptions catches so many in a call that they would take five times
// the stack that it may, if the stack got longer with each.
func TestManyExceptions(t *testing.T) {
	const n = 40_000
	m, _ := exceptionModule()
	m.Export("run", Func, m.Func(m.Type("", "l"), "", thrown(n), 0x42, 5))
	start := time.Now()
	got, err := runCore(t, components.EngineConfig{}, components.Limits{StackBytes: 128 << 10}, m.Bytes())
	if err != nil || got[0] != 5 {
		t.Errorf("answered %v, %v", got, err)
	}
	t.Logf("%v for one", time.Since(start)/n)
}

// TestTryBlocksInsideOneAnother enters so many that what the engine keeps of each
// takes more than the stack may, though the copies of the stack do not.
func TestTryBlocksInsideOneAnother(t *testing.T) {
	run := func(n int) error {
		m, _ := exceptionModule()
		m.Export("run", Func, m.Func(m.Type("", "l"), "",
			blockOp, void, bytes.Repeat([]byte{tryOp, void, 1, 2, 0}, n), bytes.Repeat([]byte{endOp}, n+1), 0x42, 5))
		_, err := runCore(t, components.EngineConfig{}, components.Limits{StackBytes: 400 << 10}, m.Bytes())
		return err
	}
	if err := run(100); err != nil {
		t.Errorf("100: %v", err)
	}
	if err := run(500); !errors.Is(err, components.ErrExhausted) {
		t.Errorf("500: answered %v, want exhausted", err)
	}
}

// TestExceptionReferences checks where a guest may not have references to
// exceptions.
func TestExceptionReferences(t *testing.T) {
	m, typ := exceptionModule()
	m.Export("run", Func, m.Func(m.Type("", "l"), "", caughtAs(typ, throwing(3), []byte{0x1a})))
	for _, cfg := range []components.EngineConfig{{Interpreter: true}, {NoFuel: true}} {
		if _, err := runCore(t, cfg, components.Limits{}, m.Bytes()); !errors.Is(err, components.ErrUnsupported) {
			t.Errorf("%+v: answered %v, want unsupported", cfg, err)
		}
	}
}

// TestExceptionInAnother: an exception may not come with a reference to another,
// which nobody would keep for it.
func TestExceptionInAnother(t *testing.T) {
	for _, ref := range [][]byte{{exnType}, {0x63, exnType}, {0x64, exnType}} {
		for _, imported := range []bool{false, true} {
			m, _ := exceptionModule()
			m.Types = append(m.Types, Cat([]byte{0x60, 2, 0x7e}, ref, []byte{0}))
			tag := Cat([]byte{0}, U(len(m.Types)-1))
			if imported {
				m.Imports = append(m.Imports, Cat(Name("m"), Name("t"), []byte{4}, tag))
			} else {
				m.Tags = append(m.Tags, tag)
			}
			m.Export("run", Func, m.Func(m.Type("", "l"), "", 0x42, 3))
			if got, err := runCore(t, components.EngineConfig{}, components.Limits{}, m.Bytes()); !errors.Is(err, components.ErrUnsupported) {
				t.Errorf("a tag with a reference %x, imported %v: %v, %v; want unsupported", ref, imported, got, err)
			}
		}
	}
}

// TestReferencesStayInside: a call from outside passes no references, which
// would outlive what they lead to, nor vectors.
func TestReferencesStayInside(t *testing.T) {
	for _, typ := range []byte{exnType, 0x70, 0x6f, 0x7b} {
		m := &Module{}
		m.Types = append(m.Types, []byte{0x60, 0, 1, typ})
		m.Export("run", Func, m.Body(0, []byte{0, 0x00, endOp}))
		if got, err := runCore(t, components.EngineConfig{}, components.Limits{}, m.Bytes()); !errors.Is(err, components.ErrUnsupported) {
			t.Errorf("a result of type %#x: %v, %v; want unsupported", typ, got, err)
		}
	}
}

// TestCopiesCostFuel: try blocks on a deep stack, all of which is copied, take more
// of a limit of fuel than on another.
func TestCopiesCostFuel(t *testing.T) {
	const tries = 400
	for _, c := range []struct {
		depth int64
		want  error
	}{{1, nil}, {3_000, components.ErrExhausted}} {
		m, _ := exceptionModule()
		m.Export("run", Func, m.Func(m.Type("", "l"), "", I32(c.depth), Call(1), 0x42, 7))
		m.Func(m.Type("i", ""), "i", getOp, 0, 0x04, void, getOp, 0, I32(1), 0x6b, Call(1), 0x05,
			loopOp, void, blockOp, void, tryOp, void, 1, 2, 0, endOp, endOp,
			getOp, 1, I32(1), 0x6a, 0x22, 1, I32(tries), 0x48, 0x0d, 0, endOp, endOp)
		_, err := runCore(t, components.EngineConfig{}, components.Limits{Fuel: 3_000_000}, m.Bytes())
		if !errors.Is(err, c.want) {
			t.Errorf("%d try blocks %d calls deep: %v, want %v", tries, c.depth, err, c.want)
		}
	}
}
