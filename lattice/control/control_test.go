package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/control"
	"latticework/lattice/latticetest"
	"latticework/lattice/linkstate"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

var quick = control.Config{Heartbeat: 100 * time.Millisecond, LostAfter: 700 * time.Millisecond, Overlap: 5 * time.Millisecond, PrepareBudget: 3 * time.Second}

const beat = 50 * time.Millisecond

func context30(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func link(target string) linkstate.Link {
	return linkstate.Link{LinkKey: linkstate.LinkKey{Source: "counter", Namespace: "wasi", Package: "keyvalue", Interfaces: []string{"store", "atomics"}},
		Targets: []linkstate.Target{{Name: target}}}
}

var query = lattice.LinkQuery{Source: "counter", Package: "wasi:keyvalue"}

func shop() linkstate.DeployApplication {
	l := link("mem")
	l.Targets[0].Config = []string{"kv"}
	return linkstate.DeployApplication{
		Application: linkstate.Application{Name: "shop", Version: "1"},
		Configs:     []linkstate.Config{{Name: "kv", Values: map[string]string{"bucket": "a"}}},
		Components:  []linkstate.Component{{Name: "counter", Image: linkstate.Image{Ref: "counter.wasm"}}},
		Providers:   []linkstate.Provider{{Name: "mem", Technology: "keyvalue-memory"}, {Name: "redis", Technology: "keyvalue-redis"}},
		Links:       []linkstate.Link{l},
	}
}

// deployed is a cluster with one host and the shop running on it.
func deployed(t *testing.T, o latticetest.Options) (*latticetest.Cluster, *latticetest.Host) {
	t.Helper()
	if o.Control.Heartbeat == 0 {
		o.Control = quick
	}
	c := latticetest.New(t, o)
	h := c.StartHost(latticetest.HostOptions{Heartbeat: beat})
	rep, err := c.Client.DeployApplication(context30(t), lattice.DeployRequest{Deploy: shop(), PutOptions: lattice.PutOptions{Wait: true}})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Unchanged || rep.Revision == 0 {
		t.Fatalf("deployed: %+v", rep)
	}
	return c, h
}

func wantErr(t *testing.T, err error, code errcode.Code, part string) {
	t.Helper()
	if !errors.Is(err, code) || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v (%s), want %s with %q", err, errcode.Of(err), code, part)
	}
}

func TestDeployAndList(t *testing.T) {
	for _, nats := range []bool{false, true} {
		t.Run(fmt.Sprint("nats=", nats), func(t *testing.T) {
			c, h := deployed(t, latticetest.Options{NATS: nats})
			ctx := context30(t)
			hello, err := c.Client.Hello(ctx)
			if err != nil || hello.Cluster != c.ID || hello.Lattice != latticetest.LatticeName {
				t.Fatalf("hello %+v %v", hello, err)
			}
			apps, err := c.Client.ListApplications(ctx)
			if err != nil || len(apps.Applications) != 1 || apps.Applications[0].Status != "deployed" {
				t.Fatalf("applications %+v %v", apps, err)
			}
			comps, err := c.Client.ListComponents(ctx)
			if err != nil || len(comps.Components) != 1 || len(comps.Components[0].Hosts) != 1 || comps.Components[0].Hosts[0].State != "running" || comps.Components[0].Hosts[0].Host != h.ID {
				t.Fatalf("components %+v %v", comps, err)
			}
			provs, err := c.Client.ListProviders(ctx)
			if err != nil || len(provs.Providers) != 2 || provs.Providers[0].Hosts[0].State != "running" {
				t.Fatalf("providers %+v %v", provs, err)
			}
			l, err := c.Client.GetLink(ctx, query)
			if err != nil || l.Targets[0].Name != "mem" || len(l.Hosts) != 1 || !l.Hosts[0].Live {
				t.Fatalf("link %+v %v", l, err)
			}
			again, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: shop(), PutOptions: lattice.PutOptions{Wait: true}})
			if err != nil || !again.Unchanged {
				t.Fatalf("again: %+v %v", again, err)
			}
			text, err := c.Client.Call(ctx, "counter", "ns:p/i.f()")
			if err != nil || text.Text != "ns:p/i.f()" || text.Host != h.ID {
				t.Fatalf("call %+v %v", text, err)
			}
			_, err = c.Client.Call(ctx, "counter", "fail")
			wantErr(t, err, errcode.Trap, "trapped")
			_, err = c.Client.Call(ctx, "nobody", "f()")
			wantErr(t, err, errcode.NotFound, "nobody")
			if _, err := c.Client.DeleteApplication(ctx, lattice.NameRequest{Name: "shop", PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
				t.Fatal(err)
			}
			if n := len(h.Follower.View().Assignments()); n != 0 {
				t.Errorf("%d assignments left after waiting", n)
			}
		})
	}
}

func TestDeployTellsWhyNot(t *testing.T) {
	c := latticetest.New(t, latticetest.Options{Control: quick})
	h := c.StartHost(latticetest.HostOptions{Heartbeat: beat, Name: "one"})
	ctx := context30(t)
	h.SetState("component/counter", "failed", "import wasi:keyvalue/batch is not linked")
	_, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: shop(), PutOptions: lattice.PutOptions{Wait: true}})
	wantErr(t, err, errcode.Unavailable, "component counter failed on host one: import wasi:keyvalue/batch is not linked")

	h.SetState("component/counter", "running", "")
	d := shop()
	d.Application.Version = "2"
	d.Components[0].Spread = []linkstate.Spread{{Requirements: map[string]string{"zone": "moon"}}}
	_, err = c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}})
	wantErr(t, err, errcode.Unavailable, "want a host with zone=moon")
	comps, err := c.Client.ListComponents(ctx)
	if err != nil || !strings.Contains(comps.Components[0].Problem, "zone=moon") {
		t.Errorf("components %+v %v", comps, err)
	}
	// A host that matches is found by itself.
	h.SetLabels(map[string]string{"zone": "moon"})
	if _, err = c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		t.Error(err)
	}
	bad := shop()
	bad.Links[0].Targets[0].Name = "postgres"
	_, err = c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: bad})
	wantErr(t, err, errcode.NotFound, `"postgres"`)
	l := link("mem")
	l.Targets = append(l.Targets, linkstate.Target{Name: "redis"})
	_, err = c.Client.PutLink(ctx, lattice.PutLinkRequest{Link: l})
	wantErr(t, err, errcode.Unsupported, "several targets")
}

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
	same, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	if err != nil || !same.Unchanged {
		t.Fatalf("swap to where it leads: %+v %v", same, err)
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
			for {
				select {
				case <-stop:
					return
				default:
				}
				floor := acknowledged.Load()
				_, generation, end := h.Begin(key)
				if generation < floor {
					t.Errorf("a call went to generation %d after %d was acknowledged", generation, floor)
				}
				calls.Add(1)
				runtime.Gosched()
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

func TestConfig(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	ctx := context30(t)
	before, _ := c.Client.GetLink(ctx, query)
	put := func(bucket string) (lattice.WriteReply, error) {
		return c.Client.PutConfig(ctx, lattice.PutConfigRequest{Config: linkstate.Config{Name: "kv", Values: map[string]string{"bucket": bucket}}, PutOptions: lattice.PutOptions{Wait: true}})
	}
	h.Reject(func(p lattice.PrepareLink) error {
		if p.TargetConfig[0]["bucket"] == "bad" {
			return errcode.New(errcode.Invalid, "no such bucket")
		}
		return nil
	})
	_, err := put("bad")
	wantErr(t, err, errcode.Invalid, "no such bucket")
	if cfg, _ := c.Client.GetConfig(ctx, "kv"); cfg.Values["bucket"] != "a" {
		t.Fatalf("rejected values were written: %v", cfg.Values)
	}
	rep, err := put("b")
	if err != nil || len(rep.Applied) != 1 {
		t.Fatalf("%+v %v", rep, err)
	}
	if l := h.Follower.View().Link(before.LinkKey); l.Generation == before.Generation {
		t.Error("the link's generation did not change with its config")
	}
	_, err = c.Client.GetConfig(ctx, "kw")
	wantErr(t, err, errcode.NotFound, "kw")
	if errcode.NextOf(err) != `did you mean "kv"?` {
		t.Errorf("next step %q", errcode.NextOf(err))
	}
	_, err = c.Client.DeleteConfig(ctx, lattice.NameRequest{Name: "kv"})
	wantErr(t, err, errcode.Conflict, "names it")
	if list, err := c.Client.ListConfigs(ctx); err != nil || len(list.Configs) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
}

// TestControlRestarts: hosts go on with what they know, catch up afterwards,
// and keep their work.
func TestControlRestarts(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	ctx := context30(t)
	view := h.Follower.View()
	c.StopControl()
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err := c.Client.SwapLink(short, lattice.SwapLinkRequest{LinkQuery: query, To: "redis"})
	wantErr(t, err, errcode.Unavailable, "no control member")
	if target, _, end := h.Begin(view.Links()[0].LinkKey); target != "mem" {
		t.Error("the host forgot its link")
	} else {
		end()
	}
	c.StartControl()
	poll.Until(t, 10*time.Second, "the host to be live", func() (any, bool) {
		l, err := c.Client.ListHosts(ctx)
		return err, err == nil && len(l.Hosts) == 1 && l.Hosts[0].State == "live" && l.Hosts[0].Inventory.Name != ""
	})
	if _, err := c.Client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis", PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		t.Fatal(err)
	}
	for _, a := range h.Follower.View().Assignments() {
		if a.Revision > view.Index() {
			t.Errorf("the restart moved %s", a.Key())
		}
	}
}

// TestHalfDoneSwapIsFinished: a swap whose driver died after the preparation
// was written is taken to its end by the next.
func TestHalfDoneSwapIsFinished(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	ctx := context30(t)
	key := h.Follower.View().Links()[0].LinkKey
	c.StopControl()
	// What the driver wrote before it died:
	c.StartControl()
	if _, err := c.Store.Apply(ctx, linkstate.Command{Request: "r.prepare", PrepareSwap: &linkstate.PrepareSwap{Key: key, Targets: []linkstate.Target{{Name: "redis"}}}}); err != nil {
		t.Fatal(err)
	}
	c.StopControl()
	c.StartControl()
	poll.Until(t, 10*time.Second, "the swap to be finished", func() (any, bool) {
		l, err := c.Client.GetLink(ctx, query)
		return fmt.Sprintf("%+v %v", l.Link, err), err == nil && l.Swap == nil && len(l.Drains) == 0 && l.Targets[0].Name == "redis"
	})
}

func TestHostsComeAndGo(t *testing.T) {
	c, first := deployed(t, latticetest.Options{})
	ctx := context30(t)
	runsOn := func(id lattice.HostID) func() (any, bool) {
		return func() (any, bool) {
			l, err := c.Client.ListComponents(ctx)
			if err != nil {
				return err, false
			}
			hosts := l.Components[0].Hosts
			return fmt.Sprintf("%+v", hosts), len(hosts) == 1 && hosts[0].Host == id && hosts[0].Assigned == 1 && hosts[0].State == "running"
		}
	}
	second := c.StartHost(latticetest.HostOptions{Name: "two", Heartbeat: beat})
	runsOn(first.ID)
	// Draining: the work is handed over, not before it runs elsewhere.
	second.SetState("component/counter", "starting", "")
	first.SetDraining(true)
	poll.Until(t, 10*time.Second, "the second host to be given the component too", func() (any, bool) {
		a := c.Store.Local().AssignmentOf("counter")
		return fmt.Sprintf("%+v", a), a.On(string(second.ID)) == 1 && a.On(string(first.ID)) == 1
	})
	second.SetState("component/counter", "running", "")
	poll.Until(t, 10*time.Second, "the component to run on the second host alone", runsOn(second.ID))
	// Killed: the work goes back after a while.
	first.SetDraining(false)
	second.Kill()
	poll.Until(t, 10*time.Second, "the component to run on the first host", runsOn(first.ID))
	hosts, err := c.Client.ListHosts(ctx)
	if err != nil || len(hosts.Hosts) != 2 {
		t.Fatalf("%+v %v", hosts, err)
	}
	for _, h := range hosts.Hosts {
		if want := map[lattice.HostID]string{first.ID: "live", second.ID: "lost"}[h.Host]; h.State != want {
			t.Errorf("host %s is %s, want %s", h.Inventory.Name, h.State, want)
		}
	}
}

// TestSilenceOfAll: a control member that is cut off moves nothing.
func TestSilenceOfAll(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	before := c.Store.Local().AssignmentOf("counter").Revision
	h.Kill()
	poll.Until(t, 10*time.Second, "the host to be lost", func() (any, bool) {
		l, err := c.Client.ListHosts(context30(t))
		return fmt.Sprintf("%+v %v", l, err), err == nil && len(l.Hosts) == 1 && l.Hosts[0].State == "lost"
	})
	if after := c.Store.Local().AssignmentOf("counter"); after == nil || after.Revision != before {
		t.Errorf("with no host left the assignment became %+v", after)
	}
}

func TestFollowerCatchesUp(t *testing.T) {
	c, h := deployed(t, latticetest.Options{Seed: 5})
	ctx := context30(t)
	name := func() string { return "c" }
	for round := range 4 {
		c.Network.Partition([]string{"control-1"}, []string{"host-3"})
		for i := range 3 {
			if _, err := c.Client.PutConfig(ctx, lattice.PutConfigRequest{Config: linkstate.Config{Name: name(), Values: map[string]string{"n": fmt.Sprint(round, i)}}}); err != nil {
				t.Fatal(err)
			}
		}
		c.Network.Heal()
		poll.Until(t, 10*time.Second, "the host to catch up", func() (any, bool) {
			return h.Follower.Applied(), h.Follower.Applied() == c.Store.Local().Index()
		})
		if got, want := h.Follower.View().Encode(), c.Store.Local().Encode(); !bytes.Equal(got, want) {
			t.Fatalf("follower has\n%s\nstore has\n%s", got, want)
		}
	}
}

func TestFollowerOnBadNetwork(t *testing.T) {
	c, h := deployed(t, latticetest.Options{Seed: 9})
	ctx := context30(t)
	for i := range 60 {
		if _, err := c.Store.Apply(ctx, linkstate.Command{PutConfig: &linkstate.PutConfig{Config: linkstate.Config{Name: "c", Values: map[string]string{"n": fmt.Sprint(i)}}}}); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			c.Network.SetFaults(faults)
		}
	}
	poll.Until(t, 20*time.Second, "the host to catch up", func() (any, bool) {
		return h.Follower.Applied(), h.Follower.Applied() == c.Store.Local().Index()
	})
	if got, want := h.Follower.View().Encode(), c.Store.Local().Encode(); !bytes.Equal(got, want) {
		t.Fatalf("follower has\n%s\nstore has\n%s", got, want)
	}
	// What OnChange heard, in order, makes the same state.
	v, err := linkstate.DecodeView((*linkstate.View)(nil).Encode())
	if err != nil {
		t.Fatal(err)
	}
	rep := linkstate.NewReplica(v)
	for i, step := range h.Steps() {
		if err := rep.Apply(linkstate.Commit{Prev: uint64(i), Index: uint64(i + 1), Changes: step}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := rep.View().Config("c").Values["n"], "59"; got != want {
		t.Errorf("OnChange heard of %s last, want %s", got, want)
	}
}

func TestOtherCluster(t *testing.T) {
	c, _ := deployed(t, latticetest.Options{})
	other := lattice.NewClusterID()
	client, err := lattice.NewClient(lattice.ClientConfig{Bus: c.Bus("stranger"), Lattice: latticetest.LatticeName, Cluster: other})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.ListHosts(context30(t))
	wantErr(t, err, errcode.Conflict, string(other))
	f, err := lattice.NewFollower(lattice.FollowerConfig{Bus: c.Bus("stranger"), Lattice: latticetest.LatticeName, Cluster: other,
		OnChange: func(context.Context, *linkstate.View, []linkstate.Change) { t.Error("followed another cluster") }})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wantErr(t, f.Open(context30(t)), errcode.Conflict, string(other))
}

func TestBlobs(t *testing.T) {
	c := latticetest.New(t, latticetest.Options{Control: quick})
	ctx := context30(t)
	data := bytes.Repeat([]byte("wasm"), 700_000)
	digest, err := c.Client.PutBlob(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Client.PutBlob(ctx, data)
	if err != nil || again != digest {
		t.Fatal(again, err)
	}
	got, err := c.Client.GetBlob(ctx, digest)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes %v", len(got), err)
	}
	empty, err := c.Client.PutBlob(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Client.GetBlob(ctx, empty); err != nil || len(got) != 0 {
		t.Fatalf("empty: %d bytes %v", len(got), err)
	}
	_, err = c.Client.GetBlob(ctx, lattice.DigestOf([]byte("other")))
	wantErr(t, err, errcode.NotFound, "not kept here")
	_, err = c.Client.GetBlob(ctx, "sha256:../../x")
	wantErr(t, err, errcode.Invalid, "digest")
}
