package linkstate

import (
	"reflect"

	"latticework/internal/errcode"
)

// parts are the validated parts of an application.
type parts struct {
	app        *Application
	configs    []*Config
	components []*Component
	providers  []*Provider
	links      []*Link
}

func (t *tx) deploy(c *DeployApplication) (Result, error) {
	p, err := normalParts(c)
	if err != nil {
		return Result{}, err
	}
	old := t.s.applications.get(p.app.Name)
	var have uint64
	if old != nil {
		have = old.Revision
	}
	if err := expect("application "+p.app.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	if old != nil && old.Spec == p.app.Spec {
		return Result{Revision: old.Revision, Unchanged: true}, nil
	}
	if err := room(&t.s.applications, KindApplication, p.app.Name); err != nil {
		return Result{}, err
	}
	if err := t.checkOwners(p); err != nil {
		return Result{}, err
	}
	t.naming = true
	removed := t.removeParts(p.app.Name, p)
	if err := t.storeParts(p); err != nil {
		return Result{}, err
	}
	for _, name := range removed {
		if err := t.inUse(name); err != nil && !t.s.workloadExists(name) {
			return Result{}, err
		}
	}
	p.app.Revision = t.index
	t.record(Change{Kind: KindApplication, Key: p.app.Name, Application: p.app})
	return Result{Revision: t.index}, nil
}

func normalParts(c *DeployApplication) (*parts, error) {
	spec := *c
	spec.Expect = nil
	spec.Application.Revision, spec.Application.Spec = 0, ""
	app, err := normalApplication(c.Application)
	if err != nil {
		return nil, err
	}
	app.Spec = digestOf(spec)
	p := &parts{app: app}
	for _, n := range []int{len(c.Configs), len(c.Components), len(c.Providers), len(c.Links)} {
		if n > MaxParts {
			return nil, errcode.New(errcode.Invalid, "deploy application %q: parts of one kind: %d > %d", app.Name, n, MaxParts)
		}
	}
	if p.configs, err = normalAll(c.Configs, normalConfig, func(r *Config) string { r.App = app.Name; return "config " + r.Name }); err != nil {
		return nil, err
	}
	if p.components, err = normalAll(c.Components, normalComponent, func(r *Component) string { r.App = app.Name; return "component " + r.Name }); err != nil {
		return nil, err
	}
	if p.providers, err = normalAll(c.Providers, normalProvider, func(r *Provider) string { r.App = app.Name; return "provider " + r.Name }); err != nil {
		return nil, err
	}
	p.links, err = normalAll(c.Links, normalLink, func(r *Link) string { r.App = app.Name; return "link " + r.LinkKey.String() })
	return p, err
}

// normalAll makes records normal; name also marks them, and must differ
// between them.
func normalAll[T any](in []T, normal func(T) (*T, error), name func(*T) string) ([]*T, error) {
	out := make([]*T, 0, len(in))
	seen := map[string]bool{}
	for _, raw := range in {
		r, err := normal(raw)
		if err != nil {
			return nil, err
		}
		n := name(r)
		if seen[n] {
			return nil, errcode.New(errcode.Invalid, "deploy application: %s is given twice", n)
		}
		seen[n] = true
		out = append(out, r)
	}
	return out, nil
}

// checkOwners refuses parts that replace what is not the application's.
func (t *tx) checkOwners(p *parts) error {
	check := func(what string, exists bool, owner string) error {
		if !exists || owner == p.app.Name {
			return nil
		}
		if owner == "" {
			return errcode.New(errcode.Exists, "deploy application %q: %s exists and was made by hand", p.app.Name, what)
		}
		return errcode.New(errcode.Exists, "deploy application %q: %s belongs to application %q", p.app.Name, what, owner)
	}
	for _, r := range p.configs {
		if o := t.s.configs.get(r.Name); o != nil {
			if err := check("config "+r.Name, true, o.App); err != nil {
				return err
			}
		}
	}
	workload := func(name string) error {
		if o := t.s.components.get(name); o != nil {
			return check("component "+name, true, o.App)
		}
		if o := t.s.providers.get(name); o != nil {
			return check("provider "+name, true, o.App)
		}
		return nil
	}
	for _, r := range p.components {
		if err := workload(r.Name); err != nil {
			return err
		}
	}
	for _, r := range p.providers {
		if err := workload(r.Name); err != nil {
			return err
		}
	}
	for _, r := range p.links {
		if o := t.s.links.get(r.LinkKey.String()); o != nil {
			if err := check("link "+r.LinkKey.String(), true, o.App); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeParts removes what belongs to the application and is not in keep
// (which may be nil), and returns the names of removed workloads.
func (t *tx) removeParts(app string, keep *parts) []string {
	kept := map[string]bool{}
	if keep != nil {
		for _, r := range keep.configs {
			kept["config "+r.Name] = true
		}
		for _, r := range keep.components {
			kept["component "+r.Name] = true
		}
		for _, r := range keep.providers {
			kept["provider "+r.Name] = true
		}
		for _, r := range keep.links {
			kept["link "+r.LinkKey.String()] = true
		}
	}
	for _, r := range t.s.links.list() {
		if r.App == app && !kept["link "+r.LinkKey.String()] {
			t.remove(KindLink, r.LinkKey.String())
		}
	}
	var removed []string
	for _, r := range t.s.components.list() {
		if r.App == app && !kept["component "+r.Name] {
			t.removeWorkload(ComponentWorkload, r.Name)
			removed = append(removed, r.Name)
		}
	}
	for _, r := range t.s.providers.list() {
		if r.App == app && !kept["provider "+r.Name] {
			t.removeWorkload(ProviderWorkload, r.Name)
			removed = append(removed, r.Name)
		}
	}
	for _, r := range t.s.configs.list() {
		if r.App == app && !kept["config "+r.Name] {
			t.remove(KindConfig, r.Name)
		}
	}
	return removed
}

func (t *tx) storeParts(p *parts) error {
	for _, r := range p.configs {
		if _, err := t.storeConfig(r); err != nil {
			return err
		}
	}
	for _, r := range p.components {
		if _, err := t.storeComponent(r); err != nil {
			return err
		}
	}
	for _, r := range p.providers {
		if _, err := t.storeProvider(r); err != nil {
			return err
		}
	}
	for _, r := range p.links {
		if err := t.storeDeployedLink(r); err != nil {
			return err
		}
	}
	return nil
}

// storeDeployedLink stores a link that may have begun a new generation in this
// transaction, because of its configs or provider.
func (t *tx) storeDeployedLink(l *Link) error {
	old := t.s.links.get(l.LinkKey.String())
	if old == nil || old.Generation != t.index {
		_, err := t.storeLink(l)
		return err
	}
	if err := t.s.checkOverlap(l); err != nil {
		return err
	}
	l.Generation, l.Swap, l.Drains, l.Revision = old.Generation, old.Swap, old.Drains, old.Revision
	if !reflect.DeepEqual(l, old) {
		t.setLink(l)
	}
	return nil
}

func (t *tx) deleteApplication(c *DeleteApplication) (Result, error) {
	old := t.s.applications.get(c.Name)
	var have uint64
	if old != nil {
		have = old.Revision
	}
	if err := expect("application "+c.Name, c.Expect, have); err != nil {
		return Result{}, err
	}
	if old == nil {
		return Result{Unchanged: true}, nil
	}
	for _, name := range t.removeParts(c.Name, nil) {
		if err := t.inUse(name); err != nil {
			return Result{}, err
		}
	}
	t.naming = true
	t.remove(KindApplication, c.Name)
	return Result{}, nil
}
