package host

import (
	"context"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/wit"
	"latticework/wit/abi"
)

// localCalls returns the functions of a component on this host.
func (h *Host) localCalls(b *binding, target string) []callee {
	out := make([]callee, len(b.funcs))
	for i := range b.funcs {
		f := &b.funcs[i]
		out[i].call = func(ctx context.Context, call *abi.Call) error {
			h.mu.Lock()
			w := h.comps.all[target]
			h.mu.Unlock()
			if w == nil {
				return lattice.Refuse(errcode.New(errcode.Unavailable, "component %s left host %s", target, h.cfg.Name))
			}
			entered := false
			err := h.onComponent(ctx, w, func(c *component) error { return c.callFrom(ctx, call, b.decl.Name, f, &entered) })
			if err != nil {
				return &calleeError{refuseUnless(entered, err)}
			}
			return nil
		}
	}
	return out
}

// callFrom calls an export of c with another component's parameters: values
// go from memory to memory. It sets entered when the guest may have begun.
//
// Errors: ErrUnsupported if the export's type is not the import's; those of
// Template.Export, component.with and Instance.Invoke.
func (c *component) callFrom(ctx context.Context, call *abi.Call, iface string, f *boundFunc, entered *bool) error {
	e, err := c.exportFor(iface, f)
	if err != nil {
		return err
	}
	return c.with(ctx, func(ctx context.Context, in *components.Instance) error {
		*entered = true
		return in.Invoke(ctx, e,
			func(to *abi.Call) error {
				f.codec.Params.Copy(&to.Mem, to.Params, &call.Mem, call.Params)
				return call.Err()
			},
			func(from *abi.Call) error {
				if f.codec.Result != nil {
					f.codec.Result.Copy(&call.Mem, call.Result, &from.Mem, from.Result)
				}
				return call.Err()
			})
	})
}

// exportFor returns the export that serves an import's function. What it finds
// it remembers.
func (c *component) exportFor(iface string, f *boundFunc) (abi.ExportedFunc, error) {
	if e, ok := c.callers.Load(f); ok {
		return e.(abi.ExportedFunc), nil
	}
	e, err := c.tmpl.Export(iface, f.name)
	if err != nil {
		return nil, err
	}
	if !sameFunc(e.Type(), f.codec.Type) {
		return nil, errcode.New(errcode.Unsupported, "component %s exports %s with other types than its caller imports", c.record.Name, e.Name())
	}
	c.callers.Store(f, e)
	return e, nil
}

// sameFunc compares two function types without resources.
func sameFunc(a, b *wit.FuncType) bool {
	if a == b {
		return true
	}
	if len(a.Params) != len(b.Params) || a.Async != b.Async || (a.Result == nil) != (b.Result == nil) {
		return false
	}
	for i := range a.Params {
		if !wit.Equal(a.Params[i].Type, b.Params[i].Type) {
			return false
		}
	}
	return a.Result == nil || wit.Equal(a.Result, b.Result)
}
