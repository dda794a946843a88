package preview1

import (
	"context"
	"errors"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/wit/value"
)

// Instance is the running state of a module used as a library. It runs one
// call at a time and is not safe for concurrent use.
type Instance struct {
	module *Module
	core   *components.CoreInstance
	guest  *guest
}

// Open makes an instance under cfg and, for a module that has one, calls its
// function _initialize. The caller closes it.
//
// Errors:
//   - invalid as [wasi.Config.Validate] says; not_found, denied or invalid for
//     a folder that cannot be granted.
//   - *components.Trap if the module's start traps or runs out of time, with
//     *ExitError in its chain if it exits.
//   - exhausted if the system gives no memory.
func (m *Module) Open(ctx context.Context, cfg wasi.Config) (*Instance, error) {
	g, err := newGuest(ctx, cfg)
	if err != nil {
		return nil, err
	}
	in := &Instance{module: m, guest: g}
	in.core, err = m.tmpl.Acquire(ctx, func(core *components.CoreInstance) { g.in, core.State = core, g })
	if err == nil {
		if _, missing := m.export(initializeExport); missing == nil {
			_, err = in.core.Call(ctx, initializeExport)
		}
	}
	if err != nil {
		return nil, errors.Join(err, in.Close(ctx))
	}
	return in, nil
}

// Call calls the exported function name. Its types are those of core modules:
// a parameter of 32 bits takes an S32 or a U32, one of 64 bits an S64 or a U64,
// a float an F32 or an F64. Results are S32, S64, F32 and F64.
//
// Errors:
//   - not_found if there is no such function, invalid for arguments that do not
//     fit, unsupported for a function with vectors or references.
//   - *components.Trap if the guest trapped, hit a limit or was stopped; the
//     instance is gone. *ExitError is in its chain if the guest exited.
//   - closed after Close.
func (in *Instance) Call(ctx context.Context, name string, args ...value.Value) ([]value.Value, error) {
	if in.core == nil {
		return nil, errcode.New(errcode.Closed, "call %s: the instance is closed", name)
	}
	f, err := in.module.export(name)
	if err != nil {
		return nil, err
	}
	flat, err := lower(f, args)
	if err != nil {
		return nil, err
	}
	results, err := in.core.Call(ctx, name, flat...)
	if err != nil {
		return nil, err
	}
	return lift(f, results), nil
}

// Close ends the instance and what it had open. It is idempotent.
func (in *Instance) Close(ctx context.Context) error {
	if in.core != nil {
		in.core.Release(ctx)
		in.core = nil
	}
	return in.guest.close(ctx)
}

// exitOf takes an exit out of what a call answered.
func exitOf(err error) (int, error) {
	var exit *ExitError
	if errors.As(err, &exit) {
		return int(exit.Code), nil
	}
	return 0, err
}
