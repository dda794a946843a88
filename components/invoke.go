package components

import (
	"context"
	"errors"

	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// Invoke calls the export f of the instance's component. lower writes the
// parameters, lift reads the result; both run while the call is under way and
// must not keep what they are given. A function of async type is over when it
// returned; what it goes on doing then, it does during later calls and in
// [Instance.Drive].
//
// What lower stores for the guest's own is the call's, whether it succeeds or
// not: as a guest's handle leaves its table when it is passed. If the call fails
// before the guest has it, it ends then or with the instance: a resource is
// dropped, a stream or future closed. A [GuestResource] that the guest did not get
// is the host's as before, for another call or for [Instance.Drop], as long as the
// instance is there. Where lower is not called nothing is taken.
//
// Concurrency: one call at a time.
//
// Errors:
//   - that of lower if it failed before the guest ran for the call, to allocate
//     memory: the guest has nothing of the call, and the instance answers others.
//   - ErrExhausted if too many threads and calls are under way; the same holds.
//   - *Trap if the guest trapped or was stopped, or lower failed later, or lift
//     did, whose error is its cause then; the instance is gone.
//   - ErrTrap for every later call.
//   - ErrInvalid if f is no such export, or another call is under way.
func (in *Instance) Invoke(ctx context.Context, f abi.ExportedFunc, lower, lift func(*abi.Call) error) error {
	in.asked++
	e, ok := f.(*Export)
	if in.tmpl != nil && (!ok || e.component != in.tmpl.component) {
		return errcode.New(errcode.Invalid, "call: the function is no export of the instance's component")
	}
	name := ""
	if ok {
		name = e.name
	}
	if err := in.mayCall(ctx, name); err != nil {
		return err
	}
	return in.protect(ctx, name, func() error {
		if in.states[in.tmpl.component.plan.Lifts[e.lift].Instance].async {
			return in.runTask(e.lift, lower, lift)
		}
		return in.main.callLift(e.lift, nil, lower, lift)
	})
}

// mayCall reports why the instance cannot be called now.
func (in *Instance) mayCall(ctx context.Context, name string) error {
	switch {
	case in.tmpl == nil:
		return errcode.New(errcode.Closed, "call: the instance was released")
	case in.dead != nil:
		return errcode.New(errcode.Trap, "call %s: the instance trapped before: %w", name, in.dead)
	case in.calling:
		return errcode.New(errcode.Invalid, "call %s: another call is under way in the instance", name)
	}
	if err := ctx.Err(); err != nil {
		return errcode.New(errcode.Of(err), "call %s: %w", name, err)
	}
	return nil
}

// protect runs body, which runs guest code. Any error is the end of the
// instance, but for a *refusal.
func (in *Instance) protect(ctx context.Context, name string, body func() error) (err error) {
	in.begin(ctx)
	defer func() {
		// A panic of ours, thrown outside the engine's frames.
		if p := recover(); p != nil {
			h, ok := p.(*hostError)
			if !ok {
				in.dead = errcode.New(errcode.Internal, "call %s: host panic: %v", name, p)
				in.end()
				panic(p)
			}
			err = h
		}
		in.end()
		if r, ok := err.(*refusal); ok {
			err = refused(name, r.error)
		} else if err != nil {
			t := newTrap(name, err, in.tmpl.component.namer)
			in.dead, err = t, t
			if in.async != nil {
				in.async.kill(errcode.New(errcode.Closed, "the instance is gone: %w", t))
			}
		}
	}()
	in.main.depth, in.cur = 0, &in.main
	return body()
}

// callLift calls lifted function l of an instance that uses nothing
// asynchronous. A nil caller is the host. A *refusal leaves it as it was.
func (fb *fiber) callLift(l int, caller *state, lower, lift func(*abi.Call) error) error {
	in := fb.in
	lf := &in.tmpl.component.plan.Lifts[l]
	fc := in.tmpl.component.liftCodecs[l]
	s := in.states[lf.Instance]
	if err := s.enterFrom(caller); err != nil {
		return err
	}
	f := fb.push(s, &lf.Options)
	f.host = caller == nil
	sig := &fc.Lift
	if err := f.lowerParams(fc, sig, lower); err != nil {
		if _, ok := err.(*refusal); ok {
			fb.pop(f)
			s.leaveTo(caller)
		}
		return err
	}
	if err := fb.call(lf.Core, f.flat[:max(len(sig.Params), len(sig.Results))]); err != nil {
		return err
	}
	result := f.flat[0]
	if err := f.liftResult(fc, sig); err != nil {
		return err
	}
	if err := lift(&f.call); err != nil {
		return err
	}
	if err := f.call.Err(); err != nil {
		return err
	}
	if f.borrows != 0 {
		return errBorrows(f.borrows)
	}
	if lf.Options.PostReturn >= 0 {
		if err := fb.postReturn(lf, s, result, len(sig.Results)); err != nil {
			return err
		}
	}
	fb.pop(f)
	s.leaveTo(caller)
	return nil
}

// lowerParams has lower write the parameters and puts them where the core
// function takes them: f.flat. It answers a *refusal if Go's parameters failed
// before the guest ran for them.
func (f *frame) lowerParams(fc *abi.FuncCodec, sig *abi.FlatSig, lower func(*abi.Call) error) error {
	f.giving, f.ends = f.host, f.host
	err := f.putParams(fc, sig, lower)
	f.ends = false
	switch {
	case err == nil || !f.host:
		f.keep()
		return err
	case f.ran:
		return err
	}
	f.takeBack(true)
	f.state.mayLeave = true
	return &refusal{err}
}

func (f *frame) putParams(fc *abi.FuncCodec, sig *abi.FlatSig, lower func(*abi.Call) error) error {
	var paramSize, resultSize uint32
	if !sig.ParamsIndirect {
		paramSize = fc.Params.Size()
	}
	if fc.Result != nil && !sig.ResultIndirect {
		resultSize = fc.Result.Size()
	}
	f.call.Params, f.call.Result = f.scratch(paramSize, resultSize)
	f.state.mayLeave = false
	if sig.ParamsIndirect {
		// The record comes first: what it points to is allocated after it.
		ptr, b := f.call.Allocate(fc.Params.Size(), fc.Params.Align())
		if err := f.call.Err(); err != nil {
			return err
		}
		f.flat[0], f.call.Params = uint64(ptr), b
	}
	if err := lower(&f.call); err != nil {
		return err
	}
	if !sig.ParamsIndirect {
		if err := fc.Params.Unspill(f.call.Params, f.flat[:len(sig.Params)]); err != nil {
			return err
		}
	}
	f.state.mayLeave = true
	return f.call.Err()
}

// liftResult puts the result, which the core function left in f.flat, into
// f.call.Result.
func (f *frame) liftResult(fc *abi.FuncCodec, sig *abi.FlatSig) error {
	f.refresh()
	switch {
	case fc.Result == nil:
		return nil
	case sig.ResultIndirect:
		f.call.Result = f.call.View(uint32(f.flat[0]), fc.Result.Size(), fc.Result.Align())
		return f.call.Err()
	}
	return fc.Result.Spill(f.flat[:1], f.call.Result)
}

func (fb *fiber) postReturn(lf *plan.Lift, s *state, result uint64, results int) error {
	s.mayLeave = false
	stack := [1]uint64{result}
	if err := fb.call(lf.Options.PostReturn, stack[:results]); err != nil {
		return err
	}
	s.mayLeave = true
	return nil
}

// Call calls the function name of the exported interface iface, or the plain
// function name if iface is "", with dynamic values. It returns nil for a
// function without a result. Streams and futures are a
// [value.Async] with a *StreamReader or *FutureReader of this package, in
// either direction.
//
// Errors: those of [Template.Export], of [value.Check], and of Invoke.
func (in *Instance) Call(ctx context.Context, iface, name string, args ...value.Value) (value.Value, error) {
	if in.tmpl == nil {
		return nil, errcode.New(errcode.Closed, "call: the instance was released")
	}
	e, err := in.tmpl.export(iface, name)
	if err != nil {
		return nil, err
	}
	return in.callExport(ctx, e, args)
}

func (in *Instance) callExport(ctx context.Context, e *Export, args []value.Value) (value.Value, error) {
	if len(args) != len(e.typ.Params) {
		return nil, errcode.New(errcode.Invalid, "call %s: %d arguments, want %d", e.name, len(args), len(e.typ.Params))
	}
	for i, p := range e.typ.Params {
		if err := value.Check(p.Type, args[i]); err != nil {
			return nil, errcode.New(errcode.Invalid, "call %s: argument %q: %w", e.name, p.Name, err)
		}
	}
	var out value.Value
	err := in.Invoke(ctx, e,
		func(c *abi.Call) error {
			if len(args) > 0 {
				e.codec.Params.Store(&c.Mem, c.Params, value.Record(args))
			}
			return nil
		},
		func(c *abi.Call) error {
			if e.codec.Result != nil {
				out = e.codec.Result.Load(&c.Mem, c.Result)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// IsTrap returns the Trap in err's chain, if there is one.
func IsTrap(err error) (*Trap, bool) {
	var t *Trap
	ok := errors.As(err, &t)
	return t, ok
}

func (in *Instance) resourceAt(h *plan.Host) *wit.Resource {
	return in.tmpl.resource(in.tmpl.component.plan.Resources[h.Resource].Type)
}
