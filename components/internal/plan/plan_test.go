package plan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/refdata"
)

// TestGuests plans every guest: those for WASI 0.3 use the asynchronous ABI,
// the others nothing of it.
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
		if async := err == nil && slices.Contains(p.Async, true); async != strings.HasPrefix(name, "p3-") {
			t.Errorf("%s: uses the asynchronous ABI: %v", name, async)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Logf("%s: %d modules, %d steps, %d host functions, %d lifts, %d instances, %d resources, %d exports", name,
			len(p.Modules), len(p.Steps), len(p.Hosts), len(p.Lifts), len(p.Parents), len(p.Resources), len(p.Exports))
	}
}
