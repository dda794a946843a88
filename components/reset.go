package components

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/memory"
	"latticework/internal/errcode"
	"latticework/wit"
)

// An instance whose code can change nothing but memories, globals and handles
// is set back to what it was after instantiation and used again, which takes a
// tenth of the time of instantiating. Which ones these are is known of the
// code: it writes no tables and drops no segments that it reads. If it uses the
// asynchronous ABI, nothing of that may go on in the instance either. What start
// functions drew from the host is not shared between invocations, unless
// [LinkConfig].ReuseInitialized says so.

// origin is the state of an instance after instantiation. It is immutable.
type origin struct {
	// frozen are pools of memories that start in this state, by the instance's
	// memories; nil if nothing changed them since they were made.
	frozen []*memory.Pool
	// globals are the values of each core instance's mutable globals, those
	// that plan.Module.Globals names.
	globals [][]uint64
	// tables are the handles of each component instance. Those of resources
	// that the component defines are complete; in place of each other one is
	// what granted says.
	tables  []table
	granted []grant
	// threads are the indices of threads that are free, likewise.
	threads []threads
}

// grant is a handle that the host gave to a start function, by an import
// without parameters, such as wasi:cli/stdout.get-stdout. Each instance has its
// own: the import is called again.
type grant struct {
	state int    // component instance
	index uint32 // in its table
	host  int    // plan.Hosts
	rep   any    // what the host gave, to one instance
}

// reuse is what a template keeps to set instances back.
type reuse struct {
	possible bool  // by what the component's code can change
	started  bool  // start functions or data segments run code of their own
	steps    []int // those that make a memory, in order
	limit    int

	mu     sync.Mutex
	free   []*Instance // guarded by mu; set back, last in, first out
	origin *origin     // guarded by mu; nil before the first instance
	taking bool        // guarded by mu; somebody is about to set origin
	never  bool        // guarded by mu; origin will stay nil
	closed bool        // guarded by mu
}

func (t *Template) prepareReuse() {
	p := t.component.plan
	r := &t.reuse
	r.possible, r.limit = true, t.component.engine.slots
	for i, s := range p.Steps {
		m := &p.Modules[s.Module]
		r.possible = r.possible && m.Resettable
		r.started = r.started || m.Start != "" || m.Loose
		if m.Memory != nil {
			r.steps = append(r.steps, i)
		}
	}
	if r.possible {
		t.component.adopt(t)
	}
}

// pop returns an instance in its initial state, nil if there is none, and the
// origin for a new one. If first is set, the caller makes the first instance
// and reports with setOrigin.
func (r *reuse) pop() (in *Instance, o *origin, first bool) {
	if !r.possible {
		return nil, nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.free); n > 0 {
		in = r.free[n-1]
		r.free[n-1] = nil
		r.free = r.free[:n-1]
		return in, nil, false
	}
	if r.origin == nil && !r.taking && !r.never && !r.closed {
		r.taking = true
		return nil, nil, true
	}
	return nil, r.origin, false
}

func (r *reuse) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed || len(r.free) >= r.limit
}

// push reports whether it took the instance.
func (r *reuse) push(in *Instance) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.free) >= r.limit {
		return false
	}
	r.free = append(r.free, in)
	return true
}

// setOrigin ends what pop began. A nil o says that there will be no origin, or
// with again that another instance may give one.
func (r *reuse) setOrigin(o *origin, again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taking, r.origin, r.never = false, o, o == nil && !again
	if r.closed && o != nil {
		o.close()
		r.origin = nil
	}
}

// close frees what is kept.
func (r *reuse) close(ctx context.Context) {
	r.mu.Lock()
	free, o := r.free, r.origin
	r.free, r.origin, r.closed = nil, nil, true
	r.mu.Unlock()
	for _, in := range free {
		in.destroy(ctx)
	}
	if o != nil {
		o.close()
	}
}

func (o *origin) close() {
	for _, p := range o.frozen {
		p.Close()
	}
}

// remember returns the state of in, which was just instantiated, as the origin
// of others, or nil if it cannot be one.
//
// Errors: ErrExhausted if the system gives no memory; in is of no use then.
func (in *Instance) remember() (*origin, error) {
	t := in.tmpl
	if in.outside && !t.reuseInitialized {
		return nil, nil
	}
	if in.async != nil && !in.async.rests() {
		return nil, nil
	}
	o := &origin{globals: make([][]uint64, len(in.mods)), tables: make([]table, len(in.states)), threads: make([]threads, len(in.states))}
	for i, s := range in.states {
		if s.async {
			o.threads[i] = threads{entries: make([]*thread, len(s.threads.entries)), free: slices.Clone(s.threads.free)}
		}
		o.tables[i] = table{entries: slices.Clone(s.table.entries), free: s.table.free, open: s.table.open}
		if !s.quiet() || !o.replace(i, in.grants) {
			return nil, nil // it is of this instance alone
		}
	}
	in.grants = slices.Clone(o.granted)
	for n := range o.granted {
		o.granted[n].rep = nil
	}
	for i, gs := range in.findGlobals() {
		o.globals[i] = make([]uint64, len(gs))
		for j, g := range gs {
			o.globals[i][j] = g.Get()
		}
	}
	if t.reuse.started {
		for _, m := range in.memories {
			p := m.Freeze()
			if p == nil {
				o.close()
				return nil, errcode.New(errcode.Exhausted, "instantiate: the system maps no more memory")
			}
			o.frozen = append(o.frozen, p)
		}
	}
	return o, nil
}

// replace takes what the host gave out of table i, and reports whether it can be
// had again.
func (o *origin) replace(i int, grants []grant) bool {
	for n := range o.tables[i].entries {
		h := &o.tables[i].entries[n]
		if h.lends != 0 || h.res != nil && !h.own {
			return false
		}
		if h.rep == nil {
			continue
		}
		g := slices.IndexFunc(grants, func(g grant) bool { return g.holds(i, uint32(n), h) })
		if g < 0 {
			return false
		}
		o.granted = append(o.granted, grants[g])
		h.rep, h.owner = nil, nil
	}
	return true
}

// holds reports whether h, in table state at index, is what g is about.
func (g *grant) holds(state int, index uint32, h *handle) bool {
	return g.state == state && g.index == index && g.rep != nil && h.res != nil && h.own && h.lends == 0 &&
		reflect.TypeOf(g.rep).Comparable() && g.rep == h.rep
}

// noteGrant is called when import k answered the start function of s with
// stack.
func (in *Instance) noteGrant(k int, s *state, stack []uint64) {
	t := in.tmpl.component.plan.Hosts[k].Type
	if len(t.Params) > 0 || t.Result == nil || t.Result.Kind != wit.KindOwn {
		return
	}
	if h, err := s.table.at(uint32(stack[0])); err == nil && h.rep != nil {
		in.grants = append(in.grants, grant{state: s.index, index: uint32(stack[0]), host: k, rep: h.rep})
	}
}

// regrant puts what the host gives into the tables, which are as in origin but
// for that. kept are the handles that the instance still has, by grant; one
// without a resource is asked for again.
func (in *Instance) regrant(kept []handle) error {
	for n := range in.grants {
		g := &in.grants[n]
		if kept[n].res != nil {
			continue
		}
		s := in.states[g.state]
		was := s.table
		s.table = table{limit: was.limit}
		stack := [maxFlat]uint64{}
		err := in.main.importCall(g.host, &in.tmpl.component.plan.Hosts[g.host], s, stack[:])
		given := s.table
		s.table = was
		if err != nil {
			return errcode.New(errcode.Of(err), "ask for a handle again: %w", err)
		}
		kept[n] = given.entries[stack[0]]
		g.rep = kept[n].rep
	}
	for n, g := range in.grants {
		in.states[g.state].table.entries[g.index] = kept[n]
	}
	return nil
}

// keepGranted takes the handles that the host gave to start functions out of
// the tables and returns them, by grant; those that are gone have no resource.
func (in *Instance) keepGranted() []handle {
	if len(in.grants) == 0 {
		return nil
	}
	kept := make([]handle, len(in.grants))
	for n := range in.grants {
		g := &in.grants[n]
		entries := in.states[g.state].table.entries
		if uint64(g.index) < uint64(len(entries)) && g.holds(g.state, g.index, &entries[g.index]) {
			kept[n], entries[g.index] = entries[g.index], handle{}
		}
	}
	return kept
}

// findGlobals returns the core instances' mutable globals, by step.
func (in *Instance) findGlobals() [][]api.MutableGlobal {
	found := in.lookups()
	if found.globals != nil {
		return found.globals
	}
	p := in.tmpl.component.plan
	found.globals = make([][]api.MutableGlobal, len(in.mods))
	for i, mod := range in.mods {
		for _, name := range p.Modules[p.Steps[i].Module].Globals {
			found.globals[i] = append(found.globals[i], mod.ExportedGlobal(name).(api.MutableGlobal))
		}
	}
	return found.globals
}

// restore gives memories, globals and handles of in the state that its origin
// says; kept is what keepGranted answered.
//
// Errors: ErrExhausted if the system or the engine does not allow it; what an
// import answers that is called again.
func (in *Instance) restore(kept []handle) error {
	o := in.origin
	for k, m := range in.memories {
		if !m.Restore(in.mods[in.tmpl.reuse.steps[k]].Memory().Grow) {
			return errcode.New(errcode.Exhausted, "a linear memory cannot be set back")
		}
	}
	for i, gs := range in.findGlobals() {
		for j, g := range gs {
			g.Set(o.globals[i][j])
		}
	}
	for i, s := range in.states {
		s.table.entries = append(s.table.entries[:0], o.tables[i].entries...)
		s.table.free, s.table.open = o.tables[i].free, o.tables[i].open
		if s.async {
			s.threads.entries = append(s.threads.entries[:0], o.threads[i].entries...)
			s.threads.free = append(s.threads.free[:0], o.threads[i].free...)
		}
	}
	return in.regrant(kept)
}

// quiet reports whether nothing of the asynchronous ABI is under way in s.
func (s *state) quiet() bool {
	return s.mayEnter && s.mayLeave && (!s.async || s.backpressure == 0 && s.waitingToEnter == 0 && s.exclusive == nil)
}

// renew returns an instance in its initial state that is made of in, or nil if
// that is not possible. The instance is another one, so that who still holds
// in cannot reach it. Handles that are open, but for kept, were dropped before;
// rests says whether nothing asynchronous was under way then.
func (in *Instance) renew(ctx context.Context, kept []handle, rests bool) *Instance {
	if in.origin == nil || in.dead != nil || in.calling || !rests || in.tmpl.reuse.full() {
		return nil
	}
	for _, s := range in.states {
		if !s.quiet() {
			return nil
		}
	}
	in.main.ctx.Context, in.main.depth = ctx, 0
	if in.restore(kept) != nil {
		return nil
	}
	in.main.ctx.Context = context.Background()
	next := &Instance{
		tmpl: in.tmpl, main: in.main, mods: in.mods, memories: in.memories, meter: meter{budget: in.meter.budget}, found: in.found,
		states: in.states, origin: in.origin, grants: in.grants,
	}
	next.main.in, next.main.ctx.fiber, next.cur = next, &next.main, &next.main
	if in.async != nil {
		next.async = in.async.succeed(next)
	}
	for _, s := range next.states {
		s.inst = next
	}
	return next
}
