package components

import (
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// hostCall runs host function k for the guest. It does not return if the
// guest must trap.
func (in *Instance) hostCall(k int, stack []uint64) {
	h := &in.tmpl.component.plan.Hosts[k]
	s := in.states[h.Instance]
	if !s.mayLeave && h.Kind != plan.HostResourceRep {
		in.throw(errcode.New(errcode.Trap, "cannot leave component instance"))
	}
	var err error
	switch h.Kind {
	case plan.HostImport:
		in.importCall(k, h, s, stack)
	case plan.HostFused:
		in.fusedCall(k, h, s, stack)
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
		err = s.dropHandle(&in.ctx, uint32(stack[0]), in.tmpl.component.plan.Resources[h.Resource].Type)
	}
	if err != nil {
		in.throw(err)
	}
}

// importCall calls what the import is bound to.
func (in *Instance) importCall(k int, h *plan.Host, s *state, stack []uint64) {
	f := in.push(s, &h.Options)
	fc := in.tmpl.component.hostCodecs[k]
	in.liftParams(f, fc, stack)
	if err := in.tmpl.hosts[k].call(&in.ctx, &f.call); err != nil {
		in.throw(err)
	}
	in.lowerResult(f, fc, stack)
	in.pop(f)
}

// liftParams puts the parameters of a lowered function into f.call.Params and
// the place of its result into f.call.Result.
func (in *Instance) liftParams(f *frame, fc *abi.FuncCodec, stack []uint64) {
	sig := &fc.Lower
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
	} else if err := fc.Params.Spill(stack[:len(sig.Params)], f.call.Params); err != nil {
		in.throw(err)
	}
	if sig.ResultIndirect {
		f.call.Result = f.call.View(uint32(stack[len(sig.Params)-1]), fc.Result.Size(), fc.Result.Align())
	}
	if err := f.call.Err(); err != nil {
		in.throw(err)
	}
}

// lowerResult puts the result of a lowered function where the guest expects
// it.
func (in *Instance) lowerResult(f *frame, fc *abi.FuncCodec, stack []uint64) {
	if err := f.call.Err(); err != nil {
		in.throw(err)
	}
	if fc.Result == nil || fc.Lower.ResultIndirect {
		return
	}
	if err := fc.Result.Unspill(f.call.Result, stack[:1]); err != nil {
		in.throw(err)
	}
}

// fusedCall calls a function of another component instance: values go from
// memory to memory.
func (in *Instance) fusedCall(k int, h *plan.Host, s *state, stack []uint64) {
	f := in.push(s, &h.Options)
	fc := in.tmpl.component.hostCodecs[k]
	in.liftParams(f, fc, stack)
	err := in.callLift(h.Lift, s,
		func(c *abi.Call) error {
			fc.Params.Copy(&c.Mem, c.Params, &f.call.Mem, f.call.Params)
			return f.call.Err()
		},
		func(c *abi.Call) error {
			if fc.Result == nil {
				return nil
			}
			// The callee may have run code that grew the caller's memory.
			f.call.Data = in.data(h.Options.Memory)
			fc.Result.Copy(&f.call.Mem, f.call.Result, &c.Mem, c.Result)
			return f.call.Err()
		})
	if err != nil {
		in.throw(err)
	}
	in.lowerResult(f, fc, stack)
	in.pop(f)
}
