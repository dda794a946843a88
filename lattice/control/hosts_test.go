package control_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/latticetest"
	"latticework/lattice/linkstate"
	"latticework/lattice/membus"
)

// faults is a network on which much goes wrong.
var faults = membus.Faults{DelayMin: time.Millisecond, DelayMax: 20 * time.Millisecond, Drop: 0.2, Duplicate: 0.2}

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

// TestCutOff: a control member that does not hear itself blames nobody else.
func TestCutOff(t *testing.T) {
	c, first := deployed(t, latticetest.Options{})
	second := c.StartHost(latticetest.HostOptions{Name: "two", Heartbeat: beat})
	before := c.Store.Local().AssignmentOf("counter")
	const control = "control-1"
	c.Network.Cut(control, control)
	c.Network.Partition([]string{control}, []string{"host-3"})
	// Long enough for the host to be lost, were it judged.
	watch, cancel := context.WithTimeout(context30(t), 3*quick.LostAfter)
	defer cancel()
	_ = poll.Wait(watch, "an assignment that moves", func() (any, bool) {
		now := c.Store.Local().AssignmentOf("counter")
		return nil, now.Revision != before.Revision
	})
	if now := c.Store.Local().AssignmentOf("counter"); now.Revision != before.Revision {
		t.Fatalf("cut off, it moved the component: %+v", now)
	}
	c.Network.Heal()
	poll.Until(t, 10*time.Second, "both hosts to be live", func() (any, bool) {
		l, err := c.Client.ListHosts(context30(t))
		live := 0
		for _, h := range l.Hosts {
			if h.State == "live" && (h.Host == first.ID || h.Host == second.ID) {
				live++
			}
		}
		return fmt.Sprint(live, err), live == 2
	})
	if now := c.Store.Local().AssignmentOf("counter"); now.Revision != before.Revision {
		t.Errorf("healed, it moved the component: %+v", now)
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
