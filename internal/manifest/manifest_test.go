package manifest

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
)

var update = flag.Bool("update", false, "write the golden files")

func inputs(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests in testdata/%s: %v", folder, err)
	}
	return files
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (-update rewrites it):\n%s", file, got)
	}
}

func TestGoodManifests(t *testing.T) {
	for _, file := range inputs(t, "good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			app, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(app, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", string(got)+"\n")
		})
	}
}

func TestBadManifests(t *testing.T) {
	for _, file := range inputs(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			app, err := Parse(filepath.Base(file), text)
			if err == nil || app != nil {
				t.Fatalf("accepted: %+v", app)
			}
			var problems *Error
			if !errors.As(err, &problems) || len(problems.Problems) == 0 {
				t.Fatalf("error is %T without problems", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n\ncode "+string(errcode.Of(err))+"\n")
		})
	}
}

// TestExamples holds the applications that we hand out to the same rules.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples found: %v", err)
	}
	for _, file := range files {
		app, err := Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(app.Notices) > 0 {
			t.Errorf("%s: notices: %+v", file, app.Notices)
		}
	}
}

const small = `
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: small}
spec:
  components:
    - {name: a, type: component, properties: {image: IMAGE}}
`

func TestComponentImages(t *testing.T) {
	cases := []struct {
		image, path string
		code        errcode.Code
	}{
		{"file://./a.wasm", "apps/small/a.wasm", ""},
		{"file://a.wasm", "apps/small/a.wasm", ""},
		{"file:///srv/a.wasm", "/srv/a.wasm", ""},
		{"./a.wasm", "apps/small/a.wasm", ""},
		{"a.wasm", "apps/small/a.wasm", ""},
		{"build/a.wasm", "apps/small/build/a.wasm", ""},
		{"../a.wasm", "apps/a.wasm", ""},
		{"/srv/a", "/srv/a", ""},
		{"file://", "", errcode.Invalid},
		{"./", "", errcode.Invalid},
		{"a", "", errcode.Invalid},
		{"lattice://http-server", "", errcode.Invalid},
		{"ghcr.io/acme/a:1", "", errcode.Unsupported},
		{"ghcr.io/acme/a.wasm", "", errcode.Unsupported},
		{"localhost:5000/a", "", errcode.Unsupported},
		{"oci://ghcr.io/acme/a:1", "", errcode.Unsupported},
		{"https://example.com/a.wasm", "", errcode.Unsupported},
	}
	for _, c := range cases {
		app, err := Parse("apps/small/lattice.yaml", []byte(strings.Replace(small, "IMAGE", c.image, 1)))
		switch {
		case errcode.Of(err) != c.code:
			t.Errorf("image %q: error %v, want code %q", c.image, err, c.code)
		case err == nil && app.Components[0].Image.Path != c.path:
			t.Errorf("image %q: path %q, want %q", c.image, app.Components[0].Image.Path, c.path)
		}
	}
}

func TestPropertiesMergeInOrder(t *testing.T) {
	app := &Application{Configs: []Config{
		{Name: "a", Properties: map[string]string{"x": "1", "y": "1"}},
		{Name: "b", Properties: map[string]string{"y": "2"}},
	}}
	merged, missing := app.Properties([]string{"a", "elsewhere", "b"})
	if len(merged) != 2 || merged["x"] != "1" || merged["y"] != "2" {
		t.Errorf("merged %v", merged)
	}
	if len(missing) != 1 || missing[0] != "elsewhere" {
		t.Errorf("missing %v", missing)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, errcode.NotFound) || errcode.NextOf(err) == "" {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir); !errors.Is(err, errcode.NotFound) || errcode.NextOf(err) == "" {
		t.Errorf("folder without a manifest: %v", err)
	}
	for _, name := range []string{"lattice.yaml", "wadm.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(small, "IMAGE", "a.wasm", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "lattice.yaml" {
			if app, err := Load(dir); err != nil || app.Components[0].Image.Path != filepath.Join(dir, "a.wasm") {
				t.Errorf("folder with a manifest: %+v, %v", app, err)
			}
		}
	}
	if _, err := Load(dir); !errors.Is(err, errcode.Invalid) {
		t.Errorf("folder with two manifests: %v", err)
	}
}

func TestBounds(t *testing.T) {
	many := func(entry string, n int) string { return strings.Repeat(entry, n) }
	cases := map[string]string{
		"bytes of the manifest":      many("#", MaxBytes+1),
		"entries: 17 > 16":           spreads(17),
		"entries: 1001 > 1000":       "spec: {components: [" + many("{},", MaxParts+1) + "]}",
		"bytes of text: 4097 > 4096": "kind: " + many("k", maxText+1),
		"bytes of text: 16385 > 16384": "spec: {components: [{name: a, type: capability, properties: {image: x, config: [{name: c, properties: {k: " +
			many("v", maxValue+1) + "}}]}}]}",
		"aliases counted at each use": aliases(1000, 100),
		"more problems":               "spec: {components: [" + many("{},", 1000) + "]}",
	}
	for want, text := range cases {
		_, err := Parse("x.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in the problems, have: %.300v", want, err)
		}
	}
}

// aliases is a manifest of parts that share one list of links.
func aliases(parts, links int) string {
	var b strings.Builder
	b.WriteString("{apiVersion: core.oam.dev/v1beta1, kind: Application, metadata: {name: a, " +
		"annotations: {latticework/external: x}}, spec: {components: [\n")
	for i := range parts {
		list := "*list"
		if i == 0 {
			list = "&list ["
			for j := range links {
				list += fmt.Sprintf("{type: link, properties: {name: l%d, target: x, namespace: a, package: b, interfaces: [c]}},", j)
			}
			list += "]"
		}
		fmt.Fprintf(&b, "{name: p%d, type: component, properties: {image: a.wasm}, traits: %s},\n", i, list)
	}
	b.WriteString("]}}")
	return b.String()
}

// spreads is a spreadscaler with n spreads, whatever else is missing.
func spreads(n int) string {
	return "spec: {components: [{traits: [{type: spreadscaler, properties: {spread: [" + strings.Repeat("{},", n) + "]}}]}]}"
}

func TestAliasesWithinBounds(t *testing.T) {
	app, err := Parse("x.yaml", []byte(aliases(10, 10)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(app.Links); n != 100 || app.Links[99].Source != "p9" {
		t.Errorf("%d links, want the 10 of the alias for each of 10 parts", n)
	}
}

func TestAmounts(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "65536": 65536, "64KiB": 64 << 10, "1 MiB": 1 << 20, "4GiB": 4 << 30} {
		n, err := ParseBytes(text, 1, 4<<30)
		if err != nil || n != want {
			t.Errorf("%q: %d, %v, want %d", text, n, err, want)
		}
		if again, err := ParseBytes(BytesText(n), 1, 4<<30); err != nil || again != n {
			t.Errorf("%d is written %q, which is read as %d (%v)", n, BytesText(n), again, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "lots", "5GiB", "1.5MiB", "99999999999999999999", "9007199254740993GiB"} {
		if n, err := ParseBytes(text, 1, 4<<30); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%q: %d, %v, want invalid", text, n, err)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"instance", `did you mean "instances"?`},
		{"Spread", `did you mean "spread"?`},
		{"zzz", ""},
		{"", ""},
	} {
		if got := didYouMean(c.name, []string{"spread", "instances"}); got != c.want {
			t.Errorf("didYouMean(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

// FuzzParse: no input panics, and what is accepted is whole.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		files, _ := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzzbound.Run(t, func() {
			app, err := Parse("fuzz.yaml", text)
			if err != nil {
				if code := errcode.Of(err); code != errcode.Invalid && code != errcode.Unsupported && code != errcode.Exhausted {
					t.Fatalf("code %s", code)
				}
				if strings.TrimSpace(err.Error()) == "" {
					t.Fatal("an error that says nothing")
				}
				return
			}
			if checkName(app.Name) != "" || len(app.Components)+len(app.Capabilities) == 0 {
				t.Fatalf("accepted: %+v", app)
			}
			for _, l := range app.Links {
				if l.Source == "" || l.Target == "" || len(l.Interfaces) == 0 {
					t.Fatalf("accepted link: %+v", l)
				}
			}
			for _, c := range app.Components {
				if c.Image.Path == "" || c.ID == "" {
					t.Fatalf("accepted component: %+v", c)
				}
			}
			for _, c := range app.Capabilities {
				if c.Technology.Name == "" {
					t.Fatalf("accepted capability: %+v", c)
				}
			}
		})
	})
}

// TestDocumentation reads the manifest that docs/manifest.md shows.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "manifest.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	shown, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("docs/manifest.md shows no manifest")
	}
	if _, err := Parse("docs/manifest.md", []byte(shown)); err != nil {
		t.Error(err)
	}
	for _, technology := range Technologies() {
		for _, image := range append([]string{Scheme + technology.Name}, technology.Replaces...) {
			if !strings.Contains(string(text), "`"+image) {
				t.Errorf("docs/manifest.md does not name %s", image)
			}
		}
	}
}
