package components_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/wit/value"
)

// compiledFiles are the files of compiled code in a cache folder.
func compiledFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no compiled code in %s: %v", dir, err)
	}
	return files
}

// TestDamagedCache: code in the cache that cannot be read is compiled again,
// and the component runs.
func TestDamagedCache(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"cut":       func(b []byte) []byte { return b[:len(b)/2] },
		"beginning": func(b []byte) []byte { b[0] ^= 1; return b },
		"code":      func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		// The engine would allocate 32 GB.
		"functions": func(b []byte) []byte {
			copy(b[7+int(b[6]):], "\xff\xff\xff\xff")
			return b
		},
		"code length": func(b []byte) []byte {
			at := 7 + int(b[6])
			copy(b[at+4+8*int(b[at]):], "\x00\x00\x00\x00\xff\xff\xff\x0f")
			return b
		},
		"clauses": func(b []byte) []byte {
			copy(b[len(b)-4:], "\xff\xff\xff\xff")
			return b
		},
	} {
		for _, child := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				cfg := childConfig(t)
				if !child {
					cfg.CompileChild = nil
				}
				callTwoVersions(t, cfg)
				for _, file := range compiledFiles(t, cfg.CacheDir) {
					data, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, damage(data), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				callTwoVersions(t, cfg)
			})
		}
	}
}

func callTwoVersions(t *testing.T, cfg components.EngineConfig) {
	t.Helper()
	in := twoVersionsInstance(t, cfg)
	if v, err := in.Call(t.Context(), "a:b/i@0.2.9", "f"); err != nil || v != value.U32(9) {
		t.Errorf("%v, %v; want 9", v, err)
	}
}

// TestWholeCodeStays: code that nothing is wrong with is not compiled again,
// wherever its counts end.
func TestWholeCodeStays(t *testing.T) {
	cfg := childConfig(t)
	cfg.CompileChild = nil
	for _, guest := range []string{"js-pure-qjs", "rust-cmd", "c-http"} {
		compileGuest(t, cfg, guest)
	}
	callTwoVersions(t, cfg)
	times := map[string]time.Time{}
	for _, file := range compiledFiles(t, cfg.CacheDir) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		times[file] = info.ModTime()
	}
	if len(times) < 8 {
		t.Fatalf("%d files of code", len(times))
	}
	callTwoVersions(t, cfg)
	for file, was := range times {
		if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(was) {
			t.Errorf("%s is gone or new: %v", file, err)
		}
	}
}

// TestCodeThatTheEngineCannotTake: code stays if the system gives no memory for
// it, or does not let it be executed; it goes if it is damaged.
func TestCodeThatTheEngineCannotTake(t *testing.T) {
	for _, k := range []struct {
		what   string
		sum    bool // the engine read the code and its checksum, else what comes before
		damage bool
	}{
		{"no memory", false, false},
		{"not executable", true, false},
		{"damaged", true, true},
	} {
		cfg := components.EngineConfig{CacheDir: t.TempDir()}
		callTwoVersions(t, cfg)
		path := compiledFiles(t, cfg.CacheDir)[0]
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := 7 + int(data[6])
		head := at + 4 + 8*int(binary.LittleEndian.Uint32(data[at:])) + 8
		end := head
		if k.sum {
			end += int(binary.LittleEndian.Uint64(data[head-8:])) + 4
		}
		if k.damage {
			data[head] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := components.OpenCode(path)
		if r == nil {
			t.Fatalf("%s: it is not opened", k.what)
		}
		if _, err := io.CopyN(io.Discard, r, int64(end)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); (err == nil) == k.damage {
			t.Errorf("%s: %v", k.what, err)
		}
	}
}

// TestCodeForWhichThereIsNoMemory: that is no fault of the component.
func TestCodeForWhichThereIsNoMemory(t *testing.T) {
	err := components.CompileError(t.Context(), errors.New("compilationcache: error mmapping executable (len=5): cannot allocate memory"))
	if !errors.Is(err, components.ErrExhausted) {
		t.Errorf("no memory: %v", err)
	}
	err = components.CompileError(t.Context(), errors.New("compilationcache: error reading executable (len=5): input/output error"))
	if !errors.Is(err, errcode.Denied) {
		t.Errorf("a folder that cannot be read: %v", err)
	}
}

// TestUnfinishedCode: what another process is writing to the cache folder is
// neither taken for damage nor taken away.
func TestUnfinishedCode(t *testing.T) {
	cfg := components.EngineConfig{CacheDir: t.TempDir()}
	callTwoVersions(t, cfg)
	files := compiledFiles(t, cfg.CacheDir)
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	unfinished := files[0] + ".1.tmp" // as the engine names it
	if err := os.WriteFile(unfinished, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	if now := compiledFiles(t, cfg.CacheDir); len(now) != len(files)+1 {
		t.Errorf("of %d files of code and one that is being written %d are there", len(files), len(now))
	}
	if err := os.Truncate(files[0], 10); err != nil {
		t.Fatal(err)
	}
	callTwoVersions(t, cfg)
	if _, err := os.Stat(unfinished); err != nil {
		t.Errorf("where other code is damaged: %v", err)
	}
}

// TestDamagedCacheIsCompiledByChildren: where children compile, they compile
// what is damaged or lost again, and never the parent.
func TestDamagedCacheIsCompiledByChildren(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"cut":  func(file string) error { return os.Truncate(file, 10) },
		"lost": os.Remove,
		"code": func(file string) error { return flip(file, 0.5) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := childConfig(t)
			compileGuest(t, cfg, "rust-cmd")
			for _, file := range compiledFiles(t, cfg.CacheDir) {
				if err := damage(file); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "rust-cmd.wasm"))
			if err != nil {
				t.Fatal(err)
			}
			without := cfg
			without.CompileChild = &components.CompileChild{Command: []string{filepath.Join(t.TempDir(), "absent")}}
			e, err := components.NewEngine(t.Context(), without)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close(t.Context())
			if _, err := e.Compile(t.Context(), data); err == nil || !strings.Contains(err.Error(), "absent") {
				t.Errorf("where no child can be started: %v", err)
			}
			compileGuest(t, cfg, "rust-cmd")
			compileGuest(t, without, "rust-cmd")
		})
	}
}

// flip changes a bit in a file at a part of its length.
func flip(file string, at float64) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	data[int(at*float64(len(data)-1))] ^= 1
	return os.WriteFile(file, data, 0o600)
}

// TestEveryByteOfCode: whichever byte of compiled code changes on disk, or
// where it ends, the component is compiled again and runs.
func TestEveryByteOfCode(t *testing.T) {
	cfg := components.EngineConfig{CacheDir: t.TempDir()}
	callTwoVersions(t, cfg)
	for _, file := range compiledFiles(t, cfg.CacheDir) {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(whole)/200)
		for at := 0; at < len(whole); at += step {
			changed := slices.Clone(whole)
			changed[at] ^= 0x11
			for _, data := range [][]byte{changed, whole[:at]} {
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
				callTwoVersions(t, cfg)
				if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, whole) {
					t.Fatalf("byte %d of %d changed, or all from there on lost: not written again: %v", at, len(whole), err)
				}
			}
		}
	}
}

// TestCacheFolderIsPrivate: code that is executed comes from a folder that is
// the user's alone.
func TestCacheFolderIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: folders have no mode here")
	}
	open := func(dir string) error {
		e, err := components.NewEngine(t.Context(), components.EngineConfig{CacheDir: dir})
		if err == nil {
			_ = e.Close(t.Context())
		}
		return err
	}
	dir := filepath.Join(t.TempDir(), "code")
	for mode, want := range map[os.FileMode]error{0o700: nil, 0o755: nil, 0o775: errcode.Denied, 0o702: errcode.Denied} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := open(dir); !errors.Is(err, want) {
			t.Errorf("mode %o: %v, want %v", mode, err, want)
		}
		if info, err := os.Stat(dir); want == nil && (err != nil || info.Mode().Perm() != 0o700) {
			t.Errorf("mode %o: afterwards %v, %v", mode, info.Mode(), err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(file); !errors.Is(err, errcode.Denied) {
		t.Errorf("a file: %v, want denied", err)
	}
	if os.Geteuid() != 0 {
		t.Log("only root can make a folder of another user")
		return
	}
	other := t.TempDir()
	if err := os.Chmod(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(other, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{other, link} {
		if err := open(dir); !errors.Is(err, errcode.Denied) || !strings.Contains(err.Error(), "12345") {
			t.Errorf("%s of another user: %v, want denied", dir, err)
		}
	}
}

// TestCompileChildEnds: a child that somebody kills is no fault of the program
// or of the component, and it was given no secrets.
func TestCompileChildEnds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: there are no signals here")
	}
	t.Setenv("SOME_TOKEN", "secret")
	cfg := childConfig(t)
	seen := filepath.Join(t.TempDir(), "environment")
	cfg.CompileChild.Command = []string{"sh", "-c", "env >" + seen + "; kill -9 $$"}
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	if _, err := e.CompileModule(t.Context(), relayModule); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("%v, want exhausted", err)
	}
	environment, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(environment), cfg.CacheDir) || strings.Contains(string(environment), "secret") {
		t.Errorf("the child's environment: %v\n%s", err, environment)
	}
}
