package compose

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"latticework/components"
	"latticework/components/internal/binary"
	"latticework/internal/refdata"
	"latticework/wit/abi"
)

const shapes = "demo:pure/shapes@0.1.0"

func guest(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plug plugs and fails the test if that does not work.
func plug(t *testing.T, socket []byte, plugs ...[]byte) []byte {
	t.Helper()
	out, err := Plug(socket, plugs...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// imports returns the names of data's imports.
func imports(t *testing.T, data []byte) []string {
	t.Helper()
	u, err := load(Part{"component", data})
	if err != nil {
		t.Fatal(err)
	}
	return namesOf(&u.typ.Imports)
}

func template(t *testing.T, data []byte, given ...*abi.Interface) *components.Template {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), data)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	tmpl, err := c.Link(components.LinkConfig{Interfaces: given})
	if err != nil {
		t.Fatalf("link: %v", err)
	}
	return tmpl
}

// call runs calls in one instance of data, which imports nothing.
func call(t *testing.T, data []byte, calls ...string) []string {
	t.Helper()
	in, err := template(t, data).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(context.Background())
	var out []string
	for _, c := range calls {
		text, err := in.CallText(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		out = append(out, text)
	}
	return out
}

const (
	greetedTwice = `"Hello, Hello, ada! 👋! 👋"`
	greeted4     = `"Hello, Hello, Hello, Hello, ada! 👋! 👋! 👋! 👋"`
)

func check1(t *testing.T, data []byte, expr, want string) {
	t.Helper()
	if names := imports(t, data); len(names) > 0 {
		t.Errorf("the result imports %v", names)
	}
	if got := call(t, data, expr); got[0] != want {
		t.Errorf("%s is %s, want %s", expr, got[0], want)
	}
}

func TestPlugGuest(t *testing.T) {
	check1(t, plug(t, greeter(t, shapes, "test:caller/api"), guest(t, "js-pure-qjs")),
		`test:caller/api.greet("ada")`, greetedTwice)
}

func TestPlugOtherVersion(t *testing.T) {
	for _, v := range []string{"0.1.7", "0.1.0"} {
		check1(t, plug(t, greeter(t, "demo:pure/shapes@"+v, "test:caller/api"), guest(t, "js-pure-qjs")),
			`test:caller/api.greet("ada")`, greetedTwice)
	}
}

func TestPlugChain(t *testing.T) {
	pure := guest(t, "js-pure-qjs")
	last, middle := greeter(t, "test:middle/api", "test:last/api"), greeter(t, shapes, "test:middle/api")
	const expr = `test:last/api.greet("ada")`
	check1(t, plug(t, plug(t, last, middle), pure), expr, greeted4)
	check1(t, plug(t, last, plug(t, middle, pure)), expr, greeted4)
}

// A plug may import what it exports, for someone else to provide.
func TestPlugInBetween(t *testing.T) {
	last, middle := greeter(t, shapes, "test:last/api"), greeter(t, shapes, shapes)
	half := plug(t, last, middle)
	if got := imports(t, half); !slices.Equal(got, []string{shapes}) {
		t.Fatalf("imports are %v", got)
	}
	check1(t, plug(t, half, guest(t, "js-pure-qjs")), `test:last/api.greet("ada")`, greeted4)
}

func TestPlugsShareImport(t *testing.T) {
	m := newMaker(t)
	str := prim(binary.PrimString)
	greetType := funcType("name", &str, str)
	a := m.importInstance("test:a/api", greetType, declare("greet", binary.ExternType{Sort: binary.SortFunc}))
	b := m.importInstance("test:b/api", greetType, declare("greet", binary.ExternType{Sort: binary.SortFunc}))
	m.greeter(m.from(binary.SortFunc, a, "greet"), "test:last/api")
	m.offer("test:other/api", inline("greet", binary.SortFunc, m.from(binary.SortFunc, b, "greet")))
	half := plug(t, m.bytes(), greeter(t, shapes, "test:a/api"), greeter(t, "demo:pure/shapes@0.1.4", "test:b/api"))
	if got := imports(t, half); !slices.Equal(got, []string{"demo:pure/shapes@0.1.4"}) {
		t.Fatalf("imports are %v: want the higher version once", got)
	}
	whole := plug(t, half, guest(t, "js-pure-qjs"))
	check1(t, whole, `test:last/api.greet("ada")`, greeted4)
	check1(t, whole, `test:other/api.greet("ada")`, greetedTwice)
}

func TestPlugResource(t *testing.T) {
	const api = "test:counters/api@1.0.0"
	out := plug(t, counterUser(t, api), counters(t, api))
	got := call(t, out, "run(40)", "run(40)")
	if !slices.Equal(got, []string{"41", "42"}) {
		t.Errorf("got %v, want 41 and 42: each run drops one counter", got)
	}
}
