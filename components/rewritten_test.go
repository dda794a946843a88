package components_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/refdata"
	"latticework/wit/value"
)

// stored lists the rewritten modules in a cache folder.
func stored(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "rewritten-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// planOf plans guest name with a cache at dir and returns the plan as text.
func planOf(t *testing.T, dir, name string, cfg components.EngineConfig) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.CacheDir = dir
	p, err := planEngine(t, cfg).Plan(data)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := p.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestRewrittenStore takes core modules from an earlier engine's cache folder,
// and does not if they are damaged or were made in another way.
func TestRewrittenStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	want := planOf(t, dir, "rust-counter", components.EngineConfig{})
	first := stored(t, dir)
	if len(first) == 0 {
		t.Fatal("nothing is stored")
	}
	if got := planOf(t, dir, "rust-counter", components.EngineConfig{}); got != want {
		t.Errorf("with stored modules the plan is\n%s\nwithout\n%s", got, want)
	}
	if now := stored(t, dir); len(now) != len(first) {
		t.Errorf("%d modules are stored, then %d", len(first), len(now))
	}
	for name, damage := range map[string]func(data []byte) []byte{
		"changed": func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
		"cut":     func(data []byte) []byte { return data[:len(data)-7] },
		"empty":   func([]byte) []byte { return nil },
	} {
		for _, f := range first {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := planOf(t, dir, "rust-counter", components.EngineConfig{}); got != want {
			t.Errorf("%s: the plan is\n%s\nwant\n%s", name, got, want)
		}
	}
	planOf(t, dir, "rust-counter", components.EngineConfig{NoFuel: true})
	planOf(t, dir, "rust-counter", components.EngineConfig{MemoryBytes: 32 << 20})
	if now := stored(t, dir); len(now) != 3*len(first) {
		t.Errorf("%d modules are stored for three configurations, %d for one", len(now), len(first))
	}
}

// TestRewrittenStorePrunes removes what other builds stored, once it is old.
func TestRewrittenStorePrunes(t *testing.T) {
	dir := t.TempDir()
	young, old := filepath.Join(dir, "rewritten-0-young"), filepath.Join(dir, "rewritten-0-old")
	for _, f := range []string{young, old} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-30 * 24 * time.Hour)
	if err := os.Chtimes(old, before, before); err != nil {
		t.Fatal(err)
	}
	planOf(t, dir, "rust-counter", components.EngineConfig{})
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("a file of another build that is 30 days old: %v", err)
	}
}

// cacheOf returns a folder with a file of each age in days and size, each with a
// folder of its own for what the engine compiled.
func cacheOf(t *testing.T, now time.Time, files map[string][2]int) (dir string, left func() []string) {
	t.Helper()
	dir = t.TempDir()
	for name, f := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, f[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		written := now.Add(-time.Duration(f[0]) * 24 * time.Hour)
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func() (names []string) {
		for name := range files {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
}

// TestCacheFolderByAge: what other builds left goes after a week, the rest after
// three months, and nothing that is not the cache's.
func TestCacheFolderByAge(t *testing.T) {
	now := time.Now()
	dir, left := cacheOf(t, now, map[string][2]int{
		"known-mine-a": {6, 0}, "known-mine-b": {89, 0}, "known-mine-c": {91, 0},
		"rewritten-mine-a": {89, 1}, "rewritten-mine-b": {91, 1},
		"known-other-a": {6, 0}, "known-other-b": {8, 0}, "rewritten-other-a": {6, 1}, "rewritten-other-b": {8, 1},
		"compiled-mine-a": {8, 0}, "new-1": {6, 1}, "new-2": {8, 1},
		"wazero-v1/a": {89, 1}, "wazero-v1/b": {91, 1}, "wazero-v1/c.1.tmp": {6, 1}, "wazero-v1/d.1.tmp": {8, 1},
		"notes": {400, 1}, "other/wazero-v1": {400, 1},
	})
	components.PruneCache(dir, "mine", now, 1<<20)
	want := []string{"known-mine-a", "known-mine-b", "known-other-a", "new-1", "notes", "other/wazero-v1", "rewritten-mine-a",
		"rewritten-other-a", "wazero-v1/a", "wazero-v1/c.1.tmp"}
	if got := left(); !slices.Equal(got, want) {
		t.Errorf("left are %v\nwant %v", got, want)
	}
}

// TestCacheFolderBySize: beyond the limit the oldest files go.
func TestCacheFolderBySize(t *testing.T) {
	now := time.Now()
	dir, left := cacheOf(t, now, map[string][2]int{
		"rewritten-mine-a": {4, 30}, "wazero-v1/b": {3, 30}, "rewritten-mine-c": {2, 30}, "wazero-v1/d": {1, 30}, "notes": {9, 30},
	})
	components.PruneCache(dir, "mine", now, 120)
	if got := left(); len(got) != 5 {
		t.Errorf("within the limit, left are %v", got)
	}
	components.PruneCache(dir, "mine", now, 119)
	want := []string{"notes", "rewritten-mine-c", "wazero-v1/d"}
	if got := left(); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
}

// TestRewrittenStoreRuns runs stored modules: they answer, and whether an
// instance can be set back is known of them.
func TestRewrittenStoreRuns(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		tmpl, err := compileGuest(t, components.EngineConfig{CacheDir: dir}, "js-pure-qjs").Link(components.LinkConfig{})
		if err != nil {
			t.Fatal(err)
		}
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v, err := in.Call(t.Context(), "demo:pure/shapes@0.1.0", "greet", value.String("you"))
		if want := value.String("Hello, you! 👋"); err != nil || v != want {
			t.Errorf("greet: %v, %v; want %q", v, err, want)
		}
		in.Release(t.Context())
		if tmpl.Kept() != 1 {
			t.Errorf("%d instances are kept, want 1", tmpl.Kept())
		}
	}
}
