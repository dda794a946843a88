package hostile

import (
	. "latticework/internal/wasmbuild"
)

// inComponent wraps a core module given by its bytes, which nothing
// instantiates.
func inComponent(core []byte) []byte {
	c := NewComponent()
	c.CoreInstance(c.CoreModule(core))
	return c.Bytes()
}

// command makes a component of a module whose export "run" takes and gives
// nothing.
func command(m *Module) []byte {
	c := NewComponent()
	i := c.CoreInstance(c.CoreModule(m.Bytes()))
	run := c.CoreFunc(i, "run")
	c.Export("run", SortFunc, c.Lift(run, c.FuncType(nil)))
	return c.Bytes()
}

// running makes a component that runs code.
func running(locals string, code ...any) func() []byte {
	return func() []byte {
		m := &Module{}
		m.Memory(1, -1)
		m.Table(10, -1)
		f := m.Func(m.Type("", ""), locals, code...)
		m.Export("run", Func, f)
		return command(m)
	}
}

// of makes a component of the module that fill fills; it exports "run".
func of(fill func(m *Module)) func() []byte {
	return func() []byte {
		m := &Module{}
		fill(m)
		return command(m)
	}
}
