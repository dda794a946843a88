package host_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// served waits until requests to the address are answered.
func served(t *testing.T, address string) {
	t.Helper()
	poll.Until(t, 10*time.Second, "an answer on "+address, func() (any, bool) {
		res, err := http.Get("http://" + address + "/x")
		if err != nil {
			return err, false
		}
		_ = res.Body.Close()
		return res.Status, res.StatusCode == http.StatusOK
	})
}

// TestHTTPProviderReplaced: other settings of the http provider start it anew
// on the same address.
func TestHTTPProviderReplaced(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	address := freeAddress(t)
	d := c.counter("a", "a", memory("store"))
	d.Configs[0].Values["address"] = address
	d.Configs = append(d.Configs, linkstate.Config{Name: "web-config", Values: map[string]string{"max_in_flight": "500"}})
	d.Providers[0].Config = []string{"web-config"}
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	wantHits(t, "http://"+address, "/y", 1)
	for _, n := range []string{"400", "300"} {
		if err := c.putConfig(linkstate.Config{Name: "web-config", Values: map[string]string{"max_in_flight": n}}); err != nil {
			t.Fatal(err)
		}
		served(t, address)
	}
	c.wantMessage("web", "")
	// While one provider makes room for the next, nobody listens, or no link
	// is served yet; neither reaches the component.
	status, body := 0, ""
	poll.Until(t, 10*time.Second, "an answer from the newest provider", func() (any, bool) {
		res, err := http.Get("http://" + address + "/y")
		if err != nil {
			return err, false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		status, body = res.StatusCode, string(text)
		return err, err == nil && status != http.StatusNotFound
	})
	if status != http.StatusOK || !strings.Contains(body, `"hits":2,`) {
		t.Errorf("/y: %d %q, want the second hit", status, body)
	}
}

// TestHTTPAddressMoves: a link with another address is served there, and no
// longer where it was; an address that is taken leaves it where it is.
func TestHTTPAddressMoves(t *testing.T) {
	c := newCluster(t)
	c.join("a")
	first, second := freeAddress(t), freeAddress(t)
	d := c.counter("a", "a", memory("store"))
	d.Configs[0].Values["address"] = first
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	served(t, first)
	if err := c.putConfig(linkstate.Config{Name: "web-address", Values: map[string]string{"address": second}}); err != nil {
		t.Fatal(err)
	}
	served(t, second)
	poll.Until(t, 10*time.Second, first+" to be free", func() (any, bool) {
		l, err := net.Listen("tcp", first)
		if err == nil {
			_ = l.Close()
		}
		return err, err == nil
	})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	d.Configs[0].Values["address"] = taken.Addr().String()
	err = c.deploy(d)
	if errcode.Of(err) != errcode.Unavailable || !strings.Contains(err.Error(), "in use") {
		t.Errorf("deploy with a taken address: %v", err)
	}
	served(t, second)
}

// TestLinkDeleted: calls in flight end where they began; later ones are told
// that the import is not linked.
func TestLinkDeleted(t *testing.T) {
	eachPlace(t, func(t *testing.T, c *cluster, d linkstate.DeployApplication) {
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		release := c.spy.hold("store")
		defer release()
		status := make(chan int, 1)
		go func() {
			s, _ := get(t, url+"/x")
			status <- s
		}()
		<-c.spy.held
		if _, err := c.client.DeleteLink(t.Context(), deleteLink("counter", "wasi:keyvalue")); err != nil {
			t.Fatal(err)
		}
		if s, body := get(t, url+"/y"); s != http.StatusInternalServerError || !strings.Contains(body, "not linked") {
			t.Errorf("request without a link: %d %q", s, body)
		}
		release()
		if s := <-status; s != http.StatusOK {
			t.Errorf("the request in flight: %d", s)
		}
		poll.Until(t, 5*time.Second, "the session to be closed", func() (any, bool) {
			_, n := c.spy.open("store")
			return n, n == 0
		})
	})
}

func deleteLink(source, pkg string) lattice.DeleteLinkRequest {
	return lattice.DeleteLinkRequest{LinkQuery: lattice.LinkQuery{Source: source, Package: pkg}, PutOptions: lattice.PutOptions{Wait: true}}
}
