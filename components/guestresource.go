package components

import (
	"context"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// GuestResource is a resource that a component defines, as the host holds it:
// the Rep of a value.Handle that a call answered, or gave to an import. One that
// the host owns it gives back by a call with an owned handle, or ends with
// [Instance.Drop]; after either it is gone. It lives no longer than its instance.
//
// Concurrency: as the calls of its instance.
type GuestResource struct {
	instance *Instance
	res      *wit.Resource
	rep      uint32
	hold     guestHold
	// asked is the last call that CheckHandle was asked about it for, counted as
	// Instance.asked from 1; askedOwn says that it was to be given there.
	asked    uint64
	askedOwn bool
}

// guestHold is how the host holds a resource.
type guestHold uint8

const (
	guestOwned guestHold = iota + 1
	guestLent            // for the length of a call
	guestGone
)

var _ abi.GuestResource = (*GuestResource)(nil)

// Instance implements [abi.GuestResource].
func (r *GuestResource) Instance() abi.Invoker { return r.instance }

// End is [Instance.Drop].
func (r *GuestResource) End(ctx context.Context) error { return r.instance.Drop(ctx, r) }

// CheckHandle implements [abi.HandleChecker].
//
// Concurrency: as a call.
func (in *Instance) CheckHandle(rep any, r *wit.Resource, owned bool) (err error) {
	if in.tmpl == nil || in.dead != nil {
		return nil // which a call says itself
	}
	defer func() {
		if err != nil {
			in.asked++
		}
	}()
	_, g, err := in.entry(rep, r)
	if err != nil || g == nil {
		return err
	}
	if owned {
		err = g.ownable("give")
	}
	call := in.asked + 1
	if again := g.asked == call; err == nil && again && (owned || g.askedOwn) {
		err = errcode.New(errcode.Invalid, "give resource %s: the call is given it twice", resourceName(g.res))
	}
	g.asked, g.askedOwn = call, owned
	return err
}

// ownable reports why the host cannot do what verb says, for which it must own
// the resource.
func (r *GuestResource) ownable(verb string) error {
	switch r.hold {
	case guestLent:
		return errcode.New(errcode.Invalid, "%s resource %s: it is only lent", verb, resourceName(r.res))
	case guestGone:
		return r.gone(verb)
	}
	return nil
}

func (r *GuestResource) gone(verb string) error {
	return errcode.New(errcode.Invalid, "%s resource %s: it was given away or dropped before", verb, resourceName(r.res))
}

// Drop ends a resource that the component defines and the host owns: the
// component's destructor runs. The resources of an instance end with it as well,
// without their destructors.
//
// Concurrency: as a call.
//
// Errors:
//   - ErrInvalid if r belongs to another instance, is only lent, or is gone.
//   - those of [Instance.Invoke].
func (in *Instance) Drop(ctx context.Context, r *GuestResource) error {
	if err := in.mayCall(ctx, "drop"); err != nil {
		return err
	}
	if r == nil || r.instance != in {
		return errcode.New(errcode.Invalid, "drop: the resource belongs to another instance")
	}
	if err := r.ownable("drop"); err != nil {
		return err
	}
	r.hold = guestGone
	return in.protect(ctx, "drop of "+resourceName(r.res), func() error {
		var host *state
		return host.destroy(&in.main, handle{res: r.res, num: r.rep, own: true})
	})
}
