package components

import (
	"context"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// What a table holds besides handles of resources, as if they were some.
var (
	resWaitableSet  = &wit.Resource{Name: "a waitable set"}
	resSubtask      = &wit.Resource{Name: "a subtask"}
	resErrorContext = &wit.Resource{Name: "an error context"}
	resReader       = &wit.Resource{Name: "the readable end of a stream"}
	resWriter       = &wit.Resource{Name: "the writable end of a stream"}
	resFutureReader = &wit.Resource{Name: "the readable end of a future"}
	resFutureWriter = &wit.Resource{Name: "the writable end of a future"}
)

// handle is one entry of a component instance's table.
type handle struct {
	res   *wit.Resource // its identity; nil in a free entry
	rep   any           // what the host gave for it, or a *GuestResource
	num   uint32        // the representation of the instance's own resource
	next  uint32        // in a free entry, the next free one
	lends uint32
	own   bool
	// scope is the call that a borrowed handle must not outlive.
	scope *frame
	owner abi.Owner
}

// table is a component instance's handles. Indices start at 1.
type table struct {
	entries []handle
	free    uint32
	open    uint32
	limit   uint32
}

// maxHandle is the largest index that the canonical ABI allows.
const maxHandle = 1<<28 - 1

func (t *table) add(h handle) (uint32, error) {
	if t.open >= t.limit || len(t.entries) > maxHandle {
		return 0, exceeded(LimitHandles, "open handles", uint64(t.open)+1, uint64(t.limit))
	}
	t.open++
	if i := t.free; i != 0 {
		t.free = t.entries[i].next
		t.entries[i] = h
		return i, nil
	}
	if len(t.entries) == 0 {
		t.entries = append(t.entries, handle{})
	}
	t.entries = append(t.entries, h)
	return uint32(len(t.entries) - 1), nil
}

// get returns entry i of resource r.
func (t *table) get(i uint32, r *wit.Resource) (*handle, error) {
	h, err := t.at(i)
	if err != nil {
		return nil, err
	}
	if h.res != r {
		return nil, errcode.New(errcode.Trap, "handle index %d used with the wrong type: expected %s but found %s", i, resourceName(r), resourceName(h.res))
	}
	return h, nil
}

// at returns entry i, whatever it is.
func (t *table) at(i uint32) (*handle, error) {
	if i == 0 || uint64(i) >= uint64(len(t.entries)) || t.entries[i].res == nil {
		return nil, errcode.New(errcode.Trap, "unknown handle index %d", i)
	}
	return &t.entries[i], nil
}

func (t *table) remove(i uint32) {
	t.entries[i] = handle{next: t.free}
	t.free = i
	t.open--
}

// busy reports whether something goes on that a handle stands for: a call that
// has not returned, a read or a write.
func (t *table) busy() bool {
	for i := range t.entries {
		switch w := t.entries[i].rep.(type) {
		case *subtask:
			if !w.resolved() {
				return true
			}
		case *channelEnd:
			if w.busy() {
				return true
			}
		}
	}
	return false
}

func resourceName(r *wit.Resource) string {
	switch {
	case r.Name == "":
		return "an unnamed resource"
	case r.Interface == "":
		return r.Name
	}
	return r.Interface + "." + r.Name
}

// state is one component instance inside an Instance: the outermost, or a
// nested one.
type state struct {
	inst     *Instance
	index    int
	parent   *state
	table    table
	mayLeave bool
	mayEnter bool

	async bool // it uses the asynchronous ABI
	*asyncState
}

// asyncState is what a component instance has that uses the asynchronous ABI.
type asyncState struct {
	threads        threads
	backpressure   int
	waitingToEnter int
	exclusive      *thread // has the instance for itself until it waits
}

// defines reports whether s is the instance that defines resource r.
func (s *state) defines(r *wit.Resource) bool {
	if r.Slot == 0 {
		return false
	}
	return s.inst.tmpl.component.plan.Resources[r.Slot-1].Instance == s.index
}

// LiftOwn takes handle i from the guest.
func (f *frame) LiftOwn(i uint32, r *wit.Resource) (any, error) {
	s := f.state
	r = s.inst.tmpl.resource(r)
	h, err := s.table.get(i, r)
	if err != nil {
		return nil, err
	}
	if h.lends != 0 {
		return nil, errcode.New(errcode.Trap, "cannot remove owned resource while borrowed: handle %d of %s", i, resourceName(r))
	}
	if !h.own {
		return nil, errcode.New(errcode.Trap, "cannot lift own resource from a borrow: handle %d of %s", i, resourceName(r))
	}
	rep, gone := f.rep(h, guestOwned), *h
	s.table.remove(i)
	if f.host && gone.owner != nil {
		gone.owner.Release()
	}
	return rep, nil
}

// handedOn is what the host gave for a handle, on its way from one guest to
// another, with the owner that counts it, nil without one.
type handedOn struct {
	rep   any
	owner abi.Owner
}

// rep returns what h stands for; the host holds a resource of the component
// as hold says.
func (f *frame) rep(h *handle, hold guestHold) any {
	switch {
	case h.rep != nil && f.host:
		return h.rep
	case h.rep != nil:
		return &handedOn{rep: h.rep, owner: h.owner}
	}
	return &GuestResource{instance: f.state.inst, res: h.res, rep: h.num, hold: hold}
}

// LiftBorrow lends handle i for the length of the call.
func (f *frame) LiftBorrow(i uint32, r *wit.Resource) (any, error) {
	h, err := f.state.table.get(i, f.state.inst.tmpl.resource(r))
	if err != nil {
		return nil, err
	}
	h.lends++
	f.lent = append(f.lent, i)
	return f.rep(h, guestLent), nil
}

// LowerOwn gives the guest a new handle.
func (f *frame) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	h, g, err := f.state.inst.entry(rep, r)
	if err != nil {
		return 0, err
	}
	h.own = true
	_, counted := rep.(*handedOn)
	switch {
	case g != nil:
		if err := g.ownable("give"); err != nil {
			return 0, err
		}
	case !counted:
		h.owner = f.owner
	}
	i, err := f.state.table.add(h)
	switch {
	case err != nil:
		return 0, err
	case g != nil:
		g.hold = guestGone
	case h.owner != nil && !counted:
		h.owner.Acquire()
	}
	f.note(i, g)
	return i, nil
}

// Lost implements [abi.Loser]: what another guest gave ends, and so does what
// the host gave by a call or its answer, but for resources of a component, which
// the host has as before.
func (f *frame) Lost(rep any) {
	on, ok := rep.(*handedOn)
	if ok && on.owner != nil {
		defer on.owner.Release()
	}
	if ok {
		rep = on.rep
	}
	if !ok && (!f.ends || abi.GuestOf(rep) != nil) {
		return
	}
	switch rep := rep.(type) {
	case abi.Dropper:
		rep.Drop(f.state.inst.main.ctx.Context)
	case interface{ Close() }:
		rep.Close()
	}
}

// LowerBorrow gives the guest a handle that it must drop before the call
// ends; an instance that defines the resource gets the representation.
func (f *frame) LowerBorrow(rep any, r *wit.Resource) (uint32, error) {
	h, _, err := f.state.inst.entry(rep, r)
	if err != nil {
		return 0, err
	}
	if f.state.defines(h.res) {
		return h.num, nil
	}
	h.scope = f
	i, err := f.state.table.add(h)
	if err != nil {
		return 0, err
	}
	f.borrows++
	f.note(i, nil)
	return i, nil
}

// entry makes the table entry for rep; g is the component's resource that it is
// or stands for, nil for one of the host.
func (in *Instance) entry(rep any, r *wit.Resource) (h handle, g *GuestResource, err error) {
	id := in.tmpl.resource(r)
	if on, handed := rep.(*handedOn); handed {
		return handle{res: id, rep: on.rep, owner: on.owner}, nil, nil
	}
	if rep == nil {
		return handle{}, nil, errcode.New(errcode.Internal, "the host gave nothing for a handle of %s", resourceName(id))
	}
	g, _ = rep.(*GuestResource)
	if g == nil && id.Slot != 0 {
		g, _ = abi.GuestOf(rep).(*GuestResource)
	}
	switch {
	case g == nil && id.Slot != 0:
		err = errcode.New(errcode.Invalid, "a Go value was given for a handle of %s, which the component defines", resourceName(id))
	case g == nil:
		h = handle{res: id, rep: rep}
	case g.instance != in || g.res != id:
		err = errcode.New(errcode.Invalid, "a resource of another instance or type was given for a handle of %s", resourceName(id))
	case g.hold == guestGone:
		err = g.gone("give")
	default:
		h = handle{res: id, num: g.rep}
	}
	return h, g, err
}

// Owner returns what handle i was made under.
func (f *frame) Owner(i uint32) abi.Owner {
	t := &f.state.table
	if i == 0 || uint64(i) >= uint64(len(t.entries)) {
		return nil
	}
	return t.entries[i].owner
}

// SetOwner states under what the following handles are made.
func (f *frame) SetOwner(o abi.Owner) { f.owner = o }

// dropHandle is what the built-in resource.drop does.
func (s *state) dropHandle(fb *fiber, i uint32, r *wit.Resource) error {
	h, err := s.table.get(i, s.inst.tmpl.resource(r))
	if err != nil {
		return err
	}
	if h.lends != 0 {
		return errcode.New(errcode.Trap, "cannot remove owned resource while borrowed: handle %d of %s", i, resourceName(h.res))
	}
	gone := *h
	s.table.remove(i)
	if !gone.own {
		gone.scope.borrows--
		return nil
	}
	return s.destroy(fb, gone)
}

// destroy runs the destructor of what h owned. A nil s is the host.
func (s *state) destroy(fb *fiber, h handle) error {
	if h.rep != nil {
		if d, ok := h.rep.(abi.Dropper); ok {
			d.Drop(fb.ctx.Context)
		}
		if h.owner != nil {
			h.owner.Release()
		}
		return nil
	}
	r := fb.in.tmpl.component.plan.Resources[h.res.Slot-1]
	if r.Dtor < 0 {
		return nil
	}
	callee := fb.in.states[r.Instance]
	stack := [1]uint64{uint64(h.num)}
	if callee.async {
		return callee.runSync(s, func(fb *fiber) error { return fb.call(r.Dtor, stack[:]) })
	}
	if err := callee.enterFrom(s); err != nil {
		return err
	}
	// The frame that a call has; a destructor takes nothing that needs one.
	f := fb.push(callee, &noOptions)
	if err := fb.call(r.Dtor, stack[:]); err != nil {
		return err
	}
	fb.pop(f)
	callee.leaveTo(s)
	return nil
}

// closeAll drops what the guest left open that the host must know of.
func (t *table) closeAll(ctx context.Context) {
	for i := range t.entries {
		h := &t.entries[i]
		if h.res == nil || h.rep == nil || !h.own {
			continue
		}
		if d, ok := h.rep.(abi.Dropper); ok {
			d.Drop(ctx)
		}
		if h.owner != nil {
			h.owner.Release()
		}
	}
	clear(t.entries)
	t.entries = t.entries[:0]
	if cap(t.entries) > keepEntries {
		t.entries = nil
	}
	t.free, t.open = 0, 0
}

// keepEntries is how much room a table keeps that is emptied for an instance to
// come.
const keepEntries = 1_024

// enterFrom marks s and those around it as entered, but for those that
// caller is inside of already.
func (s *state) enterFrom(caller *state) error {
	if !s.mayEnterFrom(caller) {
		return errcode.New(errcode.Trap, "cannot enter component instance")
	}
	for in := s; in != nil && !caller.inside(in); in = in.parent {
		in.mayEnter = false
	}
	return nil
}

func (s *state) mayEnterFrom(caller *state) bool {
	for in := s; in != nil && !caller.inside(in); in = in.parent {
		if !in.mayEnter {
			return false
		}
	}
	return true
}

func (s *state) leaveTo(caller *state) {
	for in := s; in != nil && !caller.inside(in); in = in.parent {
		in.mayEnter = true
	}
}

// inside reports whether s is in, or nested in it. A nil s, the host, is in
// none.
func (s *state) inside(in *state) bool {
	for ; s != nil; s = s.parent {
		if s == in {
			return true
		}
	}
	return false
}
