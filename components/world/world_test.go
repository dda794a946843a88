package world

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/wit"
)

func guest(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// names returns the lines of a recorded world that begin with a word, without
// it and the semicolon.
func names(text, word string) (list []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), word+" "); ok {
			list = append(list, strings.TrimSuffix(rest, ";"))
		}
	}
	return list
}

func items(list []wit.WorldItem) (names []string) {
	for _, i := range list {
		if i.Func != nil {
			names = append(names, i.Name+": "+wit.PrintFunc(i.Func.Type))
		} else {
			names = append(names, i.Name)
		}
	}
	return names
}

// TestGuests reads the world of every guest: it has the recorded imports and
// exports, and its text, parsed, gives the same world again.
func TestGuests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/wit"), "*.wit"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d recorded worlds: %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".wit")
		t.Run(name, func(t *testing.T) {
			recorded, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			b, err := build(guest(t, name))
			if err != nil {
				t.Fatal(err)
			}
			_, w, err := Of(guest(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := items(w.Imports), names(string(recorded), "import"); !slices.Equal(got, want) {
				t.Errorf("imports are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if got, want := items(w.Exports), names(string(recorded), "export"); !slices.Equal(got, want) {
				t.Errorf("exports are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			sameItems(t, w.Imports, b.world.Imports)
			sameItems(t, w.Exports, b.world.Exports)
		})
	}
	t.Logf("%d worlds", len(files))
}

// sameItems compares what was parsed from a text with what was printed.
func sameItems(t *testing.T, got, want []wit.WorldItem) {
	t.Helper()
	if !slices.Equal(items(got), items(want)) {
		t.Fatalf("got %v, want %v", items(got), items(want))
	}
	for n, w := range want {
		g := got[n]
		if (g.Interface == nil) != (w.Interface == nil) || (g.Func == nil) != (w.Func == nil) || (g.Type == nil) != (w.Type == nil) {
			t.Errorf("%s is something else", w.Name)
			continue
		}
		if w.Interface != nil {
			sameInterface(t, w.Name, g.Interface, w.Interface)
		}
		if w.Func != nil && describeFunc(g.Func.Type) != describeFunc(w.Func.Type) {
			t.Errorf("%s is %s, want %s", w.Name, describeFunc(g.Func.Type), describeFunc(w.Func.Type))
		}
	}
}

func sameInterface(t *testing.T, name string, got, want *wit.Interface) {
	t.Helper()
	if len(got.Types) != len(want.Types) || len(got.Funcs) != len(want.Funcs) {
		t.Errorf("%s has %d types and %d functions, want %d and %d", name, len(got.Types), len(got.Funcs), len(want.Types), len(want.Funcs))
	}
	for _, w := range want.Types {
		g := got.TypeDef(w.Name)
		if g == nil {
			t.Errorf("%s has no type %s", name, w.Name)
			continue
		}
		if (g.Resource == nil) != (w.Resource == nil) || g.Resource == nil && describe(g.Type) != describe(w.Type) {
			t.Errorf("type %s of %s is %s, want %s", w.Name, name, describe(g.Type), describe(w.Type))
		}
		if (g.Alias == nil) != (w.Alias == nil) || g.Alias != nil && g.Alias.Owner.QualifiedName() != w.Alias.Owner.QualifiedName() {
			t.Errorf("type %s of %s is defined elsewhere: %+v, want %+v", w.Name, name, g.Alias, w.Alias)
		}
	}
	for _, w := range want.Funcs {
		if g := got.Func(w.Name); g == nil || describeFunc(g.Type) != describeFunc(w.Type) || g.Kind != w.Kind {
			t.Errorf("function %s of %s is %+v, want %s", w.Name, name, g, describeFunc(w.Type))
		}
	}
}

// TestNormalForm prints what was parsed: the text is the same.
func TestNormalForm(t *testing.T) {
	text, err := Text(guest(t, "rust-counter"))
	if err != nil {
		t.Fatal(err)
	}
	r, main, err := wit.ParseText("component.wit", text)
	if err != nil {
		t.Fatal(err)
	}
	if again := wit.PrintResolve(r, main); again != text {
		t.Errorf("printed again:\n%s\nfirst:\n%s", again, text)
	}
	if !strings.Contains(text, "use store.{bucket, error};") {
		t.Errorf("atomics does not use what store defines:\n%s", text)
	}
}

func TestRefused(t *testing.T) {
	const header = "\x00asm\x0d\x00\x01\x00"
	for name, c := range map[string]struct {
		data string
		code errcode.Code
	}{
		"text":            {"(component)", errcode.Invalid},
		"imported module": {header + "\x03\x03\x01\x50\x00" + "\x0a\x07\x01\x00\x01m\x00\x11\x00", errcode.Unsupported},
		"exported type":   {header + "\x07\x02\x01\x79" + "\x0b\x07\x01\x00\x01t\x03\x00\x00", errcode.Unsupported},
	} {
		if _, err := Text([]byte(c.data)); errcode.Of(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// TestAgreesWithRuntime compares the imports with those that the runtime
// serves, which it reads from the binary in another way.
func TestAgreesWithRuntime(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	compared := 0
	for _, name := range []string{"c-http", "rust-counter", "rust-cmd"} {
		c, err := e.Compile(t.Context(), guest(t, name))
		if err != nil {
			t.Fatal(err)
		}
		_, w, err := Of(guest(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, im := range c.Imports() {
			item := w.Import(im.Name)
			if item == nil || item.Interface == nil {
				t.Errorf("%s: there is no import %s", name, im.Name)
				continue
			}
			for _, f := range im.Funcs {
				compared++
				if g := item.Interface.Func(f.Name); g == nil || describeFunc(g.Type) != describeFunc(f.Type) {
					t.Errorf("%s: %s of %s is %+v, the runtime has %s", name, f.Name, im.Name, g, describeFunc(f.Type))
				}
			}
		}
	}
	if compared < 60 {
		t.Errorf("only %d functions compared", compared)
	}
}

// TestSuite reads the world of every component of the reference suite: WIT
// can say it, or the refusal is typed.
func TestSuite(t *testing.T) {
	dir := refdata.Dir(t, "conformance/component-model")
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Files []struct {
			Cases []struct{ ID, Wasm string }
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	read, refused := 0, 0
	for _, f := range m.Files {
		for _, c := range f.Cases {
			if c.Wasm == "" {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, c.Wasm))
			if err != nil {
				t.Fatal(err)
			}
			_, w, err := Of(data)
			switch code := errcode.Of(err); {
			case err == nil && w != nil:
				read++
			case code == errcode.Unsupported:
				refused++
				t.Logf("%s: %v", c.ID, err)
			case code != errcode.Invalid && code != errcode.Exhausted:
				t.Errorf("%s: %v (%s)", c.ID, err, code)
			}
		}
	}
	if read < 250 {
		t.Errorf("only %d worlds read", read)
	}
	t.Logf("%d worlds read and parsed again, %d cannot be said in WIT", read, refused)
}
