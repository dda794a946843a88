package host_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

func spyStore(name string) linkstate.Provider {
	return linkstate.Provider{Name: name, Technology: "spy", Config: []string{name + "-config"}}
}

func spyConfig(name string, kv ...string) linkstate.Config {
	c := linkstate.Config{Name: name + "-config", Values: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		c.Values[kv[i]] = kv[i+1]
	}
	return c
}

// spied is the counter application with a spy for its store.
func (c *cluster) spied(componentOn, storesOn string) linkstate.DeployApplication {
	d := c.counter(componentOn, storesOn, spyStore("store"))
	d.Configs = append(d.Configs, spyConfig("store"))
	return d
}

// under runs change while clients send requests, none of which may fail, and
// checks that every request was counted once.
func (c *cluster) under(url string, change func()) {
	c.t.Helper()
	const clients = 3
	var answered [clients]atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range clients {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := http.Get(fmt.Sprintf("%s/load-%d", url, i))
				if err != nil {
					c.t.Errorf("request: %v", err)
					return
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK {
					c.t.Errorf("request: status %d, %q, %v", res.StatusCode, body, err)
					return
				}
				answered[i].Add(1)
			}
		})
	}
	begun := func() (any, bool) { return nil, answered[0].Load() > 3 && answered[clients-1].Load() > 3 }
	poll.Until(c.t, 10*time.Second, "load to begin", begun)
	change()
	before := answered[0].Load()
	poll.Until(c.t, 10*time.Second, "load to go on", func() (any, bool) { return nil, c.t.Failed() || answered[0].Load() > before+3 })
	close(stop)
	wg.Wait()
	if c.t.Failed() {
		return
	}
	for i := range clients {
		wantHits(c.t, url, fmt.Sprintf("/load-%d", i), int(answered[i].Load())+1)
	}
}

// places are where the component and its store run.
var places = []struct{ name, component, stores string }{{"one host", "a", "a"}, {"across hosts", "b", "a"}}

func eachPlace(t *testing.T, run func(t *testing.T, c *cluster, d linkstate.DeployApplication)) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			c := newCluster(t)
			c.join("a")
			if p.component != "a" {
				c.join(p.component)
			}
			run(t, c, c.spied(p.component, p.stores))
		})
	}
}

func (c *cluster) putConfig(cfg linkstate.Config) error {
	_, err := c.client.PutConfig(c.t.Context(), lattice.PutConfigRequest{Config: cfg, PutOptions: lattice.PutOptions{Wait: true}})
	return err
}

// TestProviderReplaced: other settings start a provider anew while requests
// flow; none fails, and the old one goes when nothing is open on it.
func TestProviderReplaced(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		c.under(c.url(), func() {
			for n := range 10 {
				if err := c.putConfig(spyConfig("store", "n", fmt.Sprint(n))); err != nil {
					t.Fatal(err)
				}
			}
		})
		poll.Until(t, 10*time.Second, "one provider with one session", func() (any, bool) {
			p, s := c.spy.open("store")
			return []int{p, s}, p == 1 && s == 1
		})
	})
}

// TestProviderAlone: a provider whose file or address only one can have is
// stopped before its successor starts; calls wait meanwhile.
func TestProviderAlone(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		d.Configs[len(d.Configs)-1] = spyConfig("store", "alone", "yes")
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		wantHits(t, url, "/x", 1)
		if err := c.putConfig(spyConfig("store", "alone", "yes", "n", "2")); err != nil {
			t.Fatal(err)
		}
		poll.Until(t, 10*time.Second, "the new provider", func() (any, bool) {
			_, body := get(t, url+"/y")
			return body, strings.Contains(body, "hits")
		})
		wantHits(t, url, "/x", 2)
	})
}

// TestProviderUpdateFails: settings that a provider does not start with leave
// the one before running, and are reported with its message.
func TestProviderUpdateFails(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		c.under(url, func() {
			if err := c.putConfig(spyConfig("store", "fail", "out of luck")); err != nil {
				t.Fatal(err)
			}
			c.wantMessage("store", "out of luck")
		})
		if err := c.putConfig(spyConfig("store")); err != nil {
			t.Fatal(err)
		}
		c.wantMessage("store", "")
	})
}

// wantMessage waits until a provider's message holds a text, or is empty.
func (c *cluster) wantMessage(provider, text string) {
	c.t.Helper()
	poll.Until(c.t, 10*time.Second, "message "+text+" of "+provider, func() (any, bool) {
		list, err := c.client.ListProviders(c.t.Context())
		if err != nil {
			return err, false
		}
		for _, p := range list.Providers {
			if p.Name == provider && len(p.Hosts) > 0 {
				m := p.Hosts[0].Message
				return m, text == "" && m == "" || text != "" && strings.Contains(m, text)
			}
		}
		return list, false
	})
}

// TestComponentUpdate: a new revision of the component takes over while
// requests flow; an image that is no component changes nothing.
func TestComponentUpdate(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		image := d.Components[0].Image
		c.under(c.url(), func() {
			for n := range 4 {
				d.Components[0].Limits.MaxInstances = uint32(100 + n)
				if err := c.deploy(d); err != nil {
					t.Fatal(err)
				}
			}
			d.Components[0].Image = c.pushBytes("broken", []byte("\x00asm not a component"))
			err := c.deploy(d)
			if err == nil || !strings.Contains(err.Error(), "component counter failed") {
				t.Fatalf("deploy of a broken image: %v", err)
			}
			d.Components[0].Image = image
			if err := c.deploy(d); err != nil {
				t.Fatalf("back to the good image: %v", err)
			}
		})
	})
}

// TestConfigReachesRunningComponent: the next request sees other settings.
func TestConfigReachesRunningComponent(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	if err := c.deploy(c.counter("a", "a", memory("store"))); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	for _, greeting := range []string{"bonjour", "salut", "hej"} {
		if err := c.putConfig(linkstate.Config{Name: "settings", Values: map[string]string{"greeting": greeting, "bucket": "hits"}}); err != nil {
			t.Fatal(err)
		}
		want := `"greeting":"` + greeting + `"`
		poll.Until(t, 5*time.Second, want, func() (any, bool) {
			_, body := get(t, url+"/x")
			return body, strings.Contains(body, want)
		})
	}
}

// TestDeployRefused: what cannot run is refused with its name, or with the
// provider's own words.
func TestDeployRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(c *cluster, d *linkstate.DeployApplication)
		words  []string
	}{
		{"import without a link", func(_ *cluster, d *linkstate.DeployApplication) { d.Links = d.Links[1:] },
			[]string{"component counter failed", "wasi:keyvalue/store@0.2.0-draft", "not linked"}},
		{"provider that does not open", func(_ *cluster, d *linkstate.DeployApplication) {
			d.Configs[len(d.Configs)-1] = spyConfig("store", "fail", "no such disk")
		}, []string{"provider store failed", "no such disk"}},
		{"technology that does not exist", func(_ *cluster, d *linkstate.DeployApplication) { d.Providers[1].Technology = "spie" },
			[]string{"provider store failed", "spie"}},
		{"link name that no component can use", func(_ *cluster, d *linkstate.DeployApplication) {
			l := kvLink("counter", "store")
			l.Name, l.Interfaces = "second", []string{"batch"}
			d.Links = append(d.Links, l)
		}, []string{"second", "not supported"}},
		{"interface that the provider does not serve", func(_ *cluster, d *linkstate.DeployApplication) {
			l := kvLink("counter", "store")
			l.Package, l.Interfaces = "blobstore", []string{"container"}
			d.Links = append(d.Links, l)
		}, []string{"does not serve wasi:blobstore/container"}},
		{"link that the provider rejects", func(c *cluster, _ *linkstate.DeployApplication) {
			c.spy.refuse(errcode.New(errcode.Denied, "the moon is wrong"))
		}, []string{"the moon is wrong"}},
		{"address that this machine does not have", func(_ *cluster, d *linkstate.DeployApplication) {
			d.Configs[0].Values["address"] = "203.0.113.7:1"
		}, []string{"203.0.113.7:1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t)
			c.join("a")
			d := c.spied("a", "a")
			tc.change(c, &d)
			begin := time.Now()
			err := c.deploy(d)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("the refusal took %s", took)
			}
			for _, w := range tc.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
		})
	}
}

// TestCorrectedDeploy: what failed runs soon after it was corrected, however
// long the pause between attempts has become.
func TestCorrectedDeploy(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	d := c.spied("a", "a")
	d.Configs[len(d.Configs)-1] = spyConfig("store", "fail", "no such disk")
	if err := c.deploy(d); err == nil {
		t.Fatal("it was accepted")
	}
	d.Configs[len(d.Configs)-1] = spyConfig("store")
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	wantHits(t, c.url(), "/x", 1)
}
