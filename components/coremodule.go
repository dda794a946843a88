package components

import (
	"context"
	"crypto/sha256"
	"strconv"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/corewasm"
	"latticework/components/internal/memory"
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// CoreModule is a compiled core module that is no component, such as a program
// for WASI 0.1. It went through the same gate, pays the same fuel and has the
// same caps as the core modules of components. It is immutable and safe for
// concurrent use.
type CoreModule struct {
	engine  *Engine
	code    wazero.CompiledModule
	pool    *memory.Pool // of its memory, nil without one
	start   string       // the export that is its start function, "" without one
	imports []CoreFunc
	exports []CoreFunc
	names   *corewasm.Names
	once    sync.Once
}

// CoreFunc is a function that a core module imports or exports.
type CoreFunc struct {
	// Module is the first of an import's two names, "" for an export.
	Module, Name    string
	Params, Results []abi.CoreType
}

// CompileModule makes a core module of its bytes, which it does not keep.
//
// Errors:
//   - ErrInvalid if data is no valid core module.
//   - ErrNotFound if it imports something that is no function.
//   - ErrUnsupported if it uses something that is not implemented.
//   - ErrExhausted if it is larger than a limit; both sides are shown.
//   - errcode.Denied if the cache folder cannot be written to.
//   - that of ctx if it ended.
//   - ErrClosed after Close.
func (e *Engine) CompileModule(ctx context.Context, data []byte) (*CoreModule, error) {
	if e.isClosed() {
		return nil, errcode.New(errcode.Closed, "compile: the engine is closed")
	}
	m, err := e.compileModule(ctx, data, e.store)
	if err == errNotKept {
		m, err = e.compileModule(ctx, data, e.store.anew())
	}
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		m.free(ctx)
		return nil, errcode.New(errcode.Closed, "compile: the engine is closed")
	}
	e.cores[m] = struct{}{}
	return m, nil
}

// compileModule is CompileModule with what s, which may be nil, has kept.
func (e *Engine) compileModule(ctx context.Context, data []byte, s *rewritten) (*CoreModule, error) {
	limits := e.coreLimits(e.cfg.MemoryBytes)
	info, err := corewasm.Scan(data, limits)
	if err != nil {
		return nil, err
	}
	cfg := corewasm.RewriteConfig{Imports: make([]corewasm.Target, len(info.Imports)), Image: true, Limits: limits}
	if !e.cfg.NoFuel {
		cfg.Refill = corewasm.Target{Module: plan.HostModule, Name: plan.RefillName}
	}
	for i, im := range info.Imports {
		if im.Kind != corewasm.KindFunc {
			return nil, errcode.New(errcode.NotFound, "import %q %q: nothing provides a %s", im.Module, im.Name, im.Kind)
		}
		cfg.Imports[i] = corewasm.Target{Module: plan.HostModule, Name: strconv.Itoa(i)}
	}
	cfg.Name = plan.ModuleName(0)
	var store corewasm.Store
	var origin corewasm.Origin
	if s != nil {
		store, origin.Digest = s, sha256.Sum256(data)
	}
	out, err := info.RewriteStored(cfg, store, origin)
	if err != nil {
		return nil, err
	}
	if o := info.Original(); o != nil && out.Full != nil {
		cfg.Image, cfg.Limits.NoExceptionRefs = false, false // it does not run
		code, err := o.Rewrite(cfg)
		if err != nil {
			return nil, err
		}
		if err := e.validateCore(ctx, code); err != nil {
			return nil, err
		}
	}
	compiled, err := e.compileCores(ctx, []corewasm.Code{out})
	if err != nil {
		return nil, unchanged(info.Original() != nil, err)
	}
	m := &CoreModule{engine: e, code: compiled[0], start: info.Start, names: info.Names(cfg, plan.MaxNames)}
	if info.Memory != nil {
		m.pool = memory.NewPool(info.Memory, e.slots)
	}
	m.describe(info)
	return m, nil
}

func (e *Engine) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// namer names the module's functions in stack traces.
func (m *CoreModule) namer() *namer {
	return &namer{modules: []*corewasm.Names{m.names}, host: func(i int) string {
		if i >= len(m.imports) {
			return strconv.Itoa(i)
		}
		return corewasm.Printable(m.imports[i].Module+" "+m.imports[i].Name, 120)
	}}
}

// describe notes the types of imports and exports, which the engine has
// validated by now.
func (m *CoreModule) describe(info *corewasm.Module) {
	types := map[string]api.FunctionDefinition{}
	for _, d := range m.code.ImportedFunctions() {
		_, name, _ := d.Import()
		types[name] = d
	}
	m.imports = make([]CoreFunc, len(info.Imports))
	for i, im := range info.Imports {
		d := types[strconv.Itoa(i)]
		m.imports[i] = CoreFunc{Module: im.Module, Name: im.Name, Params: coreTypes(d.ParamTypes()), Results: coreTypes(d.ResultTypes())}
	}
	exported := m.code.ExportedFunctions()
	for _, ex := range info.Exports {
		if d := exported[ex.Name]; ex.Kind == corewasm.KindFunc && d != nil {
			m.exports = append(m.exports, CoreFunc{Name: ex.Name, Params: coreTypes(d.ParamTypes()), Results: coreTypes(d.ResultTypes())})
		}
	}
}

func coreTypes(ts []api.ValueType) []abi.CoreType {
	out := make([]abi.CoreType, len(ts))
	for i, t := range ts {
		out[i] = abi.CoreType(t)
	}
	return out
}

// Imports returns the functions that the module asks for, in its order.
func (m *CoreModule) Imports() []CoreFunc { return m.imports }

// Exports returns the functions that the module offers, in its order.
func (m *CoreModule) Exports() []CoreFunc { return m.exports }

// Close frees the module's code. No instance of it may be running.
func (m *CoreModule) Close(ctx context.Context) error {
	m.engine.mu.Lock()
	delete(m.engine.cores, m)
	m.engine.mu.Unlock()
	m.free(ctx)
	return nil
}

func (m *CoreModule) free(ctx context.Context) {
	m.once.Do(func() {
		_ = m.code.Close(ctx) // it only gives memory back
		if m.pool != nil {
			m.pool.Close()
		}
	})
}
