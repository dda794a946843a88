package components

import (
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit"
)

// newChannel is the built-ins stream.new and future.new.
func (s *state) newChannel(t *wit.Type) (uint64, error) {
	c := &struct {
		channel        channel
		reader, writer channelEnd
	}{channel: channel{typ: t}}
	c.reader = channelEnd{channel: &c.channel, reader: true, state: s}
	c.writer = channelEnd{channel: &c.channel, state: s}
	r, err := s.addEnd(&c.reader)
	if err != nil {
		return 0, err
	}
	w, err := s.addEnd(&c.writer)
	return uint64(r) | uint64(w)<<32, err
}

// copyEnd is the built-ins that read and write: n elements at ptr.
func (fb *fiber) copyEnd(k int, h *plan.Host, s *state, reader bool, i, ptr, n uint32) (uint32, error) {
	e, err := s.end(i, h.Val, reader)
	if err != nil {
		return 0, err
	}
	if e.phase != endIdle {
		what := "write to"
		if reader {
			what = "read from"
		}
		return 0, e.errDone(what)
	}
	if err := e.errInSet(h.Options.Async); err != nil {
		return 0, err
	}
	if e.copying == nil {
		e.copying = &guestCopy{}
	}
	e.copying.frame.init(s, &h.Options)
	if err = e.copying.begin(fb.in.tmpl.component.elemCodecs[k], ptr, n); err != nil {
		return 0, err
	}
	e.phase, e.index = endCopying, i
	if reader {
		err = e.channel.read(e)
	} else {
		err = e.channel.write(e)
	}
	if err != nil {
		return 0, err
	}
	return e.finish(fb.thread, h.Options.Async)
}

// finish answers the event of the copy, which a synchronous one waits for.
func (e *channelEnd) finish(th *thread, async bool) (uint32, error) {
	if !e.hasPending() {
		if async {
			return blocked, nil
		}
		e.waitPending(th)
	}
	return e.take().p2, nil
}

// cancelCopy is the built-ins that cancel a read or write.
func (s *state) cancelCopy(th *thread, h *plan.Host, reader bool, i uint32) (uint32, error) {
	e, err := s.end(i, h.Val, reader)
	if err != nil {
		return 0, err
	}
	if e.phase != endCopying || e.syncWaiter {
		return 0, errcode.New(errcode.Trap, "cannot cancel: no operation of the %s is under way", kindName(h.Val))
	}
	if err := e.errInSet(h.Async); err != nil {
		return 0, err
	}
	e.phase = endCancelling
	if !e.hasPending() {
		e.channel.cancel()
	}
	return e.finish(th, h.Async)
}

// dropEnd is the built-ins that drop an end.
func (s *state) dropEnd(h *plan.Host, reader bool, i uint32) error {
	e, err := s.end(i, h.Val, reader)
	if err != nil {
		return err
	}
	if e.busy() {
		return errcode.New(errcode.Trap, "cannot drop busy %s", kindName(h.Val))
	}
	if e.channel.future() && !reader && e.phase != endDone {
		return errcode.New(errcode.Trap, "cannot drop future write end without first writing a value")
	}
	s.table.remove(i)
	e.channel.drop()
	e.join(nil)
	return nil
}

// LiftAsync takes stream or future i from the guest, or looks at error-context
// i.
func (f *frame) LiftAsync(i uint32, t *wit.Type) (any, error) {
	s := f.state
	if t.Kind == wit.KindErrorContext {
		h, err := s.table.get(i, resErrorContext)
		if err != nil {
			return nil, err
		}
		return h.rep, nil
	}
	c, err := s.liftEnd(i, t)
	if err != nil || !f.host {
		return c, err
	}
	return s.inst.async.toHost(c), nil
}

// LowerAsync gives the guest a handle of a stream, future or error-context.
func (f *frame) LowerAsync(rep any, t *wit.Type) (uint32, error) {
	s := f.state
	if t.Kind == wit.KindErrorContext {
		e, ok := rep.(*ErrorContext)
		if !ok || e == nil {
			return 0, errcode.New(errcode.Invalid, "a %T was given for an error-context, nil or of another type", rep)
		}
		return f.noted(s.table.add(handle{res: resErrorContext, rep: e}))
	}
	if s.inst.async == nil {
		return 0, errcode.New(errcode.Unsupported, "a %s was given to a component that uses nothing asynchronous", kindName(t))
	}
	c, ok := rep.(*channel)
	if !ok {
		var err error
		if c, err = s.inst.async.fromHost(rep, t); err != nil {
			return 0, err
		}
	}
	i, err := f.noted(s.addReader(c))
	if err != nil && !ok && c.source.detach() == nil {
		c.drop()
	}
	return i, err
}

// noted is note of handle i, unless there is none because of err.
func (f *frame) noted(i uint32, err error) (uint32, error) {
	if err == nil {
		f.note(i, nil)
	}
	return i, err
}
