package components_test

import (
	"errors"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/wasmbuild"
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

// TestExceptionsAreValidated: a module whose exceptions are made to numbers is
// valid only if it was before, when they were references.
func TestExceptionsAreValidated(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	for name, k := range map[string]struct {
		code []byte
		want error
	}{
		"a number that is thrown":       {[]byte{0x42, 0, 0x0a}, errcode.Invalid},
		"a reference that is thrown":    {[]byte{0xd0, 0x69, 0x0a}, nil},
		"a reference that is a number":  {[]byte{0xd0, 0x69, 0x50, 0x1a}, errcode.Invalid},
		"a reference that is let go of": {[]byte{0xd0, 0x69, 0x1a}, nil},
		"a reference that is null":      {[]byte{0xd0, 0x69, 0xd1, 0x1a}, errcode.Unsupported},
	} {
		m := &wasmbuild.Module{}
		v := m.Type("", "")
		m.Tags = [][]byte{wasmbuild.Cat([]byte{0}, wasmbuild.U(v))}
		m.Export("run", wasmbuild.Func, m.Func(v, "", wasmbuild.Cat([]byte{0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x08, 0, 0x0b, 0x0b}, k.code)))
		c := wasmbuild.NewComponent()
		i := c.CoreInstance(c.CoreModule(m.Bytes()))
		c.Export("run", wasmbuild.SortFunc, c.Lift(c.CoreFunc(i, "run"), c.FuncType(nil)))
		for range 2 { // the second time from what is kept, if it is
			if _, err := e.CompileModule(t.Context(), m.Bytes()); errcode.Of(err) != errcode.Of(k.want) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := e.Compile(t.Context(), c.Bytes()); errcode.Of(err) != errcode.Of(k.want) {
				t.Errorf("%s, in a component: %v", name, err)
			}
		}
	}
}
