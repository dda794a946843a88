package components

import (
	"context"
	"sync"

	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// startImport calls what the import is bound to where that may go on in the
// background, or where the guest is prepared for it.
func (fb *fiber) startImport(k int, h *plan.Host, s *state, stack []uint64) error {
	sub := fb.newSubtask(k, h, s, stack)
	sub.frame.host, sub.frame.ends = true, true
	if err := sub.liftParams(); err != nil {
		return err
	}
	bound := &fb.in.tmpl.hosts[k]
	work, err := sub.startHost(fb, bound)
	if err != nil {
		if work != nil {
			fb.in.async.giveUp(work)
		}
		return err
	}
	if work != nil {
		if err := fb.in.async.reserve(); err != nil {
			fb.in.async.giveUp(work)
			return err
		}
		sub.background(fb.in.async, work)
	}
	return sub.answer(fb, s, stack)
}

// startHost calls bound; the call is over if it returns no work.
func (sub *subtask) startHost(fb *fiber, bound *hostFunc) (abi.Work, error) {
	f := &sub.frame
	if err := f.resultPlace(sub.codec, sub.sig, sub.args[:]); err != nil {
		return nil, err
	}
	var work abi.Work
	var err error
	if bound.start != nil {
		work, err = bound.start(fb.ctx.Context, &f.call)
	} else {
		err = bound.call(fb.ctx.Context, &f.call)
	}
	if err == nil {
		err = f.call.Err()
	}
	if err != nil || work != nil {
		return work, err
	}
	return nil, sub.finish(nil)
}

// background runs work on a goroutine and ends the call when it is done.
func (sub *subtask) background(sc *scheduler, work abi.Work) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(sc.in.main.ctx.Context))
	own := sc.context()
	stop := context.AfterFunc(own, func() { cancel(context.Cause(own)) })
	sub.cancel = func(*state) error {
		cancel(context.Canceled)
		return nil
	}
	sc.working++
	sc.work.Go(func() {
		answer, err := runWork(ctx, work)
		stop()
		cancel(nil)
		sc.postOr(func() error {
			sc.working--
			sc.threads--
			return sub.worked(answer, err)
		}, answer.Discard)
	})
}

// runWork runs work. A panic of it is an error, as it is for a function that the
// guest's own goroutine calls.
func runWork(ctx context.Context, work abi.Work) (answer abi.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errcode.New(errcode.Internal, "host panic: %v", p)
		}
	}()
	return work(ctx)
}

// giveUp runs the work of a call that is over, for what it has begun to end.
func (sc *scheduler) giveUp(work abi.Work) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	sc.work.Go(func() {
		if answer, err := runWork(ctx, work); err == nil && answer.Discard != nil {
			answer.Discard()
		}
	})
}

// worked ends the call with what its work answered.
func (sub *subtask) worked(answer abi.Answer, err error) error {
	switch {
	case err != nil && sub.cancelRequested:
		sub.cancelled()
		return nil
	case err != nil:
		return &hostError{err}
	}
	return sub.finish(answer.Store)
}

// runTask calls lifted function l for the host, until it has returned or was
// refused.
func (in *Instance) runTask(l int, lower, lift func(*abi.Call) error) error {
	var refused *refusal
	tk, err := in.startLift(l, nil, lower, func(c *abi.Call) error {
		if c == nil {
			return errcode.New(errcode.Internal, "the call was cancelled, though nobody asked for it")
		}
		return lift(c)
	}, func(err error) { refused = &refusal{err} })
	if err == nil {
		err = in.async.run(func() bool { return tk.phase == taskResolved })
	}
	if err == nil && refused != nil {
		return refused
	}
	return err
}

// Busy reports whether tasks of the instance are left: those that began and did
// not end, though their calls are answered. Drive lets them go on, Release ends
// them.
func (in *Instance) Busy() bool { return in.async != nil && in.dead == nil && in.async.live > 0 }

// Drive lets the instance's tasks go on while f, on a goroutine of its own,
// reads and writes streams and futures at whose other end they are. It returns
// what f answers, once f returned; a nil f is over when no task is left. A
// component that uses nothing asynchronous has no tasks.
//
// Concurrency: as a call.
//
// Errors: those of [Instance.Invoke]; f's context ends with the instance then.
func (in *Instance) Drive(ctx context.Context, f func(ctx context.Context) error) error {
	if err := in.mayCall(ctx, "drive"); err != nil {
		return err
	}
	sc := in.async
	switch {
	case sc == nil && f == nil:
		return nil
	case sc == nil:
		return f(ctx)
	case f == nil:
		return in.protect(ctx, "drive", func() error {
			return sc.run(func() bool { return sc.live == 0 })
		})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	over, answer := false, error(nil)
	var join sync.WaitGroup
	sc.working++
	join.Go(func() {
		err := f(ctx)
		sc.post(func() error {
			over, answer = true, err
			return nil
		})
	})
	err := in.protect(ctx, "drive", func() error { return sc.run(func() bool { return over }) })
	sc.working--
	cancel(err)
	join.Wait()
	if err != nil {
		return err
	}
	return answer
}
