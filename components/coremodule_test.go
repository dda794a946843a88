package components_test

import (
	"errors"
	"slices"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// relayModule is a core module that imports the function f of env, i32 to i32, and
// exports g, which calls it.
var relayModule = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x06\x01\x60\x01\x7f\x01\x7f" +
	"\x02\x09\x01\x03env\x01f\x00\x00" +
	"\x03\x02\x01\x00" +
	"\x07\x05\x01\x01g\x00\x01" +
	"\x0a\x08\x01\x06\x00\x20\x00\x10\x00\x0b")

// coreHost is env's f.
func coreHost(call func(*components.CoreInstance, []uint64) error) components.CoreHost {
	h := components.CoreHost{Call: call}
	h.Module, h.Name, h.Params, h.Results = "env", "f", []abi.CoreType{abi.I32}, []abi.CoreType{abi.I32}
	return h
}

// linkRelayModule compiles relayModule and gives it f.
func linkRelayModule(t *testing.T, cfg components.EngineConfig, call func(*components.CoreInstance, []uint64) error) *components.CoreTemplate {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	// Closing the engine is enough.
	t.Cleanup(func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := e.CompileModule(t.Context(), relayModule); !errors.Is(err, errcode.Closed) {
			t.Errorf("compile after close: %v", err)
		}
	})
	m, err := e.CompileModule(t.Context(), relayModule)
	if err != nil {
		t.Fatal(err)
	}
	i32 := []abi.CoreType{abi.I32}
	if im := m.Imports(); len(im) != 1 || im[0].Module != "env" || im[0].Name != "f" || !slices.Equal(im[0].Params, i32) {
		t.Errorf("imports %+v", im)
	}
	if ex := m.Exports(); len(ex) != 1 || ex[0].Name != "g" || !slices.Equal(ex[0].Results, i32) {
		t.Errorf("exports %+v", ex)
	}
	tmpl, err := m.Link(t.Context(), components.CoreLinkConfig{Hosts: []components.CoreHost{coreHost(call)}})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestCoreModule(t *testing.T) {
	failure := errors.New("no more")
	tmpl := linkRelayModule(t, components.EngineConfig{}, func(in *components.CoreInstance, stack []uint64) error {
		if in.Memory() != nil || in.State != "state" || in.Context().Err() != nil || in.Overdue() != nil {
			t.Errorf("host sees memory %v, state %v", in.Memory(), in.State)
		}
		if _, err := in.Call(in.Context(), "g", 0); !errors.Is(err, errcode.Invalid) {
			t.Errorf("call from inside of a call: %v, want invalid", err)
		}
		switch uint32(stack[0]) {
		case 13:
			return failure
		case 14:
			panic("a bug")
		}
		stack[0] = uint64(uint32(stack[0]) + 1)
		return nil
	})
	for _, last := range []uint64{13, 14} {
		in, err := tmpl.Acquire(t.Context(), func(in *components.CoreInstance) { in.State = "state" })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := in.Call(t.Context(), "g", 41); err != nil || len(got) != 1 || got[0] != 42 {
			t.Errorf("g(41) = %v, %v", got, err)
		}
		if _, err := in.Call(t.Context(), "h"); !errors.Is(err, errcode.NotFound) {
			t.Errorf("call h: %v", err)
		}
		if _, err := in.Call(t.Context(), "g"); !errors.Is(err, errcode.Invalid) {
			t.Errorf("call without arguments: %v", err)
		}
		_, err = in.Call(t.Context(), "g", last)
		if _, ok := components.IsTrap(err); !ok || errors.Is(err, failure) != (last == 13) {
			t.Errorf("g(%d): %v", last, err)
		}
		if _, err := in.Call(t.Context(), "g", 1); !errors.Is(err, errcode.Trap) {
			t.Errorf("call after a trap: %v", err)
		}
		in.Release(t.Context())
		in.Release(t.Context())
		if _, err := in.Call(t.Context(), "g", 1); !errors.Is(err, errcode.Closed) {
			t.Errorf("call after release: %v", err)
		}
	}
}

// TestCoreModuleChild compiles a core module in another process.
func TestCoreModuleChild(t *testing.T) {
	cfg := childConfig(t)
	tmpl := linkRelayModule(t, cfg, func(*components.CoreInstance, []uint64) error { return nil })
	in, err := tmpl.Acquire(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	if got, err := in.Call(t.Context(), "g", 7); err != nil || got[0] != 7 {
		t.Errorf("g(7) = %v, %v", got, err)
	}
	if files := compiledFiles(t, cfg.CacheDir); len(files) != 1 {
		t.Errorf("compiled code: %v, want one file", files)
	}
}

// TestCoreModuleIsScanned: the gate in front of the engine is the same as for
// components.
func TestCoreModuleIsScanned(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	lying := []byte("\x00asm\x01\x00\x00\x00\x01\x05\xff\xff\xff\xff\x0f")
	if _, err := e.CompileModule(t.Context(), lying); err == nil {
		t.Error("a section that claims 2^32-1 types compiles")
	}
	memory := []byte("\x00asm\x01\x00\x00\x00\x02\x08\x01\x01e\x01m\x02\x00\x01")
	if _, err := e.CompileModule(t.Context(), memory); !errors.Is(err, errcode.NotFound) {
		t.Errorf("an imported memory: %v, want not_found", err)
	}
}
