package guests

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/refdata"
	"latticework/providers/config"
)

// pieces gives a body in pieces of at most n bytes, each full but for the last.
type pieces struct {
	io.ReadCloser
	n int
}

func (p pieces) Read(b []byte) (int, error) {
	n, err := io.ReadFull(p.ReadCloser, b[:min(p.n, len(b))])
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// gatherings are requests for gather-go: bodies of 1 MiB in pieces of 1 to 64 KiB,
// which is the most that a stream gives at once, and settings of 1 to 256 KiB.
func gatherings() (all []gathering, settings map[string]string) {
	body := strings.Repeat("0123456789abcdef", 64<<10)
	for kib := 1; kib <= 64; kib++ {
		all = append(all, gathering{path: "/", body: body, piece: kib << 10, want: body})
	}
	settings = map[string]string{}
	for kib := 1; kib <= 256; kib++ {
		name := fmt.Sprint(kib)
		settings[name] = body[:kib<<10]
		all = append(all, gathering{path: "/" + name, want: strings.Repeat(settings[name], 32)})
	}
	return all, settings
}

type gathering struct {
	path, body string
	piece      int
	want       string // what the guest gathers
}

// ask returns how many collections the guest has seen.
func (g gathering) ask(t *testing.T, h http.Handler) int {
	t.Helper()
	r := httptest.NewRequest("POST", g.path, strings.NewReader(g.body))
	r.Body = pieces{r.Body, g.piece}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var length, collections int
	var sum uint32
	if _, err := fmt.Sscanf(w.Body.String(), "%d %x %d", &length, &sum, &collections); err != nil {
		t.Fatalf("%s in pieces of %d: %d %q: %v", g.path, g.piece, w.Code, w.Body, err)
	}
	if length != len(g.want) || sum != crc32.ChecksumIEEE([]byte(g.want)) {
		t.Errorf("%s in pieces of %d: %d bytes of sum %08x, want %d of %08x", g.path, g.piece,
			length, sum, len(g.want), crc32.ChecksumIEEE([]byte(g.want)))
	}
	return collections
}

// TestGoGathers has a Go guest gather what the host puts into its memory, so that
// much is allocated in there. A collection that starts at that time would look at
// the clock, which traps. What one instance gathers is several times what it may have.
func TestGoGathers(t *testing.T) {
	code, err := os.ReadFile(refdata.Built(t, "gather-go"))
	if err != nil {
		t.Fatal(err)
	}
	all, settings := gatherings()
	c, err := engine(t, compiled).Compile(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	given := append(system(t, wasi.Config{}), contract.BindTypes(&wasihttp.Types{}))
	given = append(given, config.NewValues(settings).Interfaces()...)
	link := func(t *testing.T, cfg components.LinkConfig) *components.Template {
		cfg.Interfaces = given
		tmpl, err := c.Link(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return tmpl
	}
	each := func(cfg components.LinkConfig) func(t *testing.T) {
		return func(t *testing.T) {
			h := handler(t, link(t, cfg))
			collections := 0
			for _, g := range all {
				collections += g.ask(t, h)
			}
			t.Logf("%d requests, %d collections", len(all), collections)
			if collections == 0 {
				t.Error("no collection started")
			}
		}
	}
	t.Run("an instance each", each(components.LinkConfig{}))
	t.Run("reset in between", each(components.LinkConfig{ReuseInitialized: true}))
	t.Run("one instance", func(t *testing.T) {
		h, release := keptHandler(t, link(t, components.LinkConfig{}))
		defer release()
		collections := 0
		for _, g := range all {
			collections = g.ask(t, h)
		}
		t.Logf("%d requests, %d collections", len(all), collections)
		if collections < 10 {
			t.Errorf("%d collections, want 10 and more", collections)
		}
	})
}

// keptHandler serves all requests by one instance.
func keptHandler(t *testing.T, tmpl *components.Template) (h http.Handler, release func()) {
	exp, err := contract.ResolveIncomingHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := wasihttp.Serve(r.Context(), in, exp, w, r); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	})
	return h, func() { in.Release(context.WithoutCancel(t.Context())) }
}

// TestReallocMayNotCall has a Go guest whose cabi_realloc is Go's allocator gather a
// body in pieces at one of which a collection starts, always: what it calls then, the
// clock, is refused, and the instance is gone.
func TestReallocMayNotCall(t *testing.T) {
	c, err := engine(t, compiled).Compile(t.Context(), read(t, "go-http-counter"))
	if err != nil {
		t.Fatal(err)
	}
	given := append(system(t, wasi.Config{}), contract.BindTypes(&wasihttp.Types{}))
	given = append(append(given, keyvalue(t)...), config.NewValues(nil).Interfaces()...)
	tmpl, err := c.Link(components.LinkConfig{Interfaces: given})
	if err != nil {
		t.Fatal(err)
	}
	exp, err := contract.ResolveIncomingHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	r := httptest.NewRequest("POST", "/echo", strings.NewReader(strings.Repeat("x", 200_000)))
	r.Body = pieces{r.Body, 50_000}
	const reason = "cannot leave component instance"
	err = wasihttp.Serve(t.Context(), in, exp, httptest.NewRecorder(), r)
	if trap, ok := components.IsTrap(err); !ok || trap.Reason != reason || !in.Dead() {
		t.Errorf("%v, instance gone %v; want the trap %q", err, in.Dead(), reason)
	}
}
