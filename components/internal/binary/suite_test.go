package binary

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"latticework/internal/refdata"
)

// suiteCase is what these tests read of a case in a manifest of the
// component-model suite.
type suiteCase struct {
	ID      string
	Kind    string
	Wasm    string
	Message string
}

func suite(t testing.TB) (dir string, cases []suiteCase) {
	t.Helper()
	dir = refdata.Dir(t, "conformance/component-model")
	b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Files []struct{ Cases []suiteCase } }
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		for _, c := range f.Cases {
			if c.Wasm != "" {
				cases = append(cases, c)
			}
		}
	}
	return dir, cases
}

func TestDecodeSuite(t *testing.T) {
	dir, cases := suite(t)
	if len(cases) < 800 {
		t.Fatalf("manifest has %d cases with a binary, expected over 800", len(cases))
	}
	for _, c := range cases {
		if c.Kind == "assert-malformed" || c.Kind == "assert-invalid" {
			continue // refused here or by validation: its tests tell
		}
		data, err := os.ReadFile(filepath.Join(dir, c.Wasm))
		if err != nil {
			t.Fatal(err)
		}
		if !IsComponent(data) {
			t.Errorf("%s: not a component", c.ID)
		}
		if _, err := Decode(data, Limits{}); err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
	}
}

func TestDecodeGuests(t *testing.T) {
	dir := refdata.Dir(t, "guests/wasm")
	files, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no guests in %s: %v", dir, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !IsComponent(data) {
			t.Logf("%s: not a component", filepath.Base(f))
			continue
		}
		c, err := Decode(data, Limits{})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		if c.Start != 0 || c.End != len(data) || len(c.Defs) == 0 {
			t.Errorf("%s: component [%d,%d) with %d definitions", filepath.Base(f), c.Start, c.End, len(c.Defs))
		}
	}
}

// modules calls f with each core module in c, nested ones included.
func modules(c *Component, f func(*CoreModule)) {
	for _, d := range c.Defs {
		switch item := d.Item.(type) {
		case *CoreModule:
			f(item)
		case *Component:
			modules(item, f)
		}
	}
}

func TestScanCoreGuests(t *testing.T) {
	dir := refdata.Dir(t, "guests/wasm")
	files, _ := filepath.Glob(filepath.Join(dir, "*.wasm"))
	scanned := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Decode(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		modules(c, func(m *CoreModule) {
			info, err := ScanCore(data, m.Start, m.End, Limits{})
			if err != nil {
				t.Errorf("%s: module at %#x: %v", filepath.Base(f), m.Start, err)
				return
			}
			if len(info.Imports)+len(info.Exports) > 0 {
				scanned++
			}
		})
	}
	if scanned < len(files) {
		t.Errorf("%d core modules with imports or exports in %d guests", scanned, len(files))
	}
}
