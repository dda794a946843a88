package components_test

import (
	"errors"
	"testing"
	"time"

	"latticework/components"
)

// TestLimitsBelowZero are refused, each by name, by components and modules.
func TestLimitsBelowZero(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	c, err := e.Compile(t.Context(), []byte(twoVersions))
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.CompileModule(t.Context(), relayModule)
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]components.Limits{
		"limit of handles: -1 < 0":                           {Handles: -1},
		"limit of threads: -2 < 0":                           {Threads: -2},
		"limit of time in ns: -10 < 0":                       {Time: -10 * time.Nanosecond},
		"limit of handles: -1 < 0\nlimit of threads: -1 < 0": {Handles: -1, Threads: -1},
	}
	for want, limits := range wrong {
		_, err := c.Link(components.LinkConfig{Limits: limits})
		if !errors.Is(err, components.ErrInvalid) || err.Error() != want {
			t.Errorf("component: %v, want %q", err, want)
		}
		_, err = m.Link(t.Context(), components.CoreLinkConfig{Limits: limits})
		if !errors.Is(err, components.ErrInvalid) || err.Error() != want {
			t.Errorf("module: %v, want %q", err, want)
		}
	}
	if _, err := c.Link(components.LinkConfig{Limits: components.Limits{Handles: 1, Threads: 1, Time: 1}}); err != nil {
		t.Error(err)
	}
}
