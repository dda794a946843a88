package host

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// Host is one host of a lattice. It is safe for concurrent use.
type Host struct {
	cfg      Config
	subjects lattice.Subjects
	epoch    lattice.EpochID
	follower *lattice.Follower
	server   *lattice.HostServer
	serving  lattice.Subscription
	beats    lattice.Subscription
	peers    peers
	draining atomic.Bool
	handles  atomic.Uint32 // the last number of a handle, see handleNumber

	ctx    context.Context // ends when Close begins to stop what runs
	cancel context.CancelCauseFunc
	hard   context.Context // ends when the time that Close was given is over
	cut    context.CancelCauseFunc
	group  sync.WaitGroup // every goroutine of the host

	sourcesEnding sync.WaitGroup // sessions of sources that end by themselves; Add under mu, never when closed

	closer   sync.Once
	closeErr error // written once under closer

	mu             sync.Mutex
	announce       *lattice.Announcer            // guarded by mu; nil before Open is done
	view           *linkstate.View               // guarded by mu
	comps          driver[component]             // guarded by mu
	provs          driver[provider]              // guarded by mu
	liveComponents []*component                  // guarded by mu; also old ones that still have calls
	openSessions   map[*session]struct{}         // guarded by mu; also those of links and providers that are ending
	sources        []*source                     // guarded by mu
	health         map[string]lattice.LinkHealth // guarded by mu; links that are not well, by key
	inventory      uint64                        // guarded by mu; counts changes
	closed         bool                          // guarded by mu; nothing new is taken
	stopping       bool                          // guarded by mu; nothing new is started
}

// New returns a host that has not begun.
//
// Errors: ErrInvalid if cfg breaks its limits.
func New(cfg Config) (*Host, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	h := &Host{
		cfg: cfg, subjects: lattice.Subjects(cfg.Lattice), epoch: lattice.NewEpochID(),
		view: &linkstate.View{}, openSessions: map[*session]struct{}{}, health: map[string]lattice.LinkHealth{},
	}
	h.handles.Store(randomStart())
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	h.hard, h.cut = context.WithCancelCause(context.Background())
	h.comps = driver[component]{all: map[string]*workload[component]{}, start: h.startComponent, turned: h.componentTurned, stop: h.stopComponent}
	h.provs = driver[provider]{all: map[string]*workload[provider]{}, start: h.startProvider, turned: h.providerTurned, stop: h.stopProvider, alone: inUse}
	return h, nil
}

// Open joins the lattice: it follows link state, serves invocations and
// announces itself. Close must follow, also after an error.
//
// Errors: those of the bus and of the follower.
func (h *Host) Open(ctx context.Context) error {
	var err error
	h.follower, err = lattice.NewFollower(lattice.FollowerConfig{
		Bus: h.cfg.Bus, Lattice: h.cfg.Lattice, Cluster: h.cfg.Cluster, OnChange: h.changed,
		OnError: func(err error) { h.cfg.Log.Warn("follow link state", "error", err) },
	})
	if err != nil {
		return err
	}
	if h.beats, err = h.peers.listen(h.cfg.Bus, h.subjects); err != nil {
		return err
	}
	if h.serving, err = lattice.ServeInvocations(h.cfg.Bus, h.subjects, h.cfg.ID, 0, h.recovering(h.invoked)); err != nil {
		return err
	}
	if err := h.follower.Open(ctx); err != nil {
		return err
	}
	if h.server, err = lattice.ServeHost(h.cfg.Bus, h.subjects, h.cfg.ID, h.follower, h); err != nil {
		return err
	}
	announce, err := lattice.OpenAnnouncer(lattice.AnnouncerConfig{Bus: h.cfg.Bus, Lattice: h.cfg.Lattice, Interval: h.cfg.Heartbeat, Beat: h.heartbeat})
	if err != nil {
		return err
	}
	h.locked(func() { h.announce = announce })
	h.spawn(h.sweep)
	return nil
}

// Cluster returns the cluster that the host follows.
func (h *Host) Cluster() lattice.ClusterID { return h.follower.Cluster() }

// recovering turns a panic of ours into an error: one invocation's bug must
// not end the others.
func (h *Host) recovering(fn lattice.InvokeHandler) lattice.InvokeHandler {
	return func(ctx context.Context, inv lattice.Invocation, params []byte) (out []byte, err error) {
		defer func() {
			if p := recover(); p != nil {
				h.cfg.Log.Error("panic in invocation", "target", inv.Target, "function", inv.Func, "panic", p, "stack", string(debug.Stack()))
				err = errcode.New(errcode.Internal, "invoke %s.%s: panic: %v", inv.Target, inv.Func, p)
			}
		}()
		return fn(ctx, inv, params)
	}
}

// spawn runs fn in a goroutine that Close waits for.
func (h *Host) spawn(fn func()) {
	h.group.Add(1)
	go func() {
		defer h.group.Done()
		fn()
	}()
}

func (h *Host) locked(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn()
}

// changed acts on link state: when it returns, new calls take the new routes.
func (h *Host) changed(_ context.Context, v *linkstate.View, _ []linkstate.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return
	}
	h.view = v
	comps, provs := h.wanted(v)
	h.provs.desire(h, provs)
	h.comps.desire(h, comps)
	var old []*session
	for _, w := range h.provs.all {
		if w.running != nil {
			old = append(old, h.sessionsLocked(w.running, v)...)
		}
	}
	h.rerouteLocked()
	h.endLocked(old)
	h.sourcesLocked(v)
	h.healthOfLocked(v)
	h.changedLocked()
	h.spawn(func() {
		// The follower says so when this has returned.
		if h.follower.Wait(h.ctx, v.Index()) == nil {
			h.locked(h.announceLocked)
		}
	})
}

// changedLocked says that the inventory is another one.
func (h *Host) changedLocked() {
	h.inventory++
	h.announceLocked()
}

// announceLocked has a heartbeat sent soon.
func (h *Host) announceLocked() {
	if h.announce != nil {
		h.announce.Announce()
	}
}

func (h *Host) startComponent(ctx context.Context, name string, _ *component) (*component, uint64, error) {
	h.mu.Lock()
	r := h.view.Component(name)
	h.mu.Unlock()
	if r == nil {
		return nil, 0, errcode.New(errcode.NotFound, "component %q is no longer in link state", name)
	}
	c, err := h.loadComponent(ctx, r)
	return c, r.Revision, err
}

// componentTurned leads routes to and from a component that runs now.
func (h *Host) componentTurned(c *component) {
	if c != nil {
		h.liveComponents = append(h.liveComponents, c)
	}
	h.rerouteLocked()
}

func (h *Host) stopComponent(ctx context.Context, c *component) {
	c.close(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.liveComponents = slices.DeleteFunc(h.liveComponents, func(o *component) bool { return o == c })
}
