package binary_test

import (
	"errors"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// TestLengthsBeyondTheInput gives lengths that are negative where an int has 32
// bits.
func TestLengthsBeyondTheInput(t *testing.T) {
	preamble := []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}
	for _, n := range []uint32{1 << 31, 1<<32 - 1, 1<<32 - 16} {
		for what, data := range map[string][]byte{
			"a section":       Cat(preamble, []byte{7}, U(n)),
			"a vector":        Cat(preamble, Section(7, U(n), []byte{0x40})),
			"a name":          Cat(preamble, Section(0, U(n), []byte("name"))),
			"a value":         Cat(preamble, Section(12, []byte{1, U8}, U(n), []byte{1})),
			"a core section":  Cat(Preamble(), []byte{1}, U(n)),
			"a core vector":   Cat(Preamble(), Section(1, U(n), []byte{0x60})),
			"a core's name":   Cat(Preamble(), Section(0, U(n), []byte("name"))),
			"core parameters": Cat(Preamble(), Section(1, []byte{1, 0x60}, U(n), []byte{0x7f})),
		} {
			var err error
			if binary.IsComponent(data) {
				_, err = binary.Decode(data, binary.Limits{})
			} else {
				_, err = binary.ScanCore(data, 0, len(data), binary.Limits{})
			}
			if !errors.Is(err, errcode.Invalid) {
				t.Errorf("%s of %d bytes or items: %v", what, n, err)
			}
		}
	}
}
