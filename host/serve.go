package host

import (
	"context"
	"strconv"
	"strings"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/wit/abi"
	"latticework/wit/value"
)

const dropPrefix = "[resource-drop]"

// invoked serves an invocation from another host. It is refused if nothing of
// it was executed.
func (h *Host) invoked(ctx context.Context, inv lattice.Invocation, params []byte) ([]byte, error) {
	if inv.Handle != "" {
		return h.invokedHeld(ctx, inv, params)
	}
	h.mu.Lock()
	c := h.comps.all[inv.Target]
	refused := h.refusesLocked(inv.Target)
	h.mu.Unlock()
	switch {
	case refused:
		return nil, lattice.Refuse(errcode.New(errcode.Unavailable, "host %s is draining", h.cfg.Name))
	case c != nil && isHTTP(inv.Interface):
		return h.invokedHTTP(ctx, c, params)
	case c != nil:
		return h.invokedComponent(ctx, c, inv, params)
	}
	s, err := h.findSession(ctx, inv)
	if err != nil {
		return nil, lattice.Refuse(err)
	}
	return h.invokedProvider(ctx, s, inv, params)
}

// refusesLocked reports whether the host takes no new calls for a workload: it
// closes, or drains and another host has the workload too.
func (h *Host) refusesLocked(target string) bool {
	return h.closed || h.draining.Load() && len(h.othersLocked(h.view, target)) > 0
}

// invokedHeld serves a call on a handle that this host gave, or its end.
func (h *Host) invokedHeld(ctx context.Context, inv lattice.Invocation, params []byte) ([]byte, error) {
	num, err := strconv.ParseUint(inv.Handle, 10, 32)
	if err != nil {
		return nil, lattice.Refuse(errcode.New(errcode.Invalid, "read invocation: handle %q is not a number", inv.Handle))
	}
	s := h.sessionHolding(uint32(num), inv)
	if s == nil {
		return nil, lattice.Refuse(errGone(uint32(num)))
	}
	if strings.HasPrefix(inv.Func, dropPrefix) {
		return nil, s.wire.drop(ctx, uint32(num))
	}
	return h.invokedProvider(ctx, s, inv, params)
}

// sessionHolding returns the session that gave a handle to the invocation's
// source, nil if there is none. It may be one that nothing new is routed to.
func (h *Host) sessionHolding(num uint32, inv lattice.Invocation) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.openSessions {
		if s.gate.generation == inv.Generation && s.gate.linkKey.Source == inv.Source && s.wire.holds(num) {
			return s
		}
	}
	return nil
}

// invokedProvider calls a function of a session.
func (h *Host) invokedProvider(ctx context.Context, s *session, inv lattice.Invocation, params []byte) ([]byte, error) {
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
		return nil, refuseUnless(true, err)
	}
	if err := firstErr(call.In.Err(), call.Out.Err()); err != nil {
		return nil, err
	}
	return h.fits(call.Out.Buf)
}

// headerRoom is what is left of a message for its headers.
const headerRoom = 4 << 10

// maxPayload is how many bytes of parameters or results a message carries.
func (h *Host) maxPayload() int { return h.cfg.Bus.MaxPayload() - headerRoom }

// fits refuses a result that no message carries.
func (h *Host) fits(result []byte) ([]byte, error) {
	if limit := h.maxPayload(); len(result) > limit {
		return nil, errcode.New(errcode.Exhausted, "result bytes between hosts: %d > %d", len(result), limit)
	}
	return result, nil
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
				if c := gens[inv.Generation]; c != nil && c.gate.linkKey.Covers(inv.Source, inv.LinkName, pkg, iface) {
					s = c
				}
			}
		}
		if s == nil {
			s = h.drainingLocked(inv)
		}
		running := w != nil && w.running != nil
		applied := h.view.Index()
		h.mu.Unlock()
		switch {
		case s != nil:
			return s, nil
		case first && inv.Generation > applied:
			if err := h.follower.Wait(ctx, inv.Generation); err != nil {
				return nil, err
			}
		case w == nil:
			return nil, errcode.New(errcode.Unavailable, "host %s does not run %s", h.cfg.Name, inv.Target)
		case !running:
			if _, err := w.get(ctx); err != nil {
				return nil, err
			}
		case first:
			// The provider may have come up between our two looks.
		default:
			return nil, errcode.New(errcode.Unavailable, "host %s has no session %d of the link from %s to %s", h.cfg.Name, inv.Generation, inv.Source, inv.Target)
		}
	}
}

// drainingLocked returns the session of a generation at a provider that is
// about to stop: the caller has not heard of it yet.
func (h *Host) drainingLocked(inv lattice.Invocation) *session {
	pkg, iface, _ := splitInterface(inv.Interface)
	for s := range h.openSessions {
		if s.gate.generation == inv.Generation && s.provider.record.Name == inv.Target && s.gate.linkKey.Covers(inv.Source, inv.LinkName, pkg, iface) {
			return s
		}
	}
	return nil
}

// invokedComponent calls a component's export for another host.
func (h *Host) invokedComponent(ctx context.Context, w *workload[component], inv lattice.Invocation, params []byte) ([]byte, error) {
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
		return nil, refuseUnless(entered, err)
	}
	return h.fits(enc.Buf)
}

// refuseUnless marks an error as a refusal unless the guest was entered. Then
// it is none, although it may have come of a call that was refused: what the
// guest did before is done.
func refuseUnless(entered bool, err error) error {
	switch {
	case !entered:
		return lattice.Refuse(err)
	case !lattice.IsRefused(err):
		return err
	}
	done := errcode.New(errcode.Of(err), "%s", err.Error())
	if next := errcode.NextOf(err); next != "" {
		done = done.WithNext("%s", next)
	}
	return done
}

// Call calls an export of a component, see [lattice.HostService].
func (h *Host) Call(ctx context.Context, r lattice.CallRequest) (lattice.CallReply, error) {
	h.mu.Lock()
	w := h.comps.all[r.Component]
	refused := h.refusesLocked(r.Component)
	h.mu.Unlock()
	switch {
	case w == nil:
		return lattice.CallReply{}, lattice.Refuse(errcode.New(errcode.Unavailable, "host %s does not run %s", h.cfg.Name, r.Component))
	case refused:
		return lattice.CallReply{}, lattice.Refuse(errcode.New(errcode.Unavailable, "host %s is draining", h.cfg.Name))
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
	if err != nil {
		err = refuseUnless(entered, err)
	}
	return lattice.CallReply{Text: text, Host: h.cfg.ID}, err
}
