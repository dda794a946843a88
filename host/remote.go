package host

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// remoteHandle is a resource that lives on another host. It stays with the
// replica that made it.
type remoteHandle struct {
	target *remoteTarget
	host   lattice.HostID
	num    uint32
	res    *wit.Resource
}

// Drop tells the owner that the handle is gone. The message is not awaited:
// one that is lost is made good by the owner's lease.
func (r *remoteHandle) Drop(context.Context) {
	t := r.target
	var e value.Encoder
	e.PutU32(r.num)
	inv := t.invocation("[resource-drop]" + r.res.Name)
	_ = t.binding.host.cfg.Bus.Publish(t.binding.host.subjects.Host(r.host, lattice.HostOpInvoke), inv.Header(), e.Buf)
}

// remoteTarget serves a binding from other hosts under one generation.
type remoteTarget struct {
	binding *binding
	gate    *gate
	name    string // of the component or provider
}

func (t *remoteTarget) invocation(fn string) lattice.Invocation {
	return lattice.Invocation{
		ID: lattice.NewInvocationID(), Source: t.binding.component, Target: t.name,
		LinkName: t.binding.link, Interface: t.binding.decl.Name, Func: fn, Generation: t.gate.generation,
	}
}

var encoders = sync.Pool{New: func() any { return &value.Encoder{Buf: make([]byte, 0, 512)} }}

// maxPooled bounds the buffers kept for encoding.
const maxPooled = 64 << 10

// calls returns the binding's functions by index.
func (t *remoteTarget) calls() []callFunc {
	out := make([]callFunc, len(t.binding.funcs))
	for i := range out {
		out[i] = func(ctx context.Context, call *abi.Call) error { return t.call(ctx, call, i) }
	}
	return out
}

// call makes one request of the call and reads its one reply.
func (t *remoteTarget) call(ctx context.Context, call *abi.Call, i int) error {
	f := &t.binding.funcs[i]
	h := t.binding.host
	enc := encoders.Get().(*value.Encoder)
	defer func() {
		if cap(enc.Buf) <= maxPooled {
			enc.Handles = nil
			encoders.Put(enc)
		}
	}()
	out := &outgoing{target: t}
	enc.Reset(enc.Buf[:0])
	enc.Handles = out
	f.codec.Params.ToWire(&call.Mem, call.Params, enc)
	if err := firstErr(call.Err(), enc.Err()); err != nil {
		return err
	}
	if limit := h.cfg.Bus.MaxPayload(); len(enc.Buf) > limit {
		return errcode.New(errcode.Exhausted, "call %s.%s on another host: parameter bytes: %d > %d", t.binding.decl.Name, f.name, len(enc.Buf), limit)
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.CallTimeout)
	defer cancel()
	data, from, err := h.invokeReplica(ctx, out.host, t.invocation(f.name), enc.Buf)
	if err != nil {
		return err
	}
	dec := value.NewDecoder(data)
	if f.codec.Result == nil {
		return nil
	}
	dec.Handles = &incoming{target: t, host: from}
	f.codec.Result.FromWire(&call.Mem, call.Result, dec)
	return firstErr(call.Err(), dec.Err())
}

func firstErr(errs ...error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// outgoing numbers the handles of a call for the host that owns them.
type outgoing struct {
	target *remoteTarget
	host   lattice.HostID // of the handles so far; "" without
}

// LowerOwn gives up the guest's handle: the owner's number goes to the owner.
func (o *outgoing) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	return o.LowerBorrow(rep, r)
}

// LowerBorrow returns the owner's number for a handle.
func (o *outgoing) LowerBorrow(rep any, r *wit.Resource) (uint32, error) {
	h, ok := rep.(*remoteHandle)
	if !ok || h.res != r || h.target.gate != o.target.gate {
		return 0, errcode.New(errcode.Unsupported, "pass a %s to %s on another host: it was not made there", r.Name, o.target.name)
	}
	if o.host != "" && o.host != h.host {
		return 0, errcode.New(errcode.Unsupported, "pass a %s to %s: it was made on another host than the call's other handles", r.Name, o.target.name)
	}
	o.host = h.host
	return h.num, nil
}

// incoming makes handles of the numbers in a reply.
type incoming struct {
	target *remoteTarget
	host   lattice.HostID
}

// LiftOwn makes a handle of the owner's number.
func (in *incoming) LiftOwn(i uint32, r *wit.Resource) (any, error) {
	return &remoteHandle{target: in.target, host: in.host, num: i, res: r}, nil
}

// LiftBorrow fails: a reply holds no borrowed handle.
func (in *incoming) LiftBorrow(uint32, *wit.Resource) (any, error) {
	return nil, errcode.New(errcode.Invalid, "a reply holds a borrowed handle")
}

// lease is how long the owner keeps a handle that is not used: longer than any
// call that could hold it lasts.
const lease = 10 * time.Minute

// wireTable holds the resources of one session that other hosts have handles
// of. It is safe for concurrent use.
type wireTable struct {
	gate *gate

	mu      sync.Mutex
	next    uint32                // guarded by mu
	entries map[uint32]*wireEntry // guarded by mu
}

type wireEntry struct {
	rep  any
	res  *wit.Resource
	used time.Time
}

// newWireTable returns a table whose numbers begin at a point that differs
// from session to session, so that a handle of a session that is gone is
// found out.
func newWireTable(g *gate) *wireTable {
	return &wireTable{gate: g, next: randomStart(), entries: map[uint32]*wireEntry{}}
}

// LowerOwn gives rep a number.
func (t *wireTable) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.next++; t.next == 0 || t.entries[t.next] != nil; t.next++ {
	}
	t.entries[t.next] = &wireEntry{rep: rep, res: r, used: time.Now()}
	t.gate.Acquire()
	return t.next, nil
}

// LowerBorrow fails: a reply holds no borrowed handle.
func (t *wireTable) LowerBorrow(any, *wit.Resource) (uint32, error) {
	return 0, errcode.New(errcode.Unsupported, "a borrowed handle cannot be returned to another host")
}

func (t *wireTable) get(i uint32, r *wit.Resource, take bool) (any, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[i]
	if e == nil || r != nil && e.res != r {
		return nil, errcode.New(errcode.NotFound, "handle %d is not known here: its lease is over, or the provider was restarted", i)
	}
	e.used = time.Now()
	if take {
		delete(t.entries, i)
		t.gate.Release()
	}
	return e.rep, nil
}

// LiftOwn takes handle i back.
func (t *wireTable) LiftOwn(i uint32, r *wit.Resource) (any, error) { return t.get(i, r, true) }

// LiftBorrow returns what handle i stands for.
func (t *wireTable) LiftBorrow(i uint32, r *wit.Resource) (any, error) { return t.get(i, r, false) }

// Owner is not used for other hosts' handles: the table counts them itself.
func (t *wireTable) Owner(uint32) abi.Owner { return nil }

// SetOwner is not used for other hosts' handles.
func (t *wireTable) SetOwner(abi.Owner) {}

// drop ends handle i.
func (t *wireTable) drop(ctx context.Context, i uint32) error {
	rep, err := t.get(i, nil, true)
	if err != nil {
		return err
	}
	if d, ok := rep.(abi.Dropper); ok {
		d.Drop(ctx)
	}
	return nil
}

// sweep ends the handles that were not used since before.
func (t *wireTable) sweep(ctx context.Context, before time.Time) {
	t.mu.Lock()
	var old []uint32
	for i, e := range t.entries {
		if e.used.Before(before) {
			old = append(old, i)
		}
	}
	t.mu.Unlock()
	for _, i := range old {
		_ = t.drop(ctx, i) // gone meanwhile: as wanted
	}
}

func (t *wireTable) close(ctx context.Context) { t.sweep(ctx, time.Now().Add(time.Hour)) }

func randomStart() uint32 {
	id := lattice.NewInvocationID() // 80 random bits at its end
	return binary.LittleEndian.Uint32([]byte(id)[len(id)-4:]) * 2654435761
}
