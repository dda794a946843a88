package components_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/wit/value"
)

func childConfig(t *testing.T) components.EngineConfig {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return components.EngineConfig{CacheDir: t.TempDir(), CompileChild: &components.CompileChild{Command: []string{exe}}}
}

// TestCompileChild compiles in another process and runs from the cache.
func TestCompileChild(t *testing.T) {
	cfg := childConfig(t)
	for round := range 2 {
		c := compileGuest(t, cfg, "js-pure-qjs")
		tmpl, err := c.Link(components.LinkConfig{})
		if err != nil {
			t.Fatal(err)
		}
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, err := in.Call(t.Context(), "demo:pure/shapes@0.1.0", "greet", value.String("you"))
		if err != nil || v != value.String("Hello, you! 👋") {
			t.Errorf("round %d: %v, %v", round, v, err)
		}
		in.Release(t.Context())
		// The second round needs no child: one that cannot be started does.
		cfg.CompileChild = &components.CompileChild{Command: []string{filepath.Join(t.TempDir(), "absent")}}
	}
}

// TestCompileChildLimits: a child that needs more memory or time than allowed
// is a typed error, and the parent lives.
func TestCompileChildLimits(t *testing.T) {
	code, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "js-pure-qjs.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*components.CompileChild){
		"memory": func(c *components.CompileChild) { c.MemoryBytes = 24 << 20 },
		"time":   func(c *components.CompileChild) { c.Time = 20 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := childConfig(t)
			change(cfg.CompileChild)
			e, err := components.NewEngine(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close(t.Context())
			if _, err := e.Compile(t.Context(), code); !errors.Is(err, errcode.Exhausted) {
				t.Errorf("%v, want exhausted", err)
			}
		})
	}
	t.Run("the caller's time", func(t *testing.T) {
		e, err := components.NewEngine(t.Context(), childConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := e.Compile(ctx, code); !errors.Is(err, errcode.Deadline) || errors.Is(err, errcode.Exhausted) {
			t.Errorf("%v, want deadline", err)
		}
	})
	if _, err := components.NewEngine(t.Context(), components.EngineConfig{CompileChild: &components.CompileChild{}}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("a child without a cache folder: %v, want invalid", err)
	}
}
