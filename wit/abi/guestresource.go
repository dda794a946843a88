package abi

import (
	"context"

	"latticework/wit"
)

// GuestResource is a resource that a component defines, as Go holds it: a
// runtime's [Handles] answer it in place of a Go value, and take it back.
type GuestResource interface {
	// Instance returns the instance that made it. It lives no longer than that.
	Instance() Invoker
	// End ends the resource, which Go must own: the component's destructor runs.
	//
	// Concurrency: as a call of the instance.
	//
	// Errors:
	//   - invalid if it is gone already, or only lent.
	//   - those of a call.
	End(ctx context.Context) error
}

// GuestHandle is embedded in a Go value that stands for a resource of a
// component, such as the typed handles of generated contracts: where that
// component takes the resource, the value is taken for it.
type GuestHandle struct{ Resource GuestResource }

func (h GuestHandle) guestResource() GuestResource { return h.Resource }

// GuestOf returns the resource that v stands for, nil if it is no such value.
func GuestOf(v any) GuestResource {
	if h, ok := v.(interface{ guestResource() GuestResource }); ok {
		return h.guestResource()
	}
	return nil
}

// HandleChecker is what an [Invoker] may implement to have what a call is given
// refused before the guest is entered: a failure in between costs the instance.
type HandleChecker interface {
	// CheckHandle reports why the instance cannot be given rep for a handle of
	// resource r, as its own or lent. It is asked about each handle of a call;
	// the call follows unless one is refused.
	//
	// Errors: invalid if rep is gone, of another instance or resource, or given
	// in the same call elsewhere.
	CheckHandle(rep any, r *wit.Resource, owned bool) error
}
