package wasihttp

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
)

// maxHeld is more than two sockets and the buffers of one body hold.
const maxHeld = 24 << 20

// still returns a count once it no longer grows.
func still(t *testing.T, count *atomic.Int64) int64 {
	t.Helper()
	last := int64(-1)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for now := count.Load(); now != last || now == 0; now = count.Load() {
		if last = now; now > 4*maxHeld {
			return now
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			return now
		}
	}
	return last
}

// wantHeld compares what was taken from one side with what may lie between.
func wantHeld(t *testing.T, what string, n int64) {
	t.Helper()
	if n == 0 || n > maxHeld {
		t.Errorf("%s: %d bytes were taken, want 1 to %d", what, n, maxHeld)
	}
}

// TestSlowServer has a guest send a body without end to a server that reads
// none of it.
func TestSlowServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts by the backlog alone
	q := request(t, contract.MethodPost(), "http://"+l.Addr().String()+"/", nil)
	body, err := q.Body(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s, err := body.Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f, err := outgoingHandler{newOutgoing(t)}.Handle(ctx, q, none())
	if err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	idle := 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for idle < 20 && taken.Load() <= maxHeld {
		n, err := s.CheckWrite(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			idle++
			<-tick.C
			continue
		}
		idle = 0
		n = min(n, 1<<16)
		if err := s.WriteZeroes(ctx, n); err != nil {
			t.Fatal(err)
		}
		taken.Add(int64(n))
	}
	wantHeld(t, "a server that does not read", taken.Load())
	f.Drop(ctx)
	s.Drop(ctx)
	body.Drop(ctx)
}

// TestSlowClient has a guest answer without end a client that reads none of
// it.
func TestSlowClient(t *testing.T) {
	var taken atomic.Int64
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		resp, _ := types.NewOutgoingResponse(ctx, newFields())
		body, err := resp.Body(ctx)
		if err != nil {
			return err
		}
		if err := set(ctx, out, resp); err != nil {
			return err
		}
		s, err := body.Write(ctx)
		if err != nil {
			return err
		}
		for {
			if err := s.BlockingWriteAndFlush(ctx, make([]byte, 4096)); err != nil {
				return err
			}
			taken.Add(4096)
		}
	})
	c := dialRaw(t, url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	wantHeld(t, "a client that does not read", still(t, &taken))
	_ = c.Close()
	if err := <-results; err == nil {
		t.Error("the guest ended well without a client")
	}
}

// TestSlowGuest has a client send a body without end to a guest that reads
// none of it.
func TestSlowGuest(t *testing.T) {
	release := make(chan struct{})
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return respond(ctx, out, http.StatusOK, nil)
	})
	c := dialRaw(t, url, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
	var taken atomic.Int64
	sent := make(chan error, 1)
	go func() {
		block := make([]byte, 1<<16)
		for {
			n, err := c.Write(block)
			taken.Add(int64(n))
			if err != nil {
				sent <- err
				return
			}
		}
	}()
	wantHeld(t, "a guest that does not read", still(t, &taken))
	close(release)
	<-results
	_ = c.Close()
	<-sent
}

// dialRaw connects to a server and sends text.
func dialRaw(t *testing.T, url, text string) net.Conn {
	t.Helper()
	var address string
	if _, err := fmt.Sscanf(url, "http://%s", &address); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}
