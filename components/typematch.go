package components

import (
	"maps"
	"sync"
	"sync/atomic"

	"latticework/wit"
)

// typeMatches remembers which types of streams and futures are the same, one
// of the component and one of the host: comparing an error code with all its
// cases takes longer than the call that asks.
type typeMatches struct {
	known atomic.Pointer[map[[2]*wit.Type]bool] // never changed, only replaced
	mu    sync.Mutex                            // held while it is replaced
}

// sameAsync reports whether a and b are the same, where either may be of a
// contract and so name the resources that the host binds.
//
// Concurrency: safe.
func (t *Template) sameAsync(a, b *wit.Type) bool {
	if a == b {
		return true
	}
	pair := [2]*wit.Type{a, b}
	if known := t.matches.known.Load(); known != nil {
		if same, ok := (*known)[pair]; ok {
			return same
		}
	}
	same := wit.Equal(a, b) || t.sameType(a, b) || t.sameType(b, a)
	t.matches.add(pair, same)
	return same
}

// add remembers a comparison. There are as many as the component has types,
// times those of its contracts.
func (m *typeMatches) add(pair [2]*wit.Type, same bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[[2]*wit.Type]bool{pair: same}
	if known := m.known.Load(); known != nil {
		maps.Copy(next, *known)
	}
	m.known.Store(&next)
}
