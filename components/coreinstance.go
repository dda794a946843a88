package components

import (
	"context"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/memory"
	"latticework/internal/errcode"
)

// CoreInstance is the running state of a core template. It runs one call at a
// time and is not safe for concurrent use.
type CoreInstance struct {
	// State belongs to the functions of the host.
	State any

	tmpl   *CoreTemplate
	ctx    coreContext
	mod    api.Module
	memory *memory.Memory // its own, nil without one
	mem    api.Memory     // as the engine shows it, set when the host is called
	active activation     // the call under way
	// funcs are the engine's handles of exports that were called; making one
	// costs more than a call.
	funcs map[string]api.Function
	deep  bool // the call under way used much stack, which handles keep

	meter   meter
	dead    error
	calling bool
}

// coreContext is the context under which a core module's code runs.
type coreContext struct {
	context.Context
	in *CoreInstance
}

func coreInstanceOf(ctx context.Context) *CoreInstance { return ctx.(*coreContext).in }

// Acquire returns an instance in its initial state. ready is called before any
// code of the guest runs, for what the functions of the host need; nil for
// nothing. The caller gives the instance back with Release.
//
// Errors:
//   - *Trap if the start function traps or runs out of time.
//   - ErrExhausted if the system gives no memory.
func (t *CoreTemplate) Acquire(ctx context.Context, ready func(*CoreInstance)) (*CoreInstance, error) {
	in := &CoreInstance{tmpl: t, meter: meter{budget: &memory.Budget{Limit: t.limits.MemoryBytes}}}
	in.ctx.in = in
	if ready != nil {
		ready(in)
	}
	err := in.guarded(ctx, "instantiate", func() error {
		in.ctx.Context = experimental.WithImportResolver(experimental.WithMemoryAllocator(in.ctx.Context, in), in.resolve)
		if p := t.module.pool; p != nil { // before the engine asks for it, to which no error can be told
			var err error
			if in.memory, err = p.Get(in.meter.budget); err != nil {
				return err
			}
		}
		mod, err := instantiateCore(&in.ctx, t.module.engine.rt, t.module.code)
		if err != nil {
			return err
		}
		in.mod = mod
		if t.module.start == "" {
			return nil
		}
		return in.enter(mod.ExportedFunction(t.module.start), nil)
	})
	if err != nil {
		in.Release(ctx)
		return nil, err
	}
	return in, nil
}

func (in *CoreInstance) resolve(string) api.Module { return in.tmpl.host }

// Allocate gives the module being instantiated its memory.
func (in *CoreInstance) Allocate(_, _ uint64) experimental.LinearMemory { return in.memory }

// Release ends the instance; its memory goes back to the pool. The instance
// must not be used afterwards.
func (in *CoreInstance) Release(ctx context.Context) {
	if in.tmpl == nil {
		return
	}
	if in.mod != nil {
		_ = in.mod.Close(ctx) // it has nothing to flush
	}
	if in.memory != nil {
		in.memory.Pool().Put(in.memory)
	}
	in.tmpl, in.mod, in.memory, in.mem, in.funcs = nil, nil, nil, nil, nil
}

// Call calls the exported function name. args and the results are as the
// engine holds core values: integers in the low bits, floats as their bits.
//
// Errors:
//   - *Trap if the guest trapped or was stopped; the instance is gone. If a
//     function of the host ended it, that function's error is in the chain.
//   - ErrNotFound if there is no such function, ErrInvalid for another number
//     of arguments than it takes.
//   - ErrUnsupported if it takes or gives vectors or references.
//   - ErrTrap for every call after a trap, ErrClosed after Release.
func (in *CoreInstance) Call(ctx context.Context, name string, args ...uint64) ([]uint64, error) {
	switch {
	case in.tmpl == nil:
		return nil, errcode.New(errcode.Closed, "call: the instance was released")
	case in.dead != nil:
		return nil, errcode.New(errcode.Trap, "call %s: the instance trapped before: %w", name, in.dead)
	case in.calling:
		return nil, errcode.New(errcode.Invalid, "call %s: another call is under way in the instance", name)
	}
	fn := in.function(name)
	if fn == nil {
		return nil, errcode.New(errcode.NotFound, "call %s: the module exports no such function", name)
	}
	params, results := fn.Definition().ParamTypes(), fn.Definition().ResultTypes()
	if !plain(params) || !plain(results) { // what a reference leads to is gone after the call
		return nil, errcode.New(errcode.Unsupported, "call %s: it passes vectors or references", name)
	}
	takes, gives := len(params), len(results)
	if len(args) != takes {
		return nil, errcode.New(errcode.Invalid, "call %s: %d arguments, want %d", name, len(args), takes)
	}
	stack := make([]uint64, max(takes, gives))
	copy(stack, args)
	if err := in.guarded(ctx, name, func() error { return in.enter(fn, stack) }); err != nil {
		return nil, err
	}
	return stack[:gives], nil
}

// plain reports whether values of types are numbers of one word.
func plain(types []api.ValueType) bool {
	return !slices.ContainsFunc(types, func(t api.ValueType) bool {
		return t != api.ValueTypeI32 && t != api.ValueTypeI64 && t != api.ValueTypeF32 && t != api.ValueTypeF64
	})
}

// function returns the engine's handle of an export, nil if there is none.
func (in *CoreInstance) function(name string) api.Function {
	fn := in.funcs[name]
	if fn == nil {
		if fn = in.mod.ExportedFunction(name); fn != nil {
			if in.funcs == nil {
				in.funcs = map[string]api.Function{}
			}
			in.funcs[name] = fn
		}
	}
	return fn
}

// guarded runs do as a call: limits are counted from here, and what is wrong
// is a Trap.
func (in *CoreInstance) guarded(ctx context.Context, name string, do func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return errcode.New(errcode.Of(err), "call %s: %w", name, err)
	}
	if t := in.tmpl.limits.Time; t > 0 {
		own := withTime(ctx, t) // host functions that wait see it
		defer own.stop()
		ctx = own
	}
	in.ctx.Context, in.calling = ctx, true
	in.meter.begin(ctx)
	defer func() {
		if p := recover(); p != nil { // thrown outside the engine's frames
			h, ok := p.(*hostError)
			if !ok {
				panic(p)
			}
			err = h
		}
		in.calling = false
		if in.deep {
			clear(in.funcs)
			in.deep = false
		}
		in.ctx.Context = context.Background()
		if err != nil {
			t := newTrap(name, err, in.tmpl.module.namer)
			in.dead, err = t, t
		}
	}()
	return do()
}

func (in *CoreInstance) enter(fn api.Function, stack []uint64) error {
	in.active = activation{fn: fn}
	defer in.active.end()
	return fn.CallWithStack(&in.ctx, stack)
}

// refill is called by guest code, see meter.refill.
func (in *CoreInstance) refill(counter int32) int32 {
	next, err := in.meter.refill(in.ctx.Context, in, in.tmpl.limits.Fuel, counter)
	if err != nil {
		panic(&hostError{err})
	}
	return next
}

func (in *CoreInstance) running() *activation { return &in.active }

// checkStack reports whether the guest uses more stack than it may.
func (in *CoreInstance) checkStack() error {
	used, limit := in.active.held(), in.tmpl.limits.StackBytes
	if used > limit {
		return exceeded(LimitStackBytes, "call stack bytes", used, limit)
	}
	in.deep = in.deep || used > keepStack
	return nil
}

// Overdue reports whether the call must stop because its time is up or its
// context ended: a function of the host that works for long asks and returns
// the error.
//
// Errors: ErrDeadline, or the class of the cause of the context's end.
func (in *CoreInstance) Overdue() error { return in.meter.overdue(in.ctx.Context) }

// Context returns the context of the call under way, for functions of the
// host.
func (in *CoreInstance) Context() context.Context { return in.ctx.Context }

// Memory returns the guest's memory as it is now, for the time of one function
// of the host; nil if it has none.
func (in *CoreInstance) Memory() []byte {
	if in.mem == nil {
		return nil
	}
	b, _ := in.mem.Read(0, in.mem.Size())
	return b
}
