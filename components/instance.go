package components

import (
	"context"
	"slices"

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
	// main is the stack of those who call in; cur is the one that runs.
	main fiber
	cur  *fiber

	mods     []api.Module // by step
	memories []*memory.Memory
	found    *lookups // nil before it is called first
	states   []*state
	async    *scheduler // nil if the component uses nothing asynchronous

	origin *origin // nil if the instance cannot be set back to it
	grants []grant // what the host gave to start functions

	meter   meter
	timed   *timed // the call's context, nil unless limits bound its time
	dead    error
	asked   uint64 // calls that CheckHandle was asked about before
	calls   uint32 // of host functions
	outside bool   // the host was called during instantiation
	noting  bool   // grants are noted: start functions of the first instance run
	calling bool
	deep    bool // the call under way used much stack
}

// lookups are what the host uses of the core instances, each looked up when it
// is first needed. Instances that wait for a call have none.
type lookups struct {
	funcs   []coreFunc            // by plan.Funcs
	mems    []api.Memory          // by plan.Memories
	globals [][]api.MutableGlobal // by step; nil before the instance is set back first
}

func (in *Instance) lookups() *lookups {
	if in.found == nil {
		p := in.tmpl.component.plan
		in.found = &lookups{funcs: make([]coreFunc, len(p.Funcs)), mems: make([]api.Memory, len(p.Memories))}
	}
	return in.found
}

// Acquire returns an instance in its initial state. The caller gives it back
// with Release.
//
// Errors:
//   - *Trap if a start function traps or runs out of time.
//   - ErrExhausted if the system gives no memory.
func (t *Template) Acquire(ctx context.Context) (*Instance, error) {
	in, o, first := t.reuse.pop()
	if in != nil {
		return in, nil
	}
	in = t.newInstance()
	in.origin = o
	in.noting = first && t.reuseInitialized
	err := in.instantiate(ctx)
	in.noting = false
	if first {
		if err == nil {
			in.origin, err = in.remember()
		}
		t.reuse.setOrigin(in.origin, err != nil)
	}
	if err != nil {
		in.dead = err
		in.Release(ctx)
		return nil, err
	}
	in.outside = false
	return in, nil
}

// newInstance returns an instance of which nothing is instantiated.
func (t *Template) newInstance() *Instance {
	p := t.component.plan
	in := &Instance{
		tmpl:   t,
		meter:  meter{budget: &memory.Budget{Limit: t.limits.MemoryBytes}},
		mods:   make([]api.Module, 0, len(p.Steps)),
		states: make([]*state, len(p.Parents)),
	}
	in.main.in, in.main.ctx.fiber, in.cur = in, &in.main, &in.main
	if t.Async() {
		in.async = &scheduler{in: in}
	}
	states := make([]state, len(p.Parents))
	for i, parent := range p.Parents {
		limit := uint32(min(max(t.limits.Handles, 0), maxHandle))
		states[i] = state{inst: in, index: i, async: p.Async[i], mayLeave: true, mayEnter: true, table: table{limit: limit}}
		if p.Async[i] {
			states[i].asyncState = &asyncState{}
		}
		if parent >= 0 {
			states[i].parent = &states[parent]
		}
		in.states[i] = &states[i]
	}
	return in
}

func (in *Instance) instantiate(ctx context.Context) error {
	c := in.tmpl.component
	in.begin(ctx)
	defer in.end()
	in.main.ctx.Context = experimental.WithImportResolver(experimental.WithMemoryAllocator(in.main.ctx.Context, in), in.resolve)
	for i := range c.plan.Steps {
		var err error
		if s := in.states[c.plan.Steps[i].Instance]; s.async {
			err = s.runSync(s, func(fb *fiber) error { return in.instantiateStep(fb) })
		} else {
			err = in.instantiateStep(&in.main)
		}
		if err != nil {
			return newTrap("instantiate", err, c.namer)
		}
	}
	if in.origin == nil || !in.tmpl.reuse.started {
		return nil
	}
	in.grants = slices.Clone(in.origin.granted)
	kept := make([]handle, len(in.grants))
	if err := in.restore(kept); err != nil {
		(&table{entries: kept}).closeAll(ctx)
		return err
	}
	return nil
}

// instantiateStep makes the core instance of the next step, whose start function
// runs on fb.
func (in *Instance) instantiateStep(fb *fiber) error {
	c, i := in.tmpl.component, len(in.mods)
	m := &c.modules[c.plan.Steps[i].Module]
	if m.pool != nil { // before the engine asks for it, to which no error can be told
		pool := m.pool
		if in.origin != nil && in.origin.frozen != nil {
			pool = in.origin.frozen[len(in.memories)]
		}
		mem, err := pool.Get(in.meter.budget)
		if err != nil {
			return err
		}
		in.memories = append(in.memories, mem)
	}
	mod, err := instantiateCore(&fb.ctx, c.engine.rt, m.code)
	if err != nil {
		return err
	}
	in.mods = append(in.mods, mod)
	if start := c.plan.Modules[c.plan.Steps[i].Module].Start; start != "" && in.origin == nil {
		return fb.enter(mod.ExportedFunction(start), nil)
	}
	return nil
}

// resolve gives the core module being instantiated what it imports from.
func (in *Instance) resolve(name string) api.Module {
	g, ok := corewasm.ParseGroup(name)
	if !ok {
		return in.tmpl.component.host
	}
	return in.mods[in.tmpl.component.plan.Steps[len(in.mods)].Groups[g]]
}

// Allocate gives the core module being instantiated its memory.
func (in *Instance) Allocate(_, _ uint64) experimental.LinearMemory {
	return in.memories[len(in.memories)-1]
}

// Release ends the instance: handles that are still open are dropped. What it
// consists of is set back to its initial state for an instance to come, or
// given back to the system. The instance must not be used afterwards.
func (in *Instance) Release(ctx context.Context) {
	if in.tmpl == nil {
		return
	}
	rests := true
	if in.async != nil {
		if rests = in.async.rests(); rests {
			in.async.detach()
		} else {
			in.async.stop()
		}
	}
	kept := in.keepGranted()
	for _, s := range in.states {
		s.table.closeAll(ctx)
	}
	if next := in.renew(ctx, kept, rests); next == nil {
		(&table{entries: kept}).closeAll(ctx)
		in.destroy(ctx)
	} else if !in.tmpl.reuse.push(next) {
		next.destroy(ctx)
	}
	*in = Instance{}
}

// destroy gives back what the instance consists of.
func (in *Instance) destroy(ctx context.Context) {
	if in.async != nil {
		in.async.stop()
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
}

// Dead reports whether the instance trapped: it answers no further call.
func (in *Instance) Dead() bool { return in.dead != nil }

// begin starts a call: limits of time and fuel are counted from here.
func (in *Instance) begin(ctx context.Context) {
	if t := in.tmpl.limits.Time; t > 0 {
		in.timed = withTime(ctx, t) // host functions that wait see it
		ctx = in.timed
	}
	in.main.ctx.Context = ctx
	in.meter.begin(ctx)
	in.main.active = in.main.active[:0]
	in.calling = true
}

func (in *Instance) end() {
	in.calling = false
	in.main.ctx.Context = context.Background()
	if in.timed != nil {
		in.timed.stop()
		in.timed = nil
	}
	if in.deep { // the handles hold large stacks
		clear(in.lookups().funcs)
		in.deep = false
	}
}

// refill is called by guest code, see meter.refill.
func (in *Instance) refill(counter int32) int32 {
	next, err := in.meter.refill(in.main.ctx.Context, in.cur, in.tmpl.limits.Fuel, counter)
	if err != nil {
		in.throw(err)
	}
	if counter < 0 && in.async != nil && in.async.paused != nil {
		in.async.paused()
	}
	return next
}

// overdue reports whether the call must stop, see meter.overdue.
func (in *Instance) overdue() error { return in.meter.overdue(in.main.ctx.Context) }

// throw unwinds the guest; the call into it answers err.
func (in *Instance) throw(err error) { panic(&hostError{err}) }

// data returns the contents of plan.Memories[i]. The slice ends where the
// memory ends now.
func (in *Instance) data(i int) []byte {
	if i < 0 {
		return nil
	}
	m := in.memory(i)
	b, _ := m.Read(0, m.Size())
	return b
}

// memory returns plan.Memories[i].
func (in *Instance) memory(i int) api.Memory {
	found := in.lookups()
	m := found.mems[i]
	if m == nil {
		ref := in.tmpl.component.plan.Memories[i]
		if m = in.mods[ref.Slot].ExportedMemory(ref.Name); m == nil {
			in.throw(errcode.New(errcode.Internal, "core instance %d exports no memory %q", ref.Slot, ref.Name))
		}
		found.mems[i] = m
	}
	return m
}

var _ abi.Invoker = (*Instance)(nil)
