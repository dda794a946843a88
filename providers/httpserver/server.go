package httpserver

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// server serves the connections of a listener that were accepted under one
// configuration. It is the [net.Listener] of its [http.Server].
type server struct {
	ln      *listener
	cfg     *listenerConfig
	http    http.Server
	conns   chan net.Conn
	retired atomic.Bool // connections end with their next answer

	mu     sync.Mutex
	open   int           // guarded by mu: connections that are not closed
	over   chan struct{} // closed when nothing more is accepted
	closed bool          // guarded by mu: over is closed
	empty  chan struct{} // closed when retired and without connections
	done   bool          // guarded by mu: empty is closed
}

func newServer(ln *listener, cfg *listenerConfig) *server {
	s := &server{ln: ln, cfg: cfg, conns: make(chan net.Conn), over: make(chan struct{}), empty: make(chan struct{})}
	s.http = http.Server{
		Handler:           s,
		ReadHeaderTimeout: cfg.readHeaderTimeout,
		IdleTimeout:       cfg.idleTimeout,
		MaxHeaderBytes:    cfg.maxHeaderBytes,
		ConnContext:       withConn,
		ConnState:         onState,
		ErrorLog:          slog.NewLogLogger(ln.log.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: cfg.maxStreams},
	}
	s.http.Protocols.SetHTTP1(cfg.http1)
	s.http.Protocols.SetHTTP2(cfg.http2 && cfg.tls != nil)
	s.http.Protocols.SetUnencryptedHTTP2(cfg.http2 && cfg.tls == nil)
	if cfg.tls != nil {
		s.http.TLSConfig = &tls.Config{
			MinVersion: cfg.tls.minVersion, NextProtos: cfg.tls.protocols,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return cfg.tls.config(ln.log), nil },
		}
	}
	return s
}

// start serves connections until quit.
func (s *server) start() {
	s.ln.tasks.Go(func() {
		if s.cfg.tls != nil {
			_ = s.http.ServeTLS(s, "", "") // ends with Shutdown or Close
		} else {
			_ = s.http.Serve(s)
		}
	})
}

// take serves a connection; false if the server takes none any more.
func (s *server) take(nc net.Conn) bool {
	s.mu.Lock()
	if s.closed || s.retired.Load() {
		s.mu.Unlock()
		return false
	}
	s.open++
	s.mu.Unlock()
	select {
	case s.conns <- newConn(nc, s):
		return true
	case <-s.over:
		s.left()
		return false
	}
}

// gone notes that a connection was closed.
func (s *server) gone() {
	s.ln.counters.open.Add(-1)
	s.ln.room.Signal()
	s.left()
}

func (s *server) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.emptyLocked()
}

func (s *server) emptyLocked() {
	if s.open == 0 && s.retired.Load() && !s.done {
		s.done = true
		close(s.empty)
	}
}

// retire lets connections end with their next answer, and the server with
// the last of them.
func (s *server) retire() {
	s.mu.Lock()
	s.retired.Store(true)
	s.emptyLocked()
	s.mu.Unlock()
	s.ln.tasks.Go(func() {
		select {
		case <-s.empty:
			_ = s.http.Close()
			s.quit()
			s.ln.drop(s)
		case <-s.over:
		}
	})
}

// quit ends Accept.
func (s *server) quit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.over)
	}
}

// Accept implements [net.Listener].
func (s *server) Accept() (net.Conn, error) {
	select {
	case nc := <-s.conns:
		return nc, nil
	case <-s.over:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (s *server) Close() error {
	s.quit()
	return nil
}

// Addr implements [net.Listener].
func (s *server) Addr() net.Addr { return s.ln.socket.Addr() }
