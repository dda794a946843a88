package host_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/testservices"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

const (
	swapClients = 4
	swaps       = 200
)

func redisStore(name string) linkstate.Provider {
	return linkstate.Provider{Name: name, Technology: "keyvalue-redis", Config: []string{name + "-config"}}
}

func redisConfig(name, url string) linkstate.Config {
	return linkstate.Config{Name: name + "-config", Values: map[string]string{"url": url}}
}

// TestLiveSwap moves the counter's store between memory and a real Redis 200
// times while clients send requests without pause: no request fails, and none
// is counted twice or lost.
func TestLiveSwap(t *testing.T) {
	for _, place := range []struct{ name, component, stores string }{
		{"one host", "a", "a"},
		{"across hosts", "b", "a"},
	} {
		t.Run(place.name, func(t *testing.T) {
			redis := testservices.Redis(t, testservices.RedisOptions{})
			c := newCluster(t)
			c.join("a")
			if place.component != "a" {
				c.join(place.component)
			}
			d := c.counter(place.component, place.stores, memory("store"), redisStore("store-redis"))
			d.Configs = append(d.Configs, redisConfig("store-redis", "redis://"+redis.Addr+"/0"))
			if err := c.deploy(d); err != nil {
				t.Fatal(err)
			}
			url := c.url()
			answered := c.swapUnderLoad(url)
			sum := 0
			for _, target := range []string{"store", "store-redis"} {
				c.swap(target)
				for i := range swapClients {
					sum += hits(t, fmt.Sprintf("%s/client-%d", url, i)) - 1
				}
			}
			if sum != answered {
				t.Errorf("the stores counted %d requests, %d were answered", sum, answered)
			}
			t.Logf("%d requests answered during %d swaps, all counted once", answered, swaps)
		})
	}
}

// swapUnderLoad swaps the link back and forth under load and returns how many
// requests were answered.
func (c *cluster) swapUnderLoad(url string) int {
	c.t.Helper()
	var answered atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range swapClients {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := http.Get(fmt.Sprintf("%s/client-%d", url, i))
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
				answered.Add(1)
			}
		})
	}
	before := answered.Load()
	for i := range swaps {
		target := "store-redis"
		if i%2 == 1 {
			target = "store"
		}
		c.swap(target)
		if c.t.Failed() {
			break
		}
	}
	during := answered.Load() - before
	close(stop)
	wg.Wait()
	if during < swaps {
		c.t.Errorf("%d requests during %d swaps: that is no load", during, swaps)
	}
	return int(answered.Load())
}

func (c *cluster) swap(to string) {
	c.t.Helper()
	if _, err := c.trySwap(to); err != nil {
		c.t.Errorf("swap to %s: %v", to, err)
	}
}

func (c *cluster) trySwap(to string) (lattice.LinkReply, error) {
	return c.client.SwapLink(c.t.Context(), lattice.SwapLinkRequest{
		LinkQuery: lattice.LinkQuery{Source: "counter", Package: "wasi:keyvalue"}, To: to,
		PutOptions: lattice.PutOptions{DrainBudget: 10 * time.Second},
	})
}

var hitsField = regexp.MustCompile(`"hits":(\d+)`)

func hits(t testing.TB, url string) int {
	t.Helper()
	_, body := get(t, url)
	m := hitsField.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("%s: no count in %q", url, body)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSwapRefused: a swap to a Redis that is not there, or that knows another
// password, is refused with the provider's message and changes nothing.
func TestSwapRefused(t *testing.T) {
	redis := testservices.Redis(t, testservices.RedisOptions{Password: "secret"})
	c := newCluster(t)
	c.join("a")
	d := c.counter("a", "a", memory("store"), redisStore("nowhere"), redisStore("stranger"))
	d.Configs = append(d.Configs,
		redisConfig("nowhere", "redis://127.0.0.1:1/0"),
		redisConfig("stranger", "redis://:wrong@"+redis.Addr+"/0"))
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	wantHits(t, url, "/x", 1)
	for target, words := range map[string][]string{
		"nowhere":  {"refused", "127.0.0.1:1"},
		"stranger": {"WRONGPASS"},
	} {
		_, err := c.trySwap(target)
		if err == nil {
			t.Fatalf("swap to %s was accepted", target)
		}
		if code := errcode.Of(err); code != errcode.Unavailable && code != errcode.Denied {
			t.Errorf("swap to %s: code %s (%v)", target, code, err)
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("swap to %s: %q lacks %q", target, err, w)
			}
		}
	}
	link, err := c.client.GetLink(t.Context(), lattice.LinkQuery{Source: "counter", Package: "wasi:keyvalue"})
	if err != nil || link.Targets[0].Name != "store" || link.Swap != nil {
		t.Errorf("link after refusals: %+v, %v", link, err)
	}
	wantHits(t, url, "/x", 2)
	if _, err := c.trySwap("nobody"); !errors.Is(err, errcode.NotFound) {
		t.Errorf("swap to a provider that does not exist: %v, want not_found", err)
	}
}
