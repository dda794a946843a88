package components_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/wit/value"
)

type suiteFile struct {
	Source string      `json:"source"`
	Cases  []suiteCase `json:"cases"`
}

type suiteCase struct {
	ID      string        `json:"id"`
	Line    int           `json:"line"`
	Kind    string        `json:"kind"`
	Wasm    string        `json:"wasm"`
	Message string        `json:"message"`
	Actions []suiteAction `json:"actions"`
}

type suiteAction struct {
	Line    int          `json:"line"`
	Kind    string       `json:"kind"`
	Export  string       `json:"export"`
	Args    []suiteValue `json:"args"`
	Results []suiteValue `json:"results"`
	Message string       `json:"message"`
}

type suiteValue struct {
	Kind  string          `json:"kind"`
	Value json.RawMessage `json:"value"`
}

// suiteEngines runs the suite under the compiler and the interpreter.
var suiteEngines = []struct {
	name string
	cfg  components.EngineConfig
}{
	{"compiler", components.EngineConfig{}},
	{"interpreter", components.EngineConfig{Interpreter: true}},
}

// TestReferenceSuite runs the component-model reference suite: every component
// that must instantiate does, and every action answers what it must. Cases
// that need what is not implemented are listed in testdata/suite.txt; one that
// passes all the same fails the test.
func TestReferenceSuite(t *testing.T) {
	dir, other := refdata.Suite(t, "component-model")
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []suiteFile `json:"files"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatalf("%s: %v", filepath.Join(dir, "manifest.json"), err)
	}
	if len(manifest.Files) == 0 {
		t.Fatalf("%s: it names no files", filepath.Join(dir, "manifest.json"))
	}
	for _, e := range suiteEngines {
		t.Run(e.name, func(t *testing.T) {
			s := &suiteRun{dir: dir, used: map[string]bool{}}
			if !other {
				s.expected = readExpected(t)
			}
			for _, f := range manifest.Files {
				for _, c := range f.Cases {
					s.run(t, e.cfg, f.Source, c)
				}
			}
			for id := range s.expected {
				if !s.used[id] {
					t.Errorf("testdata/suite.txt: %s is listed and does not fail", id)
				}
			}
		})
	}
}

type suiteRun struct {
	dir      string
	expected map[string]string
	used     map[string]bool
}

// readExpected reads the cases that are known to fail: an id and the reason.
func readExpected(t *testing.T) map[string]string {
	data, err := os.ReadFile("testdata/suite.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, line := range strings.Split(string(data), "\n") {
		if id, reason, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") {
			out[id] = reason
		}
	}
	return out
}

// run runs one case as a test of its own.
func (s *suiteRun) run(t *testing.T, cfg components.EngineConfig, source string, c suiteCase) {
	t.Run(c.ID, func(t *testing.T) {
		if c.Wasm == "" {
			if c.Kind != "assert-malformed" {
				t.Errorf("%s:%d: a case of kind %s names no file", source, c.Line, c.Kind)
			}
			t.Skipf("SKIPPED: malformed text, of which there is no binary: %s", c.Message)
		}
		err := s.check(t, cfg, c)
		reason, known := s.expected[c.ID]
		switch {
		case err != nil && known:
			s.used[c.ID] = true
			t.Skipf("SKIPPED: fails as it must: %s", reason)
		case err != nil:
			t.Errorf("%s:%d: %v", source, c.Line, err)
		case known:
			t.Errorf("%s:%d: passes, but is listed as failing: %s", source, c.Line, reason)
		}
	})
}

func (s *suiteRun) check(t *testing.T, cfg components.EngineConfig, c suiteCase) error {
	data, err := os.ReadFile(filepath.Join(s.dir, c.Wasm))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	e, err := components.NewEngine(ctx, cfg)
	if err != nil {
		return err
	}
	defer e.Close(ctx)
	comp, err := e.Compile(ctx, data)
	switch c.Kind {
	case "assert-invalid", "assert-malformed":
		if err == nil {
			return fmt.Errorf("accepted, want %s (%s)", c.Kind, c.Message)
		}
		if !errors.Is(err, errcode.Invalid) || !sameRefusal(c.ID, err.Error(), c.Message) {
			return fmt.Errorf("refused with %q (%s), want invalid: %s", err, errcode.Of(err), c.Message)
		}
		if c.Kind == "assert-malformed" && !strings.Contains(err.Error(), "decode ") {
			return fmt.Errorf("refused by validation with %q, not by decoding", err)
		}
		return nil
	case "definition":
		return err
	case "instantiate", "assert-instantiation-trap":
	default:
		return fmt.Errorf("a case of the kind %q is not known", c.Kind)
	}
	if c.Kind == "assert-instantiation-trap" && errors.Is(err, errcode.Trap) {
		return nil
	}
	if err != nil {
		return err
	}
	tmpl, err := comp.Link(components.LinkConfig{})
	if err != nil {
		return err
	}
	in, err := tmpl.Acquire(ctx)
	if c.Kind == "assert-instantiation-trap" {
		if _, ok := components.IsTrap(err); !ok {
			return fmt.Errorf("instantiated: %v, want a trap (%s)", err, c.Message)
		}
		if !sameTrap(c.ID, err.Error(), c.Message) {
			return fmt.Errorf("trapped with %q, want %q", err, c.Message)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Release(ctx)
	for _, a := range c.Actions {
		if err := action(ctx, c.ID, tmpl, in, a); err != nil {
			return fmt.Errorf("line %d, %s %s: %w", a.Line, a.Kind, a.Export, err)
		}
	}
	return nil
}

func action(ctx context.Context, id string, tmpl *components.Template, in *components.Instance, a suiteAction) error {
	f, err := tmpl.Export("", a.Export)
	if err != nil {
		return err
	}
	if len(a.Args) != len(f.Type().Params) {
		return fmt.Errorf("%d arguments, the function has %d parameters", len(a.Args), len(f.Type().Params))
	}
	var args []value.Value
	for i, p := range f.Type().Params {
		v, err := a.Args[i].value(p.Type)
		if err != nil {
			return err
		}
		args = append(args, v)
	}
	got, err := in.Call(ctx, "", a.Export, args...)
	if a.Kind == "assert-trap" {
		if _, ok := components.IsTrap(err); !ok && !errors.Is(err, errcode.Trap) {
			return fmt.Errorf("answered %v, %v, want a trap (%s)", got, err, a.Message)
		}
		if !sameTrap(id, err.Error(), a.Message) {
			return fmt.Errorf("trapped with %q, want %q", err, a.Message)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if a.Kind == "invoke" {
		return nil
	}
	if t := f.Type().Result; t != nil {
		if len(a.Results) != 1 {
			return fmt.Errorf("%d results, the function has one", len(a.Results))
		}
		want, err := a.Results[0].value(t)
		if err != nil {
			return err
		}
		if !value.Equal(got, want) {
			return fmt.Errorf("answered %s, want %s", value.Format(t, got), value.Format(t, want))
		}
	}
	return nil
}
