package components

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// The engine keeps compiled code under the digest of the whole module, and so
// reads and validates every function before it looks. What it compiled of a
// large module is therefore kept under the digest of its bare form, which is
// small and names the whole one by its digest.

// errNotKept says that compiled code is not in the cache folder, where this
// process is not to compile it or has only the bare form at hand.
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
	ctx = experimental.WithCompilationWorkers(ctx, e.cfg.CompileWorkers)
	var rest []corewasm.Code // what the child compiles
	for i, m := range modules {
		if m.Bare != nil && e.code.strict { // it is rarely there in its whole form
			err = nil
			if compiled[i] = e.kept(ctx, m.Bare); compiled[i] == nil {
				err = errNotKept
			}
		} else {
			compiled[i], err = e.compileForm(ctx, m)
		}
		if err == errNotKept && m.Full != nil {
			rest = append(rest, m)
		} else if err != nil {
			return compiled, err
		}
	}
	if len(rest) == 0 {
		return compiled, nil
	}
	if err = e.inChild(ctx, rest); err != nil {
		return compiled, err
	}
	for i, m := range modules {
		if compiled[i] != nil {
			continue
		}
		if compiled[i], err = e.compileForm(ctx, m); err == errNotKept {
			err = errcode.New(errcode.Denied, "compile: what the compiler process compiled is not in the cache folder")
		}
		if err != nil {
			return compiled, err
		}
	}
	return compiled, nil
}

// compileForm compiles m or takes it from the cache folder: by its bare form,
// if it has one.
//
// Errors: errNotKept if the folder does not hold it and it is not to be compiled
// here, and those of compileCore.
func (e *Engine) compileForm(ctx context.Context, m corewasm.Code) (wazero.CompiledModule, error) {
	if code := e.kept(ctx, m.Bare); code != nil {
		return code, nil
	}
	if m.Full == nil {
		return nil, errNotKept
	}
	if m.Bare != nil && !e.code.strict {
		e.keep(ctx, m)
		if code := e.kept(ctx, m.Bare); code != nil {
			return code, nil
		}
	}
	return e.compileCore(ctx, m.Full)
}

// kept returns what the cache folder has for a module's bare form, nil for
// nothing.
func (e *Engine) kept(ctx context.Context, bare []byte) wazero.CompiledModule {
	if bare == nil {
		return nil
	}
	code, err := e.uncompiled(ctx, bare)
	if err != nil {
		return nil
	}
	return code
}

// unchanged gives err of compiling a module whose exceptions were made to
// numbers, if changed says so: it was valid before, so what the engine has
// against it now is what nobody thought of.
func unchanged(changed bool, err error) error {
	if changed && errors.Is(err, errcode.Invalid) {
		return errcode.New(errcode.Unsupported, "what the module does with references to exceptions is not supported: %v", err)
	}
	return err
}

// validateCore has the engine validate a module that nothing is to run.
//
// Errors: those of compileCore but errNotKept.
func (e *Engine) validateCore(ctx context.Context, code []byte) error {
	m, err := e.uncompiled(ctx, code)
	switch {
	case err == nil:
		return m.Close(ctx)
	case ctx.Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, errNotKept)):
		return nil
	}
	return compileError(ctx, err)
}

// uncompiled has the engine read and validate a module and look for its code in
// the cache folder, and returns that. A compilation with several workers ends as
// soon as its context has ended: with one that has, the engine takes code from
// the folder or fails, with [context.Canceled] or errNotKept if the module is
// valid; very small ones it may compile.
func (e *Engine) uncompiled(ctx context.Context, code []byte) (wazero.CompiledModule, error) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	return e.rt.CompileModule(experimental.WithCompilationWorkers(ended, 2), code)
}

// keep compiles m, which has both forms, and puts the code into the cache
// folder as that of its bare form. If m is invalid, the folder cannot be written
// to, or the engine has another way with it than is known, nothing is kept.
func (e *Engine) keep(ctx context.Context, m corewasm.Code) {
	cache, seen := wazero.NewCompilationCache(), &codeCapture{}
	defer cache.Close(ctx)
	codeCacheOf(cache).Set(reflect.ValueOf(seen))
	rt := wazero.NewRuntimeWithConfig(ctx, e.runtime.WithCompilationCache(cache))
	defer rt.Close(ctx)
	for i, form := range [...][]byte{m.Full, m.Bare} {
		compiled, err := rt.CompileModule(ctx, form)
		if err != nil || len(seen.keys) != i+1 {
			return
		}
		_ = compiled.Close(ctx)
	}
	_ = e.code.Add(seen.keys[1], bytes.NewReader(seen.contents[0])) // if not, nothing is kept
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
