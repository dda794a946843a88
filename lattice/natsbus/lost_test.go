package natsbus

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
)

// line is a way to a server that can be cut.
type line struct {
	t       *testing.T
	server  string
	address string

	mu       sync.Mutex
	listener net.Listener // guarded by mu
	conns    []net.Conn   // guarded by mu
	copies   sync.WaitGroup
}

func newLine(t *testing.T, server string) *line {
	l := &line{t: t, server: strings.TrimPrefix(server, "nats://"), address: "127.0.0.1:0"}
	l.open()
	t.Cleanup(func() { l.cut(); l.copies.Wait() })
	return l
}

// open takes connections, again at the same address.
func (l *line) open() {
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.listener, l.address = listener, listener.Addr().String()
	l.mu.Unlock()
	l.copies.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", l.server)
			if err != nil {
				_ = from.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, from, to)
			l.mu.Unlock()
			for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
				l.copies.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.listener.Close()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// TestReplyWaitsForConnection: who asked is connected all the time and gets the
// reply, though the one who answers lost the connection meanwhile.
func TestReplyWaitsForConnection(t *testing.T) {
	s := start(t, "127.0.0.1:0")
	way := newLine(t, s.URL())
	a, b := connect(t, Config{URLs: []string{s.URL()}}), connect(t, Config{URLs: []string{"nats://" + way.address}})
	entered, answer := make(chan struct{}), make(chan struct{})
	if _, err := b.Subscribe("x", lattice.SubscribeOptions{}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		close(entered)
		<-answer
		return lattice.Reply{Data: []byte("late")}, nil
	}); err != nil {
		t.Fatal(err)
	}
	type result struct {
		m   *lattice.Message
		err error
	}
	got := make(chan result, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		m, err := a.Request(ctx, "x", nil, nil)
		got <- result{m, err}
	}()
	<-entered
	way.cut()
	poll.Until(t, 10*time.Second, "the loss of the connection", func() (any, bool) { return b.Connected(), !b.Connected() })
	close(answer)
	select {
	case r := <-got:
		t.Fatalf("answered over a line that is cut: %v", r.err)
	case <-time.After(300 * time.Millisecond):
	}
	way.open()
	if r := <-got; r.err != nil || string(r.m.Data) != "late" {
		t.Errorf("%v, want the reply", r.err)
	}
}

// TestSubscriptionClosesWithoutConnection: a reply that waits for a connection
// keeps nobody from closing.
func TestSubscriptionClosesWithoutConnection(t *testing.T) {
	s := start(t, "127.0.0.1:0")
	way := newLine(t, s.URL())
	a, b := connect(t, Config{URLs: []string{s.URL()}}), connect(t, Config{URLs: []string{"nats://" + way.address}})
	entered, answer := make(chan struct{}), make(chan struct{})
	sub, err := b.Subscribe("x", lattice.SubscribeOptions{}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
		close(entered)
		<-answer
		return lattice.Reply{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var asking sync.WaitGroup
	asking.Go(func() { _, _ = a.Request(ctx, "x", nil, nil) })
	<-entered
	way.cut()
	poll.Until(t, 10*time.Second, "the loss of the connection", func() (any, bool) { return b.Connected(), !b.Connected() })
	close(answer)
	begin := time.Now()
	if err := sub.Close(); err != nil || time.Since(begin) > 10*time.Second {
		t.Errorf("closed after %s: %v", time.Since(begin), err)
	}
	cancel()
	asking.Wait()
}

// TestServerTakesNothing: requests to a server that reads no more, as one that
// was stopped, end soon after their time, whatever fits into the system's buffers.
func TestServerTakesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var serving sync.WaitGroup
	t.Cleanup(func() { serving.Wait() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				for _, c := range conns {
					_ = c.Close()
				}
				return
			}
			if conns = append(conns, c); len(conns) > 1 {
				continue // only the first is greeted
			}
			_, _ = io.WriteString(c, "INFO {\"server_id\":\"x\",\"version\":\"2.10.0\",\"headers\":true,\"max_payload\":1048576,\"proto\":1}\r\n")
			in := bufio.NewReader(c)
			for text := ""; !strings.HasPrefix(text, "PING"); {
				if text, err = in.ReadString('\n'); err != nil {
					break
				}
			}
			_, _ = io.WriteString(c, "PONG\r\n")
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	b := connect(t, Config{URLs: []string{"nats://" + l.Addr().String()}})
	const limit = 500 * time.Millisecond
	data := make([]byte, 1<<20-64)
	begin := time.Now()
	for time.Since(begin) < writeTimeout { // until the buffers are full, and once more
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		asked := time.Now()
		_, err := b.Request(ctx, "x", nil, data)
		cancel()
		if err == nil || errors.Is(err, errcode.Internal) {
			t.Fatalf("a server that reads nothing: %v", err)
		}
		if took := time.Since(asked); took > limit+writeTimeout+2*time.Second {
			t.Fatalf("a request with %s took %s", limit, took)
		}
	}
}
