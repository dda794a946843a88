package components

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// openCache opens the folder of compiled code. What it holds is executed, so
// it belongs to the user and nobody else may write to it, or, once it is
// opened, read it.
func openCache(dir string) (wazero.CompilationCache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errcode.New(errcode.Denied, "make cache folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, errcode.New(errcode.Denied, "look at cache folder: %w", err)
	}
	if err := checkOwner(dir, info); err != nil {
		return nil, err
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		if perm&0o022 != 0 {
			return nil, errcode.New(errcode.Denied, "cache folder %s can be written by others (mode %o)", dir, perm).
				WithNext("empty it, then: chmod 700 %s", dir)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, errcode.New(errcode.Denied, "make cache folder private: %w", err)
		}
	}
	if err := checkCode(dir); err != nil {
		return nil, err
	}
	cache, err := wazero.NewCompilationCacheWithDir(filepath.Clean(dir))
	if err != nil {
		return nil, errcode.New(errcode.Denied, "open cache folder: %w", err)
	}
	return cache, nil
}

// compileCore compiles a core module that was rewritten, or takes its code from
// the cache folder. If that is damaged the folder is emptied, and the module
// compiled again: in a child, if the engine has them, with all others of its
// component.
//
// Errors:
//   - ErrInvalid if code is invalid.
//   - errcode.Denied if the cache folder cannot be read or written.
//   - that of ctx, and those of inChild.
func (e *Engine) compileCore(ctx context.Context, code []byte, all []corewasm.Code) (wazero.CompiledModule, error) {
	m, err := e.rt.CompileModule(ctx, code)
	if err == nil {
		return m, nil
	}
	if !isDamage(err) {
		return nil, compileError(ctx, err)
	}
	if err := emptyCache(e.cfg.CacheDir); err != nil {
		return nil, err
	}
	if e.cfg.CompileChild != nil {
		if err := e.inChild(ctx, all); err != nil {
			return nil, err
		}
	}
	if m, err = e.rt.CompileModule(ctx, code); err != nil {
		return nil, compileError(ctx, err)
	}
	return m, nil
}

// compileError gives what the engine's compiler said its code.
func compileError(ctx context.Context, err error) error {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file), errors.As(err, &link):
		return errcode.New(errcode.Denied, "compile core module: use cache folder: %w", err)
	case ctx.Err() != nil:
		return errcode.New(errcode.OfContext(ctx), "compile core module: %w", err)
	}
	return errcode.New(errcode.Invalid, "compile core module: %w", err)
}

// isDamage reports whether err of compiling says that code in the cache folder
// cannot be read: wazero has no type for it.
func isDamage(err error) bool { return strings.HasPrefix(err.Error(), "compilationcache: ") }

// unfinishedSuffix ends the names of files that the engine has not written to
// their end.
const unfinishedSuffix = ".tmp"

// emptyCache removes compiled code and, before it, the marks that say that
// there is some. What another process may be writing stays.
func emptyCache(dir string) error {
	for _, pattern := range []string{compiledPrefix + "*", "wazero-*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return errcode.New(errcode.Internal, "empty cache folder: %w", err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && strings.HasSuffix(path, unfinishedSuffix) && time.Since(info.ModTime()) < rewrittenAge {
				continue
			}
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				return errcode.New(errcode.Denied, "empty cache folder: %w", err)
			}
		}
	}
	return nil
}
