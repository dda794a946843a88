package bindgen_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

var errHandle = errors.New("no such handle")

// guest is a linear memory with a bump allocator and a table of handles.
type guest struct {
	data []byte
	next uint32
	// handles holds what handle i+1 stands for; nil once it is gone.
	handles []*handle
	allocs  int
}

type handle struct {
	rep any
	res *wit.Resource
}

func newGuest() *guest { return &guest{data: make([]byte, 64<<10, 1<<20), next: 16} }

func (g *guest) Realloc(_, _, align, size uint32) (uint32, []byte, error) {
	g.allocs++
	ptr := (g.next + align - 1) &^ (align - 1)
	g.next = ptr + size
	for int(g.next) > len(g.data) {
		g.data = g.data[:len(g.data)+64<<10]
	}
	return ptr, g.data, nil
}

func (g *guest) find(i uint32, r *wit.Resource) (any, error) {
	if i == 0 || int(i) > len(g.handles) || g.handles[i-1] == nil || g.handles[i-1].res != r {
		return nil, fmt.Errorf("%w: %d of %s", errHandle, i, r.Name)
	}
	return g.handles[i-1].rep, nil
}

func (g *guest) LiftOwn(i uint32, r *wit.Resource) (any, error) {
	rep, err := g.find(i, r)
	if err == nil {
		g.handles[i-1] = nil
	}
	return rep, err
}

func (g *guest) LiftBorrow(i uint32, r *wit.Resource) (any, error) { return g.find(i, r) }

func (g *guest) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	g.handles = append(g.handles, &handle{rep, r})
	return uint32(len(g.handles)), nil
}

func (g *guest) LowerBorrow(rep any, r *wit.Resource) (uint32, error) { return g.LowerOwn(rep, r) }
func (g *guest) Owner(uint32) abi.Owner                               { return nil }
func (g *guest) SetOwner(abi.Owner)                                   {}

func (g *guest) mem() abi.Mem {
	return abi.Mem{Data: g.data, Handles: g, Alloc: g}
}

// alloc returns size bytes of the guest's memory.
func (g *guest) alloc(size uint32) []byte {
	ptr, data, _ := g.Realloc(0, 0, 8, size)
	return data[ptr : ptr+size : ptr+size]
}

// newCall returns a call of f in g with room for parameters and result.
func (g *guest) newCall(f *wit.FuncType) (*abi.Call, *abi.FuncCodec, error) {
	codec, err := abi.CompileFunc(f)
	if err != nil {
		return nil, nil, err
	}
	c := &abi.Call{Params: g.alloc(codec.Params.Size())}
	if codec.Result != nil {
		c.Result = g.alloc(codec.Result.Size())
	}
	c.Mem = g.mem()
	return c, codec, nil
}

// callMem calls f as a guest would, through linear memory.
func callMem(g *guest, f *abi.Func, args ...value.Value) (value.Value, error) {
	c, codec, err := g.newCall(f.Type)
	if err != nil {
		return nil, err
	}
	codec.Params.Store(&c.Mem, c.Params, value.Record(args))
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("store arguments: %w", err)
	}
	if err := f.Call(context.Background(), c); err != nil {
		return nil, err
	}
	if codec.Result == nil {
		return nil, c.Err()
	}
	return codec.Result.Load(&c.Mem, c.Result), c.Err()
}

// callWire calls f as another host would, through the value encoding. The
// handles are those of g.
func callWire(g *guest, f *abi.Func, args ...value.Value) (value.Value, error) {
	var in value.Encoder
	in.Handles = g
	for i, p := range f.Type.Params {
		value.Encode(&in, p.Type, args[i])
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("encode arguments: %w", err)
	}
	w := &abi.WireCall{In: value.NewDecoder(in.Buf), Out: &value.Encoder{}, Handles: g}
	if err := f.Wire(context.Background(), w); err != nil {
		return nil, err
	}
	if err := w.In.Finish(); err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	if f.Type.Result == nil {
		return nil, nil
	}
	d := value.NewDecoder(w.Out.Buf)
	d.Handles = g
	v := value.Decode(d, f.Type.Result)
	return v, d.Finish()
}

// fn returns the function name of iface.
func fn(t *testing.T, iface *abi.Interface, name string) *abi.Func {
	t.Helper()
	for i := range iface.Funcs {
		if iface.Funcs[i].Name == name {
			return &iface.Funcs[i]
		}
	}
	t.Fatalf("interface %s has no function %s", iface.Name, name)
	return nil
}

// component plays a component whose exports are the functions of a bound
// interface: it is the Exporter, the Invoker and the instance in one.
type component struct {
	*guest
	exports *abi.Interface
	calls   int
}

type export struct{ *abi.Func }

func (e export) Name() string        { return e.Func.Name }
func (e export) Type() *wit.FuncType { return e.Func.Type }

func (c *component) Export(iface, name string) (abi.ExportedFunc, error) {
	for i := range c.exports.Funcs {
		if iface == c.exports.Name && c.exports.Funcs[i].Name == name {
			return export{&c.exports.Funcs[i]}, nil
		}
	}
	return nil, errcode.New(errcode.NotFound, "no export %s of %s", name, iface)
}

func (c *component) Invoke(ctx context.Context, f abi.ExportedFunc, lower, lift func(*abi.Call) error) error {
	c.calls++
	call, _, err := c.newCall(f.Type())
	if err != nil {
		return err
	}
	if err := lower(call); err != nil {
		return err
	}
	if err := f.(export).Call(ctx, call); err != nil {
		return err
	}
	return lift(call)
}
