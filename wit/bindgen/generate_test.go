package bindgen_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/bindgen"
	"latticework/wit/bindgen/glue"
	"latticework/wit/bindgen/internal/zoo"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

func TestZooIsUpToDate(t *testing.T) {
	_, pkg, err := wit.ParseFS(os.DirFS("testdata/zoo"), ".")
	if err != nil {
		t.Fatal(err)
	}
	src, err := bindgen.Generate(pkg, bindgen.Config{Name: "zoo", Prompt: []string{"flows.count"}})
	if err != nil {
		t.Fatal(err)
	}
	const file = "internal/zoo/zoo.gen.go"
	if *update {
		if err := os.WriteFile(file, src, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(src) {
		t.Errorf("%s is not what the generator writes: run go test ./wit/bindgen -update", file)
	}
}

func TestGenerateRefuses(t *testing.T) {
	tests := map[string]struct {
		wit  string
		cfg  bindgen.Config
		want string
	}{
		"view of what waits": {
			wit:  "package a:b; interface i { f: async func(b: list<u8>); }",
			cfg:  bindgen.Config{Name: "b", Views: []string{"i.f"}},
			want: "function f is async",
		},
		"clashing names": {
			wit:  "package a:b; interface i { enum e { x-y } enum e-x { y } f: func(a: e, b: e-x); }",
			cfg:  bindgen.Config{Name: "b"},
			want: "Go name EXY",
		},
		"function named as a drop": {
			wit:  "package a:b; interface i { resource r; drop-r: func(v: r); }",
			cfg:  bindgen.Config{Name: "b", Exports: []string{"i"}},
			want: "function drop-r of i has the name in Go of the drop of resource r",
		},
		"unknown interface": {
			wit:  "package a:b; interface i { f: func(); }",
			cfg:  bindgen.Config{Name: "b", Interfaces: []string{"j"}},
			want: `no interface "j"`,
		},
		"method drop": {
			wit:  "package a:b; interface i { resource r { drop: func(); } }",
			cfg:  bindgen.Config{Name: "b"},
			want: "method drop of r",
		},
		"package name": {
			wit:  "package a:b; interface i { f: func(); }",
			cfg:  bindgen.Config{Name: "B"},
			want: `"B"`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, pkg, err := wit.ParseText("t.wit", test.wit)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bindgen.Generate(pkg, test.cfg)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not mention %q", err, test.want)
			}
		})
	}
}

// TestParametersHaveDistinctNames: kebab-case tells names apart that are one in
// Go.
func TestParametersHaveDistinctNames(t *testing.T) {
	_, pkg, err := wit.ParseText("t.wit", "package a:b; interface i { f: func(a1: u8, a-1: u16, %type: u8, %TYPE-x: u32); }")
	if err != nil {
		t.Fatal(err)
	}
	src, err := bindgen.Generate(pkg, bindgen.Config{Name: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "F(ctx context.Context, a1 uint8, a1_ uint16, type_ uint8, typeX uint32) error"; !strings.Contains(string(src), want) {
		t.Errorf("generated source lacks %q", want)
	}
}

func TestGenerateNeedsImportOfOtherPackage(t *testing.T) {
	const text = `package a:b;
interface i { use c:d/types.{r}; f: func(v: r); }
package c:d { interface types { record r { n: u32 } } }`
	_, pkg, err := wit.ParseText("t.wit", text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bindgen.Generate(pkg, bindgen.Config{Name: "b"}); err == nil || !strings.Contains(err.Error(), "c:d") {
		t.Errorf("error %v does not name the package c:d", err)
	}
	src, err := bindgen.Generate(pkg, bindgen.Config{Name: "b", Imports: map[string]string{"c:d": "example.com/d"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"example.com/d"`, "F(ctx context.Context, v d.R) error", "func loadDR(m *abi.Mem, b []byte) (v d.R)"} {
		if !strings.Contains(string(src), want) {
			t.Errorf("generated source lacks %q", want)
		}
	}
}

// TestEmittedTypesAreThoseOfTheSource compares the function types that a linker
// sees with the parsed ones.
func TestEmittedTypesAreThoseOfTheSource(t *testing.T) {
	_, pkg, err := wit.ParseFS(os.DirFS("testdata/zoo"), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, bound := range []*abi.Interface{zoo.BindKinds(nil), zoo.BindStore(nil), zoo.BindVisitor(nil)} {
		_, name, _ := strings.Cut(bound.Name, "/")
		name, _, _ = strings.Cut(name, "@")
		iface := pkg.Interface(name)
		if len(iface.Funcs) != len(bound.Funcs) {
			t.Fatalf("%s: %d functions, want %d", bound.Name, len(bound.Funcs), len(iface.Funcs))
		}
		for _, f := range iface.Funcs {
			if _, err := glue.Resolve(&component{exports: bound}, bound.Name, f.Name, f.Type); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestViewsAreHandedOverInPlace(t *testing.T) {
	_, pkg, err := wit.ParseText("t.wit", "package a:b; interface i { f: func(v: list<u8>, w: list<list<u8>>); g: func(v: list<u8>); }")
	if err != nil {
		t.Fatal(err)
	}
	src, err := bindgen.Generate(pkg, bindgen.Config{Name: "b", Views: []string{"i.f"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), "m.BytesView(c.Params)"); n != 1 {
		t.Errorf("%d parameters of Call are views, want that of f alone", n)
	}
	if n := strings.Count(string(src), "w.In.BytesView()"); n != 1 {
		t.Errorf("%d parameters of Wire are views, want that of f alone", n)
	}
	if _, err := bindgen.Generate(pkg, bindgen.Config{Name: "b", Views: []string{"i.h"}}); err == nil {
		t.Error("a view of a function that is not there was accepted")
	}
}
