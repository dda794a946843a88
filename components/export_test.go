package components

import "latticework/wit/abi"

// Kept returns how many instances t keeps, set back.
func (t *Template) Kept() int {
	t.reuse.mu.Lock()
	defer t.reuse.mu.Unlock()
	return len(t.reuse.free)
}

// Serving returns the name of the interface of given that serves import name,
// "" if none does.
func Serving(name string, given ...string) string {
	var list []*abi.Interface
	for _, g := range given {
		list = append(list, &abi.Interface{Name: g})
	}
	if best := match(name, list); best != nil {
		return best.Name
	}
	return ""
}

// Matches returns how many comparisons of types t remembers.
func (t *Template) Matches() int {
	if known := t.matches.known.Load(); known != nil {
		return len(*known)
	}
	return 0
}
