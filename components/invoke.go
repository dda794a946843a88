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

// Invoke calls the export f of the instance's template. lower writes the
// parameters, lift reads the result; both run while the call is under way and
// must not keep what they are given.
//
// Concurrency: one call at a time.
//
// Errors:
//   - *Trap if the guest trapped or was stopped; the instance is gone.
//   - ErrTrap for every later call.
//   - what lower answers, if the guest was not entered yet.
func (in *Instance) Invoke(ctx context.Context, f abi.ExportedFunc, lower, lift func(*abi.Call) error) (err error) {
	e, ok := f.(*Export)
	switch {
	case in.tmpl == nil:
		return errcode.New(errcode.Closed, "call: the instance was released")
	case !ok || e.lift < 0:
		return errcode.New(errcode.Invalid, "call: the function is no export of this template")
	case in.dead != nil:
		return errcode.New(errcode.Trap, "call %s: the instance trapped before: %w", e.name, in.dead)
	case in.calling:
		return errcode.New(errcode.Invalid, "call %s: another call is under way in the instance", e.name)
	}
	if err := ctx.Err(); err != nil {
		return errcode.New(errcode.Of(err), "call %s: %w", e.name, err)
	}
	in.begin(ctx)
	defer func() {
		// A panic of ours, thrown outside the engine's frames.
		if p := recover(); p != nil {
			h, ok := p.(*hostError)
			if !ok {
				in.dead = errcode.New(errcode.Internal, "call %s: host panic: %v", e.name, p)
				in.end()
				panic(p)
			}
			err = h
		}
		in.end()
		if err != nil {
			t := newTrap(e.name, err)
			in.dead, err = t, t
		}
	}()
	in.depth = 0
	return in.callLift(e.lift, nil, lower, lift)
}

// callLift calls lifted function l. A nil caller is the host.
func (in *Instance) callLift(l int, caller *state, lower, lift func(*abi.Call) error) error {
	lf := &in.tmpl.component.plan.Lifts[l]
	fc := in.tmpl.component.liftCodecs[l]
	s := in.states[lf.Instance]
	if err := s.enterFrom(caller); err != nil {
		return err
	}
	f := in.push(s, &lf.Options)
	if err := in.lowerParams(f, fc, lower); err != nil {
		return err
	}
	fn, err := in.coreFunc(lf.Core)
	if err != nil {
		return err
	}
	sig := &fc.Lift
	if err := fn.CallWithStack(&in.ctx, f.flat[:max(len(sig.Params), len(sig.Results))]); err != nil {
		return err
	}
	result := f.flat[0]
	if err := in.liftResult(f, fc, lift); err != nil {
		return err
	}
	if f.borrows != 0 {
		return errcode.New(errcode.Trap, "borrow handles still remain at the end of the call: %d", f.borrows)
	}
	if lf.Options.PostReturn >= 0 {
		if err := in.postReturn(lf, s, result, len(sig.Results)); err != nil {
			return err
		}
	}
	in.pop(f)
	s.leaveTo(caller)
	return nil
}

// lowerParams has lower write the parameters and puts them where the core
// function takes them: f.flat.
func (in *Instance) lowerParams(f *frame, fc *abi.FuncCodec, lower func(*abi.Call) error) error {
	var resultSize uint32
	if fc.Result != nil && !fc.Lift.ResultIndirect {
		resultSize = fc.Result.Size()
	}
	f.call.Params, f.call.Result = f.scratch(fc.Params.Size(), resultSize)
	f.state.mayLeave = false
	if fc.Lift.ParamsIndirect {
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
	if !fc.Lift.ParamsIndirect {
		if err := fc.Params.Unspill(f.call.Params, f.flat[:len(fc.Lift.Params)]); err != nil {
			return err
		}
	}
	f.state.mayLeave = true
	return f.call.Err()
}

func (in *Instance) liftResult(f *frame, fc *abi.FuncCodec, lift func(*abi.Call) error) error {
	f.call.Data = in.data(f.options.Memory)
	switch {
	case fc.Result == nil:
	case fc.Lift.ResultIndirect:
		f.call.Result = f.call.View(uint32(f.flat[0]), fc.Result.Size(), fc.Result.Align())
		if err := f.call.Err(); err != nil {
			return err
		}
	default:
		if err := fc.Result.Spill(f.flat[:1], f.call.Result); err != nil {
			return err
		}
	}
	if err := lift(&f.call); err != nil {
		return err
	}
	return f.call.Err()
}

func (in *Instance) postReturn(lf *plan.Lift, s *state, result uint64, results int) error {
	fn, err := in.coreFunc(lf.Options.PostReturn)
	if err != nil {
		return err
	}
	s.mayLeave = false
	stack := [1]uint64{result}
	if err := fn.CallWithStack(&in.ctx, stack[:results]); err != nil {
		return err
	}
	s.mayLeave = true
	return nil
}

// Call calls the function name of the exported interface iface, or the plain
// function name if iface is "", with dynamic values. It returns nil for a
// function without a result.
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
