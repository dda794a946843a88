package main

import (
	"path/filepath"
	"testing"

	"latticework/internal/poll"
)

type hostList struct {
	Hosts []struct {
		ID, Name, State string
		Components      []string
		Providers       []string
	}
}

// awaitHost waits until a host is listed in a state.
func awaitHost(t *testing.T, h *home, nats, id, state string) {
	t.Helper()
	err := poll.Wait(t.Context(), "host "+id+" to be "+state, func() (any, bool) {
		var list hostList
		h.json(&list, "get", "hosts", "--nats", nats)
		for _, v := range list.Hosts {
			if v.ID == id && v.State == state {
				return list, true
			}
		}
		return list, false
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecondHost joins a second host, drains it, joins it again and kills it;
// the first serves all the time.
func TestSecondHost(t *testing.T) {
	h := newHome(t)
	p := h.start(upCounter()...)
	first := p.await("ready")
	data := filepath.Join(t.TempDir(), "second")
	join := []string{"host", "--join", first.NATS, "--data", data, "--name", "second"}
	j := h.start(join...)
	second := j.await("ready")
	if second.Host == first.Host || second.Cluster != first.Cluster {
		t.Fatalf("second host %s of %s, first %s of %s", second.Host, second.Cluster, first.Host, first.Cluster)
	}
	awaitHost(t, h, first.NATS, first.Host, "live")
	awaitHost(t, h, first.NATS, second.Host, "live")
	if n := count(t, first.HTTP+"/h"); n != 1 {
		t.Errorf("count %d", n)
	}
	j.stop()
	awaitHost(t, h, first.NATS, second.Host, "stopped")
	j = h.start(join...)
	if again := j.await("ready"); again.Host != second.Host {
		t.Errorf("host %s after a restart, before %s", again.Host, second.Host)
	}
	awaitHost(t, h, first.NATS, second.Host, "live")
	j.kill()
	for want := 2; want < 5; want++ {
		if n := count(t, first.HTTP+"/h"); n != want {
			t.Errorf("count %d, want %d", n, want)
		}
	}
	awaitHost(t, h, first.NATS, second.Host, "suspect")
	p.stop()
}

// split runs the component on one host, its store and the HTTP server on
// another.
const split = `apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: split
spec:
  components:
    - name: counter
      type: component
      properties:
        image: file://IMAGE
      traits:
        - type: spreadscaler
          properties:
            instances: 4
            spread:
              - name: there
                requirements: {place: there}
        - type: link
          properties: {target: store, namespace: wasi, package: keyvalue, interfaces: [store, atomics]}
    - name: store
      type: capability
      properties: {image: "lattice://keyvalue-file"}
      traits:
        - type: spreadscaler
          properties:
            instances: 1
            spread:
              - name: here
                requirements: {place: here}
    - name: web
      type: capability
      properties: {image: "lattice://http-server"}
      traits:
        - type: spreadscaler
          properties:
            instances: 1
            spread:
              - name: here
                requirements: {place: here}
        - type: link
          properties:
            target: counter
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: {config: [{name: split-address, properties: {address: "127.0.0.1:0"}}]}
`

// TestAcrossHosts has the component fetch its bytes and its store over the
// lattice.
func TestAcrossHosts(t *testing.T) {
	h := newHome(t)
	p := h.start(append([]string{"up", "--label", "place=here"}, free...)...)
	first := p.await("ready")
	j := h.start("host", "--join", first.NATS, "--data", filepath.Join(t.TempDir(), "second"), "--label", "place=there")
	second := j.await("ready")
	awaitHost(t, h, first.NATS, second.Host, "live")
	image, err := filepath.Abs(example("counter/counter.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	h.ok("deploy", manifestFile(t, split, image), "--nats", first.NATS)
	var provs struct {
		Providers []struct {
			Name  string
			Hosts []struct{ Host, Address string }
		}
	}
	url := ""
	err = poll.Wait(t.Context(), "the web provider to listen", func() (any, bool) {
		h.json(&provs, "get", "providers", "--nats", first.NATS)
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
	var comps struct {
		Components []struct {
			Name  string
			Hosts []struct{ Host, State string }
		}
	}
	h.json(&comps, "get", "components", "--nats", first.NATS)
	if len(comps.Components) != 1 || len(comps.Components[0].Hosts) != 1 || comps.Components[0].Hosts[0].Host != second.Host {
		t.Fatalf("the component is not on the second host: %+v", comps)
	}
	for want := 1; want < 4; want++ {
		if n := count(t, url+"/x"); n != want {
			t.Errorf("count %d, want %d", n, want)
		}
	}
	j.stop()
	p.stop()
}
