package plan

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// TestGuests plans every guest: WASI 0.2 ones whole, WASI 0.3 ones are refused
// with the feature's name.
func TestGuests(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/wasm"), "*.wasm"))
	if len(files) < 13 {
		t.Fatalf("%d guests, want at least 13", len(files))
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".wasm")
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := binary.Decode(data, binary.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, err := Build(c, data, Config{})
		if strings.HasPrefix(name, "p3-") {
			if !errors.Is(err, errcode.Unsupported) {
				t.Errorf("%s: %v, want unsupported", name, err)
			}
			t.Logf("%s: %v", name, err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Logf("%s: %d modules, %d steps, %d host functions, %d lifts, %d instances, %d resources, %d exports", name,
			len(p.Modules), len(p.Steps), len(p.Hosts), len(p.Lifts), len(p.Parents), len(p.Resources), len(p.Exports))
	}
}
