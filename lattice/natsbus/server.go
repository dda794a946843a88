package natsbus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"latticework/internal/errcode"
)

// DefaultAddress is where an embedded server listens if not told otherwise.
const DefaultAddress = "127.0.0.1:4222"

// DefaultMaxPayload is an embedded server's limit for one message, in bytes.
const DefaultMaxPayload = 1 << 20

// ServerConfig configures an embedded server. The zero value listens on
// DefaultAddress.
type ServerConfig struct {
	Address    string // host:port; port 0 takes a free one
	Name       string
	MaxPayload int          // 0 means DefaultMaxPayload
	Logger     *slog.Logger // nil: silent
}

// Server is a NATS server in this process, without JetStream.
type Server struct {
	srv  *server.Server
	once sync.Once
}

// startBudget bounds the start of the embedded server.
const startBudget = 10 * time.Second

// StartServer starts a server and returns when it takes connections. Close
// must follow.
//
// Errors:
//   - errcode.Invalid for a bad address.
//   - errcode.Conflict if the port is taken.
//   - errcode.Denied if this user may not listen there.
//   - errcode.Unavailable if it cannot listen or does not start in time.
func StartServer(cfg ServerConfig) (*Server, error) {
	if cfg.Address == "" {
		cfg.Address = DefaultAddress
	}
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = DefaultMaxPayload
	}
	host, portText, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, errcode.New(errcode.Invalid, "start NATS on %q: %w", cfg.Address, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, errcode.New(errcode.Invalid, "start NATS on %q: port is not a number from 0 to 65535", cfg.Address)
	}
	// The server reports a taken port to its log alone: try it first.
	if err := tryListen(cfg.Address); err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName: cfg.Name, Host: host, Port: int(port), NoSigs: true, NoLog: cfg.Logger == nil,
		MaxPayload: int32(cfg.MaxPayload), PingInterval: pingInterval, MaxPingsOut: pingsOut,
	}
	if port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, errcode.New(errcode.Invalid, "start NATS on %s: %w", cfg.Address, err)
	}
	if cfg.Logger != nil {
		srv.SetLoggerV2(logger{cfg.Logger}, false, false, false)
	}
	srv.Start() // returns; the server's goroutines are joined by Close
	s := &Server{srv: srv}
	if !srv.ReadyForConnections(startBudget) {
		s.Close()
		return nil, errcode.New(errcode.Unavailable, "start NATS on %s: not ready after %s", cfg.Address, startBudget)
	}
	return s, nil
}

func tryListen(address string) error {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l.Close()
	}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errcode.New(errcode.Conflict, "start NATS on %s: the port is taken", address).
			WithNext("stop what listens on port %s, choose another port, or join the lattice that runs there", port)
	case errors.Is(err, os.ErrPermission):
		return errcode.New(errcode.Denied, "start NATS on %s: %w", address, err).WithNext("choose a port above 1023")
	}
	return errcode.New(errcode.Unavailable, "start NATS on %s: %w", address, err).WithNext("check the address")
}

// URL returns the address for clients, e.g. "nats://127.0.0.1:4222".
func (s *Server) URL() string { return s.srv.ClientURL() }

// Close stops the server and waits for it. It is idempotent.
func (s *Server) Close() {
	s.once.Do(func() {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
	})
}

// logger passes the server's log on.
type logger struct{ l *slog.Logger }

func (l logger) Noticef(format string, v ...any) {
	l.l.Debug("nats-server: " + fmt.Sprintf(format, v...))
}
func (l logger) Warnf(format string, v ...any) { l.l.Warn("nats-server: " + fmt.Sprintf(format, v...)) }
func (l logger) Fatalf(format string, v ...any) {
	l.l.Error("nats-server: " + fmt.Sprintf(format, v...))
}
func (l logger) Errorf(format string, v ...any) {
	l.l.Error("nats-server: " + fmt.Sprintf(format, v...))
}
func (l logger) Debugf(format string, v ...any) {
	l.l.Debug("nats-server: " + fmt.Sprintf(format, v...))
}
func (l logger) Tracef(format string, v ...any) {
	l.l.Debug("nats-server: " + fmt.Sprintf(format, v...))
}
