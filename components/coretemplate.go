package components

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/plan"
	"latticework/internal/errcode"
)

// CoreHost is a function of the host for core modules.
type CoreHost struct {
	CoreFunc
	// Call runs it for in. stack holds the parameters and receives the
	// results. An error ends the guest; the call into it answers that error.
	Call func(in *CoreInstance, stack []uint64) error
}

// CoreLinkConfig says what a core module is given. The zero value gives
// nothing.
type CoreLinkConfig struct {
	// Hosts satisfy the imports of the same two names.
	Hosts []CoreHost
	// Limits bound each instance; core modules have no handles.
	Limits Limits
}

// CoreTemplate is a core module whose imports are bound. It is immutable and
// safe for concurrent use.
type CoreTemplate struct {
	module  *CoreModule
	limits  Limits
	hostMod wazero.CompiledModule
	host    api.Module // instantiated once: its functions find their instance in the context
	once    sync.Once
}

// Link binds the module's imports. The template is closed before its module.
//
// Errors:
//   - ErrNotFound for an import that nothing in cfg satisfies.
//   - ErrInvalid for an import of another type than the host's, and for limits
//     below 0.
func (m *CoreModule) Link(ctx context.Context, cfg CoreLinkConfig) (*CoreTemplate, error) {
	if err := cfg.Limits.Validate(); err != nil {
		return nil, err
	}
	t := &CoreTemplate{module: m, limits: cfg.Limits}
	if t.limits.StackBytes == 0 {
		t.limits.StackBytes = 8 << 20
	}
	if t.limits.MemoryBytes == 0 {
		t.limits.MemoryBytes = m.engine.cfg.MemoryBytes
	}
	b := m.engine.rt.NewHostModuleBuilder(plan.HostModule)
	for i, im := range m.imports {
		host, err := findHost(im, cfg.Hosts)
		if err != nil {
			return nil, err
		}
		fn := api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
			in := coreInstanceOf(ctx)
			if in.mem == nil && in.memory != nil {
				in.mem = mod.Memory()
			}
			if err := host.Call(in, stack); err != nil {
				panic(&hostError{err})
			}
		})
		b.NewFunctionBuilder().WithGoModuleFunction(fn, valueTypes(im.Params), valueTypes(im.Results)).Export(strconv.Itoa(i))
	}
	refill := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		stack[0] = uint64(uint32(coreInstanceOf(ctx).refill(int32(stack[0]))))
	})
	one := []api.ValueType{api.ValueTypeI32}
	b.NewFunctionBuilder().WithGoModuleFunction(refill, one, one).Export(plan.RefillName)
	var err error
	if t.hostMod, err = b.Compile(ctx); err != nil {
		return nil, errcode.New(errcode.Internal, "compile host module: %w", err)
	}
	t.host, err = m.engine.rt.InstantiateModule(ctx, t.hostMod, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.free(ctx)
		return nil, errcode.New(errcode.Internal, "instantiate host module: %w", err)
	}
	return t, nil
}

// findHost returns the host's function for an import.
func findHost(im CoreFunc, hosts []CoreHost) (*CoreHost, error) {
	provided := false
	for i := range hosts {
		h := &hosts[i]
		provided = provided || h.Module == im.Module
		if h.Module != im.Module || h.Name != im.Name {
			continue
		}
		if !slices.Equal(h.Params, im.Params) || !slices.Equal(h.Results, im.Results) {
			return nil, errcode.New(errcode.Invalid, "link import %q %q: its type is not the host's", im.Module, im.Name)
		}
		return h, nil
	}
	e := errcode.New(errcode.NotFound, "link import %q %q: nothing provides it", im.Module, im.Name)
	if !provided && len(hosts) > 0 {
		return nil, e.WithNext("build the module for %s", hosts[0].Module)
	}
	return nil, e
}

// Module returns the module that t is made of.
func (t *CoreTemplate) Module() *CoreModule { return t.module }

// Close frees what binds the imports. No instance of t may be running.
func (t *CoreTemplate) Close(ctx context.Context) error {
	t.free(ctx)
	return nil
}

func (t *CoreTemplate) free(ctx context.Context) {
	t.once.Do(func() {
		if t.host != nil {
			_ = t.host.Close(ctx)
		}
		_ = t.hostMod.Close(ctx) // it only gives memory back
	})
}
