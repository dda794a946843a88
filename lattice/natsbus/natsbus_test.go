package natsbus

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/internal/bustest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func start(t testing.TB, address string) *Server {
	t.Helper()
	s, err := StartServer(ServerConfig{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t testing.TB, cfg Config) *Bus {
	t.Helper()
	b, err := Connect(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBus(t *testing.T) {
	s := start(t, "127.0.0.1:0")
	t.Run("tcp", func(t *testing.T) {
		bustest.Run(t, func(t *testing.T) lattice.Bus { return connect(t, Config{URLs: []string{s.URL()}, Name: "test"}) })
	})
	t.Run("in process", func(t *testing.T) {
		bustest.Run(t, func(t *testing.T) lattice.Bus { return connect(t, Config{Server: s}) })
	})
}

func TestStartServerRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, code := range map[string]errcode.Code{
		l.Addr().String():   errcode.Conflict,
		"127.0.0.1":         errcode.Invalid,
		"127.0.0.1:99999":   errcode.Invalid,
		"192.0.2.1:0":       errcode.Unavailable,
		"no such host.x:12": errcode.Unavailable,
	} {
		s, err := StartServer(ServerConfig{Address: address})
		if !errors.Is(err, code) {
			t.Errorf("%s: %v, want %s", address, err, code)
		}
		if s != nil {
			s.Close()
		}
	}
	_, err = StartServer(ServerConfig{Address: l.Addr().String()})
	if next := errcode.NextOf(err); !strings.Contains(next, "another port") {
		t.Errorf("next step %q", next)
	}
}

func TestConnectRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = Connect(t.Context(), Config{URLs: []string{"nats://" + l.Addr().String()}})
	if !errors.Is(err, errcode.Unavailable) || errcode.NextOf(err) == "" {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := Connect(t.Context(), Config{}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("no address: %v", err)
	}
}

// TestServerRestart: without a server requests fail at once and are not kept
// for later; when it is back everything works again and subscribers know that
// they may have missed something.
func TestServerRestart(t *testing.T) {
	s := start(t, "127.0.0.1:0")
	address := strings.TrimPrefix(s.URL(), "nats://")
	a, b := connect(t, Config{URLs: []string{s.URL()}}), connect(t, Config{URLs: []string{s.URL()}})
	var executed, lost atomic.Int32
	if _, err := b.Subscribe("x", lattice.SubscribeOptions{OnLost: func() { lost.Add(1) }}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		executed.Add(1)
		return lattice.Reply{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	poll.Until(t, 10*time.Second, "the loss of the connection", func() (any, bool) { return a.Connected(), !a.Connected() })
	for range 20 {
		begin := time.Now()
		_, err := a.Request(t.Context(), "x", nil, nil)
		if !errors.Is(err, errcode.Unavailable) || !lattice.IsRefused(err) || time.Since(begin) > time.Second {
			t.Fatalf("without a server: %v after %s", err, time.Since(begin))
		}
	}
	start(t, address)
	poll.Until(t, 20*time.Second, "an answer", func() (any, bool) {
		_, err := a.Request(t.Context(), "x", nil, nil)
		return err, err == nil
	})
	if n := executed.Load(); n != 1 {
		t.Errorf("executed %d times, want once: requests were kept while there was no server", n)
	}
	if lost.Load() == 0 {
		t.Error("the subscriber does not know that it may have missed messages")
	}
}
