package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/host"
	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// ranOn waits until a component runs somewhere and returns the host's name.
func (c *cluster) ranOn(component string, not ...string) string {
	c.t.Helper()
	name := ""
	poll.Until(c.t, 20*time.Second, component+" to run", func() (any, bool) {
		list, err := c.client.ListComponents(c.t.Context())
		if err != nil {
			return err, false
		}
		for _, comp := range list.Components {
			for _, on := range comp.Hosts {
				if comp.Name == component && on.State == "running" && !contains(not, on.HostName) {
					name = on.HostName
				}
			}
		}
		return list.Components, name != ""
	})
	return name
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// workers is the counter with its component on any host labelled so.
func (c *cluster) workers() linkstate.DeployApplication {
	d := c.counter("", "a", memory("store"))
	d.Components[0].Spread = []linkstate.Spread{{Requirements: map[string]string{"role": "worker"}}}
	return d
}

// worker joins a host that may run the component.
func (c *cluster) worker(name string) *host.Host {
	c.tune = func(cfg *host.Config) { cfg.Labels["role"] = "worker" }
	defer func() { c.tune = nil }()
	return c.join(name)
}

// TestHostJoinsLater: what no host may take runs as soon as one joins.
func TestHostJoinsLater(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	err := c.deploy(c.workers())
	if !errors.Is(err, errcode.Unavailable) || !strings.Contains(err.Error(), "role=worker") {
		t.Fatalf("deploy without a host for it: %v", err)
	}
	url := c.url()
	if status, body := get(t, url+"/x"); status != http.StatusServiceUnavailable || !strings.Contains(body, "unavailable") {
		t.Errorf("request before: %d %q", status, body)
	}
	c.worker("b")
	if on := c.ranOn("counter"); on != "b" {
		t.Errorf("the component runs on %s", on)
	}
	wantHits(t, url, "/x", 1)
}

// TestHostKilled: a host that is cut off leaves the others serving, and its
// component runs elsewhere soon.
func TestHostKilled(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	c.worker("b")
	c.worker("c")
	if err := c.deploy(c.workers()); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	wantHits(t, url, "/x", 1)
	first := c.ranOn("counter")
	if err := c.buses[first].Close(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	status, body := get(t, url+"/y")
	if took := time.Since(begin); status != http.StatusServiceUnavailable && status != http.StatusOK || took > 5*time.Second {
		t.Errorf("request while nobody runs the component: %d %q after %s", status, body, took)
	}
	c.ranOn("counter", first)
	poll.Until(t, 5*time.Second, "requests to be answered again", func() (any, bool) {
		status, body := get(t, url+"/z")
		return body, status == http.StatusOK
	})
	wantHits(t, url, "/x", 2)
}

// TestDrain: a host that drains hands its component over while requests flow,
// and none fails; nor does one when it closes.
func TestDrain(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	workers := map[string]*host.Host{"b": c.worker("b"), "c": c.worker("c")}
	if err := c.deploy(c.workers()); err != nil {
		t.Fatal(err)
	}
	c.under(c.url(), func() {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		h := workers[c.ranOn("counter")]
		if err := h.Drain(ctx); err != nil {
			t.Error(err)
		}
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestDrainAlone: a host that nobody can take over from says so at once.
func TestDrainAlone(t *testing.T) {
	c := newCluster(t)
	h := c.join("a")
	if err := c.deploy(c.counter("a", "a", memory("store"))); err != nil {
		t.Fatal(err)
	}
	if err := h.Drain(t.Context()); !errors.Is(err, errcode.Unavailable) || !strings.Contains(err.Error(), "1 components and 2 providers stay") {
		t.Errorf("drain of the only host: %v", err)
	}
	wantHits(t, c.url(), "/x", 1)
}

// TestProviderMoves: a provider that is placed on another host takes requests
// there; those in flight end where they began.
func TestProviderMoves(t *testing.T) {
	c := newCluster(t)
	for _, name := range []string{"a", "b", "c"} {
		c.join(name)
	}
	d := c.spied("c", "a")
	d.Providers[1].Spread = on("b")
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	c.under(c.url(), func() {
		for _, to := range []string{"c", "a", "b"} {
			d.Providers[1].Spread = on(to)
			if err := c.deploy(d); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func post(t *testing.T, url string, body []byte) (int, []byte) {
	t.Helper()
	res, err := http.Post(url, "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, out
}

// TestForwardedHTTP: a request for a component on another host is the same,
// up to what a message carries; a larger one is refused.
func TestForwardedHTTP(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	c.join("b")
	d := c.counter("b", "a", memory("store"))
	d.Components[0].Image = c.push("rust-http")
	d.Links = []linkstate.Link{httpLink("counter")}
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	for _, size := range []int{0, 1, 1 << 16, 1_000_000} {
		body := bytes.Repeat([]byte("x"), size)
		if status, out := post(t, url+"/echo", body); status != http.StatusOK || !bytes.Equal(out, body) {
			t.Errorf("echo of %d bytes: %d, %d bytes", size, status, len(out))
		}
	}
	if status, body := get(t, url+"/teapot"); status != http.StatusTeapot || !strings.Contains(body, "short and stout") {
		t.Errorf("teapot: %d %q", status, body)
	}
	status, out := post(t, url+"/echo", make([]byte, 1<<20))
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(string(out), "streaming between hosts is not supported yet") {
		t.Errorf("echo above the limit: %d %q", status, out)
	}
	req, err := http.NewRequest(http.MethodGet, url+"/headers", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Probe", "kept")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), "x-probe=kept") {
		t.Errorf("headers: %q, %v", text, err)
	}
}

// TestInstancesExhausted: calls above the instances and the queue are refused
// at once with 503; those within are served.
func TestInstancesExhausted(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		d.Components[0].Limits.MaxInstances = 1
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		wantHits(t, url, "/x", 1)
		release := c.spy.hold("store")
		defer release()
		const requests, within = 6, 2 // one runs, one waits
		type answer struct {
			status int
			body   string
		}
		answers := make(chan answer, requests)
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				status, body := get(t, fmt.Sprintf("%s/%d", url, i))
				answers <- answer{status, body}
			})
		}
		for range requests - within {
			select {
			case a := <-answers:
				if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "exhausted") {
					t.Errorf("answer while all instances are busy: %+v", a)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("no refusal")
			}
		}
		release()
		wg.Wait()
		for range within {
			if a := <-answers; a.status != http.StatusOK {
				t.Errorf("answer within the limits: %+v", a)
			}
		}
	})
}

// TestCloseCutsCalls: a host that is given no more time stops the calls in
// flight.
func TestCloseCutsCalls(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		release := c.spy.hold("store")
		defer release()
		var wg sync.WaitGroup
		wg.Go(func() {
			res, err := http.Get(url + "/x")
			if err == nil {
				_ = res.Body.Close()
			}
		})
		<-c.spy.held
		for _, h := range c.hosts {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			begin := time.Now()
			_ = h.Close(ctx) // says that a listener was cut
			cancel()
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("close took %s", took)
			}
		}
		wg.Wait()
	})
}

// TestHandlesStay: a bucket that was opened before a swap stays with its
// store, and the link's drain waits for it; new calls use the new one.
func TestHandlesStay(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		d.Components[0].Image = c.push("perf")
		d.Providers = append(d.Providers, spyStore("other"))
		d.Providers[2].Spread = d.Providers[1].Spread
		d.Configs = append(d.Configs, spyConfig("other"))
		d.Links = []linkstate.Link{kvLink("counter", "store")}
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		release := c.spy.hold("store")
		defer release()
		call := func() error {
			_, err := c.client.Call(t.Context(), "counter", "latticework:perf/loops@0.1.0.gets(50)")
			return err
		}
		first := make(chan error, 1)
		go func() { first <- call() }()
		<-c.spy.held
		swapped := make(chan lattice.LinkReply, 1)
		go func() {
			rep, err := c.client.SwapLink(t.Context(), lattice.SwapLinkRequest{
				LinkQuery: lattice.LinkQuery{Source: "counter", Package: "wasi:keyvalue"}, To: "other",
				PutOptions: lattice.PutOptions{Wait: true, DrainBudget: 10 * time.Second},
			})
			if err != nil {
				t.Error(err)
			}
			swapped <- rep
		}()
		poll.Until(t, 5*time.Second, "the new session", func() (any, bool) {
			l, err := c.client.GetLink(t.Context(), lattice.LinkQuery{Source: "counter", Package: "wasi:keyvalue"})
			return l, err == nil && l.Targets[0].Name == "other" && len(l.Drains) == 1
		})
		if err := call(); err != nil { // would wait for ever on the old one
			t.Error(err)
		}
		select {
		case rep := <-swapped:
			t.Errorf("the drain ended with a bucket open: %+v", rep)
		default:
		}
		release()
		if err := <-first; err != nil {
			t.Errorf("the call that held a bucket: %v", err)
		}
		if rep := <-swapped; !rep.Drained || len(rep.Cut) > 0 {
			t.Errorf("the drain: %+v", rep)
		}
		poll.Until(t, 5*time.Second, "the old session to be closed", func() (any, bool) {
			_, n := c.spy.open("store")
			return n, n == 0
		})
	})
}

// TestPrepared: a session that was prepared and never used is closed when link
// state goes on without it; one that comes too late is refused.
func TestPrepared(t *testing.T) {
	c := newCluster(t)
	h := c.join("a")
	d := c.spied("a", "a")
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	link, err := c.client.GetLink(t.Context(), lattice.LinkQuery{Source: "counter", Package: "wasi:keyvalue"})
	if err != nil {
		t.Fatal(err)
	}
	next := link.Link
	providersNow, err := c.client.ListProviders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next.Generation = providersNow.Index + 1
	var wg sync.WaitGroup
	for range 4 { // repetition is harmless
		wg.Go(func() {
			if err := h.PrepareLink(t.Context(), lattice.PrepareLink{Link: next, TargetConfig: []map[string]string{{}}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, n := c.spy.open("store"); n != 2 {
		t.Errorf("%d sessions are open, want the present one and the prepared one", n)
	}
	if err := c.putConfig(linkstate.Config{Name: "unrelated", Values: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	poll.Until(t, 5*time.Second, "the prepared session to be closed", func() (any, bool) {
		_, n := c.spy.open("store")
		return n, n == 1
	})
	if err := h.PrepareLink(t.Context(), lattice.PrepareLink{Link: next}); !errors.Is(err, errcode.Conflict) {
		t.Errorf("prepared too late: %v, want conflict", err)
	}
	c.spy.refuse(errcode.New(errcode.Denied, "not today"))
	next.Generation += 1000
	if err := h.PrepareLink(t.Context(), lattice.PrepareLink{Link: next}); !errors.Is(err, errcode.Denied) {
		t.Errorf("prepared against the provider's will: %v", err)
	}
	if _, n := c.spy.open("store"); n != 1 {
		t.Errorf("%d sessions are open after a rejection", n)
	}
	wantHits(t, c.url(), "/x", 1)
}
