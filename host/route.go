package host

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/wit/abi"
)

// callee serves one function of a binding over one route, by start if it has
// one: see [abi.Func].
type callee struct {
	call  func(ctx context.Context, call *abi.Call) error
	start func(ctx context.Context, call *abi.Call) (abi.Work, error)
}

// route is where the calls of one binding go through one gate. It never leads
// elsewhere: another target has another gate.
type route struct {
	gate *gate
	// calls are the binding's functions by index; nil until the target is
	// ready, see wait. Written once.
	calls atomic.Pointer[[]callee]
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
func (r *route) function(ctx context.Context, i int) (*callee, error) {
	if calls := r.calls.Load(); calls != nil {
		return &(*calls)[i], nil
	}
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return &(*r.calls.Load())[i], nil
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
	builtin   []callee // serve while there is no link; nil: the import needs one
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
		bound := abi.Func{Name: f.Name, Type: f.Type}
		if f.Start != nil {
			bound.Start = func(ctx context.Context, call *abi.Call) (abi.Work, error) { return b.start(ctx, call, i) }
		} else {
			bound.Call = func(ctx context.Context, call *abi.Call) error { return b.call(ctx, call, i) }
		}
		out.Funcs = append(out.Funcs, bound)
	}
	return out
}

// call serves function i.
func (b *binding) call(ctx context.Context, call *abi.Call, i int) error {
	if b.builtin != nil && b.current.Load() == nil {
		return b.builtin[i].call(ctx, call)
	}
	return b.routed(ctx, call, i, nil)
}

// start serves function i, which goes on while the guest does. It blocks only
// while the target of its route is not ready.
func (b *binding) start(ctx context.Context, call *abi.Call, i int) (work abi.Work, err error) {
	if b.builtin != nil && b.current.Load() == nil {
		return b.builtin[i].start(ctx, call)
	}
	err = b.routed(ctx, call, i, &work)
	return work, err
}

// routed serves function i over the route that a handle parameter came by, else
// over the present one; what is left to do goes to work, nil for a function
// that is called. One that was refused because its target is not there takes
// the next route, if one comes soon. A failure to reach the target is the
// function's own error where its type has one that fits.
func (b *binding) routed(ctx context.Context, call *abi.Call, i int, work *abi.Work) error {
	f := &b.funcs[i]
	var began time.Time
	for {
		r, held, err := b.enter(call, f)
		switch {
		case err != nil:
		case work == nil:
			err = b.over(ctx, r, call, i)
		default:
			*work, err = b.startOver(ctx, r, call, i)
		}
		if err == nil {
			return nil
		}
		if held || !lattice.IsRefused(err) || !errors.Is(err, errcode.Unavailable) || !b.host.turned(ctx, &began, func() bool { return b.current.Load() != r }) {
			return f.fail.answer(call, err)
		}
	}
}

// over calls function i over a route whose gate was entered, and leaves it.
func (b *binding) over(ctx context.Context, r *route, call *abi.Call, i int) error {
	defer r.gate.leave()
	if p := r.gate.policy.Load(); p.TimeoutMillis > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(p.TimeoutMillis)*time.Millisecond)
		defer cancel()
	}
	fn, err := r.function(ctx, i)
	if err != nil {
		return &calleeError{lattice.Refuse(err)}
	}
	call.Handles.SetOwner(r.gate)
	return fn.call(ctx, call)
}

// startOver starts function i over a route whose gate was entered, and leaves
// it when the function has ended.
func (b *binding) startOver(ctx context.Context, r *route, call *abi.Call, i int) (work abi.Work, err error) {
	defer func() {
		if work == nil {
			r.gate.leave()
		}
	}()
	fn, err := r.function(ctx, i)
	if err != nil {
		return nil, &calleeError{lattice.Refuse(err)}
	}
	call.Handles.SetOwner(r.gate)
	if fn.start == nil {
		return nil, fn.call(ctx, call)
	}
	begun, err := fn.start(ctx, call)
	if begun == nil || err != nil {
		return nil, err
	}
	limit := time.Duration(r.gate.policy.Load().TimeoutMillis) * time.Millisecond
	return func(ctx context.Context) (abi.Answer, error) {
		defer r.gate.leave()
		own, cancel := ctx, context.CancelFunc(func() {})
		if limit > 0 {
			own, cancel = context.WithTimeout(ctx, limit)
		}
		defer cancel()
		answer, err := begun(own)
		if err != nil && ctx.Err() == nil {
			return abi.Answer{Store: func(call *abi.Call) error { return b.funcs[i].fail.answer(call, err) }}, nil
		}
		return answer, err
	}, nil
}

// turnTime is how long a call that was refused waits for another route.
const turnTime = time.Second

// turned waits for link state to change, unless done already says that it has,
// and reports whether to try again. began is when the call was first refused;
// it is set if it is not.
func (h *Host) turned(ctx context.Context, began *time.Time, done func() bool) bool {
	if began.IsZero() {
		*began = time.Now()
	}
	left := turnTime - time.Since(*began)
	if left <= 0 || ctx.Err() != nil {
		return false
	}
	h.mu.Lock()
	applied := h.view.Index()
	h.mu.Unlock()
	if done() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	return h.follower.Wait(ctx, applied+1) == nil
}

// enter begins a call and returns its route; the caller leaves the route's
// gate when the call is over. held says that a handle led there.
//
// Errors: ErrUnavailable if the import is not linked; ErrUnsupported if the
// handle that the call begins with came by a link that does not lead there.
func (b *binding) enter(call *abi.Call, f *boundFunc) (r *route, held bool, err error) {
	if g := heldBy(call, f); g != nil {
		if b.index < len(g.routes) {
			r = g.routes[b.index].Load()
		}
		if r == nil {
			return nil, true, errcode.New(errcode.Unsupported, "call %s.%s: the handle came by the link %s, which does not serve %s", b.decl.Name, f.name, g.linkKey, b.decl.Name).
				WithNext("let one link serve both interfaces")
		}
		g.enterHeld()
		return r, true, nil
	}
	r = b.current.Load()
	for r != nil && !r.gate.enter() {
		// The route was replaced before its gate was closed.
		r = b.current.Load()
	}
	if r == nil {
		return nil, false, errcode.New(errcode.Unavailable, "%s is not linked: component %s imports %s", b.pkg, b.component, b.decl.Name).
			WithNext("lattice link put %s %s TARGET", b.component, b.pkg)
	}
	return r, false, nil
}

// heldBy returns the gate under which the call's first handle parameter was
// made, nil if there is none.
func heldBy(call *abi.Call, f *boundFunc) *gate {
	if f.handle < 0 || len(call.Params) < f.handle+4 {
		return nil
	}
	g, _ := call.Handles.Owner(binary.LittleEndian.Uint32(call.Params[f.handle:])).(*gate)
	return g
}
