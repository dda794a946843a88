package linkstate

import (
	"maps"
	"slices"

	"latticework/internal/errcode"
)

func (t *tx) putConfig(c *PutConfig) (Result, error) {
	cfg, err := normalConfig(c.Config)
	if err != nil {
		return Result{}, err
	}
	old := t.s.configs.get(cfg.Name)
	var have uint64
	cfg.App = ""
	if old != nil {
		have, cfg.App = old.Revision, old.App
	}
	if err := expect("config "+cfg.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	return t.storeConfig(cfg)
}

// storeConfig stores a valid config; links that act on it begin a new
// generation.
func (t *tx) storeConfig(cfg *Config) (Result, error) {
	if err := room(&t.s.configs, KindConfig, cfg.Name); err != nil {
		return Result{}, err
	}
	old := t.s.configs.get(cfg.Name)
	if old != nil && old.App == cfg.App && maps.Equal(old.Values, cfg.Values) {
		return Result{Revision: old.Revision, Unchanged: true}, nil
	}
	cfg.Revision = t.index
	t.record(Change{Kind: KindConfig, Key: cfg.Name, Config: cfg})
	if old == nil || maps.Equal(old.Values, cfg.Values) {
		return Result{Revision: t.index}, nil
	}
	err := t.renewLinks(func(l *Link) bool { return t.s.actsOn(l, cfg.Name) })
	return Result{Revision: t.index}, err
}

// renewLinks begins a new generation, with the same targets, of the links that
// match and have not begun one in this transaction.
func (t *tx) renewLinks(match func(*Link) bool) error {
	for _, l := range t.s.links.list() {
		if l.Generation == t.index || !match(l) {
			continue
		}
		if err := t.advance(l, t.index, l.Targets); err != nil {
			return err
		}
	}
	return nil
}

// actsOn reports whether the content of the config is a part of the link's
// generation, present or prepared: named by the link or by a target provider.
func (t *tables) actsOn(l *Link, config string) bool {
	if slices.Contains(l.SourceConfig, config) {
		return true
	}
	targets := l.Targets
	if l.Swap != nil {
		targets = slices.Concat(targets, l.Swap.Targets)
	}
	for _, tg := range targets {
		if slices.Contains(tg.Config, config) {
			return true
		}
		if p := t.providers.get(tg.Name); p != nil && slices.Contains(p.Config, config) {
			return true
		}
	}
	return false
}

func (t *tx) deleteConfig(c *DeleteConfig) (Result, error) {
	old := t.s.configs.get(c.Name)
	var have uint64
	if old != nil {
		have = old.Revision
	}
	if err := expect("config "+c.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	if old == nil {
		return Result{Unchanged: true}, nil
	}
	if user := t.s.configUser(c.Name); user != "" {
		return Result{}, errcode.New(errcode.Conflict, "delete config %q: %s names it", c.Name, user)
	}
	t.remove(KindConfig, c.Name)
	return Result{}, nil
}

// configUser returns what names the config, "" if nothing does.
func (t *tables) configUser(name string) string {
	for _, c := range t.components.list() {
		if slices.Contains(c.Config, name) {
			return "component " + c.Name
		}
	}
	for _, p := range t.providers.list() {
		if slices.Contains(p.Config, name) {
			return "provider " + p.Name
		}
	}
	for _, l := range t.links.list() {
		named := slices.Contains(l.SourceConfig, name)
		l.eachTarget(func(tg *Target) { named = named || slices.Contains(tg.Config, name) })
		if named {
			return "link " + l.LinkKey.String()
		}
	}
	return ""
}
