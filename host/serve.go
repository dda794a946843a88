package host

import (
	"context"
	"strings"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

const dropPrefix = "[resource-drop]"

// invoked serves an invocation from another host.
func (h *Host) invoked(ctx context.Context, inv lattice.Invocation, params []byte) ([]byte, error) {
	if h.draining.Load() && !strings.HasPrefix(inv.Func, dropPrefix) && inv.Handle == "" {
		return nil, lattice.Refuse(errcode.New(errcode.Unavailable, "host %s is draining", h.cfg.Name))
	}
	h.mu.Lock()
	c := h.comps.all[inv.Target]
	h.mu.Unlock()
	if c != nil {
		return h.invokedComponent(ctx, c, inv, params)
	}
	s, err := h.findSession(ctx, inv)
	if err != nil {
		return nil, lattice.Refuse(err)
	}
	if strings.HasPrefix(inv.Func, dropPrefix) {
		d := value.NewDecoder(params)
		i := d.U32()
		if err := d.Err(); err != nil {
			return nil, err
		}
		return nil, s.wire.drop(ctx, i)
	}
	s.gate.enterHeld()
	defer s.gate.leave()
	if err := s.await(ctx); err != nil {
		return nil, lattice.Refuse(err)
	}
	f := s.function(inv.Interface, inv.Func)
	if f == nil {
		return nil, lattice.Refuse(errcode.New(errcode.Unsupported, "provider %s does not serve %s.%s", inv.Target, inv.Interface, inv.Func))
	}
	call := &abi.WireCall{In: value.NewDecoder(params), Out: &value.Encoder{}, Handles: s.wire}
	if err := f.Wire(ctx, call); err != nil {
		return nil, err
	}
	if err := firstErr(call.In.Err(), call.Out.Err()); err != nil {
		return nil, err
	}
	return h.fits(call.Out.Buf)
}

// fits refuses a result that no message carries.
func (h *Host) fits(result []byte) ([]byte, error) {
	if limit := h.cfg.Bus.MaxPayload(); len(result) > limit {
		return nil, errcode.New(errcode.Exhausted, "result bytes: %d > %d", len(result), limit)
	}
	return result, nil
}

func (s *session) function(iface, fn string) *abi.Func {
	if f := s.funcs[iface+"#"+fn]; f != nil {
		return f
	}
	for name, f := range s.funcs {
		if i, n, _ := strings.Cut(name, "#"); n == fn && wit.MatchVersion(iface, i) {
			return f
		}
	}
	return nil
}

// findSession returns the session that an invocation is for. A generation that
// this host does not know yet is one that it is about to learn of.
func (h *Host) findSession(ctx context.Context, inv lattice.Invocation) (*session, error) {
	pkg, iface, _ := splitInterface(inv.Interface)
	for first := true; ; first = false {
		h.mu.Lock()
		w := h.provs.all[inv.Target]
		var s *session
		if w != nil && w.running != nil {
			for _, gens := range w.running.sessions {
				if c := gens[inv.Generation]; c != nil && c.link.Covers(inv.Source, inv.LinkName, pkg, iface) {
					s = c
				}
			}
		}
		applied := h.view.Index()
		h.mu.Unlock()
		switch {
		case s != nil:
			return s, nil
		case w == nil:
			return nil, errcode.New(errcode.Unavailable, "host %s does not run %s", h.cfg.Name, inv.Target)
		case w.running == nil:
			if err := w.await(ctx); err != nil {
				return nil, err
			}
		case first && inv.Generation > applied:
			if err := h.follower.Wait(ctx, inv.Generation); err != nil {
				return nil, err
			}
		case first:
			// The provider may have come up between our two looks.
		default:
			return nil, errcode.New(errcode.Unavailable, "host %s has no session %d of the link from %s to %s", h.cfg.Name, inv.Generation, inv.Source, inv.Target)
		}
	}
}

// invokedComponent calls a component's export for another host.
func (h *Host) invokedComponent(ctx context.Context, w *workload[component], inv lattice.Invocation, params []byte) ([]byte, error) {
	if isHTTP(inv.Interface) {
		return h.invokedHTTP(ctx, w, params)
	}
	var enc value.Encoder
	entered := false
	err := h.onComponent(ctx, w, func(c *component) error {
		f, err := c.tmpl.Export(inv.Interface, inv.Func)
		if err != nil {
			return err
		}
		codec := f.(*components.Export).Codec()
		return c.with(ctx, func(ctx context.Context, in *components.Instance) error {
			entered = true
			return in.Invoke(ctx, f,
				func(call *abi.Call) error {
					dec := value.NewDecoder(params)
					codec.Params.FromWire(&call.Mem, call.Params, dec)
					return dec.Err()
				},
				func(call *abi.Call) error {
					if codec.Result != nil {
						codec.Result.ToWire(&call.Mem, call.Result, &enc)
					}
					return enc.Err()
				})
		})
	})
	if err != nil {
		if !entered {
			err = lattice.Refuse(err)
		}
		return nil, err
	}
	return h.fits(enc.Buf)
}

// runningComponent waits for a workload to run and returns its component.
func (h *Host) runningComponent(ctx context.Context, w *workload[component]) (*component, error) {
	if err := w.await(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.running == nil {
		return nil, errcode.New(errcode.Unavailable, "component %s is not running on host %s", w.name, h.cfg.Name)
	}
	return w.running, nil
}

// Call calls an export of a component, see [lattice.HostService].
func (h *Host) Call(ctx context.Context, r lattice.CallRequest) (lattice.CallReply, error) {
	h.mu.Lock()
	w := h.comps.all[r.Component]
	h.mu.Unlock()
	if w == nil {
		return lattice.CallReply{}, lattice.Refuse(errcode.New(errcode.Unavailable, "host %s does not run %s", h.cfg.Name, r.Component))
	}
	var text string
	entered := false
	err := h.onComponent(ctx, w, func(c *component) error {
		return c.with(ctx, func(ctx context.Context, in *components.Instance) error {
			entered = true
			var err error
			text, err = in.CallText(ctx, r.Text)
			return err
		})
	})
	if err != nil && !entered {
		err = lattice.Refuse(err)
	}
	return lattice.CallReply{Text: text, Host: h.cfg.ID}, err
}

// DrainLink waits until nothing is open on a replaced generation, see
// [lattice.HostService].
func (h *Host) DrainLink(ctx context.Context, d lattice.DrainLink) (lattice.DrainReport, error) {
	if d.Budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Budget)
		defer cancel()
	}
	rep := lattice.DrainReport{Host: h.cfg.ID}
	for _, g := range h.gatesOf(d.Key, d.Generation) {
		calls, handles := g.drain(ctx)
		rep.Calls += int(calls)
		rep.Handles += int(handles)
	}
	return rep, nil
}

// gatesOf returns what this host counts of a link's generation: callers' gates
// first, then the target's.
func (h *Host) gatesOf(key linkstate.LinkKey, gen uint64) []*gate {
	k := key.String()
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*gate
	for _, c := range h.liveComponents {
		if g := c.gates[k][gen]; g != nil {
			out = append(out, g)
		}
	}
	for _, w := range h.provs.all {
		if w.running == nil {
			continue
		}
		if s := w.running.sessions[k][gen]; s != nil {
			out = append(out, s.gate)
		}
	}
	return out
}
