package httpserver

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/netutil"

	"latticework/internal/errcode"
)

// listener is one address with its routes.
type listener struct {
	address  string // as asked for
	settings *settings
	log      *slog.Logger
	addr     net.Addr
	server   *http.Server
	table    atomic.Pointer[table]
	inFlight atomic.Int64
	users    int // guarded by Provider.mu; sessions, and the provider if it names the address

	done chan struct{} // closed when the accepting goroutine has ended
	err  error         // why; valid once done is closed
}

// listen takes the address and starts to answer on it.
func listen(ctx context.Context, address string, s *settings, log *slog.Logger) (*listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, listenError(address, err)
	}
	ln := &listener{address: address, settings: s, log: log, addr: l.Addr(), done: make(chan struct{})}
	ln.table.Store(&table{})
	ln.server = &http.Server{
		Handler:           ln,
		ReadHeaderTimeout: s.readHeaderTimeout,
		IdleTimeout:       s.idleTimeout,
		MaxHeaderBytes:    s.maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 250},
	}
	ln.server.Protocols.SetHTTP1(true)
	ln.server.Protocols.SetUnencryptedHTTP2(true)
	l = netutil.LimitListener(l, s.maxConnections)
	go func() { // ends with the server; close waits for it
		defer close(ln.done)
		ln.err = ln.server.Serve(l)
	}()
	return ln, nil
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
func (ln *listener) Addr() string { return ln.addr.String() }

// close takes no more connections, waits for requests in flight as long as
// ctx allows, and cuts off what is left. It may be called more than once.
func (ln *listener) close(ctx context.Context) error {
	err := ln.server.Shutdown(ctx)
	if err != nil {
		left := ln.inFlight.Load()
		_ = ln.server.Close()
		err = errcode.New(errcode.Deadline, "close listener %s: %d requests were cut off: %w", ln.address, left, err)
	}
	<-ln.done
	return err
}

// refuse answers a request that no component sees.
func refuse(w http.ResponseWriter, status int, text ...string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.Join(text, "") + "\n"))
}
