package control_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/latticetest"
	"latticework/lattice/linkstate"
)

// TestRepliesAreLost: who asks is told what became of it though the first reply
// gets lost on its way; it is not done twice, nor beside itself.
func TestRepliesAreLost(t *testing.T) {
	c, h := deployed(t, latticetest.Options{})
	bus := c.Bus("asking")
	client, err := lattice.NewClient(lattice.ClientConfig{Bus: bus, Lattice: latticetest.LatticeName, Repeat: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	wait := lattice.PutOptions{Wait: true}
	changed := shop()
	changed.Application.Version = "2"
	for _, r := range []struct {
		name string
		ask  func(ctx context.Context) error
		done func(v *linkstate.View) bool
	}{
		{"swap", func(ctx context.Context) error {
			_, err := client.SwapLink(ctx, lattice.SwapLinkRequest{LinkQuery: query, To: "redis", PutOptions: wait})
			return err
		}, func(v *linkstate.View) bool { return v.Links()[0].Targets[0].Name == "redis" }},
		{"deploy", func(ctx context.Context) error {
			rep, err := client.DeployApplication(ctx, lattice.DeployRequest{Deploy: changed, PutOptions: wait})
			if err == nil && rep.Unchanged {
				t.Error("deploy: the repetition was answered, not the first")
			}
			return err
		}, func(v *linkstate.View) bool { return v.Application("shop").Version == "2" }},
		{"delete link", func(ctx context.Context) error {
			rep, err := client.DeleteLink(ctx, lattice.DeleteLinkRequest{LinkQuery: query, PutOptions: wait})
			if err == nil && (rep.Unchanged || len(rep.Applied) != 1) {
				t.Errorf("delete link: %+v: the repetition was done, which found no link", rep)
			}
			return err
		}, func(v *linkstate.View) bool { return len(v.Links()) == 0 }},
	} {
		c.Network.Cut("control-1", "asking-4")
		answer := make(chan error, 1)
		go func() { answer <- r.ask(context30(t)) }()
		poll.Until(t, 10*time.Second, r.name+" to be done", func() (any, bool) { return h.Follower.View().Index(), r.done(h.Follower.View()) })
		select {
		case err := <-answer:
			t.Errorf("%s: answered %v over a line that is cut", r.name, err)
		case <-time.After(300 * time.Millisecond):
		}
		index := c.Store.Local().Index()
		c.Network.Heal()
		select {
		case err := <-answer:
			if err != nil {
				t.Errorf("%s: %v", r.name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no reply 10 s after the line was whole again", r.name)
		}
		if now := c.Store.Local().Index(); r.name != "swap" && now != index { // whose drain ends later
			t.Errorf("%s: link state went from %d to %d by the repetition", r.name, index, now)
		}
	}
}

// TestWaitSaysWhatIsMissing: who waits is told in time what was waited for.
func TestWaitSaysWhatIsMissing(t *testing.T) {
	c := latticetest.New(t, latticetest.Options{Control: quick})
	h := c.StartHost(latticetest.HostOptions{Heartbeat: beat, Name: "one"})
	h.SetState("component/counter", "starting", "")
	for _, limit := range []time.Duration{300 * time.Millisecond, 2 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		begin := time.Now()
		_, err := c.Client.DeployApplication(ctx, lattice.DeployRequest{Deploy: shop(), PutOptions: lattice.PutOptions{Wait: true}})
		cancel()
		if !errors.Is(err, errcode.Deadline) || !strings.Contains(err.Error(), "not all of it runs yet: component counter starts on host one") {
			t.Errorf("within %s: %v, want what is missing", limit, err)
		}
		if took := time.Since(begin); took > limit+time.Second {
			t.Errorf("within %s: it took %s", limit, took)
		}
	}
}
