package components

import (
	"context"
	"errors"
	"slices"

	"latticework/internal/errcode"
)

// thread is a thread of a task, as the canonical ABI has it: it runs, is
// suspended until another thread resumes it, or waits until ready says so.
type thread struct {
	task  *task
	index uint32 // in its instance's table of threads; 0 before it entered
	run   func(fb *fiber) error
	fiber *fiber // nil before it runs first and after it ended

	running     bool
	ready       func() bool // nil unless it waits
	cancellable bool
	cancelled   bool // what block answers
	storage     [2]uint32
	err         error
}

// newThread returns a thread of tk that is suspended until it is resumed
// first.
func (tk *task) newThread(run func(fb *fiber) error) (*thread, error) {
	if err := tk.state.inst.async.reserve(); err != nil {
		return nil, err
	}
	return &thread{task: tk, run: run}, nil
}

// errReleased unwinds the threads that are parked when the instance is
// released.
var errReleased = errcode.New(errcode.Closed, "the instance was released")

// guarded runs the thread and turns what is thrown outside the engine's
// frames into an error.
func (th *thread) guarded() (err error) {
	defer func() {
		if p := recover(); p != nil {
			h, ok := p.(*hostError)
			if !ok {
				h = &hostError{errcode.New(errcode.Internal, "host panic: %v", p)}
			}
			err = h
		}
	}()
	return th.run(th.fiber)
}

func (th *thread) suspended() bool { return !th.running && th.ready == nil }

func (th *thread) isReady() bool { return !th.running && th.ready != nil && th.ready() }

func always() bool { return true }

// startWaiting lists th among those that run when they are ready.
func (th *thread) startWaiting(ready func() bool) {
	th.ready = ready
	sc := th.task.state.inst.async
	sc.waiting = append(sc.waiting, th)
}

func (th *thread) stopWaiting() {
	th.ready = nil
	sc := th.task.state.inst.async
	if i := slices.Index(sc.waiting, th); i >= 0 {
		sc.waiting = slices.Delete(sc.waiting, i, i+1)
	}
}

// block gives way to thread to, or to whoever resumed this one, until somebody
// resumes it. It reports whether that was to cancel its task.
func (th *thread) block(cancellable bool, to *thread) (cancelled bool) {
	th.cancellable = cancellable
	th.fiber.held = th.fiber.stackBytes()
	th.fiber.in.async.parked += th.fiber.held
	if !th.fiber.yield(pause{to: to}) {
		panic(&hostError{errReleased})
	}
	return th.cancelled
}

// suspend blocks until another thread resumes this one.
func (th *thread) suspend(cancellable bool) bool {
	return th.task.deliverCancel(cancellable) || th.block(cancellable, nil)
}

// waitUntil blocks until ready answers true; it does not block if that is so
// now.
func (th *thread) waitUntil(ready func() bool, cancellable bool) bool {
	if th.task.deliverCancel(cancellable) {
		return true
	}
	if ready() {
		return false
	}
	th.startWaiting(ready)
	return th.block(cancellable, nil)
}

// yieldUntil is waitUntil that lets others run even if ready is true now.
func (th *thread) yieldUntil(ready func() bool, cancellable bool) bool {
	if th.task.deliverCancel(cancellable) {
		return true
	}
	th.startWaiting(ready)
	return th.block(cancellable, nil)
}

// switchTo blocks and lets other run, which must be suspended. With ready,
// this thread waits to run again, else it is suspended.
func (th *thread) switchTo(other *thread, cancellable, wait bool) bool {
	if th.task.deliverCancel(cancellable) {
		return true
	}
	if wait {
		th.startWaiting(always)
	}
	return th.block(cancellable, other)
}

// resume runs th, and those that it switches to, until one of them blocks or
// ends. An error is a trap.
func (in *Instance) resume(th *thread, cancelled bool) error {
	if th.ready != nil {
		th.stopWaiting()
	}
	for th != nil {
		if th.fiber == nil {
			th.fiber = in.async.fiber()
			th.fiber.thread = th
			in.async.live++
		}
		fb, was := th.fiber, in.cur
		th.running, th.cancelled, in.cur = true, cancelled, fb
		in.async.parked -= fb.held
		fb.held, fb.resumer, fb.ctx.Context = 0, was, in.main.ctx.Context
		p, ok := fb.next()
		in.cur, th.running, fb.resumer = was, false, nil
		fb.ctx.Context = context.Background() // whoever lets it run next has another one
		if !ok || p.done {
			in.async.threads--
			th.fiber, fb.thread = nil, nil
			fb.depth = 0
			in.async.live--
			if th.err != nil {
				name := "" // of a start function, a destructor or a function within the component
				if lift := th.task.lift; lift != nil {
					name = lift.Name
				}
				return newTrap(name, th.err, in.tmpl.component.namer)
			}
			in.async.park(fb)
		}
		th, cancelled = p.to, false
	}
	return nil
}

// threads is a component instance's table of threads. Indices start at 1.
type threads struct {
	entries []*thread
	free    []uint32
}

func (t *threads) add(th *thread) {
	if n := len(t.free); n > 0 {
		th.index = t.free[n-1]
		t.free = t.free[:n-1]
		t.entries[th.index] = th
		return
	}
	if len(t.entries) == 0 {
		t.entries = append(t.entries, nil)
	}
	th.index = uint32(len(t.entries))
	t.entries = append(t.entries, th)
}

func (t *threads) get(i uint32) (*thread, error) {
	if uint64(i) >= uint64(len(t.entries)) || t.entries[i] == nil {
		return nil, errcode.New(errcode.Trap, "unknown thread index %d", i)
	}
	return t.entries[i], nil
}

func (t *threads) remove(th *thread) {
	t.entries[th.index] = nil
	t.free = append(t.free, th.index)
	th.index = 0
}

var errBlocked = errors.New("cannot block a synchronous task before returning")
