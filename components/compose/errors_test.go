package compose

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

func TestNotComponent(t *testing.T) {
	good := greeter(t, shapes, "test:caller/api")
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"text":        {[]byte("(component)"), "not a WebAssembly component"},
		"nothing":     {nil, "not a WebAssembly component"},
		"core module": {libc, "core module"},
		"cut":         {good[:len(good)-1], "unexpected end-of-file"},
		"invalid":     {unknownFunc(t), "function 0"},
	} {
		for _, parts := range [][2][]byte{{c.data, good}, {good, c.data}} {
			_, err := Plug(parts[0], parts[1])
			var e *NotComponentError
			if !errors.As(err, &e) || errcode.Of(err) != errcode.Invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v (%s)", name, err, errcode.Of(err))
			}
		}
	}
}

// unknownFunc is a component that exports a function it does not have.
func unknownFunc(t *testing.T) []byte {
	m := newMaker(t)
	m.export("f", binary.SortFunc, 0)
	return m.bytes()
}

func TestNothingToPlug(t *testing.T) {
	socket := greeter(t, "test:a/api@1.2.0", "test:caller/api")
	_, err := PlugParts(Part{"a.wasm", socket}, Part{"b.wasm", greeter(t, shapes, "test:a/api@2.0.0")})
	var e *NothingError
	if !errors.As(err, &e) || errcode.Of(err) != errcode.NotFound {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(e.Imports, []string{"test:a/api@1.2.0"}) || !slices.Equal(e.Exports, []string{"test:a/api@2.0.0"}) || len(e.Close) != 1 {
		t.Errorf("got %+v", e)
	}
	for _, s := range []string{"a.wasm", "b.wasm", "test:a/api@1.2.0", "close: test:a/api@2.0.0 for test:a/api@1.2.0"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not name %s", err, s)
		}
	}
	if _, err := Plug(socket); !errors.As(err, &e) {
		t.Errorf("without plugs: %v", err)
	}
	// One plug that fits does not hide another that does not.
	if _, err := Plug(socket, greeter(t, shapes, "test:a/api@1.2.0"), counters(t, "test:c/api")); !errors.As(err, &e) || e.Plug != "plug 2" {
		t.Errorf("got %v", err)
	}
}

func TestDuplicateProviders(t *testing.T) {
	socket := greeter(t, "test:a/api@1.2.0", "test:caller/api")
	at := func(version string) []byte { return greeter(t, shapes, "test:a/api@"+version) }
	for _, v := range []string{"1.2.0", "1.3.0"} {
		_, err := Plug(socket, at(v), at(v))
		var e *DuplicateError
		if !errors.As(err, &e) || errcode.Of(err) != errcode.Conflict || e.First != "plug 1" || e.Second != "plug 2" || e.Import != "test:a/api@1.2.0" {
			t.Errorf("got %v", err)
		}
	}
}

// A plug with several versions gives the same one, or else the highest.
func TestBestVersion(t *testing.T) {
	m := newMaker(t)
	str := prim(binary.PrimString)
	in := m.importInstance(shapes, funcType("name", &str, str), declare("greet", binary.ExternType{Sort: binary.SortFunc}))
	m.greeter(m.from(binary.SortFunc, in, "greet"), "test:a/api@1.2.0", "test:a/api@1.10.0", "test:a/api@1.9.0")
	p, err := load(Part{"plug", m.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	for want, got := range map[string]string{"1.9.0": "1.9.0", "1.0.0": "1.10.0", "1.99.0": "1.10.0"} {
		s, err := load(Part{"socket", greeter(t, "test:a/api@"+want, "test:caller/api")})
		if err != nil {
			t.Fatal(err)
		}
		links, err := match(s, []*unit{p})
		if err != nil {
			t.Fatal(err)
		}
		if l := links["test:a/api@"+want]; l == nil || l.export.Name.Name != "test:a/api@"+got {
			t.Errorf("for %s: %+v, want %s", want, l, got)
		}
	}
}

func TestMismatch(t *testing.T) {
	u32, str := prim(binary.PrimU32), prim(binary.PrimString)
	// asks imports f of the given type.
	asks := func(name string, f *binary.Type) []byte {
		m := newMaker(t)
		m.importInstance(name, f, declare("greet", binary.ExternType{Sort: binary.SortFunc}))
		return m.bytes()
	}
	offer := greeter(t, "test:b/api", "test:a/api@1.0.0")
	for name, c := range map[string]struct {
		socket []byte
		says   string
	}{
		"result":         {asks("test:a/api@1.0.0", funcType("name", &str, u32)), `func "greet": result: string for u32`},
		"parameter":      {asks("test:a/api@1.0.0", funcType("name", &u32, str)), `parameter "name": string for u32`},
		"parameter name": {asks("test:a/api@1.0.0", funcType("who", &str, str)), `parameter "name" for "who"`},
		"parameters":     {asks("test:a/api@1.0.0", funcType("", nil, str)), "1 parameters for 0"},
		"other version":  {asks("test:a/api@1.4.0", funcType("name", &str, u32)), "1.4.0"},
		"missing":        {counterUser(t, "test:a/api@1.0.0"), `"counter" is missing`},
	} {
		_, err := PlugParts(Part{"a.wasm", c.socket}, Part{"b.wasm", offer})
		var e *MismatchError
		if !errors.As(err, &e) || errcode.Of(err) != errcode.Invalid {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, s := range []string{"a.wasm", "b.wasm", "export test:a/api@1.0.0", c.says} {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %s", name, err, s)
			}
		}
	}
}

// Imports that remain must agree too, unless other versions keep them apart.
func TestImportsThatDiffer(t *testing.T) {
	u32 := prim(binary.PrimU32)
	socket := func(extra string) []byte {
		m := newMaker(t)
		m.importInstance(extra, funcType("n", &u32, u32), declare("greet", binary.ExternType{Sort: binary.SortFunc}))
		str := prim(binary.PrimString)
		in := m.importInstance("test:a/api", funcType("name", &str, str), declare("greet", binary.ExternType{Sort: binary.SortFunc}))
		m.greeter(m.from(binary.SortFunc, in, "greet"), "test:last/api")
		return m.bytes()
	}
	_, err := Plug(socket(shapes), greeter(t, shapes, "test:a/api"))
	var e *MismatchError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "import "+shapes+" of plug 1") {
		t.Errorf("got %v", err)
	}
	got := imports(t, plug(t, socket("demo:pure/shapes@0.1.3"), greeter(t, shapes, "test:a/api")))
	slices.Sort(got)
	if want := []string{shapes, "demo:pure/shapes@0.1.3"}; !slices.Equal(got, want) {
		t.Errorf("imports are %v, want %v", got, want)
	}
}

// An import that nothing provides cannot be about a resource that a plug
// makes: the result's imports come before its instances.
func TestImportAboutPlugsResource(t *testing.T) {
	const api = "test:counters/api"
	m := newMaker(t)
	u32, borrow := prim(binary.PrimU32), index(2)
	in := m.importInstance(api, declare("counter", binary.ExternType{Sort: binary.SortType, Bound: binary.BoundSub}))
	counter := m.from(binary.SortType, in, "counter")
	m.importInstance("test:other/api",
		&binary.Alias{Kind: binary.AliasOuter, Sort: binary.SortType, Count: 1, Index: counter},
		declare("counter", binary.ExternType{Sort: binary.SortType}),
		&binary.Type{Kind: binary.TypeBorrow, Index: 1},
		funcType("c", &borrow, u32), declare("peek", binary.ExternType{Sort: binary.SortFunc, Index: 3}))
	_, err := Plug(m.bytes(), counters(t, api))
	var e *MismatchError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), `resource "counter"`) || !strings.Contains(err.Error(), "test:other/api") {
		t.Errorf("got %v", err)
	}
}
