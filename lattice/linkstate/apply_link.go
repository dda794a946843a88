package linkstate

import (
	"reflect"
	"slices"

	"latticework/internal/errcode"
)

func (t *tx) putLink(c *PutLink) (Result, error) {
	l, err := normalLink(c.Link)
	if err != nil {
		return Result{}, err
	}
	old := t.s.links.get(l.LinkKey.String())
	if err := expect("link "+l.LinkKey.String(), c.Expect, revisionOfLink(old)); err != nil {
		return Result{}, err
	}
	l.App = ""
	if old != nil {
		l.App = old.App
	}
	return t.storeLink(l)
}

// storeLink stores a normal, valid link over what is there. A link with other
// targets or source configs begins a new generation.
func (t *tx) storeLink(l *Link) (Result, error) {
	key := l.LinkKey.String()
	if err := room(&t.s.links, KindLink, key); err != nil {
		return Result{}, err
	}
	if err := t.s.checkOverlap(l); err != nil {
		return Result{}, err
	}
	old := t.s.links.get(key)
	t.naming = true
	if old == nil {
		l.Generation = t.index
		t.setLink(l)
		return Result{Revision: t.index, Generation: t.index}, nil
	}
	l.Generation, l.Swap, l.Drains, l.Revision = old.Generation, old.Swap, old.Drains, old.Revision
	if reflect.DeepEqual(l, old) {
		return Result{Revision: old.Revision, Generation: old.Generation, Unchanged: true}, nil
	}
	if sameTargets(l.Targets, old.Targets) && slices.Equal(l.SourceConfig, old.SourceConfig) {
		t.setLink(l)
		return Result{Revision: t.index, Generation: l.Generation}, nil
	}
	targets := l.Targets
	l.Targets = old.Targets
	if err := t.advance(l, t.index, targets); err != nil {
		return Result{}, err
	}
	return Result{Revision: t.index, Generation: t.index}, nil
}

// advance stores l with the given generation and targets and leaves its
// present generation draining. It is refused while a swap is prepared.
func (t *tx) advance(l *Link, generation uint64, targets []Target) error {
	if l.Swap != nil {
		return errcode.New(errcode.Conflict, "change link %s: a swap to %q is under way", l.LinkKey, l.Swap.Targets[0].Name).
			WithNext("wait for it, see: lattice link get %s %s", l.Source, l.PackageName())
	}
	if len(l.Drains) >= MaxDrains {
		return errcode.New(errcode.Exhausted, "change link %s: generations draining: %d > %d", l.LinkKey, len(l.Drains)+1, MaxDrains)
	}
	n := *l
	n.Drains = append(slices.Clone(l.Drains), Drain{Generation: l.Generation, Targets: l.Targets})
	n.Generation, n.Targets = generation, targets
	t.setLink(&n)
	return nil
}

func (t *tx) deleteLink(c *DeleteLink) (Result, error) {
	key := c.Key.String()
	old := t.s.links.get(key)
	if err := expect("link "+key, c.Expect, revisionOfLink(old)); err != nil {
		return Result{}, err
	}
	if old == nil {
		return Result{Unchanged: true}, nil
	}
	t.remove(KindLink, key)
	return Result{}, nil
}

func (t *tx) prepareSwap(c *PrepareSwap, request string) (Result, error) {
	key := c.Key.String()
	old := t.s.links.get(key)
	if old == nil {
		return Result{}, noLink(key)
	}
	if err := expect("link "+key, c.Expect, old.Revision); err != nil {
		return Result{}, err
	}
	if old.Swap != nil {
		return Result{}, errcode.New(errcode.Conflict, "swap link %s: a swap to %q is under way", key, old.Swap.Targets[0].Name)
	}
	targets, err := normalTargets(c.Targets)
	if err != nil {
		return Result{}, err
	}
	if sameTargets(targets, old.Targets) {
		return Result{Revision: old.Revision, Generation: old.Generation, Unchanged: true}, nil
	}
	if len(old.Drains) >= MaxDrains {
		return Result{}, errcode.New(errcode.Exhausted, "swap link %s: generations draining: %d > %d", key, len(old.Drains)+1, MaxDrains)
	}
	l := *old
	l.Swap = &Swap{Generation: t.index, Targets: targets, Request: request}
	t.naming = true
	t.setLink(&l)
	return Result{Revision: t.index, Generation: t.index}, nil
}

// prepared returns the link and checks that its swap is the one meant.
func (t *tx) prepared(verb string, k LinkKey, generation uint64) (*Link, error) {
	key := k.String()
	l := t.s.links.get(key)
	if l == nil {
		return nil, noLink(key)
	}
	if l.Swap == nil || l.Swap.Generation != generation {
		return nil, errcode.New(errcode.Conflict, "%s link %s: generation %d is not prepared", verb, key, generation)
	}
	return l, nil
}

func (t *tx) flipSwap(c *FlipSwap) (Result, error) {
	if l := t.s.links.get(c.Key.String()); l != nil && l.Generation == c.Generation {
		return Result{Revision: l.Revision, Generation: l.Generation, Unchanged: true}, nil
	}
	old, err := t.prepared("flip", c.Key, c.Generation)
	if err != nil {
		return Result{}, err
	}
	l := *old
	l.Swap = nil
	if err := t.advance(&l, c.Generation, old.Swap.Targets); err != nil {
		return Result{}, err
	}
	return Result{Revision: t.index, Generation: c.Generation}, nil
}

func (t *tx) abortSwap(c *AbortSwap) (Result, error) {
	old, err := t.prepared("abort swap of", c.Key, c.Generation)
	if err != nil {
		return Result{}, err
	}
	l := *old
	l.Swap = nil
	t.setLink(&l)
	return Result{Revision: t.index, Generation: l.Generation}, nil
}

func (t *tx) finishDrain(c *FinishDrain) (Result, error) {
	key := c.Key.String()
	old := t.s.links.get(key)
	if old == nil {
		return Result{Unchanged: true}, nil
	}
	at := slices.IndexFunc(old.Drains, func(d Drain) bool { return d.Generation == c.Generation })
	if at < 0 {
		return Result{Revision: old.Revision, Generation: old.Generation, Unchanged: true}, nil
	}
	l := *old
	l.Drains = slices.Delete(slices.Clone(old.Drains), at, at+1)
	if len(l.Drains) == 0 {
		l.Drains = nil
	}
	t.setLink(&l)
	return Result{Revision: t.index, Generation: l.Generation}, nil
}

// checkOverlap refuses a link that shares an interface with another link of
// the same source, link name and package.
func (t *tables) checkOverlap(l *Link) error {
	key := l.LinkKey.String()
	for k, o := range t.links.items {
		if k == key || o.Source != l.Source || o.Name != l.Name || o.PackageName() != l.PackageName() {
			continue
		}
		for _, i := range l.Interfaces {
			if slices.Contains(o.Interfaces, i) {
				// One message whichever overlap the map shows first.
				return errcode.New(errcode.Conflict, "link %s: interface %q of %s is linked already under the name %q", key, l.firstShared(t), l.PackageName(), l.Name).
					WithNext("use another link name, or delete the other link: lattice link list")
			}
		}
	}
	return nil
}

// firstShared returns the first of l's interfaces that another link has.
func (l *Link) firstShared(t *tables) string {
	for _, i := range l.Interfaces {
		for k, o := range t.links.items {
			if k != l.LinkKey.String() && o.Covers(l.Source, l.Name, l.PackageName(), i) {
				return i
			}
		}
	}
	return ""
}

func revisionOfLink(l *Link) uint64 {
	if l == nil {
		return 0
	}
	return l.Revision
}

func noLink(key string) error {
	return errcode.New(errcode.NotFound, "link %s does not exist", key).WithNext("lattice link list")
}

func sameTargets(a, b []Target) bool {
	return slices.EqualFunc(a, b, func(x, y Target) bool {
		return x.Name == y.Name && x.Weight == y.Weight && slices.Equal(x.Config, y.Config)
	})
}
