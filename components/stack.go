package components

import (
	"github.com/tetratelabs/wazero/api"
)

// The engine gives every call a stack of its own, which doubles when it is
// full, up to 100 MB, and a try block copies all of it. What a guest may use is
// bounded here: functions pay fuel in proportion to the stack that they may
// take, so that refill is called often enough to look, and before each try
// block the host is told.

// maxHandlers bounds the try blocks that a call is inside of.
const maxHandlers = 1_000

// enter calls fn, which nobody else uses, with stack for parameters and
// results.
func (fb *fiber) enter(fn api.Function, stack []uint64) error {
	fb.active = append(fb.active, activation{fn: fn})
	err := fn.CallWithStack(&fb.ctx, stack)
	last := len(fb.active) - 1
	fb.active[last].end()
	fb.active = fb.active[:last]
	return err
}

func (fb *fiber) running() *activation { return &fb.active[len(fb.active)-1] }

// checkStack reports whether the guest uses more stack than it may.
func (fb *fiber) checkStack() error {
	limit := fb.in.tmpl.limits.StackBytes
	used := uint64(0)
	for f := fb; f != nil; {
		used += f.stackBytes()
		if f.coroutine == nil {
			break
		}
		f = f.resumer
	}
	if sc := fb.in.async; sc != nil && used+sc.parked > parkedFactor*limit {
		return exceeded(LimitStackBytes, "call stack bytes of all tasks", used+sc.parked, parkedFactor*limit)
	}
	if used > limit {
		return exceeded(LimitStackBytes, "call stack bytes", used, limit)
	}
	if used > keepStack {
		fb.in.deep = true
	}
	return nil
}

// parkedFactor is how many times the stack of one chain of calls all tasks may
// hold together.
const parkedFactor = 4

// stackBytes returns the bytes of stack of the calls on fb.
func (fb *fiber) stackBytes() (bytes uint64) {
	for i := range fb.active {
		bytes += fb.active[i].held()
	}
	return bytes
}

// keepStack is how much stack handles may hold after a call in which they grew.
const keepStack = 1 << 20
