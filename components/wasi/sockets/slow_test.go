//go:build linux || darwin

package sockets

import (
	"net"
	"testing"
	"time"

	"latticework/internal/poll"
)

// TestSlowPeer has a guest send without end to a peer that reads none of it:
// what lies here is what the sockets and one stream's buffer hold.
func TestSlowPeer(t *testing.T) {
	const most = 24 << 20
	ctx := testCtx(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := system(t, "127.0.0.1")
	c := dial(ctx, t, s, at(l.Addr().String())) // accepted by the backlog alone
	defer func() {
		_ = l.Close() // ends what the stream still holds
		c.drop(ctx)
		poll.Until(t, 10*time.Second, "the socket's end", func() (any, bool) { return s.open.Load(), s.open.Load() == 0 })
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	taken, idle := uint64(0), 0
	for idle < 20 && taken <= most {
		n, err := c.out.CheckWrite(ctx)
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
		if err := c.out.WriteZeroes(ctx, n); err != nil {
			t.Fatal(err)
		}
		taken += n
	}
	if taken == 0 || taken > most {
		t.Errorf("%d bytes were taken for a peer that reads none, want 1 to %d", taken, most)
	}
}
