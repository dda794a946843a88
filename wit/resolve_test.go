package wit

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

func mustParse(t *testing.T, text string, opts ...Option) (*Resolve, *Package) {
	t.Helper()
	r, p, err := ParseText("t.wit", text, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

// TestModel checks what others rely on: pointers shared by `use`, handles,
// names.
func TestModel(t *testing.T) {
	r, p := mustParse(t, `package a:b@0.2.1;
interface types {
  resource r {
    constructor(x: u32);
    get: func() -> list<item>;
    make: static async func() -> result<r, string>;
  }
  record item { owner: r }
  record view { seen: borrow<r> }
  type number = u32;
  type bytes = list<u8>;
}
interface user {
  use types.{r, item as thing};
  type again = thing;
  take: func(a: r, b: borrow<r>, c: thing) -> again;
}`)
	types, user := r.FindInterface("a:b/types@0.2.1"), r.FindInterface("a:b/user@0.2.7")
	if types == nil || user == nil || types.Package != p {
		t.Fatal("interfaces are not found")
	}
	res := types.TypeDef("r").Resource
	if res == nil || res.Name != "r" || res.Interface != "a:b/types@0.2.1" || res.Slot != 0 {
		t.Fatalf("resource: %+v", res)
	}
	if d := user.TypeDef("r"); d.Resource != res || d.Alias != types.TypeDef("r") || d.Type != types.TypeDef("r").Type {
		t.Errorf("the use of a resource is another one: %+v", d)
	}
	item := types.TypeDef("item")
	if d := user.TypeDef("again"); d.Root() != item || d.Type != item.Type || d.Type.Name != "item" || d.Resource != nil {
		t.Errorf("the alias of a use: %+v", d)
	}
	own, borrow := item.Type.Fields[0].Type, types.TypeDef("view").Type.Fields[0].Type
	if own.Kind != KindOwn || own.Resource != res || borrow.Kind != KindBorrow || borrow.Resource != res {
		t.Errorf("fields: %+v %+v", own, borrow)
	}
	if types.TypeDef("number").Type != Primitive(KindU32) {
		t.Error("an alias of a primitive is not the shared one")
	}
	if b := types.TypeDef("bytes").Type; b.Name != "bytes" || b.Kind != KindList || b.Elem != Primitive(KindU8) {
		t.Errorf("bytes: %+v", b)
	}
	var names []string
	for _, f := range types.TypeDef("r").Methods {
		names = append(names, f.Name+" "+PrintFunc(f.Type)+" "+f.ItemName())
		if f.Resource != res {
			t.Errorf("%s: resource %v", f.Name, f.Resource)
		}
	}
	want := "[constructor]r func(x: u32) -> r ,[method]r.get func(self: borrow<r>) -> list<item> get,[static]r.make async func() -> result<r, string> make"
	if got := strings.Join(names, ","); got != want {
		t.Errorf("methods:\n got %s\nwant %s", got, want)
	}
	f := user.Func("take")
	if f == nil || !Equal(f.Type.Params[0].Type, own) || !Equal(f.Type.Params[1].Type, borrow) || f.Type.Result != item.Type {
		t.Errorf("take: %+v", f)
	}
}

func TestNamedImports(t *testing.T) {
	_, p := mustParse(t, `package a:b;
interface store { f: func(); }
world w {
  @external-id("db \"1\"")
  import one: store;
  import two: store;
  import store;
  import a: interface { use other.{t}; g: func() -> t; }
  export three: store;
}
interface other { type t = u8; }`)
	w := p.World("w")
	var names []string
	for _, i := range w.Imports {
		names = append(names, i.Name)
	}
	if got := strings.Join(names, " "); got != "one two a:b/store a:b/other a" {
		t.Errorf("imports: %s", got)
	}
	one := w.Import("one")
	if one.Interface != p.Interface("store") || one.ExternalID != `db "1"` || w.Import("two").Interface != one.Interface {
		t.Errorf("one: %+v", one)
	}
	if w.Export("three") == nil || w.Export("four") != nil {
		t.Error("exports")
	}
	if text := PrintWorld(w); !strings.Contains(text, "  @external-id(\"db \\\"1\\\"\")\n  import one: store;\n") {
		t.Errorf("printed:\n%s", text)
	}
}

func TestNestedNamespaces(t *testing.T) {
	r, p := mustParse(t, "package a:b:c/d@1.0.0;\nuse x:y:z/p/q/i as j;\nworld w { import j; export x:y:z/p/q/i; }\npackage x:y:z/p/q { interface i {} }")
	if p.Name != (PackageName{"a:b", "c/d", "1.0.0"}) || p.Name.String() != "a:b:c/d@1.0.0" {
		t.Errorf("package: %+v", p.Name)
	}
	if i := p.World("w").Import("x:y:z/p/q/i"); i == nil || i.Interface != r.FindInterface("x:y:z/p/q/i") {
		t.Errorf("imports: %+v", p.World("w").Imports)
	}
	checkPrint(t, r, p)
}

func TestFeatures(t *testing.T) {
	text := `package a:b@1.0.0;
interface i {
  @unstable(feature = x) f: func();
  @unstable(feature = y) type t = u8;
  @since(version = 1.0.0) g: func();
}`
	for _, c := range []struct {
		opts []Option
		want string
	}{
		{nil, "g"},
		{[]Option{WithFeatures("x")}, "f g"},
		{[]Option{WithFeatures("y")}, "t g"},
		{[]Option{WithFeatures("x"), WithFeatures("y")}, "t f g"},
		{[]Option{WithAllFeatures()}, "t f g"},
	} {
		_, p := mustParse(t, text, c.opts...)
		var names []string
		for _, d := range p.Interface("i").Types {
			names = append(names, d.Name)
		}
		for _, f := range p.Interface("i").Funcs {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestParseFS(t *testing.T) {
	fsys := fstest.MapFS{
		"wit/a.wit":             {Data: []byte("package a:b; interface i { use c:d/e.{t}; }")},
		"wit/b.wit":             {Data: []byte("interface j { use i.{t}; use x:y/z.{u}; }")},
		"wit/notes.txt":         {Data: []byte("?")},
		"wit/deps/c/c.wit":      {Data: []byte("package c:d; interface e { type t = u8; }")},
		"wit/deps/x.wit":        {Data: []byte("package x:y; interface z { type u = u16; }")},
		"binary/a.wit":          {Data: []byte("package a:b;")},
		"binary/deps/x.wasm":    {Data: []byte("\x00asm")},
		"empty/readme":          {Data: nil},
		"big/a.wit":             {Data: []byte(strings.Repeat(" ", maxFileSize+1))},
		"emptydep/a.wit":        {Data: []byte("package a:b;")},
		"emptydep/deps/c/x.txt": {Data: nil},
	}
	r, p, err := ParseFS(fsys, "wit")
	if err != nil || len(r.Packages) != 3 || p.Name.String() != "a:b" || len(p.Interfaces) != 2 {
		t.Fatalf("got %v, %v, %v", r, p, err)
	}
	if d := p.Interface("j").TypeDef("u"); d.Type != Primitive(KindU16) {
		t.Errorf("u: %+v", d)
	}
	for dir, code := range map[string]errcode.Code{
		"nothing": errcode.NotFound, "empty": errcode.NotFound, "big": errcode.Invalid, "binary": errcode.Unsupported, "emptydep": errcode.NotFound,
	} {
		if _, _, err := ParseFS(fsys, dir); !errors.Is(err, code) {
			t.Errorf("%s: got %v, want %s", dir, err, code)
		}
	}
}

func TestLoader(t *testing.T) {
	fsys := fstest.MapFS{
		"io/a.wit":    {Data: []byte("package a:io@0.2.0; interface i { resource r; }")},
		"http/a.wit":  {Data: []byte("package a:http@0.2.0; interface i { use a:io/i@0.2.0.{r}; }")},
		"bad/a.wit":   {Data: []byte("package a:bad@0.2.0; interface i { use a:io/i@0.2.0.{nothing}; }")},
		"wrong/a.wit": {Data: []byte("package a:other@0.2.0;")},
		"loop/a.wit":  {Data: []byte("package a:loop@0.2.0; interface i { use a:loop/i@0.2.0.{r}; }")},
	}
	var asked []string
	l := NewLoader(WithPackages(func(n PackageName) (fs.FS, string, bool) {
		asked = append(asked, n.Name)
		_, err := fs.Stat(fsys, n.Name)
		return fsys, n.Name, err == nil
	}))
	load := func(name string) (*Package, error) {
		return l.Load(PackageName{"a", name, "0.2.0"})
	}
	if _, err := load("bad"); !errors.Is(err, errcode.Invalid) || len(l.Resolve().Packages) != 0 {
		t.Errorf("bad: %v, and %d packages are left behind", err, len(l.Resolve().Packages))
	}
	http, err := load("http")
	if err != nil {
		t.Fatal(err)
	}
	asked = nil
	io, err := load("io")
	if err != nil || len(asked) != 0 {
		t.Errorf("io is asked for again: %v, %v", asked, err)
	}
	if http.Interface("i").TypeDef("r").Resource != io.Interface("i").TypeDef("r").Resource {
		t.Error("the resource is not the same")
	}
	if again, err := load("http"); again != http || err != nil {
		t.Errorf("loaded again: %v, %v", again, err)
	}
	for name, code := range map[string]errcode.Code{"none": errcode.NotFound, "wrong": errcode.Invalid, "loop": errcode.Invalid} {
		if _, err := load(name); !errors.Is(err, code) {
			t.Errorf("%s: got %v, want %s", name, err, code)
		}
	}
	_, p := mustParse(t, "package u:v; world w { import a:http/i@0.2.0; }", WithPackages(func(n PackageName) (fs.FS, string, bool) {
		return fsys, n.Name, true
	}))
	if got := len(p.World("w").Imports); got != 2 {
		t.Errorf("%d imports, want 2: the interface and what it uses", got)
	}
}

// TestHostileText checks that text of a moderate size cannot take long.
func TestHostileText(t *testing.T) {
	const n = 20000
	repeat := func(f func(b *strings.Builder, i string, prev string)) string {
		var b strings.Builder
		for i := 1; i <= n; i++ {
			f(&b, strconv.Itoa(i), strconv.Itoa(i-1))
		}
		return b.String()
	}
	many := func(text string) string { return "package a:b; " + text }
	for name, text := range map[string]string{
		"aliases": many("interface i { type a0 = u8; " + repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("type a" + i + " = a" + prev + ";")
		}) + "f: func() -> list<a" + strconv.Itoa(n) + ">; }"),
		"aliases backwards": many("interface i { type a0 = u8; " + repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("g" + i + "g: func() -> list<a" + i + ">; type a" + i + " = a" + prev + ";")
		}) + "}"),
		"tuples": many("interface i { type a0 = u8; " + repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("type a" + i + " = tuple<a" + prev + ", a" + prev + ">;")
		}) + "}"),
		"interfaces": many("interface a0 { type t = u8; }" + repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("interface a" + i + " { use a" + prev + ".{t}; }")
		}) + "world w { import a" + strconv.Itoa(n) + "; export a" + strconv.Itoa(n) + "; }"),
		"worlds": many("world w0 {} " + repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("interface a" + i + " {} world w" + i + " { include w" + prev + "; import a" + i + "; }")
		})),
		"includes": many(repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("interface a" + i + " {}")
		}) + "world v { " + repeat(func(b *strings.Builder, i, prev string) { b.WriteString("import a" + i + ";") }) + "} world w { " +
			strings.Repeat("include v;", n) + "}"),
		"packages": many(repeat(func(b *strings.Builder, i, prev string) {
			b.WriteString("package c:d" + i + " { interface j {} world w { import c:d" + prev + "/j; } }")
		}) + "package c:d0 { interface j {} }"),
		"comments": many(strings.Repeat("/*", n)),
		"brackets": many("interface i { type t = " + strings.Repeat("list<", n)),
		"uses":     many("interface i { type t = u8; } interface j { use i.{" + strings.Repeat("t,", n) + "}; }"),
	} {
		start := time.Now()
		_, p, err := ParseText("t.wit", text)
		d := time.Since(start)
		if err == nil {
			PrintPackage(p)
		} else if !errors.Is(err, errcode.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %d bytes in %v, error %v", name, len(text), d, err)
		if d > poll.Patience(5*time.Second) {
			t.Errorf("%s: %d bytes took %v", name, len(text), d)
		}
	}
}
