package components

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/components/internal/plan"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
)

// EngineConfig configures an [Engine]. The zero value is usable.
type EngineConfig struct {
	// CacheDir is a folder for compiled code, made private to the user; ""
	// keeps compiled code in memory alone.
	CacheDir string
	// Interpreter runs guests without compiling them, for platforms that the
	// compiler does not know and for comparison. It refuses code that catches
	// exceptions with a reference to them.
	Interpreter bool
	// CompileWorkers bounds the goroutines that compile one module; 0 means
	// one for each processor.
	CompileWorkers int
	// MemoryBytes bounds each linear memory, rounded down to pages of 64 KiB;
	// 0 means 256 MiB. A component that asks for more at the start is refused,
	// but see [Engine.CompileWithin].
	MemoryBytes uint64
	// NoFuel leaves out the counters by which loops and calls yield. Without
	// them a guest can neither be stopped nor let the collector in: only for
	// measuring what they cost.
	NoFuel bool
	// CompileChild compiles code in a process of its own; nil compiles it in
	// this one. It needs CacheDir.
	CompileChild *CompileChild
}

// MaxMemoryBytes is the most that a linear memory may be bounded by, one page less
// than 4 GiB: the size of more does not fit into the 32 bits in which wazero tells
// it.
const MaxMemoryBytes = 4<<30 - 1<<16

// Validate reports what is wrong with c.
func (c EngineConfig) Validate() error {
	if c.MemoryBytes > MaxMemoryBytes {
		return errcode.New(errcode.Invalid, "engine memory bytes: %d > %d", c.MemoryBytes, uint64(MaxMemoryBytes))
	}
	if c.CompileWorkers < 0 {
		return errcode.New(errcode.Invalid, "engine compile workers: %d < 0", c.CompileWorkers)
	}
	if c.CompileChild != nil && (c.CacheDir == "" || len(c.CompileChild.Command) == 0 || c.Interpreter) {
		return errcode.New(errcode.Invalid, "engine compile child: it needs a command, a cache folder and the compiler")
	}
	return nil
}

// Engine compiles and runs components. One is enough for a process. It is safe
// for concurrent use.
type Engine struct {
	cfg   EngineConfig
	rt    wazero.Runtime
	cache wazero.CompilationCache
	// runtime is how rt is configured, but for its cache.
	runtime wazero.RuntimeConfig
	start   time.Time
	slots   int // unused memories kept for each core module
	// binary tells this build's compiled code from another's.
	binary string
	// code holds compiled code on disk; nil if none is kept.
	code *codeStore
	// store keeps rewritten modules beside it; nil if no code is kept.
	store *rewritten

	mu         sync.Mutex
	components map[*Component]struct{}  // guarded by mu
	cores      map[*CoreModule]struct{} // guarded by mu
	closed     bool                     // guarded by mu
}

// NewEngine returns an engine.
//
// Errors:
//   - ErrInvalid if cfg breaks its limits.
//   - those of opening the cache folder: errcode.Denied if it cannot be made or
//     used, ErrUnsupported with another version of wazero than is known.
func NewEngine(ctx context.Context, cfg EngineConfig) (*Engine, error) {
	deepen(0)
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MemoryBytes == 0 {
		cfg.MemoryBytes = 256 << 20
	}
	if cfg.CompileWorkers == 0 {
		cfg.CompileWorkers = runtime.GOMAXPROCS(0)
	}
	features := api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesTailCall |
		experimental.CoreFeaturesExceptionHandling
	rc := wazero.NewRuntimeConfig()
	if cfg.Interpreter {
		rc = wazero.NewRuntimeConfigInterpreter()
	}
	rc = rc.WithCoreFeatures(features).WithDebugInfoEnabled(true)
	e := &Engine{cfg: cfg, start: time.Now(), slots: 64, binary: binaryMark(), runtime: rc,
		components: map[*Component]struct{}{}, cores: map[*CoreModule]struct{}{}}
	if cfg.CacheDir != "" {
		var err error
		if e.cache, e.code, err = openCache(cfg.CacheDir, cfg.CompileChild != nil); err != nil {
			return nil, err
		}
		rc = rc.WithCompilationCache(e.cache)
	}
	e.rt = wazero.NewRuntimeWithConfig(ctx, rc)
	if cfg.CacheDir != "" && e.binary != unknownBinary && compiles(e.rt) {
		e.store = &rewritten{dir: filepath.Clean(cfg.CacheDir), build: e.binary}
	}
	return e, nil
}

// deepen(0) makes room on the goroutine's stack for what compiling takes: to
// grow it step by step, with many calls on it, has fifteen more pages read and
// takes three percent of a process's time from its start to the first answer.
//
//go:noinline
func deepen(i int) byte {
	if i == 0 {
		return 0
	}
	var room [56 << 10]byte
	room[i] = 1
	return room[i/2]
}

// Close frees everything compiled. No instance may be running.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	all, cores := e.components, e.cores
	e.components, e.cores = nil, nil
	e.mu.Unlock()
	for m := range cores {
		m.free(ctx)
	}
	for c := range all {
		c.free(ctx)
	}
	err := e.rt.Close(ctx)
	if e.cache != nil {
		if cerr := e.cache.Close(ctx); err == nil {
			err = cerr
		}
	}
	return err
}

// Compile makes a component of its bytes, which it does not keep.
//
// Errors:
//   - ErrInvalid if data is no valid component.
//   - ErrUnsupported if it uses something that is not implemented; the error
//     names it.
//   - ErrExhausted if it is larger than a limit; both sides are shown.
//   - ErrTrap if data that a core module writes when it begins lies outside of
//     its memory: no instance of it could be made.
//   - errcode.Denied if the cache folder cannot be written to.
//   - that of ctx if it ended.
//   - ErrClosed after Close.
func (e *Engine) Compile(ctx context.Context, data []byte) (*Component, error) {
	return e.CompileWithin(ctx, data, 0)
}

// CompileWithin is Compile for a component that may have linear memories larger
// than the engine's bound, up to memoryBytes each; 4 GiB count as a page less.
// What is below the engine's bound changes nothing: [Limits] bound instances.
//
// Errors: those of Compile.
func (e *Engine) CompileWithin(ctx context.Context, data []byte, memoryBytes uint64) (*Component, error) {
	memoryBytes = max(e.cfg.MemoryBytes, min(memoryBytes, MaxMemoryBytes))
	c, err := e.compile(ctx, data, memoryBytes, e.store)
	if err == errNotKept {
		c, err = e.compile(ctx, data, memoryBytes, e.store.anew())
	}
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		c.free(ctx)
		return nil, errcode.New(errcode.Closed, "compile: the engine is closed")
	}
	e.components[c] = struct{}{}
	return c, nil
}

// compile is CompileWithin with what s, which may be nil, has kept.
func (e *Engine) compile(ctx context.Context, data []byte, memoryBytes uint64, s *rewritten) (*Component, error) {
	deepen(0)
	cfg := e.planConfig(data, memoryBytes, s)
	p, err := e.plan(data, cfg)
	if err != nil {
		return nil, err
	}
	c := &Component{engine: e, plan: p, memoryBytes: memoryBytes}
	if err := c.compile(ctx); err != nil {
		c.free(ctx)
		return nil, err
	}
	if s != nil && !cfg.Known {
		s.know(cfg.Digest)
	}
	return c, nil
}

// planConfig says how the component data is planned, with what s has kept.
func (e *Engine) planConfig(data []byte, memoryBytes uint64, s *rewritten) plan.Config {
	cfg := plan.Config{Core: e.coreLimits(memoryBytes), NoFuel: e.cfg.NoFuel}
	if s != nil {
		cfg.Store, cfg.Digest = s, sha256.Sum256(data)
		cfg.Known = s.knows(cfg.Digest)
	}
	return cfg
}

// plan decodes, validates and plans a component.
func (e *Engine) plan(data []byte, cfg plan.Config) (*plan.Plan, error) {
	ast, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		return nil, err
	}
	if !cfg.Known {
		if err := validate.Validate(ast, data); err != nil {
			return nil, err
		}
	}
	return plan.Build(ast, data, cfg)
}

// coreLimits returns what core modules may hold: memories of memoryBytes each.
// What references to exceptions lead to is kept only where guests tell of them,
// and of the compiler's stacks.
func (e *Engine) coreLimits(memoryBytes uint64) corewasm.Limits {
	return corewasm.Limits{
		MemoryPages:     uint32(memoryBytes >> 16),
		NoExceptionRefs: e.cfg.Interpreter || e.cfg.NoFuel,
	}
}
