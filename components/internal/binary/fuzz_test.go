package binary

import (
	"os"
	"path/filepath"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
)

// FuzzDecode checks that decoding and scanning end in time with a component
// or a typed error, and that ranges in the result lie within the input.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(magic + componentVersion))
	dir, cases := suite(f)
	seen := map[string]bool{}
	for _, c := range cases {
		if data, err := os.ReadFile(filepath.Join(dir, c.Wasm)); err == nil && len(data) < 8<<10 && !seen[string(data)] {
			seen[string(data)] = true
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			c, err := Decode(data, Limits{})
			if err != nil {
				if code := errcode.Of(err); code != errcode.Invalid && code != errcode.Exhausted {
					t.Fatalf("error code %q: %v", code, err)
				}
				return
			}
			checkRanges(t, c, 0, len(data))
			modules(c, func(m *CoreModule) {
				if _, err := ScanCore(data, m.Start, m.End, Limits{}); err != nil {
					if code := errcode.Of(err); code != errcode.Invalid && code != errcode.Exhausted {
						t.Fatalf("error code %q: %v", code, err)
					}
				}
			})
		})
	})
}

// checkRanges checks that c and what is in it lie in [start,end).
func checkRanges(t *testing.T, c *Component, start, end int) {
	t.Helper()
	if c.Start < start || c.End > end || c.Start > c.End {
		t.Fatalf("component [%d,%d) in [%d,%d)", c.Start, c.End, start, end)
	}
	for _, d := range c.Defs {
		s, e := c.Start, c.End
		switch item := d.Item.(type) {
		case *CoreModule:
			s, e = item.Start, item.End
		case *Custom:
			s, e = item.Start, item.End
		case *Value:
			s, e = item.Start, item.End
		case *Component:
			checkRanges(t, item, c.Start, c.End)
		case nil:
			t.Fatalf("definition at %#x is nil", d.Offset)
		}
		if s < c.Start || e > c.End || s > e || d.Offset < c.Start || d.Offset > c.End {
			t.Fatalf("%T at %#x is [%d,%d) in [%d,%d)", d.Item, d.Offset, s, e, c.Start, c.End)
		}
	}
}
