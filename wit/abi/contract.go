package abi

import (
	"context"

	"latticework/wit"
	"latticework/wit/value"
)

// Interface is a WIT interface bound to an implementation in Go. Generated
// contracts build it; a runtime links a component's import to it.
type Interface struct {
	// Name is qualified, such as "wasi:keyvalue/store@0.2.0-draft".
	Name string
	// Resources are those the interface itself defines.
	Resources []*wit.Resource
	// Uses are resources of other interfaces that Funcs mention; they are
	// listed so that a linker can check their identity.
	Uses []*wit.Resource
	// Funcs are in the order of the WIT.
	Funcs []Func
}

// Func is one function of an [Interface].
type Func struct {
	// Name is as in the component model: "open", "[method]bucket.get",
	// "[static]fields.from-list", "[constructor]fields".
	Name string
	Type *wit.FuncType
	// Call serves a guest in this process: parameters are read from
	// call.Params and the result written to call.Result, both in the
	// canonical ABI's memory layout. An error that it returns traps the
	// guest, except that the result type's error case travels in Result.
	Call func(ctx context.Context, call *Call) error
	// Start serves a guest in this process in place of Call, for a function of
	// async type that may take its time: it reads the parameters from
	// call.Params and returns what is left to do, nil if the result is in
	// call.Result already.
	Start func(ctx context.Context, call *Call) (Work, error)
	// Wire serves a caller elsewhere: parameters are read from call.In and
	// the result appended to call.Out in the value encoding.
	Wire func(ctx context.Context, call *WireCall) error
}

// Work is what is left of a call of an async function. It runs on a goroutine
// that the runtime joins, while the guest goes on; it must not touch the Call.
// Its context ends when the guest cancels the call, and when the instance is
// released, which may be before it runs: an error that it answers then counts as the call's cancellation,
// any other error traps the guest.
type Work func(ctx context.Context) (Answer, error)

// Answer is how [Work] hands over its result.
type Answer struct {
	// Store writes call.Result while the guest stands still; nil writes nothing.
	Store func(call *Call) error
	// Discard lets go of the result instead, if the guest is gone; nil where
	// there is nothing to let go of.
	Discard func()
}

// Call is one call in progress between a guest and Go, in either direction.
// It belongs to the instance and is valid until the call returns.
type Call struct {
	Mem
	// Params holds the parameters laid out as a record of them.
	Params []byte
	// Result holds the result laid out by its type; empty without a result.
	Result []byte
}

// WireCall is one call in progress from another host.
type WireCall struct {
	In  *value.Decoder
	Out *value.Encoder
	// Handles translates the resource handles in In and Out.
	Handles Handles
}

// Handles is the table through which resource handles cross the boundary.
// Every method answers a typed error for a handle that is forged, of another
// resource type, lent, or already gone.
type Handles interface {
	// LiftOwn removes handle i of type r and returns what it stood for.
	LiftOwn(i uint32, r *wit.Resource) (any, error)
	// LiftBorrow returns what handle i of type r stands for; it stays valid
	// for the call.
	LiftBorrow(i uint32, r *wit.Resource) (any, error)
	// LowerOwn makes a handle of type r for rep.
	LowerOwn(rep any, r *wit.Resource) (uint32, error)
	// LowerBorrow makes a handle of type r for rep that ends with the call.
	LowerBorrow(rep any, r *wit.Resource) (uint32, error)
	// Owner returns what the handle was made under, see SetOwner; nil if i
	// is no handle or has none.
	Owner(i uint32) Owner
	// SetOwner states under which owner the handles that LowerOwn makes from
	// now on are made; nil for none.
	SetOwner(o Owner)
}

// Loser is what [Handles] and [AsyncHandles] may implement to be told of a
// resource, a stream or a future that was to be given to the guest as its own and
// never will be, because storing it or what comes before it failed.
type Loser interface {
	Lost(rep any)
}

// Owner is what made a handle, such as the session of a link: it is told when
// the first moment and the last of each of its handles come, so that it can
// count what is still open on it.
type Owner interface {
	Acquire()
	Release()
}

// Dropper is implemented by what a resource handle stands for if it wants to
// know that the last owner dropped it.
type Dropper interface {
	Drop(ctx context.Context)
}

// Invoker is a running instance seen from Go: generated stubs of a
// component's exports call it.
type Invoker interface {
	// Invoke calls the export f. It calls lower once to write the
	// parameters, enters the guest, and calls lift once with the result in
	// place; then it runs what the canonical ABI asks for afterwards.
	Invoke(ctx context.Context, f ExportedFunc, lower, lift func(*Call) error) error
}

// ExportedFunc is a resolved export of a template; it is opaque here.
type ExportedFunc interface {
	Name() string
	Type() *wit.FuncType
}

// Exporter resolves exports once, before calls.
type Exporter interface {
	// Export returns the function name of interface iface ("" for a plain
	// function export), matched by version.
	Export(iface, name string) (ExportedFunc, error)
}
