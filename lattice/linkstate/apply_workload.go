package linkstate

import (
	"reflect"
	"slices"

	"latticework/internal/errcode"
)

func (t *tx) putComponent(c *PutComponent) (Result, error) {
	comp, err := normalComponent(c.Component)
	if err != nil {
		return Result{}, err
	}
	old := t.s.components.get(comp.Name)
	var have uint64
	comp.App = ""
	if old != nil {
		have, comp.App = old.Revision, old.App
	}
	if err := expect("component "+comp.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	return t.storeComponent(comp)
}

func (t *tx) storeComponent(c *Component) (Result, error) {
	if err := room(&t.s.components, KindComponent, c.Name); err != nil {
		return Result{}, err
	}
	if old := t.s.components.get(c.Name); old != nil {
		c.Revision = old.Revision
		if reflect.DeepEqual(c, old) {
			return Result{Revision: old.Revision, Unchanged: true}, nil
		}
	}
	t.naming = true
	c.Revision = t.index
	t.record(Change{Kind: KindComponent, Key: c.Name, Component: c})
	return Result{Revision: t.index}, nil
}

func (t *tx) putProvider(c *PutProvider) (Result, error) {
	p, err := normalProvider(c.Provider)
	if err != nil {
		return Result{}, err
	}
	old := t.s.providers.get(p.Name)
	var have uint64
	p.App = ""
	if old != nil {
		have, p.App = old.Revision, old.App
	}
	if err := expect("provider "+p.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	return t.storeProvider(p)
}

// storeProvider stores a valid provider; links to one that is made anew begin
// a new generation.
func (t *tx) storeProvider(p *Provider) (Result, error) {
	if err := room(&t.s.providers, KindProvider, p.Name); err != nil {
		return Result{}, err
	}
	old := t.s.providers.get(p.Name)
	if old != nil {
		p.Revision = old.Revision
		if reflect.DeepEqual(p, old) {
			return Result{Revision: old.Revision, Unchanged: true}, nil
		}
	}
	t.naming = true
	p.Revision = t.index
	t.record(Change{Kind: KindProvider, Key: p.Name, Provider: p})
	if old == nil || old.Technology == p.Technology && old.Image == p.Image && slices.Equal(old.Config, p.Config) {
		return Result{Revision: t.index}, nil
	}
	err := t.renewLinks(func(l *Link) bool {
		return slices.ContainsFunc(l.Targets, func(tg Target) bool { return tg.Name == p.Name }) ||
			l.Swap != nil && slices.ContainsFunc(l.Swap.Targets, func(tg Target) bool { return tg.Name == p.Name })
	})
	return Result{Revision: t.index}, err
}

func (t *tx) deleteComponent(c *DeleteWorkload) (Result, error) {
	old := t.s.components.get(c.Name)
	var have uint64
	if old != nil {
		have = old.Revision
	}
	if err := expect("component "+c.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	if old == nil {
		return Result{Unchanged: true}, nil
	}
	t.removeWorkload(ComponentWorkload, c.Name)
	return Result{}, t.inUse(c.Name)
}

func (t *tx) deleteProvider(c *DeleteWorkload) (Result, error) {
	old := t.s.providers.get(c.Name)
	var have uint64
	if old != nil {
		have = old.Revision
	}
	if err := expect("provider "+c.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	if old == nil {
		return Result{Unchanged: true}, nil
	}
	t.removeWorkload(ProviderWorkload, c.Name)
	return Result{}, t.inUse(c.Name)
}

// removeWorkload removes a workload, its assignment and the links it is the
// source of.
func (t *tx) removeWorkload(kind WorkloadKind, name string) {
	for _, l := range t.s.links.list() {
		if l.Source == name {
			t.remove(KindLink, l.LinkKey.String())
		}
	}
	t.remove(KindAssignment, string(kind)+"/"+name)
	if kind == ComponentWorkload {
		t.remove(KindComponent, name)
	} else {
		t.remove(KindProvider, name)
	}
}

// inUse refuses the removal of a workload that is a link's target.
func (t *tx) inUse(name string) error {
	for _, l := range t.s.links.list() {
		uses := func(tg Target) bool { return tg.Name == name }
		if slices.ContainsFunc(l.Targets, uses) || l.Swap != nil && slices.ContainsFunc(l.Swap.Targets, uses) {
			return errcode.New(errcode.Conflict, "delete %q: link %s leads to it", name, l.LinkKey).
				WithNext("lattice link delete %s %s, or swap it to another target", l.Source, l.PackageName())
		}
	}
	return nil
}

func (t *tx) assign(c *Assign) (Result, error) {
	if len(c.Assignments) > 2*MaxRecordsPerKind {
		return Result{}, errcode.New(errcode.Invalid, "assign: workloads: %d > %d", len(c.Assignments), 2*MaxRecordsPerKind)
	}
	changed := false
	for _, raw := range c.Assignments {
		a, err := normalAssignment(raw)
		if err != nil {
			return Result{}, err
		}
		exists := a.Kind == ComponentWorkload && t.s.components.get(a.Name) != nil ||
			a.Kind == ProviderWorkload && t.s.providers.get(a.Name) != nil
		if !exists {
			return Result{}, errcode.New(errcode.Conflict, "assign %s: it does not exist", a.Key())
		}
		old := t.s.assignments.get(a.Key())
		if old != nil && slices.Equal(old.Hosts, a.Hosts) || old == nil && len(a.Hosts) == 0 {
			continue
		}
		changed = true
		if len(a.Hosts) == 0 {
			t.remove(KindAssignment, a.Key())
			continue
		}
		a.Revision = t.index
		t.record(Change{Kind: KindAssignment, Key: a.Key(), Assignment: a})
	}
	return Result{Unchanged: !changed}, nil
}
