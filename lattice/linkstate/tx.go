package linkstate

import "latticework/internal/errcode"

// tx is the execution of one command: its changes, and how to undo them.
type tx struct {
	s       *State
	index   uint64
	changes []Change
	undo    []func()
	naming  bool // what names what may have changed: check before commit
}

func (t *tx) rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	t.undo, t.changes = nil, nil
}

// record stores c's record, or removes it, and notes the change.
func (t *tx) record(c Change) {
	var old Change
	switch c.Kind {
	case KindLink:
		old.Link = t.s.links.get(c.Key)
		old.Deleted = old.Link == nil
	case KindConfig:
		old.Config = t.s.configs.get(c.Key)
		old.Deleted = old.Config == nil
	case KindComponent:
		old.Component = t.s.components.get(c.Key)
		old.Deleted = old.Component == nil
	case KindProvider:
		old.Provider = t.s.providers.get(c.Key)
		old.Deleted = old.Provider == nil
	case KindApplication:
		old.Application = t.s.applications.get(c.Key)
		old.Deleted = old.Application == nil
	case KindAssignment:
		old.Assignment = t.s.assignments.get(c.Key)
		old.Deleted = old.Assignment == nil
	}
	if old.Deleted && c.Deleted {
		return
	}
	old.Kind, old.Key = c.Kind, c.Key
	t.undo = append(t.undo, func() { t.s.put(&old) })
	t.s.put(&c)
	for i := range t.changes {
		if t.changes[i].Kind == c.Kind && t.changes[i].Key == c.Key {
			t.changes[i] = c
			return
		}
	}
	t.changes = append(t.changes, c)
}

func (t *tx) setLink(l *Link) {
	l.Revision = t.index
	t.record(Change{Kind: KindLink, Key: l.LinkKey.String(), Link: l})
}

func (t *tx) remove(kind Kind, key string) { t.record(Change{Kind: kind, Key: key, Deleted: true}) }

// room refuses a new record when its table is full.
func room[T any](t *table[T], kind Kind, key string) error {
	if t.get(key) == nil && t.len() >= MaxRecordsPerKind {
		return errcode.New(errcode.Exhausted, "%ss: %d > %d", kind, t.len()+1, MaxRecordsPerKind)
	}
	return nil
}

// checkReferences checks the state's invariants about names.
func (t *tx) checkReferences() error {
	s := t.s
	for _, name := range s.components.keys() {
		if s.providers.get(name) != nil {
			return errcode.New(errcode.Exists, "%q is both a component and a provider", name)
		}
		if err := s.configsExist("component "+name, s.components.get(name).Config); err != nil {
			return err
		}
	}
	for _, p := range s.providers.list() {
		if err := s.configsExist("provider "+p.Name, p.Config); err != nil {
			return err
		}
	}
	for _, l := range s.links.list() {
		if err := s.linkReferences(l); err != nil {
			return err
		}
	}
	return nil
}

func (t *tables) configsExist(who string, names []string) error {
	for _, n := range names {
		if t.configs.get(n) == nil {
			return errcode.New(errcode.NotFound, "%s names config %q, which does not exist", who, n).
				WithNext("lattice config put %s KEY=VALUE", n)
		}
	}
	return nil
}

func (t *tables) linkReferences(l *Link) error {
	who := "link " + l.LinkKey.String()
	if !t.workloadExists(l.Source) {
		return errcode.New(errcode.NotFound, "%s: its source %q does not exist", who, l.Source).
			WithNext("lattice get components")
	}
	if err := t.configsExist(who, l.SourceConfig); err != nil {
		return err
	}
	check := func(targets []Target) error {
		for _, tg := range targets {
			if !t.workloadExists(tg.Name) {
				return errcode.New(errcode.NotFound, "%s: its target %q does not exist", who, tg.Name).
					WithNext("lattice get providers")
			}
			if err := t.configsExist(who, tg.Config); err != nil {
				return err
			}
		}
		return nil
	}
	if err := check(l.Targets); err != nil || l.Swap == nil {
		return err
	}
	return check(l.Swap.Targets)
}

func (t *tables) workloadExists(name string) bool {
	return t.components.get(name) != nil || t.providers.get(name) != nil
}
