package lattice

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"latticework/internal/errcode"
)

// HostServer serves a host's operations on the bus.
type HostServer struct{ subs []Subscription }

// ServeHost puts a host's operations on the bus: prepare, drain, call,
// inventory, and await, which the follower answers. Invocations are served
// apart, see ServeInvocations.
//
// Errors: those of Bus.Subscribe.
func ServeHost(b Bus, s Subjects, h HostID, f *Follower, svc HostService) (*HostServer, error) {
	srv := &HostServer{}
	ops := []struct {
		op string
		h  Handler
	}{
		{HostOpAwait, guarded(f, func(ctx context.Context, r AwaitRequest) (AwaitReply, error) {
			err := f.Wait(ctx, r.Index)
			return AwaitReply{Host: h, Applied: f.Applied()}, err
		})},
		{HostOpPrepare, guarded(f, func(ctx context.Context, r PrepareLink) (Ready, error) {
			if err := f.Wait(ctx, r.Index); err != nil {
				return Ready{}, err
			}
			return Ready{Host: h}, svc.PrepareLink(ctx, r)
		})},
		{HostOpDrain, guarded(f, svc.DrainLink)},
		{HostOpCall, guarded(f, svc.Call)},
		{HostOpInventory, guarded(f, func(ctx context.Context, _ none) (Inventory, error) { return svc.Inventory(ctx) })},
	}
	for _, o := range ops {
		sub, err := b.Subscribe(s.Host(h, o.op), SubscribeOptions{Concurrency: 64}, o.h)
		if err != nil {
			return nil, firstError(err, srv.Close())
		}
		srv.subs = append(srv.subs, sub)
	}
	return srv, nil
}

// Close stops serving and waits for running handlers. It is idempotent.
func (s *HostServer) Close() error {
	var first error
	for _, sub := range s.subs {
		first = firstError(first, sub.Close())
	}
	s.subs = nil
	return first
}

// firstError returns the first error that is not nil.
func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// guarded answers JSON requests of the follower's own cluster.
func guarded[Req, Rep any](f *Follower, fn func(context.Context, Req) (Rep, error)) Handler {
	return Answer(func(ctx context.Context, h Header, r Req) (Rep, error) {
		if err := CheckCluster(h, f.Cluster()); err != nil {
			var zero Rep
			return zero, err
		}
		return fn(ctx, r)
	})
}

// AnnouncerConfig configures an Announcer.
type AnnouncerConfig struct {
	Bus      Bus
	Lattice  string
	Interval time.Duration    // 0 means 1 s
	Beat     func() Heartbeat // what to say; called at each heartbeat, must not block
}

// Announcer publishes a host's heartbeats.
type Announcer struct {
	cfg    AnnouncerConfig
	kick   chan struct{}
	stop   chan struct{}
	done   chan struct{}
	closer sync.Once
}

// OpenAnnouncer publishes the first heartbeat and goes on until Close.
//
// Errors:
//   - ErrInvalid if Bus or Beat is nil.
func OpenAnnouncer(cfg AnnouncerConfig) (*Announcer, error) {
	if cfg.Bus == nil || cfg.Beat == nil {
		return nil, errcode.New(errcode.Invalid, "open announcer: bus and Beat are needed")
	}
	if cfg.Interval <= 0 {
		cfg.Interval = time.Second
	}
	a := &Announcer{cfg: cfg, kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	a.publish(false)
	go a.run()
	return a, nil
}

// Announce publishes a heartbeat soon, for a change worth telling at once.
func (a *Announcer) Announce() {
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// Close publishes a last heartbeat that says Stopping. It is idempotent.
func (a *Announcer) Close() error {
	a.closer.Do(func() {
		close(a.stop)
		<-a.done
		a.publish(true)
	})
	return nil
}

func (a *Announcer) run() {
	defer close(a.done)
	t := time.NewTicker(a.cfg.Interval)
	defer t.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-t.C:
		case <-a.kick:
		}
		a.publish(false)
	}
}

// publish sends one heartbeat; one that cannot be sent is missed, which is
// what its absence says.
func (a *Announcer) publish(stopping bool) {
	b := a.cfg.Beat()
	b.Stopping = b.Stopping || stopping
	data, err := json.Marshal(b)
	if err != nil {
		return
	}
	_ = a.cfg.Bus.Publish(Subjects(a.cfg.Lattice).Heartbeat(b.Host), nil, data)
}
