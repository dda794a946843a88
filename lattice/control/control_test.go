package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
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

// TestConfigOfProvider: hosts are asked about settings that a provider is to
// have itself, and nothing is written if one refuses them.
func TestConfigOfProvider(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	ctx := context30(t)
	d := shop()
	d.Configs = append(d.Configs, linkstate.Config{Name: "base", Values: map[string]string{"size": "1"}}, linkstate.Config{Name: "own", Values: map[string]string{"name": "x"}})
	for i := range d.Providers {
		d.Providers[i].Config = []string{"base", "own"}
	}
	if _, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		t.Fatal(err)
	}
	h.Reject(func(p lattice.PrepareLink) error {
		if own := p.OwnConfig["mem"]; len(p.OwnConfig) == 1 && own["size"] == "1" && own["name"] == "bad" && p.TargetConfig[0]["bucket"] == "a" {
			return errcode.New(errcode.Invalid, "no such name")
		}
		return nil
	})
	put := func(name string) error {
		_, err := c.Client.PutConfig(ctx, lattice.PutConfigRequest{Config: linkstate.Config{Name: "own", Values: map[string]string{"name": name}}, PutOptions: lattice.PutOptions{Wait: true}})
		return err
	}
	wantErr(t, put("bad"), errcode.Invalid, "no such name")
	if cfg, _ := c.Client.GetConfig(ctx, "own"); cfg.Values["name"] != "x" {
		t.Errorf("rejected values were written: %v", cfg.Values)
	}
	if err := put("good"); err != nil {
		t.Error(err)
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
