package guests

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/providers/config"
)

// TestNothingGrows serves ten thousand requests, each with an instance in its
// initial state, and compares what the process holds with what it held after
// the first thousand.
func TestNothingGrows(t *testing.T) {
	for _, name := range []string{"rust-http", "go-http-counter"} {
		t.Run(name, func(t *testing.T) {
			c, err := engine(t, compiled).Compile(t.Context(), read(t, name))
			if err != nil {
				t.Fatal(err)
			}
			given := append(system(t, wasi.Config{}), contract.BindTypes(&wasihttp.Types{}))
			given = append(append(given, keyvalue(t)...), config.NewValues(map[string]string{"greeting": "bonjour", "bucket": "hits"}).Interfaces()...)
			tmpl, err := c.Link(components.LinkConfig{Interfaces: given, ReuseInitialized: true})
			if err != nil {
				t.Fatal(err)
			}
			h := handler(t, tmpl)
			serve := func(n int) {
				for range n {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
					if w.Code != http.StatusOK && w.Code != http.StatusNotFound {
						t.Fatalf("status %d %q", w.Code, w.Body)
					}
				}
			}
			serve(1_000)
			before := resident(t)
			serve(9_000)
			if grown := resident(t) - before; grown > 32<<20 {
				t.Errorf("9,000 requests take %d bytes more", grown)
			}
		})
	}
}

// resident returns how many bytes of the process are in memory, without garbage.
func resident(t testing.TB) int {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("SKIPPED: the process's memory cannot be read: %v", err)
	}
	return atoi(strings.Fields(string(data))[1]) * os.Getpagesize()
}
