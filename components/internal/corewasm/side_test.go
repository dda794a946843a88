package corewasm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/corewasm"
	"latticework/components/internal/memory"
)

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExceptionHandling

var engines = []struct {
	name   string
	config func() wazero.RuntimeConfig
}{
	{"compiler", wazero.NewRuntimeConfig},
	{"interpreter", wazero.NewRuntimeConfigInterpreter},
}

// wideLimits let through what the standard's own tests do.
var wideLimits = corewasm.Limits{TableElements: 20_000_000, TableGrowth: 20_000_000}

// side is one of the two stores that a differential test compares: in one the
// modules are as they are, in the other rewritten.
type side struct {
	t       testing.TB
	rt      wazero.Runtime
	rewrite bool
	image   bool // of a rewritten side: data goes through memory images
	named   map[string]api.Module
	last    api.Module
	pools   []*memory.Pool
	refills int
	tells   int // of exceptions
	stopAt  int // the refill after which the guest is stopped; 0 for none
}

func newSide(t testing.TB, config wazero.RuntimeConfig, rewrite, image bool) *side {
	ctx := context.Background()
	s := &side{t: t, rewrite: rewrite, image: image, named: map[string]api.Module{}}
	s.rt = wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features))
	t.Cleanup(func() {
		_ = s.rt.Close(ctx)
		for _, p := range s.pools {
			p.Close()
		}
	})
	refill := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		if int32(stack[0]) >= 0 {
			s.tells++
			return
		}
		if s.refills++; s.stopAt > 0 && s.refills > s.stopAt {
			panic("the rewritten module does not end")
		}
		stack[0] = uint64(uint32(int32(stack[0]) + corewasm.MinRefill))
	})
	b := s.rt.NewHostModuleBuilder("refill")
	b.NewFunctionBuilder().WithGoModuleFunction(refill, []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}).Export("f")
	code, err := b.Compile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := s.rt.InstantiateModule(ctx, code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	s.named["refill"] = mod
	return s
}

// compile prepares a module.
func (s *side) compile(data []byte) (wazero.CompiledModule, *corewasm.Module, error) {
	ctx := context.Background()
	if !s.rewrite {
		code, err := s.rt.CompileModule(ctx, data)
		return code, nil, err
	}
	m, err := corewasm.Scan(data, wideLimits)
	if err != nil {
		return nil, nil, err
	}
	cfg := corewasm.RewriteConfig{Refill: corewasm.Target{Module: "refill", Name: "f"}, Image: s.image, Limits: wideLimits}
	for _, i := range m.Imports {
		cfg.Imports = append(cfg.Imports, corewasm.Target{Module: i.Module, Name: i.Name})
	}
	out, err := m.Rewrite(cfg)
	if err != nil {
		return nil, nil, err
	}
	code, err := s.rt.CompileModule(ctx, out)
	return code, m, err
}

// allocator gives a memory with its image.
type allocator struct{ m *memory.Memory }

func (a allocator) Allocate(_, _ uint64) experimental.LinearMemory { return a.m }

// instantiate instantiates a module; it is the last one then.
func (s *side) instantiate(data []byte) error {
	code, m, err := s.compile(data)
	if err != nil {
		return err
	}
	ctx := experimental.WithImportResolver(context.Background(), func(name string) api.Module { return s.named[name] })
	if s.image && m.Memory != nil {
		p := memory.NewPool(m.Memory, 0)
		s.pools = append(s.pools, p)
		mem, err := p.Get(&memory.Budget{Limit: 4 << 30})
		if err != nil {
			return err
		}
		s.t.Cleanup(func() { p.Put(mem) })
		ctx = experimental.WithMemoryAllocator(ctx, allocator{mem})
	}
	mod, err := s.rt.InstantiateModule(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return err
	}
	if m != nil && m.Start != "" {
		if _, err := mod.ExportedFunction(m.Start).Call(context.Background()); err != nil {
			return err
		}
	}
	s.last = mod
	return nil
}

// do calls a function or reads a global of a module, the last one if name is
// empty.
func (s *side) do(name, field string, get bool, args []uint64) (res []uint64, err error) {
	mod := s.last
	if name != "" {
		mod = s.named[name]
	}
	if mod == nil {
		return nil, errors.New("no module")
	}
	if get {
		g := mod.ExportedGlobal(field)
		if g == nil {
			return nil, errors.New("no global")
		}
		return []uint64{g.Get()}, nil
	}
	f := mod.ExportedFunction(field)
	if f == nil {
		return nil, errors.New("no function")
	}
	return f.Call(context.Background(), args...)
}

// reason is an error without what differs between the sides.
func reason(err error) string {
	if err == nil {
		return "none"
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	text, _, _ = strings.Cut(text, " (recovered by wazero)")
	if i := strings.Index(text, "wasm error: "); i >= 0 {
		text = text[i:]
	}
	return text
}

// same compares an action's outcome on both sides.
func same(a, b []uint64, aerr, berr error, refs bool) error {
	if reason(aerr) != reason(berr) {
		return fmt.Errorf("the original ends with %q, the rewritten module with %q", reason(aerr), reason(berr))
	}
	if len(a) != len(b) {
		return fmt.Errorf("%d results, rewritten %d", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] && (!refs || (a[i] == 0) != (b[i] == 0)) {
			return fmt.Errorf("result %d is %#x, rewritten %#x", i, a[i], b[i])
		}
	}
	return nil
}

// sameMemory compares the memories that the last modules export.
func sameMemory(a, b *side) error {
	if a.last == nil || b.last == nil {
		return nil
	}
	for name := range a.last.ExportedMemoryDefinitions() {
		ma, mb := a.last.ExportedMemory(name), b.last.ExportedMemory(name)
		da, _ := ma.Read(0, ma.Size())
		db, _ := mb.Read(0, mb.Size())
		if string(da) != string(db) {
			return fmt.Errorf("memory %q differs", name)
		}
	}
	return nil
}
