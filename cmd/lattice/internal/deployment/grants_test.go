package deployment

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/manifest"
	"latticework/lattice/linkstate"
)

const grantsManifest = `
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: g}
spec:
  components:
    - name: a
      type: component
      properties:
        image: a.wasm
        latticework:
          grants:
            dir: ["./data::/d:ro", "/srv/x::/x"]
            env: [A=1, GRANTS_TEST]
            net: ["allow=https:api.example"]
            arg: [-v]
          limits: {handles: 5, open_files: 6, sockets: 7, buffered_bytes: 64KiB, headers: 8, header_bytes: 2KiB, outgoing_requests: 9}
          reuse_initialized: true
    - {name: b, type: component, properties: {image: b.wasm}}
`

// TestGrantsAreSettled: what goes into link state does not depend on where it
// is read.
func TestGrantsAreSettled(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "lattice.yaml")
	if err := os.WriteFile(file, []byte(grantsManifest), 0o600); err != nil {
		t.Fatal(err)
	}
	app, err := manifest.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{Application: app}
	if err := p.build(Config{Path: dir}, nil); !errors.Is(err, errcode.NotFound) || !strings.Contains(err.Error(), "lattice.yaml:14") || !strings.Contains(err.Error(), "GRANTS_TEST") {
		t.Errorf("a variable that is not set: %v", err)
	}
	t.Setenv("GRANTS_TEST", "through")
	p = &Plan{Application: app}
	if err := p.build(Config{Path: dir}, nil); err != nil {
		t.Fatal(err)
	}
	a, b := p.Deploy.Components[0], p.Deploy.Components[1]
	want := []linkstate.Grant{
		{Kind: "dir", Text: filepath.Join(dir, "data") + "::/d:ro", From: "lattice.yaml:13"},
		{Kind: "dir", Text: "/srv/x::/x", From: "lattice.yaml:13"},
		{Kind: "env", Text: "A=1", From: "lattice.yaml:14"},
		{Kind: "env", Text: "GRANTS_TEST=through", From: "lattice.yaml:14"},
		{Kind: "net", Text: "allow=https:api.example", From: "lattice.yaml:15"},
		{Kind: "arg", Text: "-v", From: "lattice.yaml:16"},
	}
	if !reflect.DeepEqual(a.Grants, want) {
		t.Errorf("grants %+v\nwant %+v", a.Grants, want)
	}
	if l := (linkstate.Limits{Handles: 5, OpenFiles: 6, Sockets: 7, BufferedBytes: 64 << 10, Headers: 8, HeaderBytes: 2 << 10, OutgoingRequests: 9}); a.Limits != l {
		t.Errorf("limits %+v, want %+v", a.Limits, l)
	}
	if !a.ReuseInitialized || b.ReuseInitialized || b.Grants != nil || b.Limits != (linkstate.Limits{}) {
		t.Errorf("records %+v, %+v", a, b)
	}
	if dirs := p.Dirs(); !reflect.DeepEqual(dirs, []string{filepath.Join(dir, "data"), "/srv/x"}) {
		t.Errorf("folders %v", dirs)
	}
}
