package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/internal/refdata"
)

// TestUpServesHTTP3 serves HTTP by a component that exports the handler of
// wasi:http@0.3, whichever version's name the link has.
func TestUpServesHTTP3(t *testing.T) {
	guest := filepath.Join(refdata.Dir(t, "guests/wasm"), "p3-http-qjs.wasm")
	for _, iface := range []string{"incoming-handler", "handler"} {
		h := newHome(t)
		web := strings.NewReplacer("target: fetch", "target: hello", "[incoming-handler]", "["+iface+"]").Replace(webPart)
		app := application(t, fmt.Sprintf(`    - name: hello
      type: component
      properties: {image: %s}
`, guest)+web)
		p := h.start(slices.Concat([]string{"up", app, "--http-listen", "127.0.0.1:0"}, free)...)
		if body := get(t, p.await("ready").HTTP+"/a?b"); body != "Hello from wasi:http 0.3, /a?b\n" {
			t.Errorf("by a link for %s it answers %q", iface, body)
		}
		p.stop()
	}
}
