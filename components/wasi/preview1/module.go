package preview1

import (
	"context"
	"slices"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/wit/value"
)

// The exports that make a module a command or a library.
const (
	startExport      = "_start"
	initializeExport = "_initialize"
)

// Module is a compiled module whose imports are bound. It is immutable and
// safe for concurrent use.
type Module struct {
	core *components.CoreModule
	tmpl *components.CoreTemplate
}

// Compile makes a module of its bytes, which it does not keep. limits hold for
// each of its instances.
//
// Errors:
//   - those of [components.Engine.CompileModule].
//   - not_found if it imports something that is not of WASI 0.1, with what;
//     invalid if it imports a function under another type.
func Compile(ctx context.Context, engine *components.Engine, data []byte, limits components.Limits) (*Module, error) {
	core, err := engine.CompileModule(ctx, data)
	if err != nil {
		return nil, err
	}
	tmpl, err := core.Link(ctx, components.CoreLinkConfig{Hosts: hosts(), Limits: limits})
	if err != nil {
		_ = core.Close(ctx) // it only gives memory back
		return nil, err
	}
	return &Module{core: core, tmpl: tmpl}, nil
}

// Exports returns the functions that the module offers.
func (m *Module) Exports() []components.CoreFunc { return m.core.Exports() }

// Imports returns the functions that the module asks for.
func (m *Module) Imports() []components.CoreFunc { return m.core.Imports() }

// Command reports whether the module is a command: whether Run starts it.
func (m *Module) Command() bool {
	_, err := m.export(startExport)
	return err == nil
}

func (m *Module) export(name string) (components.CoreFunc, error) {
	list := m.core.Exports()
	i := slices.IndexFunc(list, func(f components.CoreFunc) bool { return f.Name == name })
	if i < 0 {
		return components.CoreFunc{}, errcode.New(errcode.NotFound, "call %s: the module exports no such function", name)
	}
	return list[i], nil
}

// Close frees the module's code. No instance of it may be open.
func (m *Module) Close(ctx context.Context) error {
	_ = m.tmpl.Close(ctx) // neither has a way to fail
	return m.core.Close(ctx)
}

// Run starts the command in a new instance under cfg and returns its exit
// code: what it gave to proc_exit, else 0.
//
// Errors:
//   - those of [Module.Open].
//   - invalid if the module is no command.
//   - *components.Trap if it trapped, hit a limit or was stopped; what it wrote
//     before is written.
func (m *Module) Run(ctx context.Context, cfg wasi.Config) (exitCode int, err error) {
	if !m.Command() {
		return 0, errcode.New(errcode.Invalid, "run module: it has no %s, so it is no command", startExport).
			WithNext("call one of its functions by name")
	}
	in, err := m.Open(ctx, cfg)
	if err != nil {
		return exitOf(err)
	}
	_, err = in.core.Call(ctx, startExport)
	code, err := exitOf(err)
	if cerr := in.Close(ctx); err == nil {
		err = cerr
	}
	return code, err
}

// Run compiles a command, runs it once and frees it. See [Module.Run].
func Run(ctx context.Context, engine *components.Engine, data []byte, cfg wasi.Config, limits components.Limits) (exitCode int, err error) {
	m, err := Compile(ctx, engine, data, limits)
	if err != nil {
		return 0, err
	}
	code, err := m.Run(ctx, cfg)
	if cerr := m.Close(ctx); err == nil {
		err = cerr
	}
	return code, err
}

// Call compiles a module, calls its exported function name once in a new
// instance and frees it. See [Module.Open] and [Instance.Call].
func Call(ctx context.Context, engine *components.Engine, data []byte, cfg wasi.Config, limits components.Limits, name string, args ...value.Value) ([]value.Value, error) {
	m, err := Compile(ctx, engine, data, limits)
	if err != nil {
		return nil, err
	}
	results, err := m.call(ctx, cfg, name, args)
	if cerr := m.Close(ctx); err == nil {
		err = cerr
	}
	return results, err
}

func (m *Module) call(ctx context.Context, cfg wasi.Config, name string, args []value.Value) ([]value.Value, error) {
	in, err := m.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	results, err := in.Call(ctx, name, args...)
	if cerr := in.Close(ctx); err == nil {
		err = cerr
	}
	return results, err
}
