package host

import (
	"context"
	"errors"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/membus"
)

func TestPeersOrder(t *testing.T) {
	now := time.Now()
	p := peers{seen: map[lattice.HostID]peer{
		"idle":     {at: now, load: 0.1},
		"busy":     {at: now, load: 0.9},
		"draining": {at: now, draining: true},
		"stopped":  {at: now, stopped: true},
		"silent":   {at: now.Add(-time.Minute)},
	}}
	for range 50 {
		got := p.order([]lattice.HostID{"silent", "draining", "busy", "stopped", "idle", "unknown"})
		if got[0] != "idle" || got[1] != "busy" || got[2] != "draining" {
			t.Fatalf("order: %v", got)
		}
	}
	if n := p.others("idle"); n != 1 {
		t.Errorf("others than idle: %d, want busy alone", n)
	}
}

// TestInvokeReplica: a refusal is followed by the next host; an answer that
// leaves open whether the call was executed is so only if it may be repeated.
func TestInvokeReplica(t *testing.T) {
	const subjects = lattice.Subjects("test")
	for _, tc := range []struct {
		name       string
		first      error
		idempotent bool
		want       errcode.Code
		calls      int
	}{
		{"refused", lattice.Refuse(errcode.New(errcode.Exhausted, "full")), false, "", 2},
		{"trapped", errcode.New(errcode.Trap, "trapped"), false, errcode.Trap, 1},
		{"trapped and idempotent", errcode.New(errcode.Trap, "trapped"), true, errcode.Trap, 1},
		{"unknown", errcode.New(errcode.Unavailable, "cut"), false, errcode.Unavailable, 1},
		{"unknown and idempotent", errcode.New(errcode.Unavailable, "cut"), true, "", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			net := membus.New(1)
			defer net.Close()
			caller := joined(t, net, "caller")
			calls := 0
			var hosts []lattice.HostID
			for _, name := range []string{"one", "two"} {
				id := lattice.NewHostID()
				hosts = append(hosts, id)
				sub, err := lattice.ServeInvocations(joined(t, net, name), subjects, id, 0, func(context.Context, lattice.Invocation, []byte) ([]byte, error) {
					if calls++; calls == 1 {
						return nil, tc.first
					}
					return []byte("done"), nil
				})
				if err != nil {
					t.Fatal(err)
				}
				defer sub.Close()
			}
			h := &Host{cfg: Config{Bus: caller}, subjects: subjects}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			inv := lattice.Invocation{ID: lattice.NewInvocationID(), Target: "x", Func: "f"}
			out, _, err := h.invokeReplica(ctx, hosts, tc.idempotent, inv, nil)
			if errcode.Of(err) != tc.want || calls != tc.calls || tc.want == "" && string(out) != "done" {
				t.Errorf("%q, %v after %d calls; want code %q after %d", out, err, calls, tc.want, tc.calls)
			}
		})
	}
}

// TestInvokeSilentHost: a host that does not answer uses up only its share of
// the time of a call that may be repeated.
func TestInvokeSilentHost(t *testing.T) {
	const subjects = lattice.Subjects("test")
	net := membus.New(1)
	defer net.Close()
	h := &Host{cfg: Config{Bus: joined(t, net, "caller")}, subjects: subjects, peers: peers{seen: map[lattice.HostID]peer{}}}
	silent, well := lattice.NewHostID(), lattice.NewHostID()
	h.peers.seen[silent] = peer{at: time.Now()} // asked first
	for id, handle := range map[lattice.HostID]lattice.InvokeHandler{
		silent: func(ctx context.Context, _ lattice.Invocation, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		well: func(context.Context, lattice.Invocation, []byte) ([]byte, error) { return []byte("done"), nil },
	} {
		sub, err := lattice.ServeInvocations(joined(t, net, string(id)), subjects, id, 0, handle)
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
	}
	inv := lattice.Invocation{ID: lattice.NewInvocationID(), Target: "x", Func: "f"}
	for _, idempotent := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		out, from, err := h.invokeReplica(ctx, []lattice.HostID{silent, well}, idempotent, inv, nil)
		cancel()
		if idempotent && (err != nil || from != well || string(out) != "done") {
			t.Errorf("idempotent: %q from %s, %v", out, from, err)
		}
		if !idempotent && !errors.Is(err, errcode.Deadline) {
			t.Errorf("not idempotent: %q, %v, want deadline", out, err)
		}
	}
}

func joined(t *testing.T, net *membus.Network, name string) lattice.Bus {
	t.Helper()
	b, err := net.Bus(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
