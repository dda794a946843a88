// Package config serves wasi:config to components: settings that come with a
// link, in both versions of the interface that guests are built for.
package config

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/config/draft"
	"latticework/providers/config/rc1"
	"latticework/wit/abi"
)

// Name is how manifests call the technology.
const Name = "config"

// The versions of the interface.
const (
	DraftName = "wasi:config/store@0.2.0-draft"
	RC1Name   = "wasi:config/store@0.2.0-rc.1"
)

// Interfaces returns what is served.
func Interfaces() []string { return []string{RC1Name, DraftName} }

// Technology describes it for a registry.
func Technology() providers.Technology {
	return providers.Technology{
		Name:       Name,
		Summary:    "settings for components, from the link's configuration",
		Interfaces: Interfaces(),
		New:        func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// pair is a setting as guests get it.
type pair = abi.Tuple2[string, string]

// Values are the settings of one component. They can be replaced as a whole
// while calls read them: a call sees the old ones or the new ones.
type Values struct {
	now atomic.Pointer[snapshot]
}

type snapshot struct {
	byKey map[string]string
	pairs []pair // by key
}

// NewValues returns Values that hold a copy of m.
func NewValues(m map[string]string) *Values {
	v := new(Values)
	v.Replace(m)
	return v
}

// Replace makes a copy of m the settings from now on.
func (v *Values) Replace(m map[string]string) {
	s := &snapshot{byKey: maps.Clone(m), pairs: make([]pair, 0, len(m))}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s.pairs = append(s.pairs, pair{F0: k, F1: m[k]})
	}
	v.now.Store(s)
}

// Interfaces returns both versions of the interface, bound to v.
func (v *Values) Interfaces() []*abi.Interface {
	return []*abi.Interface{rc1.BindStore(v), draft.BindStore(v)}
}

// Get implements both versions of wasi:config/store.
func (v *Values) Get(_ context.Context, key string) (abi.Option[string], error) {
	value, ok := v.now.Load().byKey[key]
	return abi.Option[string]{Value: value, Some: ok}, nil
}

// GetAll implements both versions of wasi:config/store; settings are in the
// order of their keys. Nobody changes the result.
func (v *Values) GetAll(context.Context) ([]abi.Tuple2[string, string], error) {
	return v.now.Load().pairs, nil
}

// Provider serves each link the settings in its configuration.
type Provider struct{ name string }

// New returns a provider; it has no settings of its own.
//
// Errors:
//   - errcode.Invalid if there are settings.
func New(s providers.Setup) (*Provider, error) {
	if err := providers.ReadSettings("provider "+s.Name, s.Config).Err(); err != nil {
		return nil, err
	}
	return &Provider{name: s.Name}, nil
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.name, Technology: Name, Interfaces: Interfaces()}
}

// Open implements [providers.Provider]; there is nothing to open.
func (p *Provider) Open(context.Context) error { return nil }

// Health implements [providers.Provider].
func (p *Provider) Health(context.Context) error { return nil }

// Close implements [providers.Provider].
func (p *Provider) Close(context.Context) error { return nil }

// Link returns a session that serves the link's whole configuration. Other
// settings come as another revision, or by [Session.Update].
//
// Errors:
//   - errcode.Unsupported for an interface that is not served.
func (p *Provider) Link(_ context.Context, l providers.Link) (providers.Session, error) {
	names, err := providers.Requested(l, Interfaces())
	if err != nil {
		return nil, err
	}
	s := &Session{values: NewValues(l.Config)}
	for _, i := range s.values.Interfaces() {
		if slices.Contains(names, i.Name) {
			s.interfaces = append(s.interfaces, i)
		}
	}
	return s, nil
}

// Session serves one link.
type Session struct {
	values     *Values
	interfaces []*abi.Interface
	closed     atomic.Bool
}

// Interfaces implements [providers.Session].
func (s *Session) Interfaces() []*abi.Interface { return s.interfaces }

// Update replaces the settings; calls from now on see the new ones.
func (s *Session) Update(m map[string]string) { s.values.Replace(m) }

// Probe implements [providers.Session].
func (s *Session) Probe(context.Context) error {
	if s.closed.Load() {
		return errcode.New(errcode.Closed, "probe: the link was closed")
	}
	return nil
}

// Close implements [providers.Session]. Calls in progress may still read.
func (s *Session) Close(context.Context) error {
	s.closed.Store(true)
	return nil
}
