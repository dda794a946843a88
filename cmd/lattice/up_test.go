package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

func upCounter(extra ...string) []string {
	return slices.Concat([]string{"up", example("counter"), "--http-listen", "127.0.0.1:0"}, free, extra)
}

// TestCounter is the first command of the readme, and that its count goes on
// after a restart, as the same cluster and host.
func TestCounter(t *testing.T) {
	h := newHome(t)
	p := h.start(upCounter()...)
	ready := p.await("ready")
	if ready.NATS == "" || ready.Host == "" || !strings.HasPrefix(ready.HTTP, "http://127.0.0.1:") || len(ready.Addresses) != 1 {
		t.Fatalf("ready says %+v", ready)
	}
	for want := 1; want <= 3; want++ {
		if n := count(t, ready.HTTP+"/a"); n != want {
			t.Fatalf("count %d, want %d", n, want)
		}
	}
	p.stop()
	p = h.start(upCounter()...)
	if e := p.await("deployed"); !e.Unchanged {
		t.Error("the second deployment of the same manifest changed something")
	}
	again := p.await("ready")
	if again.Cluster != ready.Cluster || again.Host != ready.Host {
		t.Errorf("cluster %s, host %s after a restart, before %s and %s", again.Cluster, again.Host, ready.Cluster, ready.Host)
	}
	if n := count(t, again.HTTP+"/a"); n != 4 {
		t.Errorf("count %d after a restart, want 4", n)
	}
	p.kill()
	p = h.start(slices.Concat([]string{"up"}, free)...)
	third := p.await("ready")
	if third.HTTP == "" {
		t.Fatalf("without a manifest what was deployed does not serve: %+v", third)
	}
	if n := count(t, third.HTTP+"/a"); n != 5 {
		t.Errorf("count %d after kill -9, want 5", n)
	}
	p.stop()
}

func TestStartIsFast(t *testing.T) {
	h := newHome(t)
	p := h.start(upCounter()...) // fills the cache of compiled code
	p.await("ready")
	p.stop()
	began := time.Now()
	p = h.start(upCounter()...)
	p.await("ready")
	took := time.Since(began)
	p.stop()
	t.Logf("ready after %s", took)
	if took > 10*time.Second { // the goal is 1 s; machines that test are slow
		t.Errorf("ready after %s", took)
	}
}

func TestCommandsFindWhatRuns(t *testing.T) {
	h := newHome(t)
	p := h.start(upCounter("--name", "alpha", "--zone", "eu-1", "--label", "disk=ssd")...)
	ready := p.await("ready")
	var hosts struct {
		Hosts []struct {
			ID, Name, State, Zone string
			Labels                map[string]string
		}
	}
	h.json(&hosts, "get", "hosts")
	if len(hosts.Hosts) != 1 || hosts.Hosts[0].ID != ready.Host || hosts.Hosts[0].Name != "alpha" ||
		hosts.Hosts[0].State != "live" || hosts.Hosts[0].Zone != "eu-1" || hosts.Hosts[0].Labels["disk"] != "ssd" {
		t.Errorf("get hosts: %+v", hosts)
	}
	for _, c := range []struct{ args, want string }{
		{"get components", "counter"}, {"get providers", "keyvalue-file"}, {"get links", "wasi:keyvalue"},
		{"get applications", "deployed"}, {"get configs", "counter-settings"}, {"link list", "atomics,store"},
		{"link get counter wasi:keyvalue", "target         store"}, {"config get counter-settings", "greeting=hello"},
	} {
		if out := h.ok(strings.Fields(c.args)...); !strings.Contains(out, c.want) {
			t.Errorf("lattice %s: %q is not in\n%s", c.args, c.want, out)
		}
	}
	if out := h.ok("__complete", "link", "swap", ""); !strings.Contains(out, "counter\n") {
		t.Errorf("completion does not know the component: %s", out)
	}
	h.refused(errcode.NotFound, []string{"counter-setings", "counter-settings"}, "config", "get", "counter-setings")
	h.refused(errcode.NotFound, []string{`"counte"`, `did you mean "counter"?`}, "call", "counte", "a.b()")
	if out := h.ok("down"); !strings.Contains(out, ready.NATS) {
		t.Errorf("down says %q", out)
	}
	if status := p.wait(); status != 0 {
		t.Errorf("status %d after down", status)
	}
	h.refused(errcode.NotFound, []string{"none runs there", "lattice up"}, "down")
}

// TestConfigReachesComponent changes a value that a running component reads.
func TestConfigReachesComponent(t *testing.T) {
	h := newHome(t)
	p := h.start(upCounter()...)
	url := p.await("ready").HTTP + "/c"
	if body := get(t, url); !strings.Contains(body, `"greeting":"hello"`) {
		t.Fatalf("answer %s", body)
	}
	h.ok("config", "put", "counter-settings", "greeting=salut", "bucket=default")
	if body := get(t, url); !strings.Contains(body, `"greeting":"salut"`) || !strings.Contains(body, `"count":2`) {
		t.Errorf("answer %s after the change", body)
	}
	h.refused(errcode.Conflict, []string{"counter-settings"}, "config", "delete", "counter-settings")
	h.ok("config", "put", "unused", "a=1")
	h.ok("config", "delete", "unused")
	if out := h.ok("config", "delete", "unused"); !strings.Contains(out, "there was no config") {
		t.Errorf("deleting again says %q", out)
	}
	p.stop()
}

func TestDeployAndDelete(t *testing.T) {
	h := newHome(t)
	p := h.start(slices.Concat([]string{"up"}, free)...)
	if e := p.await("ready"); e.HTTP != "" {
		t.Errorf("an empty lattice serves at %s", e.HTTP)
	}
	if out := h.ok("deploy", example("counter"), "--http-listen", "127.0.0.1:0"); !strings.Contains(out, "application counter runs") {
		t.Errorf("deploy says %q", out)
	}
	if out := h.ok("deploy", example("counter"), "--http-listen", "127.0.0.1:0"); !strings.Contains(out, "unchanged") {
		t.Errorf("deploy again says %q", out)
	}
	var provs struct {
		Providers []struct {
			Name  string
			Hosts []struct{ Address string }
		}
	}
	url := ""
	err := poll.Wait(t.Context(), "the web provider to listen", func() (any, bool) {
		h.json(&provs, "get", "providers")
		for _, pr := range provs.Providers {
			if pr.Name == "web" && len(pr.Hosts) == 1 && pr.Hosts[0].Address != "" {
				url = pr.Hosts[0].Address
			}
		}
		return provs, url != ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, url+"/d"); n != 1 {
		t.Errorf("count %d", n)
	}
	h.ok("delete", "application", "counter")
	if out := h.ok("get", "components"); strings.Contains(out, "counter") {
		t.Errorf("after the deletion:\n%s", out)
	}
	h.refused(errcode.NotFound, []string{`application "counter" does not exist`}, "delete", "application", "counter")
	p.stop()
}

func TestTakenPorts(t *testing.T) {
	h := newHome(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	h.refused(errcode.Conflict, []string{taken, "--nats-listen"}, "up", "--nats-listen", taken)
	h.refused(errcode.Conflict, []string{taken, "--http-listen"}, "up", example("counter"), "--nats-listen", "127.0.0.1:0", "--http-listen", taken)
}

func TestDataFolders(t *testing.T) {
	h := newHome(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	up := append([]string{"up"}, free...)
	h.refused(errcode.Denied, []string{file, "--data"}, append(up, "--data", file)...)
	h.refused(errcode.Denied, []string{file, "--data"}, append(up, "--data", filepath.Join(file, "below"))...)

	p := h.start(upCounter()...)
	ready := p.await("ready")
	h.refused(errcode.Conflict, []string{ready.Data, "lattice down"}, up...)
	second := filepath.Join(t.TempDir(), "second")
	j := h.start("up", "--join", ready.NATS, "--data", second)
	j.await("ready")
	j.stop()
	h.refused(errcode.Conflict, []string{"joined", "--join"}, append(up, "--data", second)...)
	p.stop()
	h.refused(errcode.Conflict, []string{"state of lattice", "--data"}, "up", "--join", ready.NATS, "--data", ready.Data)
	h.refused(errcode.Conflict, []string{`"default"`, "--lattice default"}, append(up, "--data", ready.Data, "--lattice", "other")...)

	// State that is lost is not begun anew in silence.
	if err := os.RemoveAll(filepath.Join(ready.Data, "raft")); err != nil {
		t.Fatal(err)
	}
	h.refused(errcode.NotFound, []string{"holds none", "--data"}, append(up, "--data", ready.Data)...)
	if _, err := os.Stat(filepath.Join(ready.Data, "raft", "raft.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state was begun where some was lost: %v", err)
	}
}
