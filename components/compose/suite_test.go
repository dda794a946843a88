package compose

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/refdata"
)

// TestWrapSuite puts each valid component of the reference suite into a
// component that has the same imports and exports.
func TestWrapSuite(t *testing.T) {
	dir := refdata.Dir(t, "conformance/component-model")
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Files []struct {
			Cases []struct{ ID, Kind, Wasm string }
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	wrapped := 0
	for _, f := range m.Files {
		for _, c := range f.Cases {
			if c.Wasm == "" {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, c.Wasm))
			if err != nil {
				t.Fatal(err)
			}
			tree, err := binary.Decode(data, binary.Limits{})
			if err != nil || validate.Validate(tree, data) != nil {
				continue
			}
			wrapped++
			t.Run(c.ID, func(t *testing.T) { together(t, Part{c.ID, data}) })
		}
	}
	if wrapped < 300 {
		t.Errorf("only %d valid components", wrapped)
	}
	t.Logf("%d components wrapped", wrapped)
}
