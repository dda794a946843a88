package components

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"

	"github.com/tetratelabs/wazero"

	"latticework/internal/errcode"
)

// openCache opens the folder of compiled code, of which code takes what there
// is, and puts there what is compiled. What it holds is executed, so it belongs
// to the user and nobody else may write to it, or, once it is opened, read it.
//
// Errors:
//   - errcode.Denied if the folder cannot be made or used, or is not private.
//   - ErrUnsupported if the engine is another version of wazero than is known,
//     whose compiled code cannot be kept.
func openCache(dir string, strict bool) (cache wazero.CompilationCache, code *codeStore, err error) {
	if err := makePrivate(dir); err != nil {
		return nil, nil, err
	}
	if cache, err = wazero.NewCompilationCacheWithDir(filepath.Clean(dir)); err != nil {
		return nil, nil, errcode.New(errcode.Denied, "open cache folder: %w", err)
	}
	slot := codeCacheOf(cache)
	if slot.IsValid() && slot.Elem().Kind() == reflect.Pointer && slot.Elem().Elem().Kind() == reflect.Struct {
		if folder := slot.Elem().Elem().FieldByName("dirPath"); folder.Kind() == reflect.String {
			code = &codeStore{dir: folder.String(), strict: strict}
			slot.Set(reflect.ValueOf(code))
			return cache, code, nil
		}
	}
	_ = cache.Close(context.Background())
	return nil, nil, errcode.New(errcode.Unsupported, "cache folder: code that wazero %s compiles cannot be kept", engineVersion()).
		WithNext("build with wazero %s, or use no cache folder", studiedEngine)
}

// makePrivate makes the folder dir, or checks that only the user can use it.
//
// Errors: errcode.Denied.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errcode.New(errcode.Denied, "make cache folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return errcode.New(errcode.Denied, "look at cache folder: %w", err)
	}
	if err := checkOwner(dir, info); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		if perm&0o022 != 0 {
			return errcode.New(errcode.Denied, "cache folder %s can be written by others (mode %o)", dir, perm).
				WithNext("empty it, then: chmod 700 %s", dir)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return errcode.New(errcode.Denied, "make cache folder private: %w", err)
		}
	}
	return nil
}

// compileCore compiles a core module that was rewritten, or takes its code from
// the cache folder. Damaged code is gone after an attempt to take it, so the
// second tells.
//
// Errors:
//   - errNotKept if the engine has children compile and the folder does not hold
//     the code.
//   - ErrInvalid if code is invalid.
//   - ErrExhausted if the system gives no memory for the compiled code.
//   - errcode.Denied if the cache folder cannot be read or written.
//   - that of ctx.
func (e *Engine) compileCore(ctx context.Context, code []byte) (wazero.CompiledModule, error) {
	m, err := e.rt.CompileModule(ctx, code)
	if err != nil && isDamage(err) {
		m, err = e.rt.CompileModule(ctx, code)
	}
	if err != nil {
		return nil, compileError(ctx, err)
	}
	return m, nil
}

// compileError gives what the engine's compiler said its code: wazero has no
// types for what may go wrong with code in the cache folder.
func compileError(ctx context.Context, err error) error {
	var file *fs.PathError
	var link *os.LinkError
	var errno syscall.Errno
	switch {
	case errors.Is(err, errNotKept):
		return errNotKept
	case errors.As(err, &file), errors.As(err, &link):
		return errcode.New(errcode.Denied, "compile core module: use cache folder: %w", err)
	case errors.As(err, &errno), strings.HasPrefix(err.Error(), noMemory):
		return errcode.New(errcode.Exhausted, "compile core module: the system gives no memory for its code: %w", err)
	case ctx.Err() != nil:
		return errcode.New(errcode.OfContext(ctx), "compile core module: %w", err)
	case strings.HasPrefix(err.Error(), notTaken):
		return errcode.New(errcode.Denied, "compile core module: use cache folder: %w", err)
	}
	return errcode.New(errcode.Invalid, "compile core module: %w", err)
}

// How wazero's errors begin about code in the cache folder that it could not take,
// and of those the ones for which it found no memory.
const (
	notTaken = "compilationcache: "
	noMemory = notTaken + "error mmapping executable"
)

// isDamage reports whether err of compiling says that code in the cache folder
// could not be taken for what it is.
func isDamage(err error) bool {
	return strings.HasPrefix(err.Error(), notTaken) && !strings.HasPrefix(err.Error(), noMemory)
}

// unfinishedSuffix ends the names of files that the engine has not written to
// their end.
const unfinishedSuffix = ".tmp"
