package components_test

import (
	"testing"

	"latticework/components"
	"latticework/wit/value"
)

// twoVersions exports a:b/i twice, whose f answers 9 at 0.2.9 and 12 at 0.2.12.
const twoVersions = "\x00asm\x0d\x00\x01\x00\x01;\x00asm\x01\x00\x00\x00\x01\x05\x01`\x00\x01\x7f\x03\x03\x02\x00" +
	"\x00\x07\x0d\x02\x03old\x00\x00\x03new\x00\x01\x0a\x0b\x02\x04\x00A\x09\x0b\x04\x00A\x0c\x0b" +
	"\x00\x09\x04name\x00\x02\x01m\x02\x04\x01\x00\x00\x00\x07\x05\x01@\x00\x00y\x06\x09\x01\x00" +
	"\x00\x01\x00\x03old\x08\x06\x01\x00\x00\x00\x00\x00\x07\x05\x01@\x00\x00y\x06\x09\x01\x00\x00" +
	"\x01\x00\x03new\x08\x06\x01\x00\x00\x01\x00\x01\x05\x0f\x02\x01\x01\x00\x01f\x01\x00\x01\x01" +
	"\x00\x01f\x01\x01\x0b\x22\x02\x00\x0ba:b/i@0.2.9\x05\x00\x00\x00\x0ca:b/i@0.2.12\x05\x01\x00"

// twoVersionsInstance returns an instance of twoVersions by an engine that is
// configured as cfg says.
func twoVersionsInstance(t *testing.T, cfg components.EngineConfig) *components.Instance {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	c, err := e.Compile(t.Context(), []byte(twoVersions))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(components.LinkConfig{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Release(t.Context()) })
	return in
}

// TestHighestVersionIsExported: a caller of another version of the track gets
// the highest one.
func TestHighestVersionIsExported(t *testing.T) {
	in := twoVersionsInstance(t, components.EngineConfig{})
	for iface, want := range map[string]value.U32{"a:b/i@0.2.9": 9, "a:b/i@0.2.12": 12, "a:b/i@0.2.0": 12, "a:b/i@0.2.100": 12} {
		if got, err := in.Call(t.Context(), iface, "f"); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %d", iface, got, err, want)
		}
	}
}

func TestHighestVersionServes(t *testing.T) {
	const v2, v9, v12 = "a:b/i@0.2.2", "a:b/i@0.2.9", "a:b/i@0.2.12"
	for _, given := range [][]string{{v2, v9, v12}, {v12, v9, v2}, {v9, v12, v2}} {
		for name, want := range map[string]string{
			"a:b/i@0.2.0": v12, "a:b/i@0.2.9": v9, "a:b/i@0.2.99": v12, "a:b/i@0.3.0": "", "a:b/i": "", "a:b/i@0.2.0-rc.1": "",
		} {
			if got := components.Serving(name, given...); got != want {
				t.Errorf("%s of %v: %q, want %q", name, given, got, want)
			}
		}
	}
}
