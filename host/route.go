package host

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// callFunc serves one function of a binding over one route.
type callFunc func(ctx context.Context, call *abi.Call) error

// route is where the calls of one binding go under one generation of its
// link.
type route struct {
	gate *gate
	// kind and target tell whether a route leads where another one does.
	kind   routeKind
	target string
	// calls are the binding's functions by index; nil until the target is
	// ready, see wait.
	calls atomic.Pointer[[]callFunc]
	// wait answers when calls is set, or why it cannot be.
	wait func(ctx context.Context) error
}

// routeKind says how a route reaches its target.
type routeKind uint8

const (
	toProvider  routeKind = iota + 1 // on this host
	toComponent                      // on this host
	toHost                           // on another one
)

// function returns function i, waiting for the target to be ready.
func (r *route) function(ctx context.Context, i int) (callFunc, error) {
	if calls := r.calls.Load(); calls != nil {
		return (*calls)[i], nil
	}
	if r.wait == nil {
		return nil, errcode.New(errcode.Internal, "a route without a target")
	}
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return (*r.calls.Load())[i], nil
}

// binding is one linked import of a running component: an interface whose
// functions find their way through a route that changes under them.
type binding struct {
	host      *Host
	component string
	link      string // link name
	pkg       string // "wasi:keyvalue"
	iface     string // "store"
	index     int    // among the component's bindings
	decl      *abi.Interface
	funcs     []boundFunc
	current   atomic.Pointer[route]
}

type boundFunc struct {
	name   string
	codec  *abi.FuncCodec
	handle int // offset of the first handle parameter, or -1
	fail   *failure
}

// newBinding makes the binding for an import that decl describes.
func (h *Host) newBinding(component, link string, index int, decl *abi.Interface) (*binding, error) {
	pkg, iface, _ := splitInterface(decl.Name)
	b := &binding{host: h, component: component, link: link, pkg: pkg, iface: iface, index: index, decl: decl}
	for _, f := range decl.Funcs {
		codec, err := abi.CompileFunc(f.Type)
		if err != nil {
			return nil, err
		}
		b.funcs = append(b.funcs, boundFunc{name: f.Name, codec: codec, handle: codec.FirstHandle, fail: newFailure(codec)})
	}
	return b, nil
}

// bound returns the interface that the component is linked with.
func (b *binding) bound() *abi.Interface {
	out := &abi.Interface{Name: b.decl.Name, Resources: b.decl.Resources, Uses: b.decl.Uses}
	for i, f := range b.decl.Funcs {
		out.Funcs = append(out.Funcs, abi.Func{Name: f.Name, Type: f.Type,
			Call: func(ctx context.Context, call *abi.Call) error { return b.call(ctx, call, i) }})
	}
	return out
}

// call serves function i: over the route that a handle parameter came by, else
// over the present one. A failure to reach the target is the function's own
// error where its type has one that fits.
func (b *binding) call(ctx context.Context, call *abi.Call, i int) error {
	f := &b.funcs[i]
	r := b.held(call, f)
	if r != nil {
		r.gate.enterHeld()
	} else {
		for r = b.current.Load(); r != nil && !r.gate.enter(); {
			next := b.current.Load()
			if next == r { // the link is gone and nothing has replaced it
				r = nil
				break
			}
			r = next
		}
		if r == nil {
			return f.fail.answer(call, errcode.New(errcode.Unavailable, "%s is not linked: component %s imports %s", b.pkg, b.component, b.decl.Name).
				WithNext("lattice link put %s %s TARGET", b.component, b.pkg))
		}
	}
	defer r.gate.leave()
	fn, err := r.function(ctx, i)
	if err != nil {
		return f.fail.answer(call, err)
	}
	call.Handles.SetOwner(r.gate)
	if err := fn(ctx, call); err != nil {
		return f.fail.answer(call, err)
	}
	return nil
}

// held returns the route under which the call's first handle parameter was
// made, nil if there is none.
func (b *binding) held(call *abi.Call, f *boundFunc) *route {
	if f.handle < 0 || len(call.Params) < f.handle+4 {
		return nil
	}
	g, ok := call.Handles.Owner(binary.LittleEndian.Uint32(call.Params[f.handle:])).(*gate)
	if !ok || b.index >= len(g.routes) {
		return nil
	}
	return g.routes[b.index].Load()
}

// resources returns every resource that the binding's functions mention.
func (b *binding) resources() []*wit.Resource {
	return append(append([]*wit.Resource(nil), b.decl.Resources...), b.decl.Uses...)
}
