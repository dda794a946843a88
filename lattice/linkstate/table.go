package linkstate

import (
	"maps"
	"slices"
)

// table maps keys to records. Records are never modified once stored. Copies
// made by share are read-only and stay as they were: the next set clones.
type table[T any] struct {
	items map[string]*T
	owned bool // items is not seen by any copy
}

func (t *table[T]) share() table[T] {
	t.owned = false
	return table[T]{items: t.items}
}

func (t *table[T]) get(key string) *T { return t.items[key] }

func (t *table[T]) len() int { return len(t.items) }

// set stores v, or removes key when v is nil, and returns what was there.
func (t *table[T]) set(key string, v *T) *T {
	if !t.owned {
		t.items = maps.Clone(t.items)
		t.owned = true
	}
	old := t.items[key]
	if v == nil {
		delete(t.items, key)
		return old
	}
	if t.items == nil {
		t.items = map[string]*T{}
	}
	t.items[key] = v
	return old
}

func (t *table[T]) keys() []string { return slices.Sorted(maps.Keys(t.items)) }

func (t *table[T]) list() []*T {
	out := make([]*T, 0, len(t.items))
	for _, k := range t.keys() {
		out = append(out, t.items[k])
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
