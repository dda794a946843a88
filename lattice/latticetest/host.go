package latticetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// Host acts on link state as a host does, without running anything: what is
// assigned to it runs at once, and it knows where each link leads. Its knobs
// make it slow or contrary.
type Host struct {
	t     testing.TB
	ID    lattice.HostID
	Name  string
	Bus   lattice.Bus
	epoch lattice.EpochID

	Follower  *lattice.Follower
	server    *lattice.HostServer
	announcer *lattice.Announcer

	mu        sync.Mutex
	view      *linkstate.View
	labels    map[string]string
	draining  bool
	inventory uint64
	states    map[string]lattice.RunningWorkload // by "kind/name"; overrides "running"
	reject    func(lattice.PrepareLink) error
	open      map[uint64]int        // calls open, by generation
	opened    chan struct{}         // closed and replaced when open changes
	prepared  map[uint64]bool       // generations prepared and not yet in link state
	asked     []lattice.PrepareLink // every PrepareLink
	steps     [][]linkstate.Change  // every OnChange
	unwell    []lattice.LinkHealth
	cut       []string      // calls that were open on a generation when link state forgot it
	hold      chan struct{} // OnChange waits until it is closed; nil: it does not
}

// HostOptions of a host.
type HostOptions struct {
	ID        lattice.HostID // "" means a new one
	Name      string
	Labels    map[string]string
	Heartbeat time.Duration // 0 means 1 s
}

// StartHost starts a host. The test's end stops it.
func (c *Cluster) StartHost(o HostOptions) *Host {
	c.t.Helper()
	if o.ID == "" {
		o.ID = lattice.NewHostID()
	}
	if o.Name == "" {
		o.Name = "host"
	}
	h := &Host{t: c.t, ID: o.ID, Name: o.Name, Bus: c.Bus(o.Name), epoch: lattice.NewEpochID(), labels: o.Labels,
		states: map[string]lattice.RunningWorkload{}, open: map[uint64]int{}, opened: make(chan struct{}), prepared: map[uint64]bool{}, inventory: 1}
	var err error
	h.Follower, err = lattice.NewFollower(lattice.FollowerConfig{Bus: h.Bus, Lattice: LatticeName, OnChange: h.change})
	c.must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c.t.Cleanup(h.Stop)
	c.must(h.Follower.Open(ctx))
	h.server, err = lattice.ServeHost(h.Bus, LatticeName, h.ID, h.Follower, h)
	c.must(err)
	h.announcer, err = lattice.OpenAnnouncer(lattice.AnnouncerConfig{Bus: h.Bus, Lattice: LatticeName, Interval: o.Heartbeat, Beat: h.beat})
	c.must(err)
	poll.Until(c.t, 20*time.Second, "host "+o.Name+" to be known", func() (any, bool) {
		list, err := c.Client.ListHosts(context.Background())
		return err, slices.ContainsFunc(list.Hosts, func(s lattice.HostStatus) bool {
			return s.Host == h.ID && s.State == "live" && s.Inventory.Epoch == h.epoch
		})
	})
	return h
}

// Stop stops the host in good order. It is idempotent.
func (h *Host) Stop() { h.stop(true) }

// Kill stops the host without a word.
func (h *Host) Kill() { h.stop(false) }

func (h *Host) stop(tell bool) {
	h.Release()
	if !tell {
		_ = h.Bus.Close()
	}
	if h.announcer != nil {
		_ = h.announcer.Close()
	}
	if h.server != nil {
		_ = h.server.Close()
	}
	_ = h.Follower.Close()
	_ = h.Bus.Close()
}

func (h *Host) beat() lattice.Heartbeat {
	h.mu.Lock()
	defer h.mu.Unlock()
	return lattice.Heartbeat{Host: h.ID, Epoch: h.epoch, Cluster: h.Follower.Cluster(), Applied: h.Follower.Applied(),
		Draining: h.draining, Inventory: h.inventory}
}

func (h *Host) change(ctx context.Context, v *linkstate.View, changes []linkstate.Change) {
	h.mu.Lock()
	hold := h.hold
	h.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view = v
	h.steps = append(h.steps, changes)
	for _, c := range changes {
		if c.Kind == linkstate.KindAssignment || c.Kind == linkstate.KindComponent || c.Kind == linkstate.KindProvider {
			h.inventory++
		}
		if c.Link != nil {
			delete(h.prepared, c.Link.Generation)
			h.checkOpenLocked(c.Link)
		}
	}
	if h.announcer != nil {
		h.announcer.Announce()
	}
}

// checkOpenLocked notes calls on generations of a link that link state no
// longer has: a host would have closed them.
func (h *Host) checkOpenLocked(l *linkstate.Link) {
	for g, n := range h.open {
		known := g == l.Generation || slices.ContainsFunc(l.Drains, func(d linkstate.Drain) bool { return d.Generation == g })
		if n > 0 && !known {
			h.cut = append(h.cut, fmt.Sprintf("%d calls on generation %d of %s", n, g, l.LinkKey))
		}
	}
}

// Cut returns the calls that were cut off. It is exact with one link.
func (h *Host) Cut() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.cut)
}

// Inventory describes the host, see lattice.HostService.
func (h *Host) Inventory(context.Context) (lattice.Inventory, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	inv := lattice.Inventory{Host: h.ID, Epoch: h.epoch, Revision: h.inventory, Name: h.Name, Labels: h.labels, Links: h.unwell}
	for _, a := range h.view.Assignments() {
		n := a.On(string(h.ID))
		if n == 0 {
			continue
		}
		w := lattice.RunningWorkload{Name: a.Name, Count: n, State: "running"}
		if c := h.view.Component(a.Name); c != nil {
			w.Revision = c.Revision
		} else if p := h.view.Provider(a.Name); p != nil {
			w.Revision = p.Revision
		}
		if o, ok := h.states[a.Key()]; ok {
			w.State, w.Message = o.State, o.Message
		}
		if a.Kind == linkstate.ComponentWorkload {
			inv.Components = append(inv.Components, w)
		} else {
			inv.Providers = append(inv.Providers, w)
		}
	}
	return inv, nil
}

// PrepareLink prepares a link, see lattice.HostService.
func (h *Host) PrepareLink(_ context.Context, p lattice.PrepareLink) error {
	h.mu.Lock()
	h.asked = append(h.asked, p)
	reject := h.reject
	h.mu.Unlock()
	if reject != nil {
		if err := reject(p); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !p.DryRun {
		h.prepared[p.Link.Generation] = true
	}
	return nil
}

// DrainLink waits until no call is open on a generation, see
// lattice.HostService.
func (h *Host) DrainLink(ctx context.Context, d lattice.DrainLink) (lattice.DrainReport, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Budget)
	defer cancel()
	for {
		h.mu.Lock()
		n, opened := h.open[d.Generation], h.opened
		h.mu.Unlock()
		if n == 0 {
			return lattice.DrainReport{Host: h.ID}, nil
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return lattice.DrainReport{Host: h.ID, Calls: n}, nil
		}
	}
}

// Call answers with the text it was given, see lattice.HostService.
func (h *Host) Call(_ context.Context, c lattice.CallRequest) (lattice.CallReply, error) {
	if c.Text == "fail" {
		return lattice.CallReply{}, errcode.New(errcode.Trap, "component %q trapped", c.Component)
	}
	return lattice.CallReply{Text: c.Text, Host: h.ID}, nil
}

// update changes the host under its lock and announces it.
func (h *Host) update(fn func()) {
	h.mu.Lock()
	fn()
	h.inventory++
	h.mu.Unlock()
	if h.announcer != nil {
		h.announcer.Announce()
	}
}

// SetState makes a workload ("component/counter") be in a state.
func (h *Host) SetState(key, state, message string) {
	h.update(func() { h.states[key] = lattice.RunningWorkload{State: state, Message: message} })
}

// SetDraining makes the host drain.
func (h *Host) SetDraining(d bool) { h.update(func() { h.draining = d }) }

// SetLabels gives the host other labels.
func (h *Host) SetLabels(l map[string]string) { h.update(func() { h.labels = maps.Clone(l) }) }

// SetUnwell says which links are not well.
func (h *Host) SetUnwell(l ...lattice.LinkHealth) { h.update(func() { h.unwell = l }) }

// Reject decides what PrepareLink answers; nil accepts.
func (h *Host) Reject(fn func(lattice.PrepareLink) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reject = fn
}

// Hold makes OnChange wait until Release.
func (h *Host) Hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hold == nil {
		h.hold = make(chan struct{})
	}
}

// Release ends Hold.
func (h *Host) Release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hold != nil {
		close(h.hold)
		h.hold = nil
	}
}

// Begin opens a call over a link and returns where it leads and how to end it.
func (h *Host) Begin(key linkstate.LinkKey) (target string, generation uint64, end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.view.Link(key)
	if l == nil {
		return "", 0, func() {}
	}
	h.openLocked(l.Generation, 1)
	return l.Targets[0].Name, l.Generation, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.openLocked(l.Generation, -1)
	}
}

func (h *Host) openLocked(generation uint64, n int) {
	h.open[generation] += n
	close(h.opened)
	h.opened = make(chan struct{})
}

// Prepared returns the generations that are prepared and not yet flipped to.
func (h *Host) Prepared() []uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.prepared))
}

// Asked returns every PrepareLink so far.
func (h *Host) Asked() []lattice.PrepareLink {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.asked)
}

// Steps returns the changes of every OnChange so far.
func (h *Host) Steps() [][]linkstate.Change {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.steps)
}
