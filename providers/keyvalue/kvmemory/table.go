package kvmemory

import (
	"context"
	"slices"
	"sort"
	"strconv"
	"sync"

	"latticework/providers/keyvalue"
)

// table is one bucket. Keys are listed in the order in which they were
// made; a cursor is the number of the last key on a page, so it stays right
// whatever is written or removed meanwhile.
type table struct {
	provider *Provider

	mu     sync.RWMutex
	values map[string]entry // guarded by mu
	order  []slot           // guarded by mu; rising numbers, also of removed keys
	last   uint64           // guarded by mu; number of the newest key
}

type entry struct {
	value  []byte // not changed once stored
	number uint64
}

// slot is a place in the listing. It is dead if the key's entry has another
// number or is gone.
type slot struct {
	key    string
	number uint64
}

// overhead is about what an entry takes besides its key and value.
const overhead = 96

func (t *table) Get(_ context.Context, key string) (keyvalue.Entry, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.getLocked(key), nil
}

func (t *table) getLocked(key string) keyvalue.Entry {
	e, ok := t.values[key]
	return keyvalue.Entry{Value: e.value, Found: ok}
}

func (t *table) Exists(_ context.Context, key string) (bool, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.values[key]
	return ok, nil
}

func (t *table) Set(_ context.Context, key string, value []byte) error {
	value = append(make([]byte, 0, len(value)), value...) // never nil
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.setLocked(key, value)
}

// setLocked keeps value.
func (t *table) setLocked(key string, value []byte) error {
	old, ok := t.values[key]
	grow := int64(len(value) - len(old.value))
	if !ok {
		grow += int64(len(key)) + overhead
	}
	if err := t.provider.charge(grow); err != nil {
		return err
	}
	if ok {
		t.values[key] = entry{value, old.number}
		return nil
	}
	t.last++
	t.values[key] = entry{value, t.last}
	t.order = append(t.order, slot{key, t.last})
	return nil
}

func (t *table) Delete(_ context.Context, key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deleteLocked(key)
	return nil
}

func (t *table) deleteLocked(key string) {
	e, ok := t.values[key]
	if !ok {
		return
	}
	delete(t.values, key)
	_ = t.provider.charge(-int64(len(key)+len(e.value)) - overhead)
	if len(t.order) > 2*len(t.values)+64 {
		t.order = slices.DeleteFunc(t.order, func(s slot) bool { return !t.aliveLocked(s) })
	}
}

func (t *table) aliveLocked(s slot) bool {
	e, ok := t.values[s.key]
	return ok && e.number == s.number
}

func (t *table) List(_ context.Context, cursor uint64, limit int) (keyvalue.Page, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var page keyvalue.Page
	start := sort.Search(len(t.order), func(i int) bool { return t.order[i].number > cursor })
	last, bytes := uint64(0), 0
	for _, s := range t.order[start:] {
		if !t.aliveLocked(s) {
			continue
		}
		if len(page.Keys) == limit || bytes > keyvalue.PageBytes {
			page.Next = last
			break
		}
		page.Keys = append(page.Keys, s.key)
		last, bytes = s.number, bytes+len(s.key)
	}
	return page, nil
}

func (t *table) Increment(_ context.Context, key string, delta uint64) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := keyvalue.Add(key, t.getLocked(key), delta)
	if err != nil {
		return 0, err
	}
	return n, t.setLocked(key, strconv.AppendUint(nil, n, 10))
}

func (t *table) GetMany(_ context.Context, keys []string) ([]keyvalue.Entry, error) {
	found := make([]keyvalue.Entry, len(keys))
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i, key := range keys {
		found[i] = t.getLocked(key)
	}
	return found, nil
}

func (t *table) SetMany(_ context.Context, pairs []keyvalue.Pair) error {
	copies := make([][]byte, len(pairs))
	for i, p := range pairs {
		copies[i] = append(make([]byte, 0, len(p.Value)), p.Value...)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, p := range pairs {
		if err := t.setLocked(p.Key, copies[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) DeleteMany(_ context.Context, keys []string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		t.deleteLocked(key)
	}
	return nil
}
