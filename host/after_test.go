package host_test

import (
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"latticework/components/wasi/wasihttp3"
	"latticework/host"
	"latticework/internal/poll"
	"latticework/internal/refdata"
	"latticework/wit/abi"
)

// afterGuest deploys after-js, a component of WASI 0.3, on the host of that name.
// ask gets a path with a connection of its own.
func afterGuest(t *testing.T, name string) (ask func(path string) string) {
	t.Helper()
	code, err := os.ReadFile(refdata.Built(t, "after-js"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t)
	c.tune = func(cfg *host.Config) {
		given := cfg.Builtins
		cfg.Builtins = func(b host.Builtin) ([]*abi.Interface, error) {
			out, err := given(b)
			return append(out, wasihttp3.Interfaces(nil)...), err
		}
	}
	c.join("a")
	if name != "a" {
		c.join(name)
	}
	d := c.counter(name, "a", memory("store"))
	d.Components[0].Image = c.pushBytes("after-js", code)
	if err := c.deploy(d); err != nil {
		t.Fatal(err)
	}
	url := c.url()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(path string) string {
		t.Helper()
		resp, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %q, %v", path, resp.StatusCode, body, err)
		}
		return string(body)
	}
}

// TestTasksAfterTheAnswer lets a component finish what it does a second after it
// answered, though its client has gone, here and on another host.
func TestTasksAfterTheAnswer(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run("component on "+name, func(t *testing.T) {
			ask := afterGuest(t, name)
			ask("/") // compiled and instantiated once
			began := time.Now()
			if got := ask("/start"); got != "started" {
				t.Errorf("/start: %q", got)
			}
			if got, took := ask("/"), time.Since(began); got != "nothing" && took < time.Second {
				t.Errorf("/ after %v: %q: the guest did not wait", took, got)
			}
			if took := time.Since(began); took > 900*time.Millisecond {
				t.Errorf("two answers took %v: they wait for what is done after them", took)
			}
			poll.Until(t, 10*time.Second, "the work after the answer", func() (any, bool) {
				got := ask("/")
				return got, got == "yes"
			})
		})
	}
}
