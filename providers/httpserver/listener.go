package httpserver

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"latticework/internal/errcode"
)

// listener is one address with its routes. Its settings may change while it
// is listened on: connections then go to another server, and those of the
// server before end with their next answer.
type listener struct {
	address  string // as asked for
	log      *slog.Logger
	socket   *net.TCPListener
	table    atomic.Pointer[table]
	current  atomic.Pointer[server]
	inFlight atomic.Int64
	fresh    atomic.Int64 // connections without a request so far
	draining atomic.Bool
	hard     atomic.Bool // connections are closed without waiting for clients
	counters counters

	users    int               // guarded by Provider.mu; sessions, and the provider if it names the address
	byOwn    bool              // guarded by Provider.mu: the provider names the address
	sessions []*Session        // guarded by Provider.mu
	wanted   map[string]wanted // guarded by Provider.mu; by link, settings that were refused

	mu      sync.Mutex
	room    *sync.Cond     // a connection ended, or stopped
	stopped bool           // guarded by mu: nothing more is accepted
	servers []*server      // guarded by mu; all that have connections
	tasks   sync.WaitGroup // the goroutines of the listener
	done    chan struct{}  // closed when the accepting goroutine has ended
	err     error          // why; valid once done is closed
	once    sync.Once      // of close
	closed  error          // valid after once
}

// wanted are settings that a revision of a link asked for in vain.
type wanted struct {
	revision uint64
	cfg      *listenerConfig
}

// listen takes the address and starts to answer on it.
func listen(ctx context.Context, address string, cfg *listenerConfig, log *slog.Logger) (*listener, error) {
	if err := cfg.loadTLS(); err != nil {
		return nil, errcode.New(errcode.Of(err), "listen on %s: %w", address, err).WithNext("%s", errcode.NextOf(err))
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, listenError(address, err)
	}
	ln := &listener{address: address, log: log, socket: l.(*net.TCPListener), wanted: map[string]wanted{}, done: make(chan struct{})}
	ln.room = sync.NewCond(&ln.mu)
	ln.table.Store(&table{})
	ln.use(cfg)
	ln.tasks.Go(ln.accept)
	return ln, nil
}

// loadTLS reads the certificates, if there are any.
func (l *listenerConfig) loadTLS() error {
	if l.tls == nil {
		return nil
	}
	return l.tls.load()
}

func (ln *listener) config() *listenerConfig { return ln.current.Load().cfg }

// use has new connections served by cfg, whose certificates are loaded.
func (ln *listener) use(cfg *listenerConfig) {
	s := newServer(ln, cfg)
	ln.mu.Lock()
	ln.servers = append(ln.servers, s)
	ln.mu.Unlock()
	s.start()
	if before := ln.current.Swap(s); before != nil {
		before.retire()
	}
	ln.room.Broadcast() // more connections may be allowed
}

// drop forgets a server that has ended.
func (ln *listener) drop(gone *server) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for i, s := range ln.servers {
		if s == gone {
			ln.servers = append(ln.servers[:i:i], ln.servers[i+1:]...)
			return
		}
	}
}

// accept hands connections to the current server until the listener stops.
func (ln *listener) accept() {
	defer close(ln.done)
	pause := time.Millisecond
	for ln.waitForRoom() {
		nc, err := ln.socket.Accept()
		if err == nil {
			pause = time.Millisecond
			ln.hand(nc)
			continue
		}
		ln.mu.Lock()
		stopped := ln.stopped
		ln.mu.Unlock()
		if stopped || errors.Is(err, net.ErrClosed) {
			ln.err = err
			return
		}
		// Such as too many open files: others may close some.
		ln.log.Warn("accept", "address", ln.address, "error", err)
		time.Sleep(pause)
		pause = min(2*pause, time.Second)
	}
	ln.err = net.ErrClosed
}

// waitForRoom blocks while there are as many connections as allowed; it
// reports false once the listener stops.
func (ln *listener) waitForRoom() bool {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for !ln.stopped && ln.counters.open.Load() >= int64(ln.config().maxConnections) {
		ln.room.Wait()
	}
	return !ln.stopped
}

// hand gives a connection to the current server.
func (ln *listener) hand(nc net.Conn) {
	ln.counters.accepted.Add(1)
	ln.counters.open.Add(1)
	ln.fresh.Add(1)
	for {
		s := ln.current.Load()
		if s.take(nc) {
			return
		}
		if s == ln.current.Load() { // it broke
			_ = nc.Close()
			ln.counters.open.Add(-1)
			ln.fresh.Add(-1)
			return
		}
	}
}

// stop takes no more connections but those that the system has accepted
// already.
func (ln *listener) stop() {
	ln.mu.Lock()
	ln.stopped = true
	ln.mu.Unlock()
	ln.room.Broadcast()
	_ = ln.socket.SetDeadline(time.Unix(1, 0))
	<-ln.done
	_ = ln.socket.SetDeadline(time.Now().Add(2 * time.Millisecond))
	for ln.counters.open.Load() < int64(ln.config().maxConnections) {
		nc, err := ln.socket.Accept()
		if err != nil {
			break
		}
		ln.hand(nc)
	}
	_ = ln.socket.Close()
}

func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		return errcode.New(errcode.Conflict, "listen on %s: the address is in use by another program", address).
			WithNext("stop what listens there (ss -ltnp 'sport = :%s' shows it), or set address to a free one; port 0 takes any", port)
	case errors.Is(err, fs.ErrPermission):
		return errcode.New(errcode.Denied, "listen on %s: this user may not use the address", address).
			WithNext("use a port from 1024 on, or give the program the right to use low ports")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errcode.New(errcode.Invalid, "listen on %s: this machine does not have that address", address).
			WithNext("use 127.0.0.1 for this machine alone or 0.0.0.0 for all its addresses")
	}
	return errcode.New(errcode.Invalid, "listen on %s: %w", address, err)
}

// Addr returns the address with the port that was taken for 0.
func (ln *listener) Addr() string { return ln.socket.Addr().String() }

// drain has the listener say that it is not ready, and waits as long as its
// settings say for whoever looks at that, at most half of the time that ctx
// has: the rest is for what was accepted. The first call does.
func (ln *listener) drain(ctx context.Context) {
	if ln.draining.Swap(true) {
		return
	}
	d := ln.config().drainDelay
	if end, ok := ctx.Deadline(); ok && d > time.Until(end)/2 {
		d = time.Until(end) / 2
		ln.log.Info("drain_delay is cut short", "address", ln.Addr(), "drain_delay", ln.config().drainDelay, "to", d)
	}
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// freshTime is how long the end of a listener waits for the request of a
// connection that was accepted just before.
const freshTime = 250 * time.Millisecond

// close takes no more connections, waits for requests in flight as long as
// ctx allows, and cuts off what is left. Calls after the first return its
// result.
func (ln *listener) close(ctx context.Context) error {
	ln.once.Do(func() { ln.closed = ln.end(ctx) })
	return ln.closed
}

func (ln *listener) end(ctx context.Context) error {
	ln.draining.Store(true)
	ln.stop()
	ln.awaitFresh(ctx)
	ln.mu.Lock()
	servers := append([]*server(nil), ln.servers...)
	ln.mu.Unlock()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { errs[i] = s.http.Shutdown(ctx) })
	}
	wg.Wait()
	err := errors.Join(errs...)
	if err != nil {
		left := ln.inFlight.Load()
		ln.hard.Store(true)
		for _, s := range servers {
			_ = s.http.Close()
		}
		err = errcode.New(errcode.Deadline, "close listener %s: %d requests were cut off: %w", ln.address, left, err)
	}
	for _, s := range servers {
		s.quit()
	}
	ln.tasks.Wait()
	return err
}

// awaitFresh gives connections that sent nothing yet a moment: net/http drops
// a first request that comes during its shutdown.
func (ln *listener) awaitFresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, freshTime)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for ln.fresh.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
