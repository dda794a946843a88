package components

import (
	"context"
	"iter"

	"github.com/tetratelabs/wazero/api"

	"latticework/internal/errcode"
)

// fiber is a stack on which guest code runs: that of the goroutine that calls
// into the instance, or a coroutine on which one thread of the asynchronous
// ABI runs. Exactly one fiber of an instance runs at a time.
type fiber struct {
	in     *Instance
	ctx    callContext
	frames []*frame // a stack; those at depth and above are unused
	depth  int
	active []activation // the calls under way, innermost last

	*coroutine // nil for the instance's own fiber
}

// coroutine is what a fiber has on which threads run.
type coroutine struct {
	thread *thread // what runs on it
	// resumer is the fiber that runs on when this one gives way, while it runs.
	resumer *fiber
	held    uint64 // bytes of stack while it is parked
	next    func() (pause, bool)
	stop    func()
	yield   func(pause) bool
}

// pause is what a coroutine gives when it stops running.
type pause struct {
	to   *thread // who runs next; nil for nobody in particular
	done bool    // the thread ended
}

// callContext is the context under which guest code runs. Host functions find
// their fiber in it; it is part of the fiber, so that a call allocates nothing
// for it. It changes from call to call: what outlives a call, such as a context
// that an implementation derives, gets the caller's context and never this one.
type callContext struct {
	context.Context
	fiber *fiber
}

func fiberOf(ctx context.Context) *fiber { return ctx.(*callContext).fiber }

// coreFunc is a core function that the host calls. The engine's handle of one
// serves one call at a time; those not in use are kept.
type coreFunc struct {
	idle api.Function
	more []api.Function
}

// call calls plan.Funcs[i] with stack, which holds its parameters and receives
// its results.
func (fb *fiber) call(i int, stack []uint64) error {
	cf := &fb.in.lookups().funcs[i]
	fn := cf.idle
	cf.idle = nil
	if fn == nil {
		var err error
		if fn, err = fb.in.handle(i); err != nil {
			return err
		}
	}
	err := fb.enter(fn, stack)
	if cf.idle != nil {
		cf.more = append(cf.more, fn)
	} else {
		cf.idle = fn
	}
	return err
}

// callFresh is call under a task of its own, which ends with the call and may
// not call out: realloc.
func (fb *fiber) callFresh(i int, stack []uint64) error {
	if fb.coroutine == nil {
		sc := fb.in.async
		if sc == nil {
			return fb.call(i, stack)
		}
		if sc.bare == nil {
			sc.bare = &coroutine{thread: &thread{}}
		}
		fb.coroutine = sc.bare
		defer func() { fb.coroutine = nil }()
	}
	th := fb.thread
	was := th.storage
	th.storage = [2]uint32{}
	err := fb.call(i, stack)
	th.storage = was
	return err
}

// handle returns an engine's handle of plan.Funcs[i] that nobody uses.
func (in *Instance) handle(i int) (api.Function, error) {
	if cf := &in.lookups().funcs[i]; len(cf.more) > 0 {
		fn := cf.more[len(cf.more)-1]
		cf.more = cf.more[:len(cf.more)-1]
		return fn, nil
	}
	ref := in.tmpl.component.plan.Funcs[i]
	mod := in.tmpl.component.host
	if ref.Slot >= 0 {
		mod = in.mods[ref.Slot]
	}
	fn := mod.ExportedFunction(ref.Name)
	if fn == nil {
		return nil, errcode.New(errcode.Internal, "core instance %d exports no function %q", ref.Slot, ref.Name)
	}
	return fn, nil
}

// newFiber returns a coroutine that runs threads one after the other, each as
// th says when next is called.
func (in *Instance) newFiber() *fiber {
	fb := &fiber{in: in, coroutine: &coroutine{}}
	fb.ctx.fiber = fb
	fb.next, fb.stop = iter.Pull(func(yield func(pause) bool) {
		fb.yield = yield
		for {
			th := fb.thread
			th.err = th.guarded()
			if !yield(pause{done: true}) {
				return
			}
		}
	})
	return fb
}
