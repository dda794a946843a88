package encode

import (
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/fuzzbound"
)

// FuzzRoundTrip checks that whatever decodes can be encoded and decodes to
// the same tree, and that encoding once more gives the same bytes.
func FuzzRoundTrip(f *testing.F) {
	_, cases := inputs(f)
	seen := map[string]bool{}
	for _, c := range cases {
		if len(c.data) < 8<<10 && !seen[string(c.data)] {
			seen[string(c.data)] = true
			f.Add(c.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			if _, err := binary.Decode(data, binary.Limits{}); err != nil {
				return
			}
			out := roundTrip(t, data)
			if again := roundTrip(t, out); string(again) != string(out) {
				t.Fatalf("encoding is not stable:\n% x\n% x", out, again)
			}
		})
	})
}
