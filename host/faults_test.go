package host_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/host"
	"latticework/lattice/membus"
)

// TestSlowNetwork: swaps under load over a network whose messages take their
// time.
func TestSlowNetwork(t *testing.T) {
	c := newMemoryCluster(t)
	c.join("a")
	c.join("b")
	d := c.spied("b", "a")
	d.Providers = append(d.Providers, spyStore("other"))
	d.Providers[2].Spread = on("a")
	d.Configs = append(d.Configs, spyConfig("other", "store", "store"))
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	c.net.SetFaults(membus.Faults{DelayMin: time.Millisecond, DelayMax: 3 * time.Millisecond})
	c.under(url, func() {
		for range 5 { // between two providers of one store
			c.swap("other")
			c.swap("store")
		}
	})
}

// TestLossyNetwork: a call whose messages are lost ends by its time limit with
// a typed error, and is not made twice.
func TestLossyNetwork(t *testing.T) {
	c := newMemoryCluster(t)
	c.tune = func(cfg *host.Config) {
		cfg.CallTimeout = 300 * time.Millisecond
		cfg.DrainTime = time.Second // a handle whose end was lost stays for its lease
	}
	c.join("a")
	c.join("b")
	if err := c.deploy(c.spied("b", "a")); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	c.net.SetFaults(membus.Faults{Drop: 0.02})
	const clients, each = 4, 30
	var answered [clients]atomic.Int64
	var failed [clients]atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for range each {
				begin := time.Now()
				status, body := get(t, fmt.Sprintf("%s/client-%d", url, i))
				if took := time.Since(begin); took > 3*time.Second {
					t.Errorf("a request took %s", took)
				}
				switch {
				case status == http.StatusOK:
					answered[i].Add(1)
				case strings.Contains(body, "deadline") || strings.Contains(body, "unavailable"):
					failed[i].Add(1)
				default:
					t.Errorf("status %d, %q", status, body)
				}
			}
		})
	}
	wg.Wait()
	c.net.SetFaults(membus.Faults{})
	lost := int64(0)
	for i := range clients {
		// The counter may have been written before the answer was lost.
		n := int64(hits(t, fmt.Sprintf("%s/client-%d", url, i)) - 1)
		if ok, bad := answered[i].Load(), failed[i].Load(); n < ok || n > ok+bad {
			t.Errorf("client %d: %d counted, %d answered, %d failed", i, n, ok, bad)
		}
		lost += failed[i].Load()
	}
	if lost == 0 {
		t.Error("nothing was lost: the network has no faults")
	}
	t.Logf("%d of %d requests failed with a typed error", lost, clients*each)
}
