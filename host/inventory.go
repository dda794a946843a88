package host

import (
	"context"
	"slices"
	"strings"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// heartbeat says how the host is.
func (h *Host) heartbeat() lattice.Heartbeat {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := lattice.Heartbeat{
		Host: h.cfg.ID, Epoch: h.epoch, Cluster: h.follower.Cluster(), Applied: h.follower.Applied(),
		Draining: h.draining.Load(), Inventory: h.inventory,
	}
	busy, room := int64(0), 0
	for _, c := range h.liveComponents {
		busy += c.running.Load()
		room += cap(c.slots)
	}
	if room > 0 {
		b.Load = float64(busy) / float64(room)
	}
	return b
}

// Inventory describes the host now, see [lattice.HostService].
func (h *Host) Inventory(context.Context) (lattice.Inventory, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	inv := lattice.Inventory{
		Host: h.cfg.ID, Epoch: h.epoch, Revision: h.inventory, Name: h.cfg.Name,
		Version: h.cfg.Version, Zone: h.cfg.Zone, Labels: h.cfg.Labels,
	}
	for _, w := range h.comps.all {
		r := lattice.RunningWorkload{Name: w.name, Revision: w.revision, Count: w.count, State: w.state, Message: w.message()}
		if w.running != nil && w.err == nil {
			if missing := w.running.unlinked(h.view); len(missing) > 0 {
				r.State = stateFailed
				r.Message = "import " + strings.Join(missing, ", ") + " is not linked"
			}
		}
		inv.Components = append(inv.Components, r)
	}
	for _, w := range h.provs.all {
		inv.Providers = append(inv.Providers, lattice.RunningWorkload{
			Name: w.name, Revision: w.revision, Count: 1, State: w.state, Message: w.message(), Address: h.addressLocked(w.name),
		})
	}
	for _, l := range h.health {
		inv.Links = append(inv.Links, l)
	}
	inv.Links = append(inv.Links, h.unusableLocked()...)
	inv.Opening = h.openingLocked()
	byName := func(a, b lattice.RunningWorkload) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(inv.Components, byName)
	slices.SortFunc(inv.Providers, byName)
	slices.SortFunc(inv.Links, func(a, b lattice.LinkHealth) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return inv, nil
}

// linkHealth records how a generation of a link is; a nil err means well.
func (h *Host) linkHealth(key linkstate.LinkKey, gen uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.healthLocked(key, gen, err)
}

// healthLocked is linkHealth with host.mu held. What a generation says of
// itself does not change what a later one said.
func (h *Host) healthLocked(key linkstate.LinkKey, gen uint64, err error) {
	k := key.String()
	old, had := h.health[k]
	if had && old.Generation > gen || !had && err == nil {
		return
	}
	if err == nil {
		delete(h.health, k)
		h.changedLocked()
		return
	}
	now := healthOf(key, gen, err)
	if !had || old.Generation != gen || old.Error != now.Error {
		h.health[k] = now
		h.changedLocked()
	}
}

// healthOfLocked forgets generations that are no longer a link's present one.
func (h *Host) healthOfLocked(v *linkstate.View) {
	for k, e := range h.health {
		if l := v.Link(e.Key); l == nil || l.Generation != e.Generation {
			delete(h.health, k)
		}
	}
}

// unusableLocked returns the links from components on this host that no call
// could use.
func (h *Host) unusableLocked() []lattice.LinkHealth {
	var out []lattice.LinkHealth
	for name := range h.comps.all {
		for _, l := range h.view.LinksFrom(name) {
			if err := usable(l); err != nil && h.health[l.Key().String()].Generation != l.Generation {
				out = append(out, healthOf(l.Key(), l.Generation, err))
			}
		}
	}
	return out
}

func healthOf(key linkstate.LinkKey, gen uint64, err error) lattice.LinkHealth {
	return lattice.LinkHealth{Key: key, Generation: gen, Error: lattice.WireError{Code: errcode.Of(err), Msg: err.Error(), Next: errcode.NextOf(err)}}
}
