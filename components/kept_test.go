package components_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/internal/wasmbuild"
	"latticework/wit/value"
)

// greet has a guest whose core module is large greet whom, by an engine that is
// configured as cfg says.
func greet(t *testing.T, cfg components.EngineConfig, whom string) {
	t.Helper()
	tmpl, err := compileGuest(t, cfg, "js-pure-qjs").Link(components.LinkConfig{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	v, err := in.Call(t.Context(), "demo:pure/shapes@0.1.0", "greet", value.String(whom))
	if want := value.String("Hello, " + whom + "! 👋"); err != nil || v != want {
		t.Errorf("greet: %v, %v; want %q", v, err, want)
	}
}

// cached describes the files in a cache folder: their names and when they were
// written.
func cached(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*", "*/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			if !info.IsDir() {
				all = append(all, fmt.Sprint(f, " ", info.Size(), " ", info.ModTime().UnixNano()))
			}
		}
	}
	return all
}

// TestKept: a start with the cache folder of an earlier one writes nothing, as
// it compiles nothing, and what is stored of a module besides its compiled code
// is small.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	greet(t, components.EngineConfig{CacheDir: dir}, "you")
	before := cached(t, dir)
	greet(t, components.EngineConfig{CacheDir: dir}, "you")
	if after := cached(t, dir); !slices.Equal(before, after) {
		t.Errorf("the cache folder holds\n%q\nthen\n%q", before, after)
	}
	files := stored(t, dir)
	if len(files) == 0 {
		t.Fatal("nothing is stored")
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > 64<<10 {
			t.Errorf("%s: %v, %v; want at most 64 KiB", f, info.Size(), err)
		}
	}
}

// TestKeptLost: where compiled code is lost or damaged, the guest is compiled
// again and does what it did; so is it with an engine that interprets.
func TestKeptLost(t *testing.T) {
	dir := t.TempDir()
	cfg := components.EngineConfig{CacheDir: dir}
	greet(t, cfg, "you")
	whole := cached(t, dir)
	for name, damage := range map[string]func(t *testing.T, file string) error{
		"removed": func(_ *testing.T, f string) error { return os.Remove(f) },
		"empty":   func(_ *testing.T, f string) error { return os.Truncate(f, 0) },
		"cut":     func(_ *testing.T, f string) error { return os.Truncate(f, 20) },
		"changed": func(t *testing.T, f string) error {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			return os.WriteFile(f, data, 0o600)
		},
		"of another version": func(t *testing.T, f string) error {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			data[7]++
			return os.WriteFile(f, data, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			large := slices.MaxFunc(compiledFiles(t, dir), func(a, b string) int {
				x, _ := os.Stat(a)
				y, _ := os.Stat(b)
				return int(x.Size() - y.Size())
			})
			if err := damage(t, large); err != nil {
				t.Fatal(err)
			}
			greet(t, cfg, "you")
			if _, err := os.Stat(large); err != nil {
				t.Errorf("the code is not kept again: %v", err)
			}
			before := cached(t, dir)
			greet(t, cfg, "you")
			if after := cached(t, dir); len(after) != len(whole) || !slices.Equal(before, after) {
				t.Errorf("the cache folder holds %d files\n%q\nthen\n%q\nthen\n%q", len(whole), whole, before, after)
			}
		})
	}
	greet(t, components.EngineConfig{CacheDir: dir, Interpreter: true}, "you")
}

// TestKeptLostChild: code that the cache folder has lost is compiled by the
// child again and not by this process.
func TestKeptLostChild(t *testing.T) {
	cfg := childConfig(t)
	greet(t, cfg, "you")
	for _, f := range compiledFiles(t, cfg.CacheDir) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	greet(t, cfg, "you")
	before := cached(t, cfg.CacheDir)
	cfg.CompileChild = &components.CompileChild{Command: []string{filepath.Join(t.TempDir(), "absent")}}
	greet(t, cfg, "you")
	if after := cached(t, cfg.CacheDir); !slices.Equal(before, after) {
		t.Errorf("the cache folder holds\n%q\nthen\n%q", before, after)
	}
}

// TestKnown: a component that is refused is refused again, though a module in
// it that nothing instantiates is all that is wrong.
func TestKnown(t *testing.T) {
	m := &wasmbuild.Module{}
	m.Func(m.Type("", "l"), "", wasmbuild.I32(1)) // gives another type than it says
	c := wasmbuild.NewComponent()
	c.CoreModule(m.Bytes())
	dir := t.TempDir()
	for range 2 {
		e, err := components.NewEngine(t.Context(), components.EngineConfig{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close(t.Context())
		if _, err := e.Compile(t.Context(), c.Bytes()); !errors.Is(err, errcode.Invalid) {
			t.Errorf("a module with a wrong result: %v, want invalid", err)
		}
	}
	if marks, _ := filepath.Glob(filepath.Join(dir, "known-*")); len(marks) > 0 {
		t.Errorf("it is known: %q", marks)
	}
	greet(t, components.EngineConfig{CacheDir: dir}, "you")
	if marks, _ := filepath.Glob(filepath.Join(dir, "known-*")); len(marks) != 1 {
		t.Errorf("marks of known components: %q, want one", marks)
	}
}

// TestCompileIsNotInvalid: a component is not called invalid where the cache
// folder cannot be written to, as on a full disk, or the caller gave up.
func TestCompileIsNotInvalid(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "js-pure-qjs.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := components.EngineConfig{CacheDir: t.TempDir(), CompileWorkers: 2}
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Compile(ctx, data); errcode.Of(err) != errcode.Unavailable {
		t.Errorf("without a caller: %v, want %s", err, errcode.Unavailable)
	}
	folders, _ := filepath.Glob(filepath.Join(cfg.CacheDir, "wazero-*"))
	if len(folders) != 1 {
		t.Fatalf("folders of code: %q", folders)
	}
	if err := os.Remove(folders[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Compile(t.Context(), data); errcode.Of(err) != errcode.Denied {
		t.Errorf("without a folder: %v, want %s", err, errcode.Denied)
	}
}
