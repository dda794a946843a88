// Package control is the leading control member: it answers the lattice's
// clients, publishes committed changes, follows the hosts' heartbeats, places
// work on them and drives swaps of link targets to their end.
//
// A Service is opened while its store leads and closed when it no longer
// does; what it must not forget is in the store.
package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// Config configures a Service. Bus and Store are needed; the service closes
// neither.
type Config struct {
	Bus   lattice.Bus
	Store lattice.Store
	// BlobDir is where the bytes of images that users push are kept; empty:
	// they are not taken.
	BlobDir string
	// Heartbeat is the hosts' interval; 0 means 1 s. A host is suspected after
	// three missed heartbeats.
	Heartbeat time.Duration
	// LostAfter is how long a silent host keeps its work; 0 means 10 s.
	LostAfter time.Duration
	// Overlap is how long a replaced generation serves after every host has
	// turned away from it; 0 means 100 ms.
	Overlap time.Duration
	// DrainBudget bounds a drain that states none; 0 means 30 s.
	DrainBudget time.Duration
	// PrepareBudget bounds the preparation of a link; 0 means 10 s.
	PrepareBudget time.Duration
	// Logger hears of what nobody waits for; nil: nobody does.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&c.Heartbeat, time.Second)
	set(&c.LostAfter, 10*time.Second)
	set(&c.Overlap, 100*time.Millisecond)
	set(&c.DrainBudget, 30*time.Second)
	set(&c.PrepareBudget, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Service is the leading control member.
type Service struct {
	cfg      Config
	bus      lattice.Bus
	store    lattice.Store
	cluster  lattice.ClusterID
	member   string
	subjects lattice.Subjects
	log      *slog.Logger
	hosts    *tracker
	requests requests
	snaps    snapshots
	blobs    blobs

	ctx    context.Context // ends at Close
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	subs   []lattice.Subscription

	mu       sync.Mutex
	closed   bool                       // guarded by mu
	draining map[drainKey]*drainTask    // drains under way and the last that ended; guarded by mu
	ended    []drainKey                 // of draining, oldest first; guarded by mu
	budgets  map[drainKey]time.Duration // asked for by clients; guarded by mu
	placedAt uint64                     // index that assignments follow from; guarded by mu
	problems map[string]string          // workload key to why it is not placed; guarded by mu
	echoed   time.Time                  // when the bus last carried our own message; guarded by mu
	place    chan struct{}              // something that placement depends on changed
}

// Open starts the service when the store serves. Close must follow a success.
//
// Errors:
//   - ErrInvalid if Bus or Store is missing.
//   - ErrUnavailable, ErrDeadline if the store does not lead or serve until
//     ctx ends, or the bus does not work.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Bus == nil || cfg.Store == nil {
		return nil, errcode.New(errcode.Invalid, "open control service: bus and store are needed")
	}
	cfg.setDefaults()
	view, err := cfg.Store.Read(ctx) // once a term, before anything is answered
	if err != nil {
		return nil, err
	}
	st := cfg.Store.Status()
	s := &Service{
		cfg: cfg, bus: cfg.Bus, store: cfg.Store, cluster: st.Cluster, member: st.Member,
		subjects: lattice.Subjects(st.Lattice), log: cfg.Logger,
		draining: map[drainKey]*drainTask{}, budgets: map[drainKey]time.Duration{}, problems: map[string]string{},
		echoed: time.Now(), place: make(chan struct{}, 1),
	}
	s.blobs.dir = cfg.BlobDir
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.hosts = newTracker(s, view)
	if err := s.subscribe(); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.start(func() { s.publish(view.Index()) })
	s.start(s.drive)
	s.start(s.placement)
	s.start(s.tick)
	return s, nil
}

// Cluster returns the cluster's id.
func (s *Service) Cluster() lattice.ClusterID { return s.cluster }

// Close stops answering and waits for what is under way. It is idempotent.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(errcode.New(errcode.Unavailable, "control member closed"))
	for _, sub := range s.subs {
		_ = sub.Close()
	}
	s.tasks.Wait()
	return nil
}

// start runs fn in a goroutine that Close waits for; not after Close.
func (s *Service) start(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.tasks.Go(fn)
	}
}

// none is the body of a request that says nothing.
type none struct{}

func (s *Service) subscribe() error {
	ordered := func(subject string, h lattice.Handler) error {
		sub, err := s.bus.Subscribe(subject, lattice.SubscribeOptions{Ordered: true}, h)
		if err == nil {
			s.subs = append(s.subs, sub)
		}
		return err
	}
	if err := ordered(s.subjects.Heartbeats(), s.hosts.receive); err != nil {
		return err
	}
	if err := ordered(s.subjects.Echo(s.member), s.echo); err != nil {
		return err
	}
	for op, h := range s.handlers() {
		sub, err := s.bus.Subscribe(s.subjects.Control(op), lattice.SubscribeOptions{}, h)
		if err != nil {
			return err
		}
		s.subs = append(s.subs, sub)
	}
	return nil
}

func (s *Service) handlers() map[string]lattice.Handler {
	return map[string]lattice.Handler{
		lattice.OpHello:             serve(s, s.hello),
		lattice.OpSnapshot:          serve(s, s.snapshot),
		lattice.OpChanges:           serve(s, s.changes),
		lattice.OpLinkPut:           write(s, s.putLink),
		lattice.OpLinkGet:           serve(s, s.getLink),
		lattice.OpLinkList:          serve(s, s.listLinks),
		lattice.OpLinkDelete:        write(s, s.deleteLink),
		lattice.OpLinkSwap:          write(s, s.swapLink),
		lattice.OpConfigPut:         write(s, s.putConfig),
		lattice.OpConfigGet:         serve(s, s.getConfig),
		lattice.OpConfigList:        serve(s, s.listConfigs),
		lattice.OpConfigDelete:      write(s, s.deleteConfig),
		lattice.OpApplicationDeploy: write(s, s.deploy),
		lattice.OpApplicationDelete: write(s, s.deleteApplication),
		lattice.OpApplicationList:   serve(s, s.listApplications),
		lattice.OpHostList:          serve(s, s.listHosts),
		lattice.OpComponentList:     serve(s, s.listComponents),
		lattice.OpProviderList:      serve(s, s.listProviders),
		lattice.OpBlobPut:           s.putBlob,
		lattice.OpBlobGet:           s.getBlob,
	}
}

// serve makes a handler that answers requests of this cluster.
func serve[Req, Rep any](s *Service, fn func(context.Context, Req) (Rep, error)) lattice.Handler {
	return lattice.Answer(func(ctx context.Context, h lattice.Header, r Req) (rep Rep, err error) {
		if err := lattice.CheckCluster(h, s.cluster); err != nil {
			return rep, err
		}
		ctx, cancel := inTime(ctx)
		defer cancel()
		return fn(ctx, r)
	})
}

// write makes a handler that also gets the request id. A request that arrives
// again gets the reply of the first.
func write[Req, Rep any](s *Service, fn func(context.Context, string, Req) (Rep, error)) lattice.Handler {
	return lattice.Answer(func(ctx context.Context, h lattice.Header, r Req) (rep Rep, err error) {
		if err := lattice.CheckCluster(h, s.cluster); err != nil {
			return rep, err
		}
		ctx, cancel := inTime(ctx)
		defer cancel()
		id := h[lattice.HeaderRequest]
		answer, err := s.requests.once(ctx, id, r, func() (any, error) { return fn(ctx, id, r) })
		rep, _ = answer.(Rep)
		return rep, err
	})
}

// answerTime is how long before a request's deadline its handler's time is over,
// at most: else who asked would stop waiting before it is told what was not done.
const answerTime = time.Second

// inTime ends ctx early enough for an answer to arrive before its deadline: by a
// tenth of what is left, at most answerTime.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(answerTime, time.Until(deadline)/10)))
}

func (s *Service) hello(ctx context.Context, _ none) (lattice.Hello, error) {
	st := s.store.Status()
	return lattice.Hello{Cluster: s.cluster, Lattice: string(s.subjects), Member: st.Member,
		Index: s.store.Local().Index(), Term: st.Term, MaxPayload: s.bus.MaxPayload()}, nil
}

// apply writes a command and makes a refusal an error. step tells commands of
// one request apart.
func (s *Service) apply(ctx context.Context, request, step string, c linkstate.Command) (linkstate.Result, error) {
	if request != "" {
		c.Request = request + step
	}
	res, err := s.store.Apply(ctx, c)
	if err != nil {
		return res, err
	}
	return res, res.Err()
}

// tick tells followers where the feed is, hears itself on the bus, and looks
// for hosts that fell silent.
func (s *Service) tick() {
	t := time.NewTicker(s.cfg.Heartbeat)
	defer t.Stop()
	var collected time.Time
	for {
		if now := time.Now(); now.Sub(collected) > time.Hour {
			collected = now
			s.collect(s.store.Local(), now)
		}
		_ = s.bus.Publish(s.subjects.Echo(s.member), nil, nil) // unheard: that is what it finds out
		at := s.store.Local().Index()
		s.announce(linkstate.Commit{Prev: at, Index: at, Term: s.store.Status().Term})
		s.hosts.age()
		s.requests.forget(time.Now())
		select {
		case <-t.C:
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Service) echo(context.Context, *lattice.Message) (lattice.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.echoed = time.Now()
	return lattice.Reply{}, nil
}

// cutOff reports whether this member no longer hears itself on the bus: then
// the silence of hosts says nothing.
func (s *Service) cutOff() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.echoed) > 3*s.cfg.Heartbeat
}

// announce publishes a commit on the feed.
func (s *Service) announce(c linkstate.Commit) {
	data, err := json.Marshal(lattice.FeedMessage{Cluster: s.cluster, Commit: c})
	if err == nil && len(data) > s.bus.MaxPayload() {
		c.Changes = nil // followers see that there is something, and ask
		data, err = json.Marshal(lattice.FeedMessage{Cluster: s.cluster, Commit: c})
	}
	if err == nil {
		err = s.bus.Publish(s.subjects.Feed(), nil, data)
	}
	if err != nil {
		s.log.Debug("feed: commit not published, followers will ask for it", "index", c.Index, "error", err)
	}
}

// pause waits d; it reports false when ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
