package host_test

import (
	"context"
	"sync"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/wit/abi"
)

// spy is the technology "spy": key-value stores in memory that outlive their
// providers, know what is open, and do as they are told. Settings: "fail" makes
// a provider not open, "alone" lets one of a name be open at a time, and "store"
// names the store, which is that of the provider's name by default.
type spy struct {
	mu        sync.Mutex
	stores    map[string]providers.Provider // by store name; guarded by mu
	providers map[string]int                // open, by name; guarded by mu
	sessions  map[string]int                // open, by provider name; guarded by mu
	links     []providers.Link              // every Link; guarded by mu
	reject    error                         // what Link answers; guarded by mu
	holds     map[string]chan struct{}      // calls wait for it, by provider name; guarded by mu
	held      chan string                   // told of each call that waits
}

func newSpy() *spy {
	return &spy{stores: map[string]providers.Provider{}, providers: map[string]int{}, sessions: map[string]int{},
		holds: map[string]chan struct{}{}, held: make(chan string, 1000)}
}

func (s *spy) technology() providers.Technology {
	return providers.Technology{Name: "spy", Summary: "for tests", Interfaces: keyvalue.Interfaces(),
		New: func(setup providers.Setup) (providers.Provider, error) {
			return &spied{spy: s, setup: setup}, nil
		}}
}

// hold lets calls of a provider wait until release is called.
func (s *spy) hold(name string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := make(chan struct{})
	s.holds[name] = ch
	return sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.holds, name)
		s.mu.Unlock()
		close(ch)
	})
}

// await waits if calls of a provider are held.
func (s *spy) await(ctx context.Context, name string) error {
	s.mu.Lock()
	ch := s.holds[name]
	s.mu.Unlock()
	if ch == nil {
		return nil
	}
	s.held <- name
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return errcode.New(errcode.Of(ctx.Err()), "held: %w", context.Cause(ctx))
	}
}

func (s *spy) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reject = err
}

// open returns how many providers and sessions of a name are open.
func (s *spy) open(name string) (providers, sessions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.providers[name], s.sessions[name]
}

// spied is one start of a provider.
type spied struct {
	spy   *spy
	setup providers.Setup
	isUp  bool
}

func (p *spied) Info() providers.Info {
	return providers.Info{Name: p.setup.Name, Technology: "spy", Interfaces: keyvalue.Interfaces()}
}

func (p *spied) Open(context.Context) error {
	s := p.spy
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p.setup.Config["fail"] != "":
		return errcode.New(errcode.Invalid, "open spy: told to fail: %s", p.setup.Config["fail"])
	case p.setup.Config["alone"] != "" && s.providers[p.setup.Name] > 0:
		return errcode.New(errcode.Conflict, "open spy: another one has it open")
	}
	if s.stores[p.store()] == nil {
		store, err := kvmemory.New(providers.Setup{Name: p.store()})
		if err != nil {
			return err
		}
		s.stores[p.store()] = store
	}
	s.providers[p.setup.Name]++
	p.isUp = true
	return nil
}

func (p *spied) store() string {
	if name := p.setup.Config["store"]; name != "" {
		return name
	}
	return p.setup.Name
}

func (p *spied) Health(context.Context) error { return nil }

func (p *spied) Close(context.Context) error {
	p.spy.mu.Lock()
	defer p.spy.mu.Unlock()
	if p.isUp {
		p.spy.providers[p.setup.Name]--
	}
	return nil
}

func (p *spied) Link(ctx context.Context, l providers.Link) (providers.Session, error) {
	s := p.spy
	s.mu.Lock()
	store, reject := s.stores[p.store()], s.reject
	s.links = append(s.links, l)
	s.mu.Unlock()
	if reject != nil {
		return nil, reject
	}
	inner, err := store.Link(ctx, providers.Link{Source: l.Source, Target: l.Target, Interfaces: l.Interfaces})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sessions[p.setup.Name]++
	s.mu.Unlock()
	return &spiedSession{Session: inner, provider: p, ifaces: p.wrap(inner.Interfaces())}, nil
}

// wrap lets calls wait where they are held.
func (p *spied) wrap(ifaces []*abi.Interface) []*abi.Interface {
	var out []*abi.Interface
	for _, i := range ifaces {
		n := *i
		n.Funcs = nil
		for _, f := range i.Funcs {
			call, wire := f.Call, f.Wire
			f.Call = func(ctx context.Context, c *abi.Call) error {
				if err := p.spy.await(ctx, p.setup.Name); err != nil {
					return err
				}
				return call(ctx, c)
			}
			f.Wire = func(ctx context.Context, c *abi.WireCall) error {
				if err := p.spy.await(ctx, p.setup.Name); err != nil {
					return err
				}
				return wire(ctx, c)
			}
			n.Funcs = append(n.Funcs, f)
		}
		out = append(out, &n)
	}
	return out
}

type spiedSession struct {
	providers.Session
	provider *spied
	ifaces   []*abi.Interface
}

func (s *spiedSession) Interfaces() []*abi.Interface { return s.ifaces }

func (s *spiedSession) Close(ctx context.Context) error {
	sp := s.provider.spy
	sp.mu.Lock()
	sp.sessions[s.provider.setup.Name]--
	sp.mu.Unlock()
	return s.Session.Close(ctx)
}
