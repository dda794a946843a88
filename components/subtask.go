package components

import (
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// subtaskPhase is how far a call is, as its caller sees it; the numbers are
// the canonical ABI's.
type subtaskPhase uint32

const (
	subtaskStarting subtaskPhase = iota
	subtaskStarted
	subtaskReturned
	subtaskCancelledBeforeStarted
	subtaskCancelledBeforeReturned
)

// subtask is one call of a lowered function, as its caller sees it.
type subtask struct {
	waitable
	phase subtaskPhase
	index uint32 // in the caller's table; 0 unless it was given a handle
	frame frame  // the caller's side of the boundary
	host  *plan.Host
	codec *abi.FuncCodec
	sig   *abi.FlatSig
	args  [maxFlat]uint64
	flat  [1]uint64 // the result of a synchronous lowering

	// cancel asks the callee to cancel.
	cancel          func(caller *state) error
	cancelRequested bool
	delivered       bool // the caller knows of the end: handles it lent are its own again
}

func (fb *fiber) newSubtask(k int, h *plan.Host, s *state, stack []uint64) *subtask {
	fc := fb.in.tmpl.component.hostCodecs[k]
	sub := &subtask{host: h, codec: fc, sig: lowerSig(fc, h)}
	copy(sub.args[:], stack[:len(sub.sig.Params)])
	sub.frame.init(s, &h.Options)
	return sub
}

// startFused calls a function of another component instance where one of the
// two is asynchronous.
func (fb *fiber) startFused(k int, h *plan.Host, s *state, stack []uint64) error {
	in := fb.in
	sub := fb.newSubtask(k, h, s, stack)
	if !in.states[in.tmpl.component.plan.Lifts[h.Lift].Instance].async {
		if err := fb.callLift(h.Lift, s, sub.copyParams, sub.copyResult); err != nil {
			return err
		}
		return sub.answer(fb, s, stack)
	}
	tk, err := in.startLift(h.Lift, s, sub.copyParams, sub.copyResult, nil)
	if err != nil {
		return err
	}
	sub.cancel = tk.requestCancel
	return sub.answer(fb, s, stack)
}

// answer completes the host function of a lowering: a synchronous one waits
// for the result, an asynchronous one tells how far the call is.
func (sub *subtask) answer(fb *fiber, s *state, stack []uint64) error {
	if sub.host.Options.Async {
		if sub.resolved() {
			sub.deliver()
			stack[0] = uint64(subtaskReturned)
			return nil
		}
		i, err := s.table.add(handle{res: resSubtask, rep: sub})
		if err != nil {
			return err
		}
		sub.index = i
		stack[0] = uint64(i<<4 | uint32(sub.phase))
		return nil
	}
	if !sub.resolved() {
		fb.thread.waitUntil(sub.resolved, false)
	}
	sub.deliver()
	if sub.codec.Result != nil && !sub.sig.ResultIndirect {
		stack[0] = sub.flat[0]
	}
	return nil
}

func (sub *subtask) resolved() bool { return sub.phase >= subtaskReturned }

// copyParams starts the call: the parameters go to the callee.
func (sub *subtask) copyParams(c *abi.Call) error {
	if err := sub.liftParams(); err != nil {
		return err
	}
	sub.codec.Params.Copy(&c.Mem, c.Params, &sub.frame.call.Mem, sub.frame.call.Params)
	return sub.frame.call.Err()
}

func (sub *subtask) liftParams() error {
	sub.progress()
	sub.phase = subtaskStarted
	sub.frame.refresh()
	return sub.frame.liftParams(sub.codec, sub.sig, sub.args[:])
}

// copyResult ends the call: the result comes from the callee, or the callee
// was cancelled if c is nil.
func (sub *subtask) copyResult(c *abi.Call) error {
	if c == nil {
		sub.cancelled()
		return nil
	}
	return sub.finish(func(to *abi.Call) error {
		if sub.codec.Result != nil {
			sub.codec.Result.Copy(&to.Mem, to.Result, &c.Mem, c.Result)
		}
		return nil
	})
}

func (sub *subtask) cancelled() {
	sub.progress()
	if sub.phase == subtaskStarting {
		sub.phase = subtaskCancelledBeforeStarted
	} else {
		sub.phase = subtaskCancelledBeforeReturned
	}
}

// finish ends the call with what write, if it is not nil, puts into the
// caller's Result.
func (sub *subtask) finish(write func(*abi.Call) error) error {
	sub.progress()
	f := &sub.frame
	f.refresh()
	if err := f.resultPlace(sub.codec, sub.sig, sub.args[:]); err != nil {
		return err
	}
	if write != nil {
		if err := write(&f.call); err != nil {
			return err
		}
	}
	if err := f.call.Err(); err != nil {
		return err
	}
	if !sub.host.Options.Async {
		if err := f.lowerResult(sub.codec, sub.flat[:]); err != nil {
			return err
		}
	}
	sub.phase = subtaskReturned
	return nil
}

// progress makes an event of a change to come, once the caller has a handle.
func (sub *subtask) progress() {
	if sub.index != 0 {
		sub.pending = sub
	}
}

// event is delivered to the caller.
func (sub *subtask) event() event {
	if sub.resolved() {
		sub.deliver()
	}
	return event{eventSubtask, sub.index, uint32(sub.phase)}
}

// deliver ends what the caller lent.
func (sub *subtask) deliver() {
	sub.delivered = true
	sub.frame.giveBack()
}

func (s *state) subtask(i uint32) (*subtask, error) {
	h, err := s.table.get(i, resSubtask)
	if err != nil {
		return nil, err
	}
	return h.rep.(*subtask), nil
}

// blocked is what a built-in answers that goes on in the background.
const blocked = 0xffff_ffff

// cancelSubtask is the built-in subtask.cancel.
func (s *state) cancelSubtask(th *thread, i uint32, async bool) (uint32, error) {
	sub, err := s.subtask(i)
	if err != nil {
		return 0, err
	}
	switch {
	case sub.delivered:
		return 0, errcode.New(errcode.Trap, "`subtask.cancel` called after terminal status delivered")
	case sub.cancelRequested:
		return 0, errcode.New(errcode.Trap, "`subtask.cancel` called twice")
	}
	if err := sub.errInSet(async); err != nil {
		return 0, err
	}
	if !sub.resolved() {
		sub.cancelRequested = true
		if err := sub.cancel(s); err != nil {
			return 0, err
		}
		if !sub.resolved() {
			if async {
				return blocked, nil
			}
			for !sub.resolved() { // it may only have started
				sub.pending = nil
				sub.waitPending(th)
			}
		}
	}
	sub.take()
	return uint32(sub.phase), nil
}

// dropSubtask is the built-in subtask.drop.
func (s *state) dropSubtask(i uint32) error {
	sub, err := s.subtask(i)
	if err != nil {
		return err
	}
	if !sub.delivered {
		return errcode.New(errcode.Trap, "cannot drop a subtask which has not yet resolved")
	}
	sub.join(nil)
	s.table.remove(i)
	return nil
}
