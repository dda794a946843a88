package components

import (
	"context"
	"sync"

	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Concurrent lets f call exports of the instance from several goroutines, until
// f returns. Calls of async functions run beside one another: where one waits
// the others go on, as far as the component's backpressure lets them in. A
// function that is not async has the instance for itself while it runs.
//
// The context of a call that ends asks the guest to cancel that call, which
// then answers the context's cause unless the guest returned all the same.
// Limits.Time bounds all of it together.
//
// Concurrency: as a call; the [abi.Invoker] that f gets is safe, and is of no
// use after f has returned. f joins the goroutines that it starts.
//
// Errors: those of [Instance.Drive]. A trap ends every call with closed; what is
// none by [Instance.Invoke] fails that call alone.
func (in *Instance) Concurrent(ctx context.Context, f func(ctx context.Context, calls abi.Invoker) error) error {
	c := &calls{in: in}
	return in.Drive(ctx, func(ctx context.Context) error { return f(ctx, c) })
}

// calls is an instance that several goroutines call.
type calls struct {
	in *Instance
	mu sync.Mutex // held by a call of an instance that uses nothing asynchronous
}

// Invoke implements [abi.Invoker].
func (c *calls) Invoke(ctx context.Context, f abi.ExportedFunc, lower, lift func(*abi.Call) error) error {
	in := c.in
	sc := in.async
	if sc == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return in.Invoke(ctx, f, lower, lift)
	}
	e, ok := f.(*Export)
	if !ok || e.component != in.tmpl.component {
		return errcode.New(errcode.Invalid, "call: the function is no export of the instance's component")
	}
	if err := ctx.Err(); err != nil {
		return errcode.New(errcode.Of(err), "call %s: %w", e.name, err)
	}
	call := &concurrentCall{in: in, export: e, lower: lower, lift: lift, over: make(chan struct{})}
	if !sc.post(call.start) {
		return errReleased
	}
	return call.wait(ctx, sc)
}

// concurrentCall is one call beside others. But for over, its fields belong to
// the goroutine that runs the instance, until over is closed.
type concurrentCall struct {
	in          *Instance
	export      *Export
	lower, lift func(*abi.Call) error
	task        *task // once it was started; nil for a function that has no task
	over        chan struct{}
	cancelled   bool
	refused     error // why the call was not begun, nil if it was
}

func (c *concurrentCall) start() error {
	in := c.in
	if !in.states[in.tmpl.component.plan.Lifts[c.export.lift].Instance].async {
		err := in.main.callLift(c.export.lift, nil, c.lower, c.lift)
		if r, ok := err.(*refusal); ok {
			c.refuse(r.error)
			return nil
		} else if err != nil {
			return err
		}
		close(c.over)
		return nil
	}
	var err error
	c.task, err = in.startLift(c.export.lift, nil, c.lower, c.resolve, c.refuse)
	return err
}

// refuse says that the call was not begun.
func (c *concurrentCall) refuse(err error) {
	c.refused = err
	close(c.over)
}

// resolve takes the result, or that the guest cancelled the call.
func (c *concurrentCall) resolve(call *abi.Call) error {
	if call != nil {
		if err := c.lift(call); err != nil {
			return err
		}
		if err := call.Err(); err != nil {
			return err
		}
	}
	c.cancelled = call == nil
	close(c.over)
	return nil
}

// wait waits for the end of the call, and asks the guest to cancel it when ctx
// ends.
func (c *concurrentCall) wait(ctx context.Context, sc *scheduler) error {
	done, own := ctx.Done(), sc.context()
	for {
		select {
		case <-c.over:
			return c.answer(ctx)
		case <-own.Done():
			select {
			case <-c.over: // before the instance was
				return c.answer(ctx)
			default:
			}
			return errcode.New(errcode.Closed, "call %s: %w", c.export.name, context.Cause(own))
		case <-done:
			done = nil
			sc.post(c.cancel)
		}
	}
}

// answer says how the call, which is over, ended.
func (c *concurrentCall) answer(ctx context.Context) error {
	if c.refused != nil {
		return refused(c.export.name, c.refused)
	}
	if c.cancelled {
		return errcode.New(errcode.OfContext(ctx), "call %s: %w", c.export.name, context.Cause(ctx))
	}
	return nil
}

func (c *concurrentCall) cancel() error {
	if c.task == nil || c.task.phase != taskInitial && c.task.phase != taskStarted {
		return nil
	}
	return c.task.requestCancel(nil)
}
