package host

import (
	"context"
	"errors"
	"strconv"
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
	h := t.binding.host
	var e value.Encoder
	e.PutU32(r.num)
	inv := t.invocation(dropPrefix + r.res.Name)
	inv.Handle = handleName(r.num)
	if err := h.cfg.Bus.Publish(h.subjects.Host(r.host, lattice.HostOpInvoke), inv.Header(), e.Buf); err != nil {
		h.cfg.Log.Debug("drop of a handle not sent", "host", r.host, "error", err)
	}
}

// handleName is how an invocation names the handle that it is pinned by.
func handleName(num uint32) string { return strconv.FormatUint(uint64(num), 10) }

// remoteTarget serves a binding from other hosts under one gate.
type remoteTarget struct {
	binding *binding
	gate    *gate
}

func (t *remoteTarget) invocation(fn string) lattice.Invocation {
	return lattice.Invocation{
		ID: lattice.NewInvocationID(), Source: t.binding.component, Target: t.gate.place.target,
		LinkName: t.binding.link, Interface: t.binding.decl.Name, Func: fn, Generation: t.gate.generation,
	}
}

var encoders = sync.Pool{New: func() any { return &value.Encoder{Buf: make([]byte, 0, 512)} }}

// maxPooled bounds the buffers kept for encoding.
const maxPooled = 64 << 10

// calls returns the binding's functions by index.
func (t *remoteTarget) calls() []callee {
	out := make([]callee, len(t.binding.funcs))
	for i := range out {
		out[i].call = func(ctx context.Context, call *abi.Call) error { return t.call(ctx, call, i) }
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
	if limit := h.maxPayload(); len(enc.Buf) > limit {
		return errcode.New(errcode.Exhausted, "call %s.%s on another host: parameter bytes: %d > %d", t.binding.decl.Name, f.name, len(enc.Buf), limit)
	}
	inv := t.invocation(f.name)
	data, from, err := t.send(ctx, out, inv, enc.Buf)
	if err != nil {
		return &calleeError{err}
	}
	if f.codec.Result == nil {
		return nil
	}
	dec := value.NewDecoder(data)
	dec.Handles = &incoming{target: t, host: from}
	f.codec.Result.FromWire(&call.Mem, call.Result, dec)
	if err := call.Err(); err != nil {
		return err
	}
	if err := dec.Err(); err != nil {
		return &calleeError{errcode.New(errcode.Internal, "read the reply of %s on host %s: %w", f.name, from, err)}
	}
	return nil
}

// send sends the invocation to the host that the call's handles are on, or to
// the replicas in turn until one accepts it.
func (t *remoteTarget) send(ctx context.Context, out *outgoing, inv lattice.Invocation, params []byte) ([]byte, lattice.HostID, error) {
	h := t.binding.host
	policy := t.gate.policy.Load()
	if policy.TimeoutMillis == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.cfg.CallTimeout)
		defer cancel()
	}
	if out.host != "" {
		inv.Handle = handleName(out.first)
		data, err := lattice.Invoke(ctx, h.cfg.Bus, h.subjects, out.host, inv, params)
		return data, out.host, err
	}
	if policy.Locality == localOnly {
		return nil, "", errcode.New(errcode.Unavailable, "call %s on another host: %s does not run on host %s, and the link is %s", inv.Func, inv.Target, h.cfg.Name, localOnly).
			WithNext("place both on one host, or change the link's locality")
	}
	return h.invokeReplica(ctx, *t.gate.hosts.Load(), policy.Idempotent, inv, params)
}

// localOnly is the locality of a link whose calls stay on the host. With the
// others a call goes to the target on this host if it runs here, else to any
// replica.
const localOnly = "local-only"

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
	first  uint32         // the first handle's number
}

// LowerOwn gives up the guest's handle: the owner's number goes to the owner.
func (o *outgoing) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	return o.LowerBorrow(rep, r)
}

// LowerBorrow returns the owner's number for a handle.
func (o *outgoing) LowerBorrow(rep any, r *wit.Resource) (uint32, error) {
	h, ok := rep.(*remoteHandle)
	if !ok || h.res != r || h.target.gate != o.target.gate {
		return 0, errcode.New(errcode.Unsupported, "pass a %s to %s on another host: it was not made there", r.Name, o.target.gate.place.target)
	}
	if o.host != "" && o.host != h.host {
		return 0, errcode.New(errcode.Unsupported, "pass a %s to %s: it was made on another host than the call's other handles", r.Name, o.target.gate.place.target)
	}
	if o.host == "" {
		o.host, o.first = h.host, h.num
	}
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

// invokeReplica sends an invocation to hosts in turn until one accepts it. One
// that may have been executed is sent again only if it is idempotent.
//
// Errors: ErrUnavailable if there is no host; those of lattice.Invoke.
func (h *Host) invokeReplica(ctx context.Context, hosts []lattice.HostID, idempotent bool, inv lattice.Invocation, params []byte) ([]byte, lattice.HostID, error) {
	if len(hosts) == 0 {
		return nil, "", lattice.Refuse(errcode.New(errcode.Unavailable, "%s runs on no other host", inv.Target).
			WithNext("lattice get hosts, and lattice get components"))
	}
	var err error
	order := h.peers.order(hosts)
	for i, id := range order {
		data, sendErr := h.invokeOnce(ctx, id, idempotent, len(order)-i, inv, params)
		if err = sendErr; err == nil {
			return data, id, nil
		}
		if ctx.Err() != nil || !lattice.IsRefused(err) && !(idempotent && unanswered(err)) {
			break
		}
	}
	return nil, "", err
}

// invokeOnce sends an invocation to a host. One that may be repeated gets its
// share of the time only, for left attempts.
func (h *Host) invokeOnce(ctx context.Context, id lattice.HostID, idempotent bool, left int, inv lattice.Invocation, params []byte) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok && idempotent && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	return lattice.Invoke(ctx, h.cfg.Bus, h.subjects, id, inv, params)
}

// unanswered reports whether an error leaves open if a call was executed.
func unanswered(err error) bool {
	return errors.Is(err, errcode.Deadline) || errors.Is(err, errcode.Unavailable) || errors.Is(err, errcode.Closed)
}
