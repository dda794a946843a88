package components

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/corewasm"
)

// The engine keeps compiled code under the digest of the whole module, and so
// reads and validates every function before it looks. What it compiled of a
// large module is therefore kept under the digest of its bare form, which is
// small and names the whole one by its digest.

// errNotKept says that code of a module, of which only the bare form is at
// hand, is not in the cache folder any more.
var errNotKept = errors.New("compiled code is not kept")

// compileCores has the engine compile modules, or take them from the cache
// folder. What it returns belongs to the caller.
//
// Errors:
//   - errNotKept if a module without its full form is not in the cache folder.
//   - those of compileCore and of inChild.
func (e *Engine) compileCores(ctx context.Context, modules []corewasm.Code) (compiled []wazero.CompiledModule, err error) {
	compiled = make([]wazero.CompiledModule, len(modules))
	defer func() {
		if err != nil {
			for _, code := range compiled {
				if code != nil {
					_ = code.Close(ctx)
				}
			}
			compiled = nil
		}
	}()
	var rest []corewasm.Code
	for i, m := range modules {
		if compiled[i] = e.kept(ctx, m.Bare); compiled[i] != nil {
			continue
		}
		if m.Full == nil {
			return compiled, errNotKept
		}
		rest = append(rest, m)
	}
	ctx = experimental.WithCompilationWorkers(ctx, e.cfg.CompileWorkers)
	child := e.cfg.CompileChild != nil && len(rest) > 0
	if child {
		if err := e.inChild(ctx, rest); err != nil {
			return compiled, err
		}
	}
	for i, m := range modules {
		if compiled[i] != nil {
			continue
		}
		if m.Bare != nil && !child {
			e.keep(ctx, m)
		}
		if compiled[i] = e.kept(ctx, m.Bare); compiled[i] != nil {
			continue
		}
		if compiled[i], err = e.compileCore(ctx, m.Full, rest); err != nil {
			return compiled, err
		}
	}
	return compiled, nil
}

// kept returns what the cache folder has for a module's bare form, nil for
// nothing. A compilation with several workers ends as soon as its context has
// ended: with one that has, the engine takes code from the folder or fails.
func (e *Engine) kept(ctx context.Context, bare []byte) wazero.CompiledModule {
	if bare == nil {
		return nil
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	code, err := e.rt.CompileModule(experimental.WithCompilationWorkers(ended, 2), bare)
	if err != nil {
		return nil
	}
	return code
}

// keep compiles m, which has both forms, and puts the code into the cache
// folder as that of its bare form. If m is invalid, the folder cannot be written
// to, or the engine has another way with it than is known, nothing is kept.
func (e *Engine) keep(ctx context.Context, m corewasm.Code) {
	dir, err := os.MkdirTemp(e.cfg.CacheDir, unfinishedPrefix)
	if err != nil {
		return
	}
	defer os.RemoveAll(dir)
	cache, err := openCache(dir)
	if err != nil {
		return
	}
	defer cache.Close(ctx)
	rt := wazero.NewRuntimeWithConfig(ctx, e.runtime.WithCompilationCache(cache))
	defer rt.Close(ctx)
	full, err := added(ctx, rt, m.Full, dir, "")
	if err != nil || full == "" {
		return
	}
	bare, err := added(ctx, rt, m.Bare, dir, full)
	if err != nil || bare == "" {
		return
	}
	to, err := filepath.Rel(dir, bare)
	if err == nil {
		_ = os.Rename(full, filepath.Join(e.cfg.CacheDir, to)) // if not, nothing is kept
	}
}

// added compiles code with rt and returns the one file but known that is in a
// folder of dir thereafter, "" if there is another number of them.
func added(ctx context.Context, rt wazero.Runtime, code []byte, dir, known string) (string, error) {
	compiled, err := rt.CompileModule(ctx, code)
	if err != nil {
		return "", err
	}
	_ = compiled.Close(ctx)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	files = slices.DeleteFunc(files, func(f string) bool { return f == known })
	if err != nil || len(files) != 1 {
		return "", nil
	}
	return files[0], nil
}

// compiles reports whether rt is known to compile: where it cannot it
// interprets, and takes nothing from a cache folder.
func compiles(rt wazero.Runtime) bool {
	v := reflect.ValueOf(rt)
	for _, name := range [...]string{"store", "Engine"} {
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return false
		}
		if v = v.Elem().FieldByName(name); v.Kind() == reflect.Interface {
			v = v.Elem()
		}
	}
	return v.Kind() == reflect.Pointer && strings.HasSuffix(v.Type().Elem().PkgPath(), "/wazevo")
}
