package components

import (
	"github.com/tetratelabs/wazero/api"
	wazerotable "github.com/tetratelabs/wazero/experimental/table"

	"latticework/components/internal/binary"
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// builtinShapes gives the built-ins' numbers of i32 parameters and results.
var builtinShapes = [256][2]int{
	binary.CanonTaskCancel: {0, 0}, binary.CanonSubtaskCancel: {1, 1}, binary.CanonSubtaskDrop: {1, 0},
	binary.CanonContextGet: {0, 1}, binary.CanonContextSet: {1, 0},
	binary.CanonStreamRead: {3, 1}, binary.CanonStreamWrite: {3, 1},
	binary.CanonFutureRead: {2, 1}, binary.CanonFutureWrite: {2, 1},
	binary.CanonStreamCancelRead: {1, 1}, binary.CanonStreamCancelWrite: {1, 1},
	binary.CanonFutureCancelRead: {1, 1}, binary.CanonFutureCancelWrite: {1, 1},
	binary.CanonStreamDropReadable: {1, 0}, binary.CanonStreamDropWritable: {1, 0},
	binary.CanonFutureDropReadable: {1, 0}, binary.CanonFutureDropWritable: {1, 0},
	binary.CanonErrorContextNew: {2, 1}, binary.CanonErrorContextDebug: {2, 0}, binary.CanonErrorContextDrop: {1, 0},
	binary.CanonWaitableSetNew: {0, 1}, binary.CanonWaitableSetWait: {2, 1}, binary.CanonWaitableSetPoll: {2, 1},
	binary.CanonWaitableSetDrop: {1, 0}, binary.CanonWaitableJoin: {2, 0},
	binary.CanonBackpressureInc: {0, 0}, binary.CanonBackpressureDec: {0, 0},
	binary.CanonThreadIndex: {0, 1}, binary.CanonThreadNewIndirect: {2, 1}, binary.CanonThreadResumeLater: {1, 0},
	binary.CanonThreadSuspend: {0, 1}, binary.CanonThreadYield: {0, 1},
	binary.CanonThreadSuspendResume: {1, 1}, binary.CanonThreadYieldResume: {1, 1},
	binary.CanonThreadSuspendPromote: {1, 1}, binary.CanonThreadYieldPromote: {1, 1},
}

// builtinSignature returns the core signature of a built-in.
func builtinSignature(h *plan.Host, fc *abi.FuncCodec) (params, results []api.ValueType) {
	switch h.Canon {
	case binary.CanonTaskReturn:
		return valueTypes(fc.Lower.Params), nil
	case binary.CanonStreamNew, binary.CanonFutureNew:
		return nil, []api.ValueType{api.ValueTypeI64}
	}
	shape := builtinShapes[h.Canon]
	i32s := []api.ValueType{api.ValueTypeI32, api.ValueTypeI32, api.ValueTypeI32}
	return i32s[:shape[0]], i32s[:shape[1]]
}

// staysInside reports whether h may be called where the guest may not leave
// its instance.
func staysInside(h *plan.Host) bool {
	if h.Kind != plan.HostBuiltin {
		return false
	}
	switch h.Canon {
	case binary.CanonContextGet, binary.CanonContextSet, binary.CanonBackpressureInc, binary.CanonBackpressureDec:
		return true
	}
	return false
}

// builtin runs a built-in of the asynchronous ABI. Its parameters are in
// stack, which receives its result.
func (fb *fiber) builtin(k int, h *plan.Host, s *state, stack []uint64) error {
	switch c := h.Canon; {
	case c >= binary.CanonStreamNew && c <= binary.CanonFutureDropWritable:
		return fb.channelBuiltin(k, h, s, stack)
	case c >= binary.CanonThreadIndex && c <= binary.CanonThreadYieldPromote || c == binary.CanonThreadYield:
		return fb.threadBuiltin(h, s, stack)
	case c >= binary.CanonErrorContextNew && c <= binary.CanonErrorContextDrop:
		return s.errorContextBuiltin(h, stack)
	case c >= binary.CanonWaitableSetNew && c <= binary.CanonWaitableJoin:
		return fb.waitableBuiltin(h, s, stack)
	}
	th := fb.thread
	switch h.Canon {
	case binary.CanonTaskReturn:
		return fb.taskReturn(k, h, stack)
	case binary.CanonTaskCancel:
		if !th.task.asyncLift() {
			return errcode.New(errcode.Trap, "`task.cancel` called by a task that was not lifted asynchronously")
		}
		return th.task.cancel()
	case binary.CanonSubtaskCancel:
		r, err := s.cancelSubtask(th, uint32(stack[0]), h.Async)
		stack[0] = uint64(r)
		return err
	case binary.CanonSubtaskDrop:
		return s.dropSubtask(uint32(stack[0]))
	case binary.CanonContextGet:
		stack[0] = uint64(th.storage[h.Slot])
	case binary.CanonContextSet:
		th.storage[h.Slot] = uint32(stack[0])
	case binary.CanonBackpressureInc:
		if s.backpressure++; s.backpressure == 1<<16 {
			return errcode.New(errcode.Trap, "backpressure counter overflow")
		}
	case binary.CanonBackpressureDec:
		if s.backpressure--; s.backpressure < 0 {
			return errcode.New(errcode.Trap, "backpressure counter underflow")
		}
	default:
		return errcode.New(errcode.Unsupported, "built-in %s is not supported", h.Canon)
	}
	return nil
}

// asyncLift reports whether the task was lifted with the option async.
func (tk *task) asyncLift() bool { return tk.lift != nil && tk.lift.Options.Async }

// taskReturn is the built-in task.return.
func (fb *fiber) taskReturn(k int, h *plan.Host, stack []uint64) error {
	tk := fb.thread.task
	if !tk.asyncLift() || !wit.Equal(h.Val, tk.lift.Type.Result) || !fb.in.sameLift(&h.Options, &tk.lift.Options) {
		return errcode.New(errcode.Trap, "invalid `task.return` signature and/or options for current task")
	}
	f, fc := &tk.frame, fb.in.tmpl.component.hostCodecs[k]
	f.refresh()
	if err := f.liftParams(fc, &fc.Lower, stack); err != nil {
		return err
	}
	f.call.Params, f.call.Result = nil, f.call.Params
	return tk.returned()
}

// sameLift reports whether a, of task.return, lifts values in the same way as
// b, of the task. Without a memory, as toolchains and the reference suite
// write it for results that need none, there is no difference.
func (in *Instance) sameLift(a, b *plan.Options) bool {
	return a.Encoding == b.Encoding && (a.Memory < 0 || a.Memory == b.Memory ||
		b.Memory >= 0 && in.memory(a.Memory) == in.memory(b.Memory))
}

func (fb *fiber) waitableBuiltin(h *plan.Host, s *state, stack []uint64) (err error) {
	switch h.Canon {
	case binary.CanonWaitableSetNew:
		var i uint32
		i, err = s.table.add(handle{res: resWaitableSet, rep: &waitableSet{}})
		stack[0] = uint64(i)
	case binary.CanonWaitableSetWait, binary.CanonWaitableSetPoll:
		set, err := s.waitableSet(uint32(stack[0]))
		if err != nil {
			return err
		}
		ptr := uint32(stack[1])
		var ev event
		if h.Canon == binary.CanonWaitableSetPoll {
			ev = set.poll(fb.thread.task, h.Cancellable)
		} else if ev, err = set.wait(fb.thread, always, h.Cancellable); err != nil {
			return err
		}
		m := abi.Mem{Data: fb.in.data(h.Options.Memory)}
		b := m.View(ptr, 8, 4)
		if err := m.Err(); err != nil {
			return err
		}
		m.PutU32(b, ev.p1)
		m.PutU32(b[4:], ev.p2)
		stack[0] = uint64(ev.code)
	case binary.CanonWaitableSetDrop:
		err = s.dropWaitableSet(uint32(stack[0]))
	case binary.CanonWaitableJoin:
		err = s.joinWaitable(uint32(stack[0]), uint32(stack[1]))
	}
	return err
}

func (fb *fiber) channelBuiltin(k int, h *plan.Host, s *state, stack []uint64) (err error) {
	// Streams and futures have the same built-ins in the same order.
	c := h.Canon
	if c >= binary.CanonFutureNew {
		c -= binary.CanonFutureNew - binary.CanonStreamNew
	}
	reader := c == binary.CanonStreamRead || c == binary.CanonStreamCancelRead || c == binary.CanonStreamDropReadable
	var r uint32
	switch c {
	case binary.CanonStreamNew:
		stack[0], err = s.newChannel(h.Val)
		return err
	case binary.CanonStreamRead, binary.CanonStreamWrite:
		n := uint32(1)
		if h.Val.Kind == wit.KindStream {
			n = uint32(stack[2])
		}
		r, err = fb.copyEnd(k, h, s, reader, uint32(stack[0]), uint32(stack[1]), n)
	case binary.CanonStreamCancelRead, binary.CanonStreamCancelWrite:
		r, err = s.cancelCopy(fb.thread, h, reader, uint32(stack[0]))
	default:
		return s.dropEnd(h, reader, uint32(stack[0]))
	}
	stack[0] = uint64(r)
	return err
}

func (fb *fiber) threadBuiltin(h *plan.Host, s *state, stack []uint64) error {
	th := fb.thread
	var other *thread
	if builtinShapes[h.Canon][0] == 1 { // the index of another thread
		var err error
		if other, err = s.threads.get(uint32(stack[0])); err != nil {
			return err
		}
		promote := h.Canon == binary.CanonThreadSuspendPromote || h.Canon == binary.CanonThreadYieldPromote
		if !promote && !other.suspended() {
			return errcode.New(errcode.Trap, "cannot resume thread which is not suspended")
		}
	}
	var cancelled bool
	switch h.Canon {
	case binary.CanonThreadIndex:
		stack[0] = uint64(th.index)
		return nil
	case binary.CanonThreadNewIndirect:
		return fb.newThread(h, s, stack)
	case binary.CanonThreadResumeLater:
		other.startWaiting(always)
		return nil
	case binary.CanonThreadSuspend:
		cancelled = th.suspend(h.Cancellable)
	case binary.CanonThreadYield:
		cancelled = th.yieldUntil(always, h.Cancellable)
	case binary.CanonThreadSuspendResume:
		cancelled = th.switchTo(other, h.Cancellable, false)
	case binary.CanonThreadYieldResume:
		cancelled = th.switchTo(other, h.Cancellable, true)
	case binary.CanonThreadSuspendPromote, binary.CanonThreadYieldPromote:
		cancelled = th.promote(other, h.Cancellable, h.Canon == binary.CanonThreadYieldPromote)
	}
	stack[0] = 0
	if cancelled {
		stack[0] = 1
	}
	return nil
}

// promote blocks; other runs next if it is ready.
func (th *thread) promote(other *thread, cancellable, wait bool) bool {
	switch {
	case th.task.deliverCancel(cancellable):
		return true
	case other.isReady():
		other.stopWaiting()
		return th.switchTo(other, cancellable, wait)
	case wait:
		return th.yieldUntil(always, cancellable)
	}
	return th.suspend(cancellable)
}

// newThread is the built-in thread.new-indirect.
func (fb *fiber) newThread(h *plan.Host, s *state, stack []uint64) error {
	i32 := []api.ValueType{api.ValueTypeI32}
	// It panics where call_indirect would trap.
	fn := wazerotable.LookupFunction(fb.in.mods[h.Table.Slot], h.Table.Index, uint32(stack[0]), i32, nil)
	tk, arg := fb.thread.task, stack[1]
	var th *thread
	th, err := tk.newThread(func(fb *fiber) error {
		stack := [1]uint64{arg}
		if err := fb.enter(fn, stack[:]); err != nil {
			return err
		}
		return tk.unregister(th)
	})
	if err != nil {
		return err
	}
	s.threads.add(th)
	tk.threads = append(tk.threads, th)
	stack[0] = uint64(th.index)
	return nil
}
