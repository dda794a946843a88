package components

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/corewasm"
	"latticework/components/internal/memory"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Instance is the running state of a template. It runs one call at a time and
// is not safe for concurrent use.
type Instance struct {
	tmpl *Template
	ctx  callContext

	mods     []api.Module // by step
	memories []*memory.Memory
	funcs    []api.Function // by plan.Funcs, looked up when first needed
	mems     []api.Memory   // by plan.Memories, likewise
	states   []*state

	frames []*frame // a stack; those at depth and above are unused
	depth  int

	fuel     uint64 // spent in this call
	deadline time.Time
	dead     error
	calling  bool

	step int // the step being instantiated, for Allocate
}

// callContext is the context under which guest code runs. Host functions find
// their instance in it; it is part of the instance, so that a call allocates
// nothing for it.
type callContext struct {
	context.Context
	inst *Instance
}

func instanceOf(ctx context.Context) *Instance { return ctx.(*callContext).inst }

// moduleConfig is shared by all instantiations. A source of randomness is
// named because wazero seeds one of its own otherwise, which costs more than
// the rest of an instantiation; no guest reaches it.
var moduleConfig = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(noRandom{})

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) {
	return 0, errcode.New(errcode.Internal, "core modules have no source of randomness")
}

// Acquire returns an instance in its initial state. The caller gives it back
// with Release.
//
// Errors:
//   - *Trap if a start function traps or runs out of time.
//   - ErrExhausted if the system gives no memory.
func (t *Template) Acquire(ctx context.Context) (*Instance, error) {
	p := t.component.plan
	in := &Instance{
		tmpl:   t,
		mods:   make([]api.Module, 0, len(p.Steps)),
		funcs:  make([]api.Function, len(p.Funcs)),
		mems:   make([]api.Memory, len(p.Memories)),
		states: make([]*state, len(p.Parents)),
	}
	in.ctx.inst = in
	states := make([]state, len(p.Parents))
	for i, parent := range p.Parents {
		states[i] = state{inst: in, index: i, mayLeave: true, mayEnter: true, table: table{limit: t.limits.Handles}}
		if parent >= 0 {
			states[i].parent = &states[parent]
		}
		in.states[i] = &states[i]
	}
	if err := in.instantiate(ctx); err != nil {
		in.dead = err
		in.Release(ctx)
		return nil, err
	}
	return in, nil
}

func (in *Instance) instantiate(ctx context.Context) error {
	c := in.tmpl.component
	in.begin(ctx)
	defer in.end()
	in.ctx.Context = experimental.WithImportResolver(experimental.WithMemoryAllocator(in.ctx.Context, in), in.resolve)
	for i := range c.plan.Steps {
		in.step = i
		mod, err := c.engine.rt.InstantiateModule(&in.ctx, c.modules[c.plan.Steps[i].Module].code, moduleConfig)
		if err != nil {
			return newTrap("instantiate", err)
		}
		in.mods = append(in.mods, mod)
	}
	return nil
}

// resolve gives the core module being instantiated what it imports from.
func (in *Instance) resolve(name string) api.Module {
	g, ok := corewasm.ParseGroup(name)
	if !ok {
		return in.tmpl.component.host
	}
	return in.mods[in.tmpl.component.plan.Steps[in.step].Groups[g]]
}

// Allocate gives the core module being instantiated its memory.
func (in *Instance) Allocate(_, _ uint64) experimental.LinearMemory {
	c := in.tmpl.component
	m, err := c.modules[c.plan.Steps[in.step].Module].pool.Get(in.tmpl.limits.MemoryBytes)
	if err != nil {
		in.throw(err)
	}
	in.memories = append(in.memories, m)
	return m
}

// Release ends the instance: handles that are still open are dropped, and its
// memory goes back to the pool. The instance must not be used afterwards.
func (in *Instance) Release(ctx context.Context) {
	if in.tmpl == nil {
		return
	}
	for _, s := range in.states {
		s.table.closeAll(ctx)
	}
	for i := len(in.mods) - 1; i >= 0; i-- {
		_ = in.mods[i].Close(ctx)
	}
	for _, m := range in.memories {
		m.Pool().Put(m)
	}
	in.tmpl, in.mods, in.memories = nil, nil, nil
}

// Dead reports whether the instance trapped: it answers no further call.
func (in *Instance) Dead() bool { return in.dead != nil }

// begin starts a call: limits of time and fuel are counted from here.
func (in *Instance) begin(ctx context.Context) {
	in.ctx.Context = ctx
	in.fuel = 0
	in.deadline, _ = ctx.Deadline()
	if t := in.tmpl.limits.Time; t > 0 {
		if d := time.Now().Add(t); in.deadline.IsZero() || d.Before(in.deadline) {
			in.deadline = d
		}
	}
	in.calling = true
}

func (in *Instance) end() {
	in.calling = false
	in.ctx.Context = context.Background()
}

// fuelQuantum is how many loop iterations and function entries pass between
// two calls of refill: some hundred microseconds at most.
const fuelQuantum = 20_000

// refill is called by guest code whose counter ran out. Being in Go lets the
// scheduler and the collector in.
func (in *Instance) refill() int32 {
	in.fuel += fuelQuantum
	if limit := in.tmpl.limits.Fuel; limit > 0 && in.fuel > limit {
		in.throw(errcode.New(errcode.Exhausted, "fuel: %d > %d", in.fuel, limit))
	}
	if !in.deadline.IsZero() && !time.Now().Before(in.deadline) {
		in.throw(errcode.New(errcode.Deadline, "the call ran past its deadline"))
	}
	if err := in.ctx.Err(); err != nil {
		in.throw(errcode.New(errcode.Of(err), "the call was stopped: %w", context.Cause(in.ctx.Context)))
	}
	return fuelQuantum
}

// throw unwinds the guest; the call into it answers err.
func (in *Instance) throw(err error) { panic(&hostError{err}) }

// coreFunc returns plan.Funcs[i].
func (in *Instance) coreFunc(i int) (api.Function, error) {
	if f := in.funcs[i]; f != nil {
		return f, nil
	}
	ref := in.tmpl.component.plan.Funcs[i]
	mod := in.tmpl.component.host
	if ref.Slot >= 0 {
		mod = in.mods[ref.Slot]
	}
	f := mod.ExportedFunction(ref.Name)
	if f == nil {
		return nil, errcode.New(errcode.Internal, "core instance %d exports no function %q", ref.Slot, ref.Name)
	}
	in.funcs[i] = f
	return f, nil
}

// data returns the contents of plan.Memories[i]. The slice ends where the
// memory ends now.
func (in *Instance) data(i int) []byte {
	if i < 0 {
		return nil
	}
	m := in.mems[i]
	if m == nil {
		ref := in.tmpl.component.plan.Memories[i]
		if m = in.mods[ref.Slot].ExportedMemory(ref.Name); m == nil {
			in.throw(errcode.New(errcode.Internal, "core instance %d exports no memory %q", ref.Slot, ref.Name))
		}
		in.mems[i] = m
	}
	b, _ := m.Read(0, m.Size())
	return b
}

var _ abi.Invoker = (*Instance)(nil)
