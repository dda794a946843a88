package corewasm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"latticework/components/internal/corewasm"
	"latticework/internal/fuzzbound"
	. "latticework/internal/wasmbuild"
)

// seeds gives a fuzz target modules to begin with.
func seeds(f *testing.F) {
	f.Helper()
	m := &Module{}
	v := m.Type("", "")
	m.Import("env", "f", v)
	m.Func(v, "iil", 0x03, 0x40, Call(0), 0x20, 0, 0x0d, 0, 0x0b, 0xd2, 0, 0x1a)
	m.Table(1, 5)
	m.Memory(1, -1)
	m.Global(7)
	m.Elem(0, 1)
	m.Data(3, []byte("data"))
	m.Export("run", Func, 1)
	m.Start = 2
	f.Add(m.Bytes())
	f.Add(bulkModule().Bytes())
	shim, fill := &Module{}, &Module{}
	shim.Table(1, 1)
	shim.Export("0", Func, shim.Func(shim.Type("i", "i"), "", 0x20, 0, 0x41, 0, 0x11, 0, 0))
	shim.Export("$imports", Table, 0)
	f.Add(shim.Bytes())
	fill.Imports = [][]byte{Cat(Name("shim"), Name("$imports"), []byte{1, 0x70, 0, 1})}
	fill.Elem(0, fill.Import("host", "0", fill.Type("i", "i")))
	f.Add(fill.Bytes())
	out, err := filepath.Glob(filepath.Join(specDir(f), "*", "testdata", "*.1.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range out {
		if data, err := os.ReadFile(name); err == nil && len(data) < 4096 {
			f.Add(data)
		}
	}
}

// FuzzScan looks for a panic, and for an answer that its own input contradicts.
func FuzzScan(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			m, err := corewasm.Scan(data, corewasm.Limits{})
			if err != nil {
				return
			}
			if len(m.Imports)+len(m.Exports) > len(data) {
				t.Fatalf("%d imports and %d exports in %d bytes", len(m.Imports), len(m.Exports), len(data))
			}
			names := m.Names(corewasm.RewriteConfig{}, 1<<16)
			if name, _ := names.Func(uint32(len(data) & 7)); names.Len() > 1<<16 || strings.ContainsAny(name, "\n\x00\x1b") {
				t.Fatalf("%d bytes of names, %q", names.Len(), name)
			}
			if s := m.Shim(); s != nil && len(s.Calls) > len(m.Exports) {
				t.Fatalf("%d functions of a shim with %d exports", len(s.Calls), len(m.Exports))
			}
			if f := m.Fill(); f != nil && len(f.Funcs) > len(data) {
				t.Fatalf("%d elements in %d bytes", len(f.Funcs), len(data))
			}
			if m.Memory == nil {
				return
			}
			for _, s := range m.Memory.Image {
				if uint64(s.Offset)+uint64(len(s.Data)) > uint64(m.Memory.MinPages)<<16 {
					t.Fatalf("image of [%d, +%d) in %d pages", s.Offset, len(s.Data), m.Memory.MinPages)
				}
			}
		})
	})
}

// hasNames reports whether data may have a name section.
func hasNames(data []byte) bool { return strings.Contains(string(data), "\x04name") }

// FuzzRewrite compares what the engine says of a module before and after. The
// module is not run.
func FuzzRewrite(f *testing.F) {
	seeds(f)
	ctx := context.Background()
	// Small memories: the interpreter's compiler makes nothing executable.
	rt := wazero.NewRuntimeWithConfig(ctx, engines[1].config().WithCoreFeatures(features))
	f.Cleanup(func() { _ = rt.Close(ctx) })
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			if len(data) > 1<<16 || hasNames(data) {
				return // the engine reads names, of which it believes every index; they are gone afterwards
			}
			if several(ctx, t, rt, data) {
				return // the engine takes none of them as they are
			}
			out, err := scanAndRewrite(data)
			if err != nil {
				return // the gate keeps it from the engine
			}
			before, berr := rt.CompileModule(ctx, data)
			after, aerr := rt.CompileModule(ctx, out)
			if berr != nil && strings.Contains(berr.Error(), "custom section") {
				return // the engine reads custom sections, which are gone afterwards
			}
			if (berr == nil) != (aerr == nil) {
				t.Fatalf("before: %v; after: %v", berr, aerr)
			}
			if berr == nil {
				_ = before.Close(ctx)
				_ = after.Close(ctx)
			}
		})
	})
}

// several reports whether data is a module of several memories. If the gate lets
// it through, the engine takes its companions: code that is wrong is in the
// module, which the engine may refuse.
func several(ctx context.Context, t *testing.T, rt wazero.Runtime, data []byte) bool {
	m, err := corewasm.Scan(data, corewasm.Limits{})
	if err != nil || m.Memories() < 2 {
		return false
	}
	companions, err := m.Companions(corewasm.Limits{}, true)
	if err != nil {
		return true
	}
	compile := func(m *corewasm.Module, given []string) error {
		cfg := corewasm.RewriteConfig{Refill: corewasm.Target{Module: "refill", Name: "f"}, Image: true, Companions: given}
		for _, i := range m.Imports {
			cfg.Imports = append(cfg.Imports, corewasm.Target{Module: i.Module, Name: i.Name})
		}
		out, err := m.Rewrite(cfg)
		if err != nil {
			return err
		}
		code, err := rt.CompileModule(ctx, out)
		if err == nil {
			_ = code.Close(ctx)
		}
		return err
	}
	var names []string
	for i, c := range companions {
		names = append(names, corewasm.Group(i))
		if err := compile(c.Module, nil); err != nil && !hasGlobals(m) {
			t.Fatalf("companion %d: %v", i, err)
		}
	}
	_ = compile(m, names)
	return true
}

// hasGlobals reports whether m imports globals, whose types and uses in offsets
// the engine may refuse.
func hasGlobals(m *corewasm.Module) bool {
	for _, i := range m.Imports {
		if i.Kind == corewasm.KindGlobal {
			return true
		}
	}
	return false
}
