package host

import (
	"context"
	"sync/atomic"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/wit"
	"latticework/wit/abi"
)

// routeLocked points the bindings of c where link state v leads.
func (h *Host) routeLocked(c *component, v *linkstate.View) {
	keep := map[*gate]bool{}
	for _, b := range c.bindings {
		l := v.LinkFor(c.record.Name, b.link, b.pkg, b.iface)
		if l == nil || len(l.Targets) == 0 {
			b.current.Store(nil)
			continue
		}
		key := l.Key().String()
		if c.gates[key] == nil {
			c.gates[key] = map[uint64]*gate{}
		}
		g := c.gates[key][l.Generation]
		if g == nil {
			g = &gate{key: key, linkKey: l.Key(), generation: l.Generation, routes: make([]atomic.Pointer[route], len(c.bindings))}
			c.gates[key][l.Generation] = g
		}
		keep[g] = true
		for _, d := range l.Drains {
			if old := c.gates[key][d.Generation]; old != nil {
				keep[old] = true
			}
		}
		kind := h.kindLocked(l.Targets[0].Name)
		r := g.routes[b.index].Load()
		if r == nil || r.kind != kind || r.target != l.Targets[0].Name {
			r = h.newRoute(b, g, kind, l)
			g.routes[b.index].Store(r)
		}
		b.current.Store(r)
	}
	for key, gens := range c.gates {
		for gen, g := range gens {
			// A gate that the state no longer names goes when it is empty:
			// who holds a handle of it still finds its routes.
			if !keep[g] && g.calls.Load() == 0 && g.handles.Load() == 0 {
				delete(gens, gen)
			}
		}
		if len(gens) == 0 {
			delete(c.gates, key)
		}
	}
}

// kindLocked says how a target is reached from here.
func (h *Host) kindLocked(target string) routeKind {
	if w := h.provs.all[target]; w != nil && !w.gone {
		return toProvider
	}
	if w := h.comps.all[target]; w != nil && !w.gone {
		return toComponent
	}
	return toHost
}

func (h *Host) newRoute(b *binding, g *gate, kind routeKind, l *linkstate.Link) *route {
	r := &route{gate: g, kind: kind, target: l.Targets[0].Name}
	switch kind {
	case toProvider:
		r.wait = func(ctx context.Context) error { return h.awaitSession(ctx, r, b, l) }
	case toComponent:
		calls := h.localCalls(b, r.target)
		r.calls.Store(&calls)
	default:
		calls := (&remoteTarget{binding: b, gate: g, name: r.target}).calls()
		r.calls.Store(&calls)
	}
	return r
}

// awaitSession waits for the link's session on this host and lets r lead to
// it.
func (h *Host) awaitSession(ctx context.Context, r *route, b *binding, l *linkstate.Link) error {
	h.mu.Lock()
	w := h.provs.all[r.target]
	h.mu.Unlock()
	if w == nil {
		return errcode.New(errcode.Unavailable, "provider %s left host %s", r.target, h.cfg.Name)
	}
	if err := w.await(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	p := w.running
	var s *session
	if p != nil {
		s = p.sessions[r.gate.key][r.gate.generation]
	}
	h.mu.Unlock()
	if s == nil {
		return errcode.New(errcode.Unavailable, "provider %s has no session of the link %s", r.target, l.Key())
	}
	if err := s.await(ctx); err != nil {
		return err
	}
	calls := s.functions(b)
	r.calls.Store(&calls)
	return nil
}

// localCalls returns the functions of a component on this host.
func (h *Host) localCalls(b *binding, target string) []callFunc {
	out := make([]callFunc, len(b.funcs))
	for i := range b.funcs {
		f := &b.funcs[i]
		out[i] = func(ctx context.Context, call *abi.Call) error {
			h.mu.Lock()
			w := h.comps.all[target]
			h.mu.Unlock()
			if w == nil {
				return errcode.New(errcode.Unavailable, "component %s left host %s", target, h.cfg.Name)
			}
			return h.onComponent(ctx, w, func(c *component) error { return c.callFrom(ctx, call, b.decl.Name, f) })
		}
	}
	return out
}

// callFrom calls an export of c with another component's parameters: values
// go from memory to memory.
func (c *component) callFrom(ctx context.Context, call *abi.Call, iface string, f *boundFunc) error {
	e, err := c.tmpl.Export(iface, f.name)
	if err != nil {
		return err
	}
	if !sameFunc(e.Type(), f.codec.Type) {
		return errcode.New(errcode.Unsupported, "component %s exports %s with other types than its caller imports", c.record.Name, e.Name())
	}
	return c.with(ctx, func(ctx context.Context, in *components.Instance) error {
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

// sessionsLocked opens the sessions that link state wants at p and returns
// those that it no longer names.
func (h *Host) sessionsLocked(p *provider, v *linkstate.View) []*session {
	named := map[*session]bool{}
	for _, l := range v.LinksTo(p.record.Name) {
		key := l.Key().String()
		if len(l.Targets) > 0 && l.Targets[0].Name == p.record.Name {
			cfg, err := v.ResolveConfig(l.Targets[0].Config)
			if err != nil {
				h.healthLocked(l.Key(), l.Generation, err)
				continue
			}
			named[p.sessionLocked(l, l.Generation, cfg, true)] = true
		}
		for gen, s := range p.sessions[key] {
			if l.Swap != nil && l.Swap.Generation == gen {
				named[s] = true
			}
			for _, d := range l.Drains {
				named[s] = named[s] || d.Generation == gen
			}
		}
	}
	var old []*session
	for key, gens := range p.sessions {
		for gen, s := range gens {
			// A generation above the applied index is prepared for a change
			// that is still to come.
			if !named[s] && gen <= v.Index() {
				delete(gens, gen)
				old = append(old, s)
			}
		}
		if len(gens) == 0 {
			delete(p.sessions, key)
		}
	}
	return old
}
