package host_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"latticework/lattice/linkstate"
)

// TestPolicyTimeout: a call over a link ends when the link's policy says so,
// and the guest sees the error.
func TestPolicyTimeout(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		d.Links[0].Policy.TimeoutMillis = 150
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		wantHits(t, url, "/x", 1)
		release := c.spy.hold("store")
		defer release()
		begin := time.Now()
		status, body := get(t, url+"/x")
		if took := time.Since(begin); status != http.StatusInternalServerError || !strings.Contains(body, "deadline") || took > 3*time.Second {
			t.Errorf("call to a target that does not answer: %d %q after %s", status, body, took)
		}
		release()
		wantHits(t, url, "/x", 2)
	})
}

// TestPolicyLocalOnly: a link that stays on the host is not served by another
// one.
func TestPolicyLocalOnly(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		d.Links[0].Policy.Locality = "local-only"
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		status, body := get(t, c.url()+"/x")
		if d.Components[0].Spread[0].Requirements["name"] == "a" {
			if status != http.StatusOK {
				t.Errorf("local target: %d %q", status, body)
			}
			return
		}
		if status != http.StatusInternalServerError || !strings.Contains(body, "local-only") {
			t.Errorf("remote target: %d %q", status, body)
		}
	})
}

// TestUpdateBesideLongCall: an update does not wait for what its predecessor
// has begun, and that ends where it began.
func TestUpdateBesideLongCall(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		release := c.spy.hold("store")
		defer release()
		body := make(chan string, 1)
		go func() {
			defer close(body)
			_, text := get(t, url+"/long")
			body <- text
		}()
		<-c.spy.held
		for n := range 3 {
			d.Components[0].Limits.MaxInstances = uint32(50 + n)
			if err := c.deploy(d); err != nil {
				t.Fatal(err)
			}
		}
		release()
		if text := <-body; !strings.Contains(text, `"hits":1,`) {
			t.Errorf("the call that outlived its component: %q", text)
		}
		wantHits(t, url, "/long", 2)
	})
}
