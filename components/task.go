package components

import (
	"slices"

	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// taskPhase is how far a task is.
type taskPhase uint8

const (
	taskInitial taskPhase = iota
	taskStarted
	taskPendingCancel
	taskCancelDelivered
	taskResolved
)

// task is one call of a lifted function, from before its instance lets it in
// until its last thread ends. Calls of instances that use nothing of the
// asynchronous ABI need none.
type task struct {
	state *state
	lift  *plan.Lift // nil for start functions and destructors
	codec *abi.FuncCodec
	async bool // by its function type
	phase taskPhase
	frame frame // its side of the boundary; frame.borrows must be 0 to return

	implicit *thread // nil before it is reserved
	threads  []*thread
	first    thread // implicit
	alone    [1]*thread

	// start writes the parameters; resolve takes the result, or nil if the
	// task was cancelled. refuse is told instead that the call was refused; nil
	// if it is a guest's, which is not.
	start   func(*abi.Call) error
	resolve func(*abi.Call) error
	refuse  func(error)
}

// startLift calls lifted function l for caller, nil for the host, as far as it
// goes without blocking. The functions are those of the task.
func (in *Instance) startLift(l int, caller *state, start, resolve func(*abi.Call) error, refuse func(error)) (*task, error) {
	lf := &in.tmpl.component.plan.Lifts[l]
	s := in.states[lf.Instance]
	tk := &task{
		state: s, lift: lf, codec: in.tmpl.component.liftCodecs[l], async: lf.Type.Async,
		start: start, resolve: resolve, refuse: refuse,
	}
	tk.frame.init(s, &lf.Options)
	tk.frame.host = caller == nil
	return tk, tk.launch(caller, tk.main)
}

// runSync runs body as a task of s that has the type of a synchronous
// function.
func (s *state) runSync(caller *state, body func(fb *fiber) error) error {
	tk := &task{state: s, phase: taskStarted}
	return tk.launch(caller, func(fb *fiber) error {
		tk.register()
		if err := body(fb); err != nil {
			return err
		}
		tk.phase = taskResolved
		return tk.leave()
	})
}

// launch runs the task's first thread until it blocks or ends. A task of a
// synchronous function must return before: threads of its instance that are
// ready run until it does.
func (tk *task) launch(caller *state, run func(fb *fiber) error) error {
	s := tk.state
	if err := s.enterFrom(caller); err != nil {
		return err
	}
	if err := s.inst.async.reserve(); err != nil {
		if tk.refuse == nil {
			return err
		}
		s.leaveTo(caller)
		tk.phase = taskResolved
		tk.refuse(err)
		return nil
	}
	tk.first = thread{task: tk, run: run}
	tk.implicit = &tk.first
	if err := s.inst.resume(tk.implicit, false); err != nil {
		return err
	}
	for !tk.async && tk.phase != taskResolved {
		th := s.candidate()
		if th == nil {
			return errcode.New(errcode.Trap, "%w", errBlocked)
		}
		if err := s.inst.overdue(); err != nil {
			return err
		}
		if err := s.inst.resume(th, false); err != nil {
			return err
		}
	}
	if err := tk.insist(); err != nil {
		return err
	}
	s.leaveTo(caller)
	return nil
}

// insist lets the task that has the instance for itself go on once, if that is
// all that keeps tk from starting and the other one is ready to. The
// specification would have tk wait; the reference suite wants this order of
// events, which is that of an event loop that serves who was ready first. Once,
// because the other one may yield until tk's caller does something.
func (tk *task) insist() error {
	s := tk.state
	if tk.async && tk.phase == taskInitial && s.exclusive != nil && s.exclusive.isReady() {
		if err := s.inst.resume(s.exclusive, false); err != nil {
			return err
		}
		if tk.implicit.isReady() {
			return s.inst.resume(tk.implicit, false)
		}
	}
	return nil
}

// candidate returns the thread of s that has been ready longest and may run
// during a synchronous call: none that needs the instance's one stack.
func (s *state) candidate() *thread {
	for _, th := range s.inst.async.waiting {
		if th.task.state == s && th.index != 0 && !(th.task.exclusive() && th == th.task.implicit) && th.isReady() {
			return th
		}
	}
	return nil
}

// exclusive reports whether only one task of this kind may run code in the
// instance at a time.
func (tk *task) exclusive() bool {
	return tk.async && (!tk.lift.Options.Async || tk.lift.Options.Callback >= 0)
}

// enter waits until the instance lets the task in; it answers false if the
// task was cancelled before.
func (tk *task) enter() (bool, error) {
	s, th := tk.state, tk.implicit
	if tk.async {
		full := func() bool { return s.backpressure > 0 || tk.exclusive() && s.exclusive != nil }
		if full() || s.waitingToEnter > 0 {
			s.waitingToEnter++
			cancelled := th.waitUntil(func() bool { return !full() }, true)
			s.waitingToEnter--
			if cancelled {
				return false, tk.cancel()
			}
		}
		if tk.exclusive() {
			s.exclusive = th
		}
	}
	tk.register()
	return true, nil
}

// register lists the task's first thread, which begins.
func (tk *task) register() {
	tk.state.threads.add(tk.implicit)
	tk.threads = append(tk.alone[:0], tk.implicit)
}

// leave ends the task's first thread.
func (tk *task) leave() error {
	if err := tk.unregister(tk.implicit); err != nil {
		return err
	}
	if tk.async && tk.exclusive() {
		tk.state.exclusive = nil
	}
	return nil
}

// unregister takes th, which is ending, out of its task; the last one traps
// if the task has not returned.
func (tk *task) unregister(th *thread) error {
	if i := slices.Index(tk.threads, th); i >= 0 {
		tk.threads = slices.Delete(tk.threads, i, i+1)
	}
	if len(tk.threads) == 0 && tk.phase != taskResolved {
		return errcode.New(errcode.Trap, "the task ended without returning a value")
	}
	tk.state.threads.remove(th)
	return nil
}

// main is the task's first thread.
func (tk *task) main(fb *fiber) error {
	entered, err := tk.enter()
	if !entered || err != nil {
		return err
	}
	f, o := &tk.frame, &tk.lift.Options
	sig := liftSig(tk.codec, o)
	tk.phase = taskStarted
	f.refresh()
	if err := f.lowerParams(tk.codec, sig, tk.start); err != nil {
		r, ok := err.(*refusal)
		if !ok {
			return err
		}
		tk.phase = taskResolved
		tk.refuse(r.error)
		return tk.leave()
	}
	if err := fb.call(tk.lift.Core, f.flat[:max(len(sig.Params), len(sig.Results))]); err != nil {
		return err
	}
	switch {
	case !o.Async:
		if err := tk.returnFlat(fb, sig); err != nil {
			return err
		}
	case o.Callback >= 0:
		if err := tk.callbacks(fb, uint32(f.flat[0])); err != nil {
			return err
		}
	}
	return tk.leave()
}

// returnFlat returns what the core function of a synchronous lift answered.
func (tk *task) returnFlat(fb *fiber, sig *abi.FlatSig) error {
	f := &tk.frame
	result := f.flat[0]
	if err := f.liftResult(tk.codec, sig); err != nil {
		return err
	}
	if err := tk.returned(); err != nil {
		return err
	}
	if tk.lift.Options.PostReturn < 0 {
		return nil
	}
	return fb.postReturn(tk.lift, tk.state, result, len(sig.Results))
}

// returned gives the result, which is in frame.call.Result, to the caller.
func (tk *task) returned() error {
	f := &tk.frame
	if tk.phase == taskResolved {
		return errcode.New(errcode.Trap, "the task returned or was cancelled before")
	}
	if f.borrows != 0 {
		return errBorrows(f.borrows)
	}
	if err := tk.resolve(&f.call); err != nil {
		return err
	}
	tk.phase = taskResolved
	return f.call.Err()
}

func errBorrows(n int) error {
	return errcode.New(errcode.Trap, "borrow handles still remain at the end of the call: %d", n)
}

// cancel answers a request of the caller to cancel the task.
func (tk *task) cancel() error {
	if tk.phase != taskCancelDelivered {
		return errcode.New(errcode.Trap, "the task was not asked to cancel, or returned before")
	}
	if tk.frame.borrows != 0 {
		return errBorrows(tk.frame.borrows)
	}
	if err := tk.resolve(nil); err != nil {
		return err
	}
	tk.phase = taskResolved
	return nil
}

// requestCancel asks the task to cancel, and lets it answer if it is at a
// place where it can.
func (tk *task) requestCancel(caller *state) error {
	s := tk.state
	if tk.phase == taskInitial {
		tk.phase = taskCancelDelivered
		return s.inst.resume(tk.implicit, true)
	}
	for _, th := range tk.threads {
		if th.running || !th.cancellable {
			continue
		}
		if tk.exclusive() && th == tk.implicit && s.exclusive != nil && s.exclusive != th {
			continue
		}
		if !s.mayEnterFrom(caller) {
			break
		}
		tk.phase = taskCancelDelivered
		if err := s.enterFrom(caller); err != nil {
			return err
		}
		err := s.inst.resume(th, true)
		s.leaveTo(caller)
		return err
	}
	tk.phase = taskPendingCancel
	return nil
}

// deliverCancel reports whether the task was asked to cancel and is told now.
func (tk *task) deliverCancel(cancellable bool) bool {
	if cancellable && tk.phase == taskPendingCancel {
		tk.phase = taskCancelDelivered
		return true
	}
	return false
}

// The codes that a callback answers.
const (
	callbackExit = iota
	callbackYield
	callbackWait
)

// callbacks runs the event loop of a task with a callback, whose last answer
// is packed.
func (tk *task) callbacks(fb *fiber, packed uint32) error {
	s, th := tk.state, tk.implicit
	alone := func() bool { return s.exclusive == nil }
	for packed&15 != callbackExit {
		s.exclusive = nil
		var ev event
		switch packed & 15 {
		case callbackYield:
			if th.yieldUntil(alone, true) {
				ev.code = eventTaskCancelled
			}
		case callbackWait:
			set, err := s.waitableSet(packed >> 4)
			if err != nil {
				return err
			}
			if ev, err = set.wait(th, alone, true); err != nil {
				return err
			}
		default:
			return errcode.New(errcode.Trap, "unsupported callback code: %d", packed&15)
		}
		s.exclusive = th
		stack := tk.frame.flat[:3]
		stack[0], stack[1], stack[2] = uint64(ev.code), uint64(ev.p1), uint64(ev.p2)
		if err := fb.call(tk.lift.Options.Callback, stack); err != nil {
			return err
		}
		packed = uint32(stack[0])
	}
	return nil
}

// liftSig is the core signature of a function lifted with o.
func liftSig(fc *abi.FuncCodec, o *plan.Options) *abi.FlatSig {
	switch {
	case !o.Async:
		return &fc.Lift
	case o.Callback >= 0:
		return &fc.LiftCallback
	}
	return &fc.LiftAsync
}

// lowerSig is the core signature of h, a lowered function.
func lowerSig(fc *abi.FuncCodec, h *plan.Host) *abi.FlatSig {
	if h.Options.Async {
		return &fc.LowerAsync
	}
	return &fc.Lower
}
