package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/lattice/membus"
	"latticework/providers"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

const shapes = "demo:pure/shapes@0.1.0"

// pureImage gives the guest that exports shapes.
type pureImage struct{ t *testing.T }

func (i pureImage) Get(context.Context, linkstate.Image) ([]byte, error) {
	return os.ReadFile(filepath.Join(refdata.Dir(i.t, "guests/wasm"), "js-pure-qjs.wasm"))
}

// newCallee returns a host that is not open and runs the component "pure".
func newCallee(t *testing.T, limits linkstate.Limits) (*Host, *component) {
	t.Helper()
	net := membus.New(1)
	t.Cleanup(func() { _ = net.Close() })
	engine, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	reg, err := providers.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{
		Bus: joined(t, net, "host"), Lattice: "test", ID: lattice.NewHostID(), Engine: engine, Registry: reg, Images: pureImage{t},
		Builtins: func(Builtin) ([]*abi.Interface, error) { return wasi.Interfaces(wasi.Config{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.loadComponent(t.Context(), &linkstate.Component{Name: "pure", Revision: 1, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close(context.Background()) })
	h.liveComponents = []*component{c}
	h.comps.all["pure"] = &workload[component]{name: "pure", mu: &h.mu, running: c, state: stateRunning, moved: make(chan struct{})}
	return h, c
}

// importOf binds an import of shapes, as a caller's template would, to the
// component on the host.
func importOf(t *testing.T, h *Host, c *component) *binding {
	t.Helper()
	decl := &abi.Interface{Name: shapes}
	for _, ex := range c.code.Exports() {
		if ex.Name == shapes {
			for _, f := range ex.Funcs {
				decl.Funcs = append(decl.Funcs, abi.Func{Name: f.Name, Type: f.Type})
			}
		}
	}
	b, err := h.newBinding("caller", linkstate.DefaultLinkName, 0, decl)
	if err != nil {
		t.Fatal(err)
	}
	caller := &component{host: h, record: &linkstate.Component{Name: "caller"}, bindings: []*binding{b}}
	link := &linkstate.Link{LinkKey: linkstate.LinkKey{Source: "caller", Name: linkstate.DefaultLinkName}, Targets: []linkstate.Target{{Name: "pure"}}, Generation: 1}
	g := caller.gateLocked(link, h.placeLocked(link, nil))
	g.policy.Store(&link.Policy)
	b.current.Store(h.newRoute(b, g))
	return b
}

// bump is a guest's memory with a realloc that frees nothing.
type bump struct {
	mem []byte
	top uint32
}

func (b *bump) Realloc(_, _, align, size uint32) (uint32, []byte, error) {
	at := (b.top + align - 1) &^ (align - 1)
	if uint64(at)+uint64(size) > uint64(len(b.mem)) {
		return 0, nil, errcode.New(errcode.Trap, "the caller's memory is full")
	}
	b.top = at + size
	return at, b.mem, nil
}

// noHandles is the table of a guest without handles.
type noHandles struct{ abi.Handles }

func (noHandles) SetOwner(abi.Owner) {}

// callImport calls an imported function as a guest with some memory would.
func callImport(t *testing.T, b *binding, name string, memory int, args ...value.Value) (value.Value, error) {
	t.Helper()
	for i := range b.funcs {
		f := &b.funcs[i]
		if f.name != name {
			continue
		}
		heap := &bump{mem: make([]byte, memory), top: 16}
		call := &abi.Call{Mem: abi.Mem{Data: heap.mem, Alloc: heap, Handles: noHandles{}}, Params: make([]byte, f.codec.Params.Size())}
		if f.codec.Result != nil {
			call.Result = make([]byte, f.codec.Result.Size())
		}
		f.codec.Params.Store(&call.Mem, call.Params, value.Record(args))
		if err := call.Err(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := b.bound().Funcs[i].Call(ctx, call); err != nil {
			return nil, err
		}
		return f.codec.Result.Load(&call.Mem, call.Result), call.Err()
	}
	t.Fatalf("no function %q", name)
	return nil, nil
}

func texts(words ...string) value.List {
	var l value.List
	for _, w := range words {
		l = append(l, value.String(w))
	}
	return l
}

// TestComponentToComponent calls exports of a real component from an import and
// from another host.
func TestComponentToComponent(t *testing.T) {
	h, c := newCallee(t, linkstate.Limits{})
	t.Run("in process", func(t *testing.T) { testLocalCalls(t, h, c) })
	t.Run("other types", func(t *testing.T) { testOtherTypes(t, h, c) })
	t.Run("from another host", func(t *testing.T) { testInvokedComponent(t, h, c) })
}

// testLocalCalls: an import that leads to a component on the same
// host moves values from memory to memory.
func testLocalCalls(t *testing.T, h *Host, c *component) {
	b := importOf(t, h, c)
	got, err := callImport(t, b, "sort-strings", 1<<16, texts("pear", "zoë", "", "apple"))
	if err != nil {
		t.Fatal(err)
	}
	if want := texts("", "apple", "pear", "zoë"); !equal(got, want) {
		t.Errorf("sort-strings: %v, want %v", got, want)
	}
	if _, err := callImport(t, b, "sort-strings", 256, texts(strings.Repeat("x", 150))); !errors.Is(err, errcode.Trap) {
		t.Errorf("result larger than the caller's memory: %v, want its trap", err)
	}
	g := b.current.Load().gate
	if calls, handles := g.counts(); calls+handles != 0 {
		t.Errorf("%d calls and %d handles are open", calls, handles)
	}
	if c.running.Load() != 0 {
		t.Errorf("%d calls run in the callee", c.running.Load())
	}
}

func equal(a, b value.Value) bool {
	x, ok := a.(value.List)
	y, ok2 := b.(value.List)
	if !ok || !ok2 || len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// TestCalleeOutOfFuel: the caller learns that its callee was stopped, as its
// own error where the type has one and as a trap where it has none.
func TestCalleeOutOfFuel(t *testing.T) {
	h, c := newCallee(t, linkstate.Limits{Fuel: 1})
	b := importOf(t, h, c)
	_, err := callImport(t, b, "sort-strings", 1<<16, texts("b", "a"))
	var callee *calleeError
	if !errors.As(err, &callee) || !errors.Is(err, errcode.Exhausted) || lattice.IsRefused(err) {
		t.Errorf("callee out of fuel: %v", err)
	}
}

// testInvokedComponent: what another host calls is the same, and an error says
// whether the guest was entered.
func testInvokedComponent(t *testing.T, h *Host, c *component) {
	b := importOf(t, h, c)
	inv := lattice.Invocation{Source: "caller", Target: "pure", Interface: shapes, Func: "sort-strings"}
	var params *value.Encoder
	var result *wit.Type
	for _, f := range b.decl.Funcs {
		if f.Name == inv.Func {
			params, result = &value.Encoder{}, f.Type.Result
			value.Encode(params, f.Type.Params[0].Type, texts("b", "a"))
		}
	}
	out, err := h.invoked(t.Context(), inv, params.Buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := value.Decode(value.NewDecoder(out), result); !equal(got, texts("a", "b")) {
		t.Errorf("sort-strings: %v", got)
	}
	for _, tc := range []struct {
		name    string
		inv     lattice.Invocation
		params  []byte
		refused bool
	}{
		{"no such function", lattice.Invocation{Target: "pure", Interface: shapes, Func: "sort"}, nil, true},
		{"no such target", lattice.Invocation{Target: "purer", Interface: shapes, Func: "sort-strings"}, nil, true},
		{"parameters cut short", inv, params.Buf[:2], false},
	} {
		if _, err := h.invoked(t.Context(), tc.inv, tc.params); err == nil || lattice.IsRefused(err) != tc.refused {
			t.Errorf("%s: %v, refused %v, want %v", tc.name, err, lattice.IsRefused(err), tc.refused)
		}
	}
	h.closed = true
	if _, err := h.invoked(t.Context(), inv, params.Buf); !lattice.IsRefused(err) || !errors.Is(err, errcode.Unavailable) {
		t.Errorf("invocation of a host that closes: %v, want a refusal", err)
	}
}

// testOtherTypes: an export of other types than the import's is refused by
// name.
func testOtherTypes(t *testing.T, h *Host, c *component) {
	b := importOf(t, h, c)
	for i := range b.funcs {
		if b.funcs[i].name == "sort-strings" {
			codec, err := abi.CompileFunc(&wit.FuncType{
				Params: []wit.Param{{Name: "list", Type: &wit.Type{Kind: wit.KindList, Elem: wit.Primitive(wit.KindU32)}}},
				Result: b.funcs[i].codec.Type.Result,
			})
			if err != nil {
				t.Fatal(err)
			}
			b.funcs[i].codec = codec
		}
	}
	if _, err := callImport(t, b, "sort-strings", 1<<12, value.List{value.U32(1)}); !errors.Is(err, errcode.Unsupported) || !strings.Contains(err.Error(), "other types") {
		t.Errorf("%v, want unsupported", err)
	}
}
