package compose

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/encode"
	"latticework/components/internal/validate"
	"latticework/components/wasi"
	"latticework/components/wasi/bindings/wasihttp"
	wasihttphost "latticework/components/wasi/wasihttp"
	"latticework/internal/refdata"
	"latticework/providers"
	"latticework/providers/config"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/wit/abi"
)

const (
	kvStore   = "wasi:keyvalue/store@0.2.0-draft"
	kvAtomics = "wasi:keyvalue/atomics@0.2.0-draft"
)

// forwarder is a component that imports what user imports under names, its
// keys, by other names, and exports it as it is.
func forwarder(t *testing.T, user []byte, names map[string]string) []byte {
	t.Helper()
	u, err := load(Part{"user", user})
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{out: &binary.Component{}}
	b.top = newScope(&typeWriter{classes: classes{}}, nil, b.add)
	for _, e := range u.typ.Imports.List {
		if names[e.Name.Name] == "" {
			continue
		}
		g := &group{members: []member{{unit: &unit{}, Extern: e}}}
		g.members[0].Name.Name = names[e.Name.Name]
		b.importGroup(g)
		b.def(&binary.Export{Name: e.Name, Ref: g.ref})
		b.top.named([]validate.Entity{e.Entity})
	}
	out, err := encode.Encode(b.out, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// backing returns the interfaces of a store in memory and of the settings,
// the first two under other names.
func backing(t *testing.T, settings, names map[string]string) []*abi.Interface {
	t.Helper()
	store, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close(context.Background()) })
	session, err := store.Link(t.Context(), providers.Link{Source: "guest", Name: "default", Target: "store", Config: map[string]string{"buckets": settings["bucket"]}})
	if err != nil {
		t.Fatal(err)
	}
	list := config.NewValues(settings).Interfaces()
	for _, i := range session.Interfaces() {
		renamed := *i
		if n := names[i.Name]; n != "" {
			renamed.Name = n
		}
		list = append(list, &renamed)
	}
	return list
}

// TestPlugProviderIntoGuest plugs a store into a guest that counts requests:
// resources pass from the host through the plug into the guest and back.
func TestPlugProviderIntoGuest(t *testing.T) {
	counter := guest(t, "rust-counter")
	for what, names := range map[string]map[string]string{
		"store and atomics": {kvStore: "test:backing/store", kvAtomics: "test:backing/atomics"},
		// What is imported under either name is about the same buckets.
		"only atomics": {kvAtomics: "test:backing/atomics"},
	} {
		t.Run(what, func(t *testing.T) {
			out := plug(t, counter, forwarder(t, counter, names))
			got := imports(t, out)
			for from, to := range names {
				if slices.Contains(got, from) || !slices.Contains(got, to) {
					t.Errorf("imports are %v: want %s instead of %s", got, to, from)
				}
			}
			countRequests(t, out, names)
		})
	}
}

// countRequests sends the guest's recorded requests to a component.
func countRequests(t *testing.T, data []byte, names map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/expected"), "rust-counter.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Config map[string]string
		Cases  []struct {
			Method, Path, Response string
			Status                 int
		}
	}
	if err := json.Unmarshal(text, &want); err != nil || len(want.Cases) < 3 {
		t.Fatalf("%d cases: %v", len(want.Cases), err)
	}
	server := serve(t, data, backing(t, want.Config, names))
	for _, c := range want.Cases {
		req, err := http.NewRequestWithContext(t.Context(), c.Method, server.URL+c.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != c.Status || string(body) != c.Response {
			t.Errorf("%s %s: %d %q, %v, want %d %q", c.Method, c.Path, res.StatusCode, body, err, c.Status, c.Response)
		}
	}
}

// serve serves HTTP by a component, each request in an instance of its own.
func serve(t *testing.T, data []byte, given []*abi.Interface) *httptest.Server {
	t.Helper()
	system, err := wasi.Open(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = system.Close() })
	given = append(append(given, system.Interfaces()...), wasihttphost.Interfaces(nil)...)
	tmpl := template(t, data, given...)
	exports, err := wasihttp.ResolveIncomingHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := tmpl.Acquire(r.Context())
		if err != nil {
			t.Errorf("instantiate: %v", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer in.Release(context.WithoutCancel(r.Context()))
		if err := wasihttphost.Serve(r.Context(), in, exports, w, r); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}))
	t.Cleanup(server.Close)
	return server
}
