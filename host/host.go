package host

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	announce *lattice.Announcer
	peers    peers
	draining atomic.Bool

	ctx    context.Context // ends when Close begins to stop what runs
	cancel context.CancelCauseFunc
	group  sync.WaitGroup // every goroutine of the host

	mu             sync.Mutex
	view           *linkstate.View   // guarded by mu
	comps          driver[component] // guarded by mu
	provs          driver[provider]  // guarded by mu
	liveComponents []*component      // guarded by mu; also old ones that still have calls
	sources        map[sourceKey]*source
	health         map[string]lattice.LinkHealth // guarded by mu; links that are not well
	inventory      uint64                        // guarded by mu; counts changes
	closed         bool                          // guarded by mu
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
		view: &linkstate.View{}, sources: map[sourceKey]*source{}, health: map[string]lattice.LinkHealth{},
	}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	h.comps = driver[component]{all: map[string]*workload[component]{}, start: h.startComponent, started: h.startedComponent, stop: h.stopComponent}
	h.provs = driver[provider]{all: map[string]*workload[provider]{}, start: h.startProvider, started: h.startedProvider, stop: h.stopProvider}
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
	h.announce, err = lattice.OpenAnnouncer(lattice.AnnouncerConfig{Bus: h.cfg.Bus, Lattice: h.cfg.Lattice, Beat: h.heartbeat})
	if err != nil {
		return err
	}
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
	if h.closed {
		h.mu.Unlock()
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
	for _, c := range h.liveComponents {
		h.routeLocked(c, v)
	}
	h.sourcesLocked(v)
	h.healthOf(v)
	h.changedLocked()
	h.mu.Unlock()
	for _, s := range old {
		h.spawn(func() { s.end(context.WithoutCancel(h.ctx)) })
	}
}

// changedLocked says that the inventory is another one.
func (h *Host) changedLocked() {
	h.inventory++
	if h.announce != nil {
		h.announce.Announce()
	}
}

func (h *Host) startComponent(ctx context.Context, name string) (*component, error) {
	h.mu.Lock()
	r := h.view.Component(name)
	h.mu.Unlock()
	if r == nil {
		return nil, errcode.New(errcode.NotFound, "component %q is no longer in link state", name)
	}
	return h.loadComponent(ctx, r)
}

func (h *Host) startedComponent(c *component) {
	h.liveComponents = append(h.liveComponents, c)
	h.routeLocked(c, h.view)
}

func (h *Host) stopComponent(ctx context.Context, c *component) {
	c.close(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.liveComponents = slices.DeleteFunc(h.liveComponents, func(o *component) bool { return o == c })
}

func (h *Host) startProvider(ctx context.Context, name string) (*provider, error) {
	h.mu.Lock()
	v := h.view
	h.mu.Unlock()
	r := v.Provider(name)
	if r == nil {
		return nil, errcode.New(errcode.NotFound, "provider %q is no longer in link state", name)
	}
	return h.openProvider(ctx, v, r)
}

func (h *Host) startedProvider(p *provider) {
	for _, s := range h.sessionsLocked(p, h.view) {
		h.spawn(func() { s.end(context.WithoutCancel(h.ctx)) }) // there are none yet
	}
	h.spawn(func() { h.locked(func() { h.sourcesLocked(h.view) }) })
}

func (h *Host) stopProvider(ctx context.Context, p *provider) {
	h.mu.Lock()
	var all []*session
	for _, gens := range p.sessions {
		for _, s := range gens {
			all = append(all, s)
		}
	}
	p.sessions = map[string]map[uint64]*session{}
	h.mu.Unlock()
	h.stopSources(ctx, p)
	for _, s := range all {
		s.end(ctx)
	}
	if err := p.impl.Close(ctx); err != nil {
		h.cfg.Log.Warn("close provider", "provider", p.record.Name, "error", err)
	}
}

// componentConfig returns a component's own settings as they are now.
func (h *Host) componentConfig(name string) map[string]string {
	h.mu.Lock()
	v := h.view
	h.mu.Unlock()
	r := v.Component(name)
	if r == nil {
		return nil
	}
	cfg, err := v.ResolveConfig(r.Config)
	if err != nil { // link state holds no component with a config that is absent
		h.cfg.Log.Error("component config", "component", name, "error", err)
	}
	return cfg
}

// sweep ends handles of other hosts whose lease is over.
func (h *Host) sweep() {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case now := <-t.C:
			var tables []*wireTable
			h.mu.Lock()
			for _, w := range h.provs.all {
				if w.running != nil {
					for _, gens := range w.running.sessions {
						for _, s := range gens {
							tables = append(tables, s.wire)
						}
					}
				}
			}
			h.mu.Unlock()
			for _, t := range tables {
				t.sweep(h.ctx, now.Add(-lease))
			}
		}
	}
}

var errClosing = errors.New("the host is closing")

// Close leaves the lattice: it refuses new work, finishes what it accepted
// until ctx ends, and stops everything. It is idempotent.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.draining.Store(true)
	var errs []error
	if h.announce != nil {
		errs = append(errs, h.announce.Close())
	}
	h.closeSources(ctx)
	h.settle(ctx)
	if h.server != nil {
		errs = append(errs, h.server.Close())
	}
	if h.serving != nil {
		errs = append(errs, h.serving.Close())
	}
	if h.follower != nil {
		errs = append(errs, h.follower.Close())
	}
	if h.beats != nil {
		errs = append(errs, h.beats.Close())
	}
	h.cancel(errClosing)
	h.mu.Lock()
	var comps []*component
	comps = append(comps, h.liveComponents...)
	var provs []*provider
	for _, w := range h.provs.all {
		if w.running != nil {
			provs = append(provs, w.running)
			w.running = nil
		}
	}
	h.mu.Unlock()
	for _, c := range comps {
		c.close(ctx)
	}
	for _, p := range provs {
		h.stopProvider(ctx, p)
	}
	h.group.Wait()
	return errors.Join(errs...)
}

// settle waits until no component runs a call, or ctx ends.
func (h *Host) settle(ctx context.Context) {
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		busy := int64(0)
		h.mu.Lock()
		for _, c := range h.liveComponents {
			busy += c.running.Load()
		}
		h.mu.Unlock()
		if busy == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
