package providers

import (
	"log/slog"
	"maps"
	"slices"
	"strings"

	"latticework/internal/errcode"
)

// Setup is what a provider is made with.
type Setup struct {
	// Name is the provider's name in the lattice.
	Name string
	// Config holds the settings for the provider as a whole.
	Config map[string]string
	// DataFolder is where a provider that keeps files keeps them; it is
	// made when needed. Other providers use it too: take own file names.
	DataFolder string
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
}

// Logger returns Log, or one that discards.
func (s Setup) Logger() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Technology is a kind of provider that a program can make.
type Technology struct {
	// Name is how manifests and commands call it, such as "keyvalue-redis".
	Name string
	// Summary is one line for lists.
	Summary string
	// Interfaces are the qualified names that its providers serve or call.
	Interfaces []string
	// Source says that its providers are a [Source].
	Source bool
	// Local says that its providers run in the host of each of their callers,
	// wherever else they are placed: what they are given does not leave a host.
	Local bool
	// New makes a provider and checks its settings; it has no effects.
	New func(Setup) (Provider, error)
}

// Registry is the set of technologies of one program. It does not change and
// is safe for concurrent use.
type Registry struct {
	byName map[string]Technology
}

// NewRegistry returns a registry of ts.
//
// Errors:
//   - errcode.Exists if two technologies have one name.
//   - errcode.Invalid if one has no name or no constructor.
func NewRegistry(ts ...Technology) (*Registry, error) {
	r := &Registry{byName: make(map[string]Technology, len(ts))}
	for _, t := range ts {
		if t.Name == "" || t.New == nil {
			return nil, errcode.New(errcode.Invalid, "register technology %q: it needs a name and a constructor", t.Name)
		}
		if _, ok := r.byName[t.Name]; ok {
			return nil, errcode.New(errcode.Exists, "register technology %q: the name is taken", t.Name)
		}
		r.byName[t.Name] = t
	}
	return r, nil
}

// List returns all technologies by name.
func (r *Registry) List() []Technology {
	names := slices.Sorted(maps.Keys(r.byName))
	list := make([]Technology, len(names))
	for i, n := range names {
		list[i] = r.byName[n]
	}
	return list
}

// Get returns the technology of that name.
//
// Errors:
//   - errcode.NotFound; the next step names a close one, or all.
func (r *Registry) Get(name string) (Technology, error) {
	if t, ok := r.byName[name]; ok {
		return t, nil
	}
	names := slices.Sorted(maps.Keys(r.byName))
	err := errcode.New(errcode.NotFound, "find provider technology %q: there is none of that name", name)
	if near := Closest(name, names); near != "" {
		return Technology{}, err.WithNext("did you mean %q?", near)
	}
	return Technology{}, err.WithNext("technologies are: %s", strings.Join(names, ", "))
}

// New makes a guarded provider of the technology.
//
// Errors:
//   - errcode.NotFound as [Registry.Get]; errcode.Invalid if the provider's
//     name is empty or its settings are refused.
func (r *Registry) New(technology string, s Setup) (Provider, error) {
	t, err := r.Get(technology)
	if err != nil {
		return nil, err
	}
	if s.Name == "" {
		return nil, errcode.New(errcode.Invalid, "make a %s provider: it has no name", technology)
	}
	p, err := t.New(s)
	if err != nil {
		return nil, err
	}
	return Guard(p), nil
}
