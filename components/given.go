package components

import (
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// refusal is why a call of the host's was not begun: the guest ran nothing for
// it, and has nothing of it. The instance answers other calls.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// refused is the error of a call that was not begun because of err.
func refused(name string, err error) error {
	return errcode.New(errcode.Of(err), "call %s: %w", name, err)
}

// given is a handle that the guest got for a value from Go, the rest of which
// may fail yet.
type given struct {
	index uint32
	guest *GuestResource // what was given away, nil for a resource of the host
}

// note notes that the guest got handle i.
func (f *frame) note(i uint32, guest *GuestResource) {
	if f.giving {
		f.given = append(f.given, given{i, guest})
	}
}

// keep says that the guest has what was noted for good.
func (f *frame) keep() {
	f.giving = false
	clear(f.given)
	f.given = f.given[:0]
}

// takeBack removes the handles that were noted, as if there had been none: the
// last comes first, so that the table gives the same ones again. The host has
// resources of the component as before; its own, and streams and futures, end
// if ends says so. Else those streams and futures do that cannot be given again.
func (f *frame) takeBack(ends bool) {
	t := &f.state.table
	for n := len(f.given) - 1; n >= 0; n-- {
		g := f.given[n]
		h := t.entries[g.index]
		t.remove(g.index)
		switch rep := h.rep.(type) {
		case *channelEnd:
			if ends || rep.channel.source.detach() == nil {
				rep.channel.drop()
			}
			continue
		case abi.Dropper:
			if h.own && ends {
				rep.Drop(f.state.inst.main.ctx.Context)
			}
		}
		switch {
		case h.scope != nil:
			h.scope.borrows--
		case g.guest != nil:
			g.guest.hold = guestOwned
		case h.owner != nil:
			h.owner.Release()
		}
	}
	f.keep()
}
