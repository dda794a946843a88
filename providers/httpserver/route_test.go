package httpserver

import (
	"context"
	"sync"
	"testing"

	"latticework/providers"
)

// TestRouteGate: after shut nobody enters, and empty comes when the last has
// left.
func TestRouteGate(t *testing.T) {
	for range 200 {
		r := newRoute(routeConfig{link: providers.Link{Source: "a", Target: "b"}})
		var wg sync.WaitGroup
		var mu sync.Mutex
		inside, late := 0, 0
		for range 4 {
			wg.Go(func() {
				for r.enter() {
					mu.Lock()
					inside++
					mu.Unlock()
					select {
					case <-r.empty:
						mu.Lock()
						late++
						mu.Unlock()
					default:
					}
					mu.Lock()
					inside--
					mu.Unlock()
					r.leave()
				}
			})
		}
		r.shut()
		<-r.empty
		mu.Lock()
		if inside != 0 || late != 0 {
			t.Fatalf("empty with %d inside, %d late", inside, late)
		}
		mu.Unlock()
		wg.Wait()
		if r.enter() {
			t.Fatal("a shut route takes a request")
		}
	}
}

func TestRouteOrder(t *testing.T) {
	make := func(host, path string) *route {
		return newRoute(routeConfig{host: host, path: path, link: providers.Link{Source: "w", Target: host + path}})
	}
	var tab *table
	for _, r := range []*route{make("", "/"), make("a", "/"), make("", "/x/y"), make("a", "/x"), make("", "/x")} {
		tab = tab.with(r)
	}
	for _, c := range []struct{ host, path, want string }{
		{"a", "/x/y", "a/x"}, {"a", "/y", "a/"}, {"b", "/x/y/z", "/x/y"}, {"b", "/x", "/x"}, {"b", "/", "/"}, {"b", "*", "/"}, {"", "", "/"},
	} {
		if got := tab.match(c.host, c.path); got == nil || got.link.Target != c.want {
			t.Errorf("%s%s: %v, want %s", c.host, c.path, got, c.want)
		}
	}
	if got := (*table)(nil).match("a", "/"); got != nil {
		t.Errorf("no table: %v", got)
	}
	newRoute(routeConfig{}).cancel(context.Canceled)
}
