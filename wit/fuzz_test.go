package wit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
)

// fuzzSeeds show all of the syntax; the reference suite adds to them.
var fuzzSeeds = []string{
	"package a:b;",
	"package a:b@1.2.3-rc.1+x;\n/// docs\ninterface i { use x:y/z@1.0.0.{a as b, c}; type t = list<u8, 4>; }\npackage x:y@1.0.0 { interface z { resource a; type c = u8; } }",
	"package a:b; interface i { resource r { constructor(a: u32) -> result<r, string>; m: async func(); s: static func() -> own<r>; } f: func(a: borrow<r>); }",
	"package a:b; interface i { record r { a: option<u8>, } variant v { a, b(string) } enum e { a } flags f { a, b } type m = map<string, stream<u8>>; type x = future; type y = error-context; type z = tuple<u8, result<_, r>>; }",
	"package a:b; world w { import i; export j: interface { use i.{t}; f: func() -> t; } use i.{t}; resource r; import f: func(a: r); include v with { a as b }; @external-id(\"x\\u{7f}\") export k: i; } world v { import a: func(); } interface i { type t = u8; }",
	"package a:b@0.1.0; @since(version = 0.1.0) @deprecated(version = 0.1.0) interface i { @unstable(feature = x) f: func(); }",
	"package a:b; use c:d/e as f; world w { import f; } package c:d { interface e {} }",
	"package %type:%list; interface %interface { %use: func(%as: u8); }",
	"package a:b; interface i { type a = b; type b = a; }",
	"package a:b; world w { include w; }",
	"package a:b; /* /* */ */ // x\n/** y */ interface i {}",
}

// FuzzParse checks that any text is either refused as invalid or gives
// packages that print as text with the same meaning.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	dir := filepath.Join("..", "..", "shared", "conformance", "wit")
	if root := os.Getenv("LATTICEWORK_SHARED"); root != "" {
		dir = filepath.Join(root, "conformance", "wit")
	}
	for _, pattern := range []string{"*.wit", "parse-fail/*.wit"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil { // folders are none
				f.Add(string(text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzbound.Run(t, func() {
			r, main, err := ParseText("fuzz.wit", text, WithAllFeatures())
			if err != nil {
				if !errors.Is(err, errcode.Invalid) {
					t.Fatalf("error without the code invalid: %v", err)
				}
				if !strings.HasPrefix(err.Error(), "fuzz.wit:") {
					t.Fatalf("error without a place: %v", err)
				}
				return
			}
			printed := PrintResolve(r, main)
			again, main2, err := ParseText("printed.wit", printed, WithAllFeatures())
			if err != nil {
				t.Fatalf("the printed text does not parse: %v\n%s", err, printed)
			}
			if d := diffResolve(r, again); d != "" {
				t.Fatalf("%s\n%s", d, printed)
			}
			if twice := PrintResolve(again, main2); twice != printed {
				t.Fatalf("printed again the text is another one:\n%s\n--- first:\n%s", twice, printed)
			}
		})
	})
}
