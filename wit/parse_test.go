package wit

import (
	"errors"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// TestParseErrors lists refusals beyond the reference suite: the place and
// what was expected.
func TestParseErrors(t *testing.T) {
	long := strings.Repeat("a", maxFileSize+1)
	for _, c := range []struct{ text, want string }{
		{"", "t.wit: no `package` header was found"},
		{"package a:b", "t.wit:1:12: expected '{', found eof"},
		{"package a", "t.wit:1:10: expected ':', found eof"},
		{"package a:b@1.0;", `t.wit:1:13: "1.0" is not a semantic version`},
		{"package a:b@;", "t.wit:1:13: expected a version, found ';'"},
		{"package a:b; interface a-B-cD {}", `t.wit:1:24: identifier "a-B-cD" is not in kebab-case: word "cD" mixes upper and lower case`},
		{"package a:b; interface a- {}", `1:24: identifier "a-" is not in kebab-case: it has an empty word`},
		{"package a:b; interface % {}", `1:24: identifier "" is not in kebab-case: it is empty`},
		{"package a:b; ?", "1:14: unexpected character '?'"},
		{"package a:b; /* x", "1:14: unterminated block comment"},
		{"package a:b; \x00", "1:14: found control character U+0000"},
		{"package a:b; // \u202e", "1:17: found character U+202E, which changes the direction of text"},
		{"package a:b; // \xff", "1:17: text is not valid UTF-8"},
		{long, "size of a file: 4194305 > 4194304"},
		{"package a:b; foo", "expected `world`, `interface` or `use`, found an identifier"},
		{"package a:b; @other(x = 1) interface i {}", "1:15: unknown annotation `@other`"},
		{"package a:b@1.0.0; @since(version = 1.0.0) @since(version = 1.0.0) interface i {}", "duplicate annotation `@since`"},
		{"package a:b@1.0.0; @since(version = 1.0.0) @unstable(feature = x) interface i {}", "cannot use `@since` and `@unstable` together"},
		{"package a:b@1.0.0; @deprecated(version = 1.0.0) interface i {}", "must pair `@deprecated` with either `@since` or `@unstable`"},
		{"package a:b; @since(version = 1.0.0) interface i {}", "contains a feature gate with a version specifier, so it must have a version"},
		{"package a:b; @external-id(\"x\") interface i {}", "1:14: `@external-id` is only for"},
		{"package a:b; world w { @external-id(\"x\") import i; } interface i {}", "`@external-id` is only for"},
		{"package a:b; interface i { @external-id(x) f: func(); }", "expected a string, found an identifier"},
		{`package a:b; interface i { @external-id("\q") f: func(); }`, "invalid escape sequence in a string literal"},
		{`package a:b; interface i { @external-id("\u{d800}") f: func(); }`, "invalid escape sequence in a string literal"},
		{`package a:b; interface i { @external-id("\ff") f: func(); }`, "string literal is not valid UTF-8"},
		{"package a:b; interface i { type t = list<u8, 0>; }", "length of a list: 0 is not within 1 and 4294967295"},
		{"package a:b; interface i { type t = list<u8, 4294967296>; }", "length of a list: 4294967296 is not within"},
		{"package a:b; interface i { type t = map<u8>; }", "expected ',', found '>'"},
		{"package a:b; interface i { type t = result<_>; }", "expected ',', found '>'"},
		{"package a:b; interface i { type t = func; }", "expected a type, found keyword `func`"},
		{"package a:b; interface i { record r { a: u8, A: u8 } }", "name `A` conflicts with `a` in `r`"},
		{"package a:b; interface i { f: func(a: u8, A: u8); }", "param `A` is defined more than once"},
		{"package a:b; interface i { f: func(a: u8) -> ; }", "expected a type, found ';'"},
		{"package a:b; interface i { resource r { m: func(self: u8); } }", "param `self` is defined more than once"},
		{"package a:b; world w { import a:b; }", "expected '/', found ';'"},
		{"package a:b; world w { import x: 5; }", "expected `func`, `interface` or the name of an interface, found an integer"},
		{"package a:b; world w { type }", "expected an identifier, found '}'"},
		{"package a:b; world w { x }", "expected `import`, `export`, `include`, `use`, or type definition"},
		{"package a:b; interface i { resource r = u8; }", "expected ';' or '{', found '='"},
		{"package a:b; use x:y/z@1.0.0;", "package 'x:y@1.0.0' not found. known packages: a:b"},
	} {
		_, _, err := ParseText("t.wit", c.text)
		switch {
		case err == nil:
			t.Errorf("%.80q: accepted, want %s", c.text, c.want)
		case !errors.Is(err, errcode.Invalid) || !strings.Contains(err.Error(), c.want):
			t.Errorf("%.80q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestDocs(t *testing.T) {
	_, p, err := ParseText("t.wit", `/// of the package
package a:b;

/// of the interface
///
///   indented
interface i {
  /**
   * block */
  f: func();
  /// of the record
  record r {
    /// of the field
    x: u8,
  }
  /// before
  @unstable(feature = x)
  /// after
  g: func();
}`, WithFeatures("x"))
	if err != nil {
		t.Fatal(err)
	}
	i := p.Interface("i")
	for _, c := range []struct{ what, got, want string }{
		{"package", p.Docs, "of the package"},
		{"interface", i.Docs, "of the interface\n\n  indented"},
		{"block", i.Func("f").Docs, "* block"},
		{"record", i.TypeDef("r").Docs, "of the record"},
		{"field", i.TypeDef("r").Members[0].Docs, "of the field"},
		{"annotated", i.Func("g").Docs, "before\nafter"},
	} {
		if c.got != c.want {
			t.Errorf("docs of the %s: got %q, want %q", c.what, c.got, c.want)
		}
	}
}
