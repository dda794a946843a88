package host_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"latticework/host"
	"latticework/wit/abi"
)

// TestReuseInitialized has requests begin with what the component's start drew
// from the host, if its record says so: the start of a Go program draws random
// numbers, which then happens once.
func TestReuseInitialized(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		var drawn atomic.Int64
		c := newCluster(t)
		c.tune = func(cfg *host.Config) {
			given := cfg.Builtins
			cfg.Builtins = func(b host.Builtin) ([]*abi.Interface, error) {
				out, err := given(b)
				for i, iface := range out {
					if strings.HasPrefix(iface.Name, "wasi:random/") {
						out[i] = counted(iface, &drawn)
					}
				}
				return out, err
			}
		}
		c.join("a")
		d := c.counter("a", "a", memory("store"))
		d.Components[0].Image = c.push("go-http-counter")
		d.Components[0].ReuseInitialized = reuse
		if err := c.deploy(d); err != nil {
			t.Fatal(err)
		}
		url := c.url()
		wantHits(t, url, "/x", 1)
		before := drawn.Load()
		if before == 0 {
			t.Fatal("the guest's start draws nothing")
		}
		wantHits(t, url, "/x", 2)
		wantHits(t, url, "/x", 3)
		if again := drawn.Load() - before; reuse != (again == 0) {
			t.Errorf("with reuse_initialized %v two more requests draw %d times", reuse, again)
		}
	}
}

// counted returns i with its calls counted.
func counted(i *abi.Interface, n *atomic.Int64) *abi.Interface {
	c := *i
	c.Funcs = append([]abi.Func(nil), i.Funcs...)
	for k := range c.Funcs {
		if call := c.Funcs[k].Call; call != nil {
			c.Funcs[k].Call = func(ctx context.Context, a *abi.Call) error {
				n.Add(1)
				return call(ctx, a)
			}
		}
	}
	return &c
}
