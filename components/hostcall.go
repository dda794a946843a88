package components

import (
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// overdueCalls is after how many calls of host functions the time is looked at.
const overdueCalls = 8

// hostCall runs host function k for the guest. It does not return if the
// guest must trap.
func (fb *fiber) hostCall(k int, stack []uint64) {
	in := fb.in
	h := &in.tmpl.component.plan.Hosts[k]
	s := in.states[h.Instance]
	if !s.mayLeave && h.Kind != plan.HostResourceRep && !staysInside(h) {
		in.throw(errcode.New(errcode.Trap, "cannot leave component instance"))
	}
	// A call that moves much takes as long as thousands of rounds of a loop.
	var err error
	if in.calls++; in.calls%overdueCalls == 0 {
		if err = in.overdue(); err != nil {
			in.throw(err)
		}
	}
	switch h.Kind {
	case plan.HostImport:
		in.outside = true
		err = fb.importCall(k, h, s, stack)
	case plan.HostFused:
		err = fb.fusedCall(k, h, s, stack)
	case plan.HostReenter:
		err = errcode.New(errcode.Trap, "cannot enter component instance")
	case plan.HostBuiltin:
		err = fb.builtin(k, h, s, stack)
	case plan.HostResourceNew:
		var i uint32
		i, err = s.table.add(handle{res: in.resourceAt(h), num: uint32(stack[0]), own: true})
		stack[0] = uint64(i)
	case plan.HostResourceRep:
		var e *handle
		if e, err = s.table.get(uint32(stack[0]), in.resourceAt(h)); err == nil {
			stack[0] = uint64(e.num)
		}
	case plan.HostResourceDrop:
		err = s.dropHandle(fb, uint32(stack[0]), in.tmpl.component.plan.Resources[h.Resource].Type)
	}
	if err != nil {
		in.throw(err)
	}
}

// importCall calls what the import is bound to.
func (fb *fiber) importCall(k int, h *plan.Host, s *state, stack []uint64) error {
	bound := &fb.in.tmpl.hosts[k]
	if h.Options.Async || bound.start != nil {
		return fb.startImport(k, h, s, stack)
	}
	f := fb.push(s, &h.Options)
	f.host, f.ends = true, true
	fc := fb.in.tmpl.component.hostCodecs[k]
	if err := f.liftParams(fc, &fc.Lower, stack); err != nil {
		return err
	}
	if err := f.resultPlace(fc, &fc.Lower, stack); err != nil {
		return err
	}
	if err := bound.call(fb.ctx.Context, &f.call); err != nil {
		return err
	}
	if err := f.lowerResult(fc, stack); err != nil {
		return err
	}
	if fb.in.noting {
		fb.in.noteGrant(k, s, stack)
	}
	fb.pop(f)
	return nil
}

// liftParams puts the parameters of a lowered function into f.call.Params.
func (f *frame) liftParams(fc *abi.FuncCodec, sig *abi.FlatSig, stack []uint64) error {
	var paramSize, resultSize uint32
	if !sig.ParamsIndirect {
		paramSize = fc.Params.Size()
	}
	if fc.Result != nil && !sig.ResultIndirect {
		resultSize = fc.Result.Size()
	}
	f.call.Params, f.call.Result = f.scratch(paramSize, resultSize)
	if sig.ParamsIndirect {
		f.call.Params = f.call.View(uint32(stack[0]), fc.Params.Size(), fc.Params.Align())
		return f.call.Err()
	}
	n := len(sig.Params)
	if sig.ResultIndirect {
		n--
	}
	return fc.Params.Spill(stack[:n], f.call.Params)
}

// resultPlace points f.call.Result to where a lowered function puts a result
// that goes through memory.
func (f *frame) resultPlace(fc *abi.FuncCodec, sig *abi.FlatSig, stack []uint64) error {
	if sig.ResultIndirect {
		f.call.Result = f.call.Place(uint32(stack[len(sig.Params)-1]), fc.Result.Size(), fc.Result.Align())
	}
	return f.call.Err()
}

// lowerResult puts the result of a function that was lowered synchronously
// where the guest expects it.
func (f *frame) lowerResult(fc *abi.FuncCodec, stack []uint64) error {
	if err := f.call.Err(); err != nil {
		return err
	}
	if fc.Result == nil || fc.Lower.ResultIndirect {
		return nil
	}
	return fc.Result.Unspill(f.call.Result, stack[:1])
}

// fusedCall calls a function of another component instance: values go from
// memory to memory.
func (fb *fiber) fusedCall(k int, h *plan.Host, s *state, stack []uint64) error {
	in := fb.in
	if h.Options.Async || in.states[in.tmpl.component.plan.Lifts[h.Lift].Instance].async {
		return fb.startFused(k, h, s, stack)
	}
	f := fb.push(s, &h.Options)
	fc := in.tmpl.component.hostCodecs[k]
	if err := f.liftParams(fc, &fc.Lower, stack); err != nil {
		return err
	}
	if err := f.resultPlace(fc, &fc.Lower, stack); err != nil {
		return err
	}
	err := fb.callLift(h.Lift, s,
		func(c *abi.Call) error {
			fc.Params.Copy(&c.Mem, c.Params, &f.call.Mem, f.call.Params)
			return f.call.Err()
		},
		func(c *abi.Call) error {
			if fc.Result == nil {
				return nil
			}
			// The callee may have run code that grew the caller's memory.
			f.refresh()
			fc.Result.Copy(&f.call.Mem, f.call.Result, &c.Mem, c.Result)
			return f.call.Err()
		})
	if err != nil {
		return err
	}
	if err := f.lowerResult(fc, stack); err != nil {
		return err
	}
	fb.pop(f)
	return nil
}
