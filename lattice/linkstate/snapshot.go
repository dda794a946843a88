package linkstate

import (
	"bytes"
	"encoding/json"

	"latticework/internal/errcode"
)

// snapshotVersion is the version of the encoding below.
const snapshotVersion = 1

// snapshot is the encoded form of a view, and of a state with Requests. Lists
// are sorted by key: equal states have equal bytes.
type snapshot struct {
	Version      int             `json:"v"`
	Cluster      string          `json:"cluster"`
	Lattice      string          `json:"lattice"`
	Index        uint64          `json:"index"`
	Links        []*Link         `json:"links,omitempty"`
	Configs      []*Config       `json:"configs,omitempty"`
	Components   []*Component    `json:"components,omitempty"`
	Providers    []*Provider     `json:"providers,omitempty"`
	Applications []*Application  `json:"applications,omitempty"`
	Assignments  []*Assignment   `json:"assignments,omitempty"`
	Applied      uint64          `json:"applied,omitempty"`
	Requests     []requestRecord `json:"requests,omitempty"` // oldest first
}

func (t *tables) snapshot() snapshot {
	return snapshot{
		Version: snapshotVersion, Cluster: t.cluster, Lattice: t.lattice, Index: t.index,
		Links: t.links.list(), Configs: t.configs.list(),
		Components: t.components.list(), Providers: t.providers.list(),
		Applications: t.applications.list(), Assignments: t.assignments.list(),
	}
}

// Encode returns the view's bytes; equal views have equal bytes.
func (v *View) Encode() []byte {
	if v == nil {
		v = &View{}
	}
	return mustEncode(v.snapshot())
}

func mustEncode(s snapshot) []byte {
	data, err := json.Marshal(s)
	if err != nil {
		// Only strings, numbers and maps of strings: cannot fail.
		panic("linkstate: encode snapshot: " + err.Error())
	}
	return data
}

// DecodeView reads what View.Encode wrote.
//
// Errors:
//   - errcode.Invalid for anything else; errcode.Unsupported for another version.
func DecodeView(data []byte) (*View, error) {
	s, err := decodeSnapshot(data)
	if err != nil {
		return nil, err
	}
	t, err := s.tables()
	if err != nil {
		return nil, err
	}
	return &View{*t}, nil
}

func decodeSnapshot(data []byte) (snapshot, error) {
	var s snapshot
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&s); err != nil {
		return s, errcode.New(errcode.Invalid, "decode link state: %w", err)
	}
	if s.Version != snapshotVersion {
		return s, errcode.New(errcode.Unsupported, "decode link state: version %d, want %d", s.Version, snapshotVersion)
	}
	return s, nil
}

func (s *snapshot) tables() (*tables, error) {
	t := &tables{cluster: s.Cluster, lattice: s.Lattice, index: s.Index}
	ok := fill(&t.links, s.Links, func(r *Link) string { return r.LinkKey.String() }) &&
		fill(&t.configs, s.Configs, func(r *Config) string { return r.Name }) &&
		fill(&t.components, s.Components, func(r *Component) string { return r.Name }) &&
		fill(&t.providers, s.Providers, func(r *Provider) string { return r.Name }) &&
		fill(&t.applications, s.Applications, func(r *Application) string { return r.Name }) &&
		fill(&t.assignments, s.Assignments, (*Assignment).Key)
	if !ok {
		return nil, errcode.New(errcode.Invalid, "decode link state: empty or repeated record")
	}
	return t, nil
}

func fill[T any](t *table[T], records []*T, key func(*T) string) bool {
	for _, r := range records {
		if r == nil || t.set(key(r), r) != nil {
			return false
		}
	}
	return true
}
