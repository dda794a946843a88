package providers

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"latticework/internal/errcode"
)

// Guard returns p held to the life cycle, whoever calls in whatever order:
// Open once; Link between Open and Close only; closes are idempotent and
// their second callers wait for the first; Close ends links in the making and
// closes what sessions are left before it closes p. A panic of p in these
// methods becomes an error with errcode.Internal.
//
// The result implements [Source] if p does, and [Drainer] in any case: the first
// Drain or Close drains p, if p can be, and others wait for that.
//
// Errors of the result's methods, besides those of p:
//   - errcode.Closed for Link, Serve and Health before Open and after Close.
//   - errcode.Invalid for an Open that is not the first.
func Guard(p Provider) Provider {
	g := &guard{inner: p, sessions: make(map[*session]struct{}), drained: newOnce(), closed: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancelCause(context.Background())
	if src, ok := p.(Source); ok {
		return &guardedSource{guard: g, source: src}
	}
	return g
}

type state uint8

const (
	stateNew state = iota
	stateOpening
	stateOpen
	stateFailed // by Open
	stateClosed // or closing
)

type guard struct {
	inner  Provider
	ctx    context.Context // ends when Close begins
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	state    state                 // guarded by mu
	drains   bool                  // guarded by mu: Close drains, or did
	sessions map[*session]struct{} // guarded by mu
	calls    sync.WaitGroup        // Open, Link, Health in progress; Add under mu, never when stateClosed

	drained  *once
	closed   chan struct{} // closed when Close is done
	closeErr error         // valid once closed is closed
}

func (g *guard) Info() Info { return g.inner.Info() }

func (g *guard) name() string { return "provider " + g.inner.Info().Name }

func (g *guard) Open(ctx context.Context) (err error) {
	g.mu.Lock()
	if g.state != stateNew {
		g.mu.Unlock()
		return errcode.New(errcode.Invalid, "open %s: it was opened or closed before", g.name())
	}
	g.state = stateOpening
	g.calls.Add(1)
	g.mu.Unlock()
	defer g.calls.Done()

	ctx, stop := g.bound(ctx)
	defer stop()
	err = g.open(ctx)

	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.state == stateClosed:
		if err == nil {
			err = errcode.New(errcode.Closed, "open %s: it was closed meanwhile", g.name())
		}
	case err != nil:
		g.state = stateFailed
	default:
		g.state = stateOpen
	}
	return err
}

func (g *guard) open(ctx context.Context) (err error) {
	defer recovered(&err, "open "+g.name())
	return g.inner.Open(ctx)
}

// bound returns ctx ending also when Close begins.
func (g *guard) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.ctx, func() { cancel(context.Cause(g.ctx)) })
	return ctx, func() { stop(); cancel(nil) }
}

func (g *guard) Link(ctx context.Context, l Link) (Session, error) {
	return g.enter(ctx, l, g.inner.Link)
}

// enter makes a session with make, between Open and Close.
func (g *guard) enter(ctx context.Context, l Link, make func(context.Context, Link) (Session, error)) (Session, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	if g.state != stateOpen {
		g.mu.Unlock()
		return nil, errcode.New(errcode.Closed, "link %s: %s is not open", l, g.name())
	}
	g.calls.Add(1)
	g.mu.Unlock()
	defer g.calls.Done()

	ctx, stop := g.bound(ctx)
	defer stop()
	inner, err := call(ctx, l, make)
	if err != nil {
		return nil, err
	}
	s := &session{Session: inner, guard: g, closed: newOnce()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions[s] = struct{}{} // Close waits for this call before it looks
	return s, nil
}

func call(ctx context.Context, l Link, make func(context.Context, Link) (Session, error)) (s Session, err error) {
	defer recovered(&err, "link "+l.String())
	s, err = make(ctx, l)
	if err == nil && s == nil {
		err = errcode.New(errcode.Internal, "link %s: neither session nor error", l)
	}
	return s, err
}

func (g *guard) Health(ctx context.Context) (err error) {
	g.mu.Lock()
	if g.state != stateOpen {
		g.mu.Unlock()
		return errcode.New(errcode.Closed, "check %s: it is not open", g.name())
	}
	g.calls.Add(1)
	g.mu.Unlock()
	defer g.calls.Done()
	ctx, stop := g.bound(ctx)
	defer stop()
	defer recovered(&err, "check "+g.name())
	return g.inner.Health(ctx)
}

func (g *guard) Close(ctx context.Context) error {
	g.mu.Lock()
	first := g.state != stateClosed
	opened := g.state != stateNew
	g.drains = g.drains || first && opened
	g.state = stateClosed
	g.mu.Unlock()
	if !first {
		select {
		case <-g.closed:
			return g.closeErr
		case <-ctx.Done():
			return errcode.New(errcode.Deadline, "close %s: %w", g.name(), context.Cause(ctx))
		}
	}
	defer close(g.closed)
	g.cancel(errcode.New(errcode.Closed, "%s is closing", g.name()))
	g.calls.Wait()

	g.mu.Lock()
	left := make([]*session, 0, len(g.sessions))
	for s := range g.sessions {
		left = append(left, s)
	}
	g.mu.Unlock()
	var errs []error
	if opened {
		errs = append(errs, g.drainOnce(ctx))
	}
	for _, s := range left {
		errs = append(errs, s.Close(ctx))
	}
	if opened {
		errs = append(errs, g.close(ctx))
	}
	g.closeErr = errors.Join(errs...)
	return g.closeErr
}

// Drain implements [Drainer]; it does nothing for a provider that was not
// opened.
func (g *guard) Drain(ctx context.Context) error {
	g.mu.Lock()
	drains := g.state == stateOpen || g.drains
	g.mu.Unlock()
	if !drains {
		return nil
	}
	return g.drainOnce(ctx)
}

func (g *guard) drainOnce(ctx context.Context) error {
	return g.drained.do(ctx, func() error { return g.drain(ctx) })
}

func (g *guard) drain(ctx context.Context) (err error) {
	defer recovered(&err, "drain "+g.name())
	if d, ok := g.inner.(Drainer); ok {
		return d.Drain(ctx)
	}
	return nil
}

func (g *guard) close(ctx context.Context) (err error) {
	defer recovered(&err, "close "+g.name())
	return g.inner.Close(ctx)
}

// guardedSource is a guard before a Source.
type guardedSource struct {
	*guard
	source Source
}

func (g *guardedSource) Serve(ctx context.Context, l Link, target http.Handler) (Session, error) {
	if target == nil {
		return nil, errcode.New(errcode.Invalid, "link %s: there is no target to serve", l)
	}
	return g.enter(ctx, l, func(ctx context.Context, l Link) (Session, error) {
		return g.source.Serve(ctx, l, target)
	})
}

func (g *guardedSource) Check(l Link) (err error) {
	if err := l.Validate(); err != nil {
		return err
	}
	defer recovered(&err, "check link "+l.String())
	return g.source.Check(l)
}

// session makes Close idempotent and tells the guard.
type session struct {
	Session
	guard  *guard
	closed *once
}

func (s *session) Unwrap() Session { return s.Session }

func (s *session) Close(ctx context.Context) error {
	return s.closed.do(ctx, func() (err error) {
		defer func() {
			s.guard.mu.Lock()
			delete(s.guard.sessions, s)
			s.guard.mu.Unlock()
		}()
		defer recovered(&err, "close session of "+s.guard.name())
		return s.Session.Close(ctx)
	})
}

// once runs a function the first time and gives everyone its answer.
type once struct {
	mu      sync.Mutex
	started bool
	done    chan struct{}
	err     error // valid once done is closed
}

func newOnce() *once { return &once{done: make(chan struct{})} }

func (o *once) do(ctx context.Context, f func() error) error {
	o.mu.Lock()
	first := !o.started
	o.started = true
	o.mu.Unlock()
	if first {
		o.err = f()
		close(o.done)
		return o.err
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return errcode.New(errcode.Deadline, "close: somebody else is at it: %w", context.Cause(ctx))
	}
}
