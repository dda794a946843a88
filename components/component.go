package components

import (
	"context"
	"strconv"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/corewasm"
	"latticework/components/internal/memory"
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// Component is a compiled component. It is immutable and safe for concurrent
// use.
type Component struct {
	engine  *Engine
	plan    *plan.Plan
	modules []module
	// memoryBytes bounds each linear memory.
	memoryBytes uint64
	hostMod     wazero.CompiledModule
	host        api.Module // instantiated once: its functions find their instance in the context
	// codecs are those of plan.Hosts and plan.Lifts, nil where none is needed;
	// elemCodecs are of the elements of the streams and futures of plan.Hosts.
	hostCodecs []*abi.FuncCodec
	elemCodecs []*abi.Codec
	liftCodecs []*abi.FuncCodec
	once       sync.Once

	mu        sync.Mutex
	templates []*Template // guarded by mu; those that may keep instances
}

type module struct {
	code wazero.CompiledModule
	pool *memory.Pool // of its own memory, nil without one
}

// Extern is an import or an export of a component.
type Extern struct {
	// Name is a qualified interface name such as "wasi:cli/run@0.2.12", or a
	// plain name.
	Name string
	// Plain says that it is a function by itself and not an interface.
	Plain bool
	Funcs []ExternFunc
	Types []ExternType
}

// ExternFunc is a function of an import or export.
type ExternFunc struct {
	Name string
	Type *wit.FuncType
}

// ExternType is a type that an interface defines or uses: Type, or Resource.
type ExternType struct {
	Name     string
	Type     *wit.Type
	Resource *wit.Resource
}

// Imports returns what the component asks for.
func (c *Component) Imports() []Extern {
	out := make([]Extern, len(c.plan.Imports))
	for i, im := range c.plan.Imports {
		out[i] = Extern{Name: im.Name, Plain: im.Plain, Types: externTypes(im.Types)}
		for _, f := range im.Funcs {
			out[i].Funcs = append(out[i].Funcs, ExternFunc(f))
		}
	}
	return out
}

// Exports returns what the component offers.
func (c *Component) Exports() []Extern {
	out := make([]Extern, len(c.plan.Exports))
	for i, ex := range c.plan.Exports {
		out[i] = Extern{Name: ex.Name, Plain: ex.Plain, Types: externTypes(ex.Types)}
		for _, f := range ex.Funcs {
			out[i].Funcs = append(out[i].Funcs, ExternFunc{Name: f.Name, Type: f.Type})
		}
	}
	return out
}

func externTypes(ts []plan.NamedType) []ExternType {
	var out []ExternType
	for _, t := range ts {
		out = append(out, ExternType(t))
	}
	return out
}

// compile compiles the core modules and the host module.
func (c *Component) compile(ctx context.Context) error {
	if err := c.compileModules(ctx); err != nil {
		return err
	}
	return c.compileHost(ctx)
}

// compileModules compiles the core modules.
func (c *Component) compileModules(ctx context.Context) error {
	var modules []corewasm.Code
	for _, m := range c.plan.Modules {
		modules = append(modules, m.Code)
	}
	for _, m := range c.plan.Unused {
		if err := c.engine.validateCore(ctx, m); err != nil {
			return err
		}
	}
	c.plan.Unused = nil
	compiled, err := c.engine.compileCores(ctx, modules)
	if err != nil {
		return unchanged(c.plan.Changed, err)
	}
	for i := range c.plan.Modules {
		m := &c.plan.Modules[i]
		mod := module{code: compiled[i]}
		if m.Memory != nil {
			mod.pool = memory.NewPool(m.Memory, c.engine.slots)
		}
		c.modules = append(c.modules, mod)
		m.Code = corewasm.Code{} // compiled: the bytes are not needed again
	}
	return nil
}

// codecs compiles the types of functions.
func (c *Component) codecs() (err error) {
	c.hostCodecs = make([]*abi.FuncCodec, len(c.plan.Hosts))
	c.elemCodecs = make([]*abi.Codec, len(c.plan.Hosts))
	for i, h := range c.plan.Hosts {
		if h.Val != nil && h.Val.Elem != nil && (h.Val.Kind == wit.KindStream || h.Val.Kind == wit.KindFuture) {
			if c.elemCodecs[i], err = abi.CompileType(h.Val.Elem); err != nil {
				return err
			}
		}
		if h.Type == nil {
			continue
		}
		if c.hostCodecs[i], err = abi.CompileFunc(h.Type); err != nil {
			return err
		}
	}
	c.liftCodecs = make([]*abi.FuncCodec, len(c.plan.Lifts))
	for i, l := range c.plan.Lifts {
		if c.liftCodecs[i], err = abi.CompileFunc(l.Type); err != nil {
			return err
		}
	}
	return nil
}

// compileHost makes the one host module from which all core modules import.
// Its functions take their instance from the context, so that one module
// serves every instance.
func (c *Component) compileHost(ctx context.Context) error {
	if err := c.codecs(); err != nil {
		return err
	}
	i32 := api.ValueTypeI32
	b := c.engine.rt.NewHostModuleBuilder(plan.HostModule)
	for k, h := range c.plan.Hosts {
		var params, results []api.ValueType
		switch h.Kind {
		case plan.HostImport, plan.HostFused, plan.HostReenter:
			sig := lowerSig(c.hostCodecs[k], &h)
			params, results = valueTypes(sig.Params), valueTypes(sig.Results)
		case plan.HostBuiltin:
			params, results = builtinSignature(&h, c.hostCodecs[k])
		case plan.HostResourceNew, plan.HostResourceRep:
			params, results = []api.ValueType{i32}, []api.ValueType{i32}
		case plan.HostResourceDrop:
			params = []api.ValueType{i32}
		}
		fn := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
			fiberOf(ctx).hostCall(k, stack)
		})
		b.NewFunctionBuilder().WithGoModuleFunction(fn, params, results).Export(strconv.Itoa(k))
	}
	refill := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		stack[0] = uint64(uint32(fiberOf(ctx).in.refill(int32(stack[0]))))
	})
	b.NewFunctionBuilder().WithGoModuleFunction(refill, []api.ValueType{i32}, []api.ValueType{i32}).Export(plan.RefillName)
	var err error
	if c.hostMod, err = b.Compile(ctx); err != nil {
		return errcode.New(errcode.Internal, "compile host module: %w", err)
	}
	c.host, err = c.engine.rt.InstantiateModule(ctx, c.hostMod, moduleConfig)
	if err != nil {
		return errcode.New(errcode.Internal, "instantiate host module: %w", err)
	}
	return nil
}

func valueTypes(ts []abi.CoreType) []api.ValueType {
	out := make([]api.ValueType, len(ts))
	for i, t := range ts {
		out[i] = api.ValueType(t)
	}
	return out
}

// Close frees the component's code. No instance of it may be running.
func (c *Component) Close(ctx context.Context) error {
	c.engine.mu.Lock()
	delete(c.engine.components, c)
	c.engine.mu.Unlock()
	c.free(ctx)
	return nil
}

// adopt has instances that t keeps freed with c.
func (c *Component) adopt(t *Template) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.templates = append(c.templates, t)
}

func (c *Component) free(ctx context.Context) {
	c.once.Do(func() {
		c.mu.Lock()
		templates := c.templates
		c.templates = nil
		c.mu.Unlock()
		for _, t := range templates {
			t.reuse.close(ctx)
		}
		if c.host != nil {
			_ = c.host.Close(ctx)
		}
		if c.hostMod != nil {
			_ = c.hostMod.Close(ctx)
		}
		for _, m := range c.modules {
			_ = m.code.Close(ctx)
			if m.pool != nil {
				m.pool.Close()
			}
		}
	})
}
