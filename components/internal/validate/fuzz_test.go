package validate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
	"latticework/internal/refdata"
)

// FuzzValidate checks that validation ends in time with a typed answer.
func FuzzValidate(f *testing.F) {
	dir := refdata.Dir(f, "conformance/component-model")
	b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		f.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		f.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range m.Files {
		for _, c := range file.Cases {
			if data, err := os.ReadFile(filepath.Join(dir, c.Wasm)); err == nil && len(data) < 8<<10 && !seen[string(data)] {
				seen[string(data)] = true
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			c, err := binary.Decode(data, binary.Limits{})
			if err != nil {
				return
			}
			info, err := validate.Check(c, data)
			switch errcode.Of(err) {
			case "":
				if info == nil || info.Type == nil {
					t.Fatal("valid, but no type")
				}
			case errcode.Invalid, errcode.Exhausted, errcode.Unsupported:
			default:
				t.Fatalf("error code %q: %v", errcode.Of(err), err)
			}
		})
	})
}
