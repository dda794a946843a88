package control_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/latticetest"
	"latticework/lattice/linkstate"
)

func TestSwap(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	ctx := context30(t)
	before, err := c.Client.GetLink(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	_, oldGen, end := h.Begin(before.LinkKey)
	rep, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Applied) != 1 || rep.Link.Targets[0].Name != "redis" || rep.Drained {
		t.Fatalf("reply %+v", rep)
	}
	// The acknowledgement is true: the next call goes to the new target.
	if target, gen, end2 := h.Begin(before.LinkKey); target != "redis" || gen == oldGen {
		t.Fatalf("after the swap a call goes to %s, generation %d", target, gen)
	} else {
		end2()
	}
	// The new generation was prepared before.
	asked := h.Asked()
	last := asked[len(asked)-1]
	if last.DryRun || last.Link.Generation != rep.Link.Generation || last.Link.Targets[0].Name != "redis" {
		t.Fatalf("prepared %+v", last)
	}
	// The old one stays while a call is open on it.
	if l, _ := c.Client.GetLink(ctx, query); len(l.Drains) != 1 || l.Drains[0].Generation != oldGen {
		t.Fatalf("drains %+v", l.Drains)
	}
	end()
	poll.Until(t, 10*time.Second, "the drain to end", func() (any, bool) {
		l, err := c.Client.GetLink(ctx, query)
		return fmt.Sprint(l.Drains, err), err == nil && len(l.Drains) == 0
	})
	// Repeating a write under its id has no second effect, whatever came after.
	id := lattice.WithRequest(ctx, lattice.NewRequestID())
	back, err := c.Client.SwapLink(id, lattice.SwapLinkRequest{LinkQuery: query, To: "mem"})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Client.SwapLink(id, lattice.SwapLinkRequest{LinkQuery: query, To: "mem"}); err != nil || again.Link.Generation != back.Link.Generation {
		t.Fatalf("repeated: %+v %v, first %+v", again, err, back)
	}
	if _, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"}); err != nil {
		t.Fatal(err)
	}
	late := lattice.SwapLinkRequest{LinkQuery: query, To: "mem", PutOptions: lattice.PutOptions{Wait: true}}
	if again, err := c.Client.SwapLink(id, late); err != nil || again.Link.Targets[0].Name != "redis" {
		t.Fatalf("repeated after another swap: %+v %v", again, err)
	}
	same, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	if err != nil || !same.Unchanged {
		t.Fatalf("swap to where it leads: %+v %v", same, err)
	}
}

// TestDrainAcrossHosts: a call that the caller's host knows of keeps the old
// generation, though the target's host sees nothing of it.
func TestDrainAcrossHosts(t *testing.T) {
	c := latticetest.New(t, latticetest.Options{Control: quick})
	ctx := context30(t)
	near := c.StartHost(latticetest.HostOptions{Name: "near", Heartbeat: beat, Labels: map[string]string{"for": "components"}})
	far := c.StartHost(latticetest.HostOptions{Name: "far", Heartbeat: beat, Labels: map[string]string{"for": "providers"}})
	d := shop()
	d.Components[0].Spread = []linkstate.Spread{{Requirements: map[string]string{"for": "components"}}}
	for i := range d.Providers {
		d.Providers[i].Spread = []linkstate.Spread{{Requirements: map[string]string{"for": "providers"}}}
	}
	if _, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		t.Fatal(err)
	}
	key := near.Follower.View().Links()[0].LinkKey
	_, old, end := near.Begin(key)
	rep, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	if err != nil || len(rep.Applied) != 2 {
		t.Fatalf("%+v %v", rep, err)
	}
	if n := len(far.Asked()); n != 1 {
		t.Errorf("the target's host prepared %d times, want once", n)
	}
	// The next generation drains at once, the first only after its call.
	if _, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "mem"}); err != nil {
		t.Fatal(err)
	}
	poll.Until(t, 10*time.Second, "the second generation to be drained", func() (any, bool) {
		l := c.Store.Local().Link(key)
		return fmt.Sprint(l.Drains), len(l.Drains) == 1 && l.Drains[0].Generation == old
	})
	if _, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis", PutOptions: lattice.PutOptions{DrainBudget: 100 * time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	end()
	poll.Until(t, 10*time.Second, "all to be drained", func() (any, bool) {
		l := c.Store.Local().Link(key)
		return fmt.Sprint(l.Drains), len(l.Drains) == 0
	})
	// A budget that is over cuts off what is open, and says so.
	_, _, end = near.Begin(key)
	defer end()
	cut, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "mem", PutOptions: lattice.PutOptions{Wait: true, DrainBudget: 100 * time.Millisecond}})
	if err != nil || !cut.Drained || len(cut.Cut) != 1 || cut.Cut[0].Host != near.ID || cut.Cut[0].Calls != 1 {
		t.Errorf("%+v %v", cut, err)
	}
}

func TestSwapRefused(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	ctx := context30(t)
	before, err := c.Client.GetLink(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	h.Reject(func(p lattice.PrepareLink) error {
		if p.Link.Targets[0].Name == "redis" {
			return errcode.New(errcode.Denied, "WRONGPASS invalid username-password pair").WithNext("correct the password in config redis")
		}
		return nil
	})
	_, err = c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	wantErr(t, err, errcode.Denied, "WRONGPASS")
	if next := errcode.NextOf(err); !strings.Contains(next, "config redis") {
		t.Errorf("next step %q", next)
	}
	after, err := c.Client.GetLink(ctx, query)
	if err != nil || after.Generation != before.Generation || after.Swap != nil || after.Targets[0].Name != "mem" || len(after.Drains) != 0 {
		t.Fatalf("a rejected swap changed %+v to %+v", before.Link, after.Link)
	}
	_, err = c.Client.PutLink(ctx, lattice.PutLinkRequest{Link: link("redis")})
	wantErr(t, err, errcode.Denied, "WRONGPASS")

	_, err = c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redsi"})
	wantErr(t, err, errcode.NotFound, "redsi")
	if next := errcode.NextOf(err); !strings.Contains(next, `"redis"`) {
		t.Errorf("next step %q", next)
	}
	_, err = c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: lattice.LinkQuery{Source: "conter", Package: "wasi:keyvalue"}, To: "redis"})
	wantErr(t, err, errcode.NotFound, "does not exist")
	if next := errcode.NextOf(err); !strings.Contains(next, "counter wasi:keyvalue") {
		t.Errorf("next step %q", next)
	}
	// A new link is tried as well before it is made.
	second := link("redis")
	second.Name = "second"
	_, err = c.Client.PutLink(ctx, lattice.PutLinkRequest{Link: second})
	wantErr(t, err, errcode.Denied, "WRONGPASS")
	if list, _ := c.Client.ListLinks(ctx); len(list.Links) != 1 {
		t.Errorf("%d links", len(list.Links))
	}
	wrong := uint64(1)
	_, err = c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis", PutOptions: lattice.PutOptions{Expect: &wrong}})
	wantErr(t, err, errcode.Conflict, "expected revision")
}

// TestSwapWaitsForEveryHost: the acknowledgement waits for a host that is
// slow, and says so when it does not come.
func TestSwapWaitsForEveryHost(t *testing.T) {
	c, _ := deployed(t, latticetest.Options{})
	ctx := context30(t)
	d := shop()
	d.Application.Version = "2"
	d.Components[0].Instances = 2
	second := c.StartHost(latticetest.HostOptions{Name: "slow", Heartbeat: beat})
	if _, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		t.Fatal(err)
	}
	second.Hold()
	// The slow host cannot even prepare: it has not applied what the request is
	// based on. Let it prepare, and be slow at the flip.
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	_, err := c.Client.SwapLink(short, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	wantErr(t, err, errcode.Deadline, "")
	second.Release()
	poll.Until(t, 10*time.Second, "the swap to be taken back", func() (any, bool) {
		l, err := c.Client.GetLink(ctx, query)
		return fmt.Sprintf("%+v %v", l.Link, err), err == nil && l.Swap == nil && l.Targets[0].Name == "mem"
	})
	second.Reject(func(p lattice.PrepareLink) error { second.Hold(); return nil })
	short2, cancel2 := context.WithTimeout(ctx, time.Second)
	defer cancel2()
	_, err = c.Client.SwapLink(short2, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	wantErr(t, err, errcode.Deadline, "")
	l, err := c.Client.GetLink(ctx, query)
	if err != nil || l.Targets[0].Name != "redis" {
		t.Fatalf("committed: %+v %v", l.Link, err)
	}
	second.Reject(nil)
	second.Release()
}

// TestSwapUnderLoad: while calls never stop, the link goes to and fro on two
// hosts. No call begun after an acknowledgement goes to the old target, and
// none is cut off.
func TestSwapUnderLoad(t *testing.T) {
	c, first := deployed(t, latticetest.Options{NATS: true})
	ctx := context30(t)
	d := shop()
	d.Application.Version = "2"
	d.Components[0].Instances = 2
	second := c.StartHost(latticetest.HostOptions{Name: "two", Heartbeat: beat})
	if _, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		t.Fatal(err)
	}
	key := first.Follower.View().Links()[0].LinkKey
	var acknowledged atomic.Uint64 // generation
	var calls atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		h := []*latticetest.Host{first, second}[i%2]
		wg.Go(func() {
			pace := time.NewTicker(50 * time.Microsecond) // leave the machine to the swaps
			defer pace.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				floor := acknowledged.Load()
				_, generation, end := h.Begin(key)
				if generation < floor {
					t.Errorf("a call went to generation %d after %d was acknowledged", generation, floor)
				}
				calls.Add(1)
				runtime.Gosched() // while the call is open
				end()
			}
		})
	}
	begin := time.Now()
	const swaps = 60
	for i := range swaps {
		rep, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: []string{"redis", "mem"}[i%2]})
		if err != nil {
			t.Fatalf("swap %d: %v", i, err)
		}
		if len(rep.Applied) != 2 {
			t.Fatalf("swap %d: applied on %v", i, rep.Applied)
		}
		acknowledged.Store(rep.Link.Generation)
	}
	t.Logf("%d swaps, %s each, %d calls", swaps, time.Since(begin)/swaps, calls.Load())
	poll.Until(t, 10*time.Second, "the drains to end", func() (any, bool) {
		l, err := c.Client.GetLink(ctx, query)
		return fmt.Sprint(len(l.Drains), err), err == nil && len(l.Drains) == 0
	})
	close(stop)
	wg.Wait()
	for _, h := range []*latticetest.Host{first, second} {
		if cut := h.Cut(); len(cut) > 0 {
			t.Errorf("host %s: %v", h.Name, cut)
		}
	}
}
