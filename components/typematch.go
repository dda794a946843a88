package components

import (
	"maps"
	"sync"
	"sync/atomic"

	"latticework/wit"
)

// typeMatches remembers which types of elements of streams and futures are the
// same, one of the component and one of the host: comparing an error code with
// all its cases takes longer than the call that asks.
type typeMatches struct {
	known atomic.Pointer[map[[2]*wit.Type]bool] // never changed, only replaced
	mu    sync.Mutex                            // held while it is replaced
}

// maxMatches bounds what is remembered: a host may make its types anew for each
// call, and a guest may ask for any two of its own.
const maxMatches = 1_000

// sameAsync reports whether a and b, which are streams or futures, are the same,
// where either may be of a contract and so name the resources that the host binds.
//
// Concurrency: safe.
func (t *Template) sameAsync(a, b *wit.Type) bool {
	x, y := a.Elem, b.Elem
	switch {
	case a.Kind != b.Kind:
		return false
	case x == y:
		return true
	case x == nil || y == nil || x.Kind != y.Kind:
		return false
	case wit.Primitive(x.Kind) != nil:
		return true
	}
	pair := [2]*wit.Type{x, y}
	if known := t.matches.known.Load(); known != nil {
		if same, ok := (*known)[pair]; ok {
			return same
		}
	}
	same := wit.Equal(x, y) || t.sameType(x, y) || t.sameType(y, x)
	t.matches.add(pair, same)
	return same
}

// add remembers a comparison, unless there are many already.
func (m *typeMatches) add(pair [2]*wit.Type, same bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[[2]*wit.Type]bool{pair: same}
	if known := m.known.Load(); known != nil {
		if len(*known) >= maxMatches {
			return
		}
		maps.Copy(next, *known)
	}
	m.known.Store(&next)
}
