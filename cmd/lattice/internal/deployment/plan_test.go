package deployment

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"latticework/cmd/lattice/internal/wiring"
	"latticework/components"
	"latticework/host"
	"latticework/lattice/linkstate"
)

func load(t *testing.T, path, listen string) *Plan {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	builtins, err := wiring.Builtins(host.Builtin{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load(t.Context(), Config{Path: path, HTTPListen: listen, Engine: e, Builtins: builtins, Contracts: wiring.Contracts()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestExamples loads every example whose component is built, as the small ones
// are from the beginning, without a notice.
func TestExamples(t *testing.T) {
	files, _ := filepath.Glob("../../../../examples/*/*.yaml")
	if len(files) < 6 {
		t.Fatalf("%d manifests", len(files))
	}
	loaded := 0
	for _, f := range files {
		if wasm, _ := filepath.Glob(filepath.Join(filepath.Dir(f), "*.wasm")); len(wasm) == 0 {
			t.Logf("SKIPPED: %s: its component is not built: make guests", f)
			continue
		}
		loaded++
		p := load(t, f, "")
		if len(p.Notices) > 0 {
			t.Errorf("%s: %q", f, p.Notices)
		}
		for _, c := range p.Deploy.Components {
			if !slices.ContainsFunc(p.Images, func(i Image) bool { return i.Digest == c.Image.Digest }) {
				t.Errorf("%s: no image of %s", f, c.Image.Digest)
			}
		}
	}
	if loaded < 4 {
		t.Errorf("%d examples loaded, want at least 4", loaded)
	}
}

func TestListen(t *testing.T) {
	const example = "../../../../examples/counter"
	if got := load(t, example, "").Addresses(); !slices.Equal(got, []string{"127.0.0.1:8000"}) {
		t.Errorf("addresses %v", got)
	}
	p := load(t, example, "127.0.0.1:0")
	if got := p.Addresses(); !slices.Equal(got, []string{"127.0.0.1:0"}) {
		t.Errorf("addresses %v with another one", got)
	}
	if len(p.Deploy.Configs) != 2 {
		t.Errorf("configs %v", p.Deploy.Configs)
	}
	// Without an address in the manifest it gets a config of its own.
	p.Deploy.Configs = nil
	for i := range p.Deploy.Links {
		p.Deploy.Links[i].SourceConfig = nil
	}
	if got := p.Addresses(); !slices.Equal(got, []string{"127.0.0.1:8000"}) {
		t.Errorf("addresses %v by default", got)
	}
	p.listen("127.0.0.1:81")
	if got := p.Addresses(); !slices.Equal(got, []string{"127.0.0.1:81"}) {
		t.Errorf("addresses %v", got)
	}
	// An address of the provider is led there, too, or it would listen there as well.
	for i := range p.Deploy.Links {
		p.Deploy.Links[i].SourceConfig = nil
		if pr := p.provider(p.Deploy.Links[i].Source); pr != nil {
			pr.Config = []string{"own"}
		}
	}
	p.Deploy.Configs = []linkstate.Config{{Name: "own", Values: map[string]string{"default_address": "0.0.0.0:80,0.0.0.0:81", "access_log": "true"}}}
	p.listen("127.0.0.1:82")
	if got := p.Deploy.Configs; len(got) != 1 || got[0].Values["default_address"] != "127.0.0.1:82" || got[0].Values["access_log"] != "true" {
		t.Errorf("configs %v", got)
	}
	if got := p.Addresses(); !slices.Equal(got, []string{"127.0.0.1:82"}) {
		t.Errorf("addresses %v", got)
	}
}

// TestPartsKeepTheirIDs deploys parts under their ids and links by them.
func TestPartsKeepTheirIDs(t *testing.T) {
	dir := t.TempDir()
	image, err := os.ReadFile("../../../../examples/counter/counter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	text := `apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: app}
spec:
  components:
    - name: counter
      type: component
      properties:
        image: file://./counter.wasm
        id: app-counter
        latticework: {limits: {memory: 32MiB, time: 2s}, max_requests_per_instance: 5}
      traits:
        - type: link
          properties: {target: store, namespace: wasi, package: keyvalue, interfaces: [store, atomics]}
    - name: store
      type: capability
      properties: {image: "lattice://keyvalue-memory", id: app-store}
`
	for name, data := range map[string][]byte{"counter.wasm": image, "lattice.yaml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := load(t, dir, "").Deploy
	c := d.Components[0]
	if c.Name != "app-counter" || c.Limits.MemoryBytes != 32<<20 || c.Limits.TimeoutMillis != 2000 || c.Limits.RequestsPerReuse != 5 || c.Isolation != linkstate.IsolationReuse {
		t.Errorf("component %+v", c)
	}
	if l := d.Links[0]; l.Source != "app-counter" || l.Targets[0].Name != "app-store" {
		t.Errorf("link %+v", l)
	}
}
