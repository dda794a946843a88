package components

import (
	"context"

	"latticework/wit/abi"
	"latticework/wit/value"
)

// loseValues ends what vs own, which nobody takes: resources of the host are
// dropped, streams and futures closed; end is called with those of a component.
func loseValues(vs []value.Value, end func(*GuestResource)) {
	for _, v := range vs {
		loseValue(v, end)
	}
}

func loseValue(v value.Value, end func(*GuestResource)) {
	switch v := v.(type) {
	case value.List:
		loseValues(v, end)
	case value.Record:
		loseValues(v, end)
	case value.Tuple:
		loseValues(v, end)
	case value.Variant:
		loseValue(v.Payload, end)
	case value.Option:
		loseValue(v.Value, end)
	case value.Result:
		loseValue(v.Value, end)
	case value.Async:
		if c, ok := v.Rep.(interface{ Close() }); ok {
			c.Close()
		}
	case value.Handle:
		if !v.Owned {
			return
		}
		switch r := v.Rep.(type) {
		case *GuestResource:
			end(r)
		case abi.Dropper:
			r.Drop(context.Background())
		}
	}
}

// lose ends a resource that the host owns, between guest code: see
// [Instance.Drop].
func (r *GuestResource) lose() error {
	if r.hold != guestOwned {
		return nil
	}
	r.hold = guestGone
	var host *state
	return host.destroy(&r.instance.main, handle{res: r.res, num: r.rep, own: true})
}
