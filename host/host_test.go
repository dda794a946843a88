package host_test

import (
	"testing"

	"latticework/lattice/linkstate"
)

func memory(name string) linkstate.Provider {
	return linkstate.Provider{Name: name, Technology: "keyvalue-memory"}
}

// TestOneHost runs a component nobody tuned for, on one host.
func TestOneHost(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	if err := c.deploy(c.counter("a", "a", memory("store"))); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	for n := 1; n <= 3; n++ {
		wantHits(t, url, "/x", n)
	}
	wantHits(t, url, "/y", 1)
}

// TestTwoHosts runs the component on one host, its store and the http server on
// another.
func TestTwoHosts(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	c.join("b")
	if err := c.deploy(c.counter("b", "a", memory("store"))); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	for n := 1; n <= 3; n++ {
		wantHits(t, url, "/x", n)
	}
}
