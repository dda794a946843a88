package components

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// CompileChild has core modules compiled in a process of their own, which a
// module that is made to cost memory or time cannot leave. What it compiled
// comes back through the engine's cache folder.
type CompileChild struct {
	// Command runs a program that calls [ServeCompileChild] first, such as the
	// running one.
	Command []string
	// MemoryBytes bounds the child's memory; 0 means 2 GiB. Only Linux
	// enforces it.
	MemoryBytes uint64
	// Time bounds the compilation of one component; 0 means 2 minutes.
	Time time.Duration
}

// The environment by which a child knows that it is one.
const (
	childDir     = "LATTICEWORK_COMPILE_DIR"
	childMemory  = "LATTICEWORK_COMPILE_MEMORY"
	childWorkers = "LATTICEWORK_COMPILE_WORKERS"
)

// ServeCompileChild compiles what its parent sends and ends the process, if
// the process was started by an engine as its [CompileChild]. Otherwise it
// returns at once. A program whose engine compiles in children calls it at the
// beginning of main.
func ServeCompileChild() {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	if err := compileForParent(dir, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, string(errcode.Of(err))+": "+err.Error())
		os.Exit(errcode.Of(err).ExitStatus())
	}
	os.Exit(0)
}

// compileForParent compiles the modules read from r into the cache at dir.
func compileForParent(dir string, r io.Reader) error {
	if limit, err := strconv.ParseUint(os.Getenv(childMemory), 10, 64); err == nil {
		if err := limitMemory(limit); err != nil {
			return errcode.New(errcode.Internal, "limit memory: %w", err)
		}
	}
	workers, _ := strconv.Atoi(os.Getenv(childWorkers)) // 0 stands for the default
	ctx := context.Background()
	e, err := NewEngine(ctx, EngineConfig{CacheDir: dir, CompileWorkers: workers})
	if err != nil {
		return err
	}
	ctx = experimental.WithCompilationWorkers(ctx, e.cfg.CompileWorkers)
	in := bufio.NewReader(r)
	for {
		full, err := readModule(in)
		if err == io.EOF {
			return e.Close(ctx)
		} else if err != nil {
			return errcode.New(errcode.Invalid, "read module: %w", err)
		}
		bare, err := readModule(in)
		if err != nil {
			return errcode.New(errcode.Invalid, "read module: %w", err)
		}
		compiled, err := e.compileForm(ctx, corewasm.Code{Full: full, Bare: bare})
		if err != nil {
			return err
		}
		_ = compiled.Close(ctx)
	}
}

// readModule reads what newModuleReader wrote; nil for a length of 0.
func readModule(r io.Reader) ([]byte, error) {
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n == 0 {
		return nil, nil
	}
	code := make([]byte, n)
	_, err := io.ReadFull(r, code)
	return code, err
}

// inChild has modules, all with their full form, compiled by the child.
//
// Errors:
//   - ErrInvalid if a module is invalid.
//   - ErrExhausted if the child ran out of memory or of time, or somebody killed
//     it.
func (e *Engine) inChild(ctx context.Context, modules []corewasm.Code) error {
	if os.Getenv(childDir) != "" {
		return errcode.New(errcode.Internal, "compile: this process is a compiler's child; its main must call ServeCompileChild first")
	}
	cc := e.cfg.CompileChild
	limit, within := cc.MemoryBytes, cc.Time
	if limit == 0 {
		limit = 2 << 30
	}
	if within == 0 {
		within = 2 * time.Minute
	}
	child, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(child, cc.Command[0], cc.Command[1:]...)
	cmd.Env = append(childEnvironment(os.Environ()), childDir+"="+e.cfg.CacheDir,
		childMemory+"="+strconv.FormatUint(limit, 10), childWorkers+"="+strconv.Itoa(e.cfg.CompileWorkers))
	stderr := &head{}
	cmd.Stdin, cmd.Stderr = newModuleReader(modules), stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil { // whose time may be less than the child's
			return errcode.New(errcode.OfContext(ctx), "compile: %w", context.Cause(ctx))
		}
		return childError(child, err, stderr.String(), limit, within)
	}
	return nil
}

// childEnvironment returns what a child gets of its parent's environment: what
// Go's runtime and the system's loader read, and no credentials.
func childEnvironment(environ []string) []string {
	return slices.DeleteFunc(environ, func(entry string) bool {
		switch name, _, _ := strings.Cut(entry, "="); strings.ToUpper(name) {
		case "PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH",
			"GODEBUG", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GOTRACEBACK", "GOCOVERDIR":
			return false
		}
		return true
	})
}

// outOfMemory is what Go's runtime says where the system gives it no memory, for
// the heap or for another thread.
var outOfMemory = [...]string{"out of memory", "cannot allocate memory", "failed to create new OS thread", "pthread_create failed"}

func childError(ctx context.Context, err error, said string, limit uint64, within time.Duration) error {
	var exit *exec.ExitError
	code, text, _ := strings.Cut(strings.TrimSpace(said), ": ")
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errcode.New(errcode.Exhausted, "compile: time: more than %s allowed", within)
	case !errors.As(err, &exit):
		return errcode.New(errcode.Internal, "start compiler process: %w", err)
	case errcode.Code(code).Known():
		return errcode.New(errcode.Code(code), "%s", text)
	case slices.ContainsFunc(outOfMemory[:], func(text string) bool { return strings.Contains(said, text) }):
		return errcode.New(errcode.Exhausted, "compile: memory: more than %d bytes allowed", limit)
	case exit.String() == "signal: killed": // not by us: the time is not up
		return errcode.New(errcode.Exhausted, "compile: the compiler process was killed from outside: the system may be out of memory")
	}
	return errcode.New(errcode.Internal, "compiler process ended: %w: %s", err, said)
}

// newModuleReader gives both forms of modules, each after its length, as the
// child reads them.
func newModuleReader(modules []corewasm.Code) io.Reader {
	var parts []io.Reader
	for _, m := range modules {
		for _, form := range [...][]byte{m.Full, m.Bare} {
			length := binary.LittleEndian.AppendUint64(nil, uint64(len(form)))
			parts = append(parts, bytes.NewReader(length), bytes.NewReader(form))
		}
	}
	return io.MultiReader(parts...)
}

// head keeps the first 64 KiB that are written to it: a fatal error of the Go
// runtime says what happened in its first line.
type head struct{ b []byte }

func (t *head) Write(p []byte) (int, error) {
	if room := 64<<10 - len(t.b); room > 0 {
		t.b = append(t.b, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (t *head) String() string { return string(t.b) }
