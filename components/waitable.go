package components

import (
	"slices"

	"latticework/internal/errcode"
)

// The codes of events.
const (
	eventNone = iota
	eventSubtask
	eventStreamRead
	eventStreamWrite
	eventFutureRead
	eventFutureWrite
	eventTaskCancelled
)

// event is what a waitable tells.
type event struct{ code, p1, p2 uint32 }

// waitable is what subtasks and the ends of streams and futures have in
// common.
type waitable struct {
	pending    eventer // nil without an event
	set        *waitableSet
	syncWaiter bool
}

// eventer makes an event when it is delivered.
type eventer interface{ event() event }

// waiter is an entry of a table of handles that can be waited for.
type waiter interface{ base() *waitable }

func (w *waitable) base() *waitable { return w }

func (w *waitable) hasPending() bool { return w.pending != nil }

// waitPending blocks th until there is an event.
func (w *waitable) waitPending(th *thread) {
	w.syncWaiter = true
	th.waitUntil(w.hasPending, false)
	w.syncWaiter = false
}

func (w *waitable) take() event {
	p := w.pending
	w.pending = nil
	return p.event()
}

func (w *waitable) join(set *waitableSet) {
	if old := w.set; old != nil {
		if i := slices.Index(old.elems, w); i >= 0 {
			old.elems = slices.Delete(old.elems, i, i+1)
		}
	}
	w.set = set
	if set != nil {
		set.elems = append(set.elems, w)
	}
}

// waitableSet is a set of waitables.
type waitableSet struct {
	elems   []*waitable
	waiting int
}

func (s *waitableSet) first() *waitable {
	for _, w := range s.elems {
		if w.pending != nil {
			return w
		}
	}
	return nil
}

func (s *waitableSet) hasPending() bool { return s.first() != nil }

// wait blocks th until ready answers true and an event is there.
func (s *waitableSet) wait(th *thread, ready func() bool, cancellable bool) (event, error) {
	s.waiting++
	cancelled := th.waitUntil(func() bool { return ready() && s.hasPending() }, cancellable)
	s.waiting--
	if cancelled {
		return event{code: eventTaskCancelled}, nil
	}
	return s.first().take(), nil
}

// poll returns an event, or none.
func (s *waitableSet) poll(tk *task, cancellable bool) event {
	if tk.deliverCancel(cancellable) {
		return event{code: eventTaskCancelled}
	}
	if w := s.first(); w != nil {
		return w.take()
	}
	return event{}
}

func (s *state) waitableSet(i uint32) (*waitableSet, error) {
	h, err := s.table.get(i, resWaitableSet)
	if err != nil {
		return nil, err
	}
	return h.rep.(*waitableSet), nil
}

// waitableAt returns the waitable at index i.
func (s *state) waitableAt(i uint32) (*waitable, error) {
	h, err := s.table.at(i)
	if err != nil {
		return nil, err
	}
	w, ok := h.rep.(waiter)
	if !ok {
		return nil, errcode.New(errcode.Trap, "handle index %d used with the wrong type: expected a waitable but found %s", i, resourceName(h.res))
	}
	return w.base(), nil
}

func (s *state) joinWaitable(wi, si uint32) error {
	w, err := s.waitableAt(wi)
	if err != nil {
		return err
	}
	if w.syncWaiter {
		return errcode.New(errcode.Trap, "cannot join a waitable set while a synchronous operation waits")
	}
	var set *waitableSet
	if si != 0 {
		if set, err = s.waitableSet(si); err != nil {
			return err
		}
	}
	w.join(set)
	return nil
}

func (s *state) dropWaitableSet(i uint32) error {
	set, err := s.waitableSet(i)
	if err != nil {
		return err
	}
	if len(set.elems) > 0 {
		return errcode.New(errcode.Trap, "cannot drop waitable set with waitables in it")
	}
	if set.waiting > 0 {
		return errcode.New(errcode.Trap, "cannot drop waitable set with waiters")
	}
	s.table.remove(i)
	return nil
}

// errInSet refuses a synchronous operation on w if it is in a set.
func (w *waitable) errInSet(async bool) error {
	if w.set != nil && !async {
		return errcode.New(errcode.Trap, "waitable cannot be used synchronously while added to a waitable set")
	}
	return nil
}
