package components_test

import (
	"errors"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
)

// TestUnusedCodeIsValidated: a component is invalid whose code is, though
// nothing would ever instantiate it.
func TestUnusedCodeIsValidated(t *testing.T) {
	// (core module (func (result f32) i32.const 5))
	const module = "\x01\x1b\x00asm\x01\x00\x00\x00\x01\x05\x01`\x00\x01}\x03\x02\x01\x00\x0a\x06\x01\x04\x00A\x05\x0b"
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	for name, code := range map[string]string{
		"of the component": "\x00asm\x0d\x00\x01\x00" + module,
		// (component (component …))
		"of a component that nothing instantiates": "\x00asm\x0d\x00\x01\x00\x04%\x00asm\x0d\x00\x01\x00" + module,
		// (component
		//   (component (import "m" (core module)) (core instance (instantiate 0)))
		//   (import "m" (core module))
		//   (instance (instantiate 0 (with "m" (core module 0))))
		//   (component (component …)))
		"of a component that no host can link": "\x00asm\x0d\x00\x01\x00\x04\x1c\x00asm\x0d\x00\x01\x00\x03\x03\x01P\x00\x0a\x07\x01\x00\x01m\x00\x11\x00" +
			"\x02\x04\x01\x00\x00\x00\x03\x03\x01P\x00\x0a\x07\x01\x00\x01m\x00\x11\x00\x05\x09\x01\x00\x00\x01\x01m\x00\x11\x00" +
			"\x04/\x00asm\x0d\x00\x01\x00\x04%\x00asm\x0d\x00\x01\x00" + module,
	} {
		if _, err := e.Compile(t.Context(), []byte(code)); !errors.Is(err, errcode.Invalid) || !strings.Contains(err.Error(), "cannot use i32 as result") {
			t.Errorf("%s: %v, want invalid", name, err)
		}
		right := strings.Replace(code, "A\x05\x0b", "\x01\x00\x0b", 1) // nop, unreachable
		if _, err := e.Compile(t.Context(), []byte(right)); err != nil {
			t.Errorf("%s, mended: %v", name, err)
		}
	}
}
