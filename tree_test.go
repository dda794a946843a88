// Package latticework_test checks the shape of the source tree: which room may
// import which, one package comment a folder, the length of files and functions,
// and that what is generated says so. The rules are in ARCHITECTURE.md and
// CONTRIBUTING.md.
package latticework_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "latticework"

// room is a part of the tree and what its code may import, by prefix of the
// import path below the module; std is always allowed, third-party modules
// where outside is "*" or names them by prefix.
type room struct {
	dir     string
	inside  []string
	outside []string
	never   []string // wins over the others but in tests; full import paths by prefix
	tests   []string // as inside, for tests alone
}

// rooms is the table of ARCHITECTURE.md; the longest dir that matches rules.
var rooms = []room{
	{dir: "wit", inside: []string{"wit", "internal/errcode"}},
	{dir: "components", inside: []string{"wit", "components", "internal"},
		outside: []string{"github.com/tetratelabs/wazero", "golang.org/x/"},
		tests:   []string{"providers"}},
	{dir: "lattice", inside: []string{"wit", "lattice", "internal"}, outside: []string{"*"}},
	{dir: "lattice/linkstate", inside: []string{"wit", "lattice", "internal"},
		never: []string{"time", "math/rand", "crypto/rand", "os", "net", "runtime", "syscall"}},
	{dir: "lattice/membus", inside: []string{"wit", "lattice", "internal"}},
	{dir: "providers", inside: []string{"wit", "lattice", "providers", "internal"}, outside: []string{"*"},
		never: []string{module + "/lattice/natsbus", module + "/lattice/raftstore"}},
	{dir: "host", inside: []string{"wit", "components", "lattice", "providers", "internal", "host"},
		outside: []string{"github.com/oklog/ulid", "golang.org/x/"},
		never:   []string{module + "/lattice/natsbus", module + "/lattice/raftstore"}},
	{dir: "cmd", inside: []string{"*"}, outside: []string{"*"}},
	{dir: "examples", inside: []string{"wit", "components", "lattice", "providers", "host"}, outside: []string{"*"}},
	{dir: "internal", inside: []string{"internal"}, outside: []string{"*"}},
	{dir: "test", inside: []string{"*"}, outside: []string{"*"}},
	{dir: "", inside: []string{}},
}

// goFile is a parsed Go file of the tree.
type goFile struct {
	path      string // below the root, with slashes
	dir       string
	text      []byte
	syntax    *ast.File
	fset      *token.FileSet
	test      bool
	generated bool
}

func (f *goFile) line(p token.Pos) int { return f.fset.Position(p).Line }

var generatedHeader = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// tree returns every Go file of the module, guests and fixtures excepted.
func tree(t *testing.T) []*goFile {
	t.Helper()
	var files []*goFile
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipDir(p, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			t.Errorf("parse: %v", err)
			return nil
		}
		slash := filepath.ToSlash(p)
		files = append(files, &goFile{
			path: slash, dir: path.Dir(slash), text: text, syntax: syntax, fset: fset,
			test: strings.HasSuffix(p, "_test.go"), generated: generatedHeader.Match(text),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found: run from the repository's root")
	}
	return files
}

// skipDir leaves out what the go command leaves out, and modules of their own,
// such as the guests.
func skipDir(p, name string) bool {
	if p == "." {
		return false
	}
	if name == "testdata" || name == "vendor" || name == "node_modules" || name == "bin" ||
		strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(p, "go.mod"))
	return err == nil
}

func roomOf(dir string) room {
	best := rooms[len(rooms)-1]
	for _, r := range rooms {
		if under(dir, r.dir) && len(r.dir) >= len(best.dir) {
			best = r
		}
	}
	return best
}

// under reports whether path p is prefix or lies below it.
func under(p, prefix string) bool {
	return prefix == "" || p == prefix || strings.HasPrefix(p, prefix+"/")
}

// refuse says why r may not import p, or "".
func (r room) refuse(p string, test bool) string {
	for _, n := range r.never {
		if under(p, n) && !test {
			return "the room never imports " + n
		}
	}
	if rest, ok := strings.CutPrefix(p, module+"/"); ok {
		inside := r.inside
		if test {
			inside = slices.Concat(inside, r.tests, []string{"internal"})
		}
		for _, in := range inside {
			if in == "*" || under(rest, in) {
				return ""
			}
		}
		return "the room may import of this module: " + orNone(inside)
	}
	if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, out := range r.outside {
		if out == "*" || strings.HasPrefix(p, out) {
			return ""
		}
	}
	return "the room may import of other modules: " + orNone(r.outside)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func TestImportDirections(t *testing.T) {
	for _, f := range tree(t) {
		r := roomOf(f.dir)
		for _, imp := range f.syntax.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Errorf("%s: import %s: %v", f.path, imp.Path.Value, err)
				continue
			}
			if why := r.refuse(p, f.test); why != "" {
				t.Errorf("%s:%d: imports %s: %s", f.path, f.line(imp.Pos()), p, why)
			}
		}
	}
}

// TestTechnologiesStayInCommands holds the host to contracts: what speaks to a
// particular database or broker (providers/<capability>/<technology>) is named
// by commands and by tests only.
func TestTechnologiesStayInCommands(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || under(f.dir, "cmd") || under(f.dir, "providers") || under(f.dir, "test") {
			continue
		}
		for _, imp := range f.syntax.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			rest, ok := strings.CutPrefix(p, module+"/providers/")
			if ok && strings.Contains(rest, "/") && technology(rest) {
				t.Errorf("%s:%d: imports %s: only commands name technologies", f.path, f.line(imp.Pos()), p)
			}
		}
	}
}

// technology reports whether the folder below providers holds an
// implementation: it has a file that is neither generated nor a test.
func technology(folder string) bool {
	entries, err := os.ReadDir(filepath.Join("providers", filepath.FromSlash(folder)))
	if err != nil {
		return false
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".gen.go") &&
			!strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			return true
		}
	}
	return false
}

func TestOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	for _, f := range tree(t) {
		// A folder of tests alone counts by them; else the package does.
		if f.test && f.dir != "." {
			if _, ok := comments[f.dir]; !ok && hasOnlyTests(f.dir) {
				comments[f.dir] = nil
			} else if !hasOnlyTests(f.dir) {
				continue
			}
		} else if _, ok := comments[f.dir]; !ok {
			comments[f.dir] = nil
		}
		if f.syntax.Doc != nil && strings.TrimSpace(f.syntax.Doc.Text()) != "" {
			comments[f.dir] = append(comments[f.dir], f.path)
		}
	}
	for _, dir := range sortedKeys(comments) {
		switch found := comments[dir]; {
		case len(found) == 0:
			t.Errorf("%s: no package comment; write one above `package` in doc.go or the main file", dir)
		case len(found) > 1:
			t.Errorf("%s: %d package comments, want one: %s", dir, len(found), strings.Join(found, ", "))
		}
	}
}

func hasOnlyTests(dir string) bool {
	entries, err := os.ReadDir(filepath.FromSlash(dir))
	if err != nil {
		return false
	}
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, ".go") && !strings.HasSuffix(n, "_test.go") {
			return false
		}
	}
	return true
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Limits of length, in lines. Above the explained ones a comment that starts
// with "Length:" has to say why: anywhere in the file for a file, in its doc
// comment or body for a function.
const (
	fileExplained = 500
	fileMost      = 800
	funcExplained = 60
)

var lengthNote = regexp.MustCompile(`(?m)^\s*Length: \S`)

func TestLengthOfFiles(t *testing.T) {
	for _, f := range tree(t) {
		if f.generated {
			continue
		}
		lines := bytes.Count(f.text, []byte("\n"))
		switch {
		case lines > fileMost:
			t.Errorf("%s: %d lines > %d: split it by noun, then by phase", f.path, lines, fileMost)
		case lines > fileExplained && !noted(f.syntax.Comments):
			t.Errorf("%s: %d lines > %d: split it, or explain in a comment `// Length: …`", f.path, lines, fileExplained)
		}
	}
}

func TestLengthOfFunctions(t *testing.T) {
	for _, f := range tree(t) {
		if f.generated || f.test {
			continue
		}
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			lines := f.line(fn.End()) - f.line(fn.Pos()) + 1
			if lines <= funcExplained || notedWithin(f.syntax.Comments, fn) {
				continue
			}
			t.Errorf("%s:%d: %s has %d lines > %d: split it, or explain in a comment `// Length: …`",
				f.path, f.line(fn.Pos()), fn.Name.Name, lines, funcExplained)
		}
	}
}

func noted(groups []*ast.CommentGroup) bool {
	for _, g := range groups {
		if lengthNote.MatchString(g.Text()) {
			return true
		}
	}
	return false
}

func notedWithin(groups []*ast.CommentGroup, fn *ast.FuncDecl) bool {
	start := fn.Pos()
	if fn.Doc != nil {
		start = fn.Doc.Pos()
	}
	for _, g := range groups {
		if g.Pos() >= start && g.End() <= fn.End() && lengthNote.MatchString(g.Text()) {
			return true
		}
	}
	return false
}

// TestGeneratedFiles keeps the name, the header and the way to write a
// generated file together; that it is up to date is tested beside it, by
// generating it again.
func TestGeneratedFiles(t *testing.T) {
	files := tree(t)
	directive := map[string]bool{}
	for _, f := range files {
		if bytes.Contains(f.text, []byte("\n//go:generate ")) {
			directive[f.dir] = true
		}
	}
	for _, f := range files {
		named := strings.HasSuffix(f.path, ".gen.go")
		if named != f.generated {
			t.Errorf("%s: the name ends in .gen.go: %t, has the header `// Code generated … DO NOT EDIT.`: %t",
				f.path, named, f.generated)
		}
		if f.generated && !directive[f.dir] {
			t.Errorf("%s: no //go:generate line in %s says how it is made", f.path, f.dir)
		}
	}
}

// TestFolderNames refuses names that say nothing about what lives there.
func TestFolderNames(t *testing.T) {
	vague := map[string]bool{"util": true, "utils": true, "common": true, "helper": true, "helpers": true, "manager": true, "misc": true}
	seen := map[string]bool{}
	for _, f := range tree(t) {
		if base := path.Base(f.dir); vague[base] && !seen[f.dir] {
			seen[f.dir] = true
			t.Errorf("%s: name the folder after the noun that lives there", f.dir)
		}
	}
}

// TestInitIsExplained keeps wiring visible: a package that changes something
// because it was imported has to say why there is no other way.
func TestInitIsExplained(t *testing.T) {
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" && fn.Doc == nil {
				t.Errorf("%s:%d: func init: wire it in cmd, use a variable's initialiser, or explain it in a comment", f.path, f.line(fn.Pos()))
			}
		}
	}
}

// TestFuzzTargetsAreBounded wants every fuzz target to hold its inputs to the
// bounds of internal/fuzzbound.
func TestFuzzTargetsAreBounded(t *testing.T) {
	targets := 0
	for _, f := range tree(t) {
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !f.test || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			targets++
			body := f.text[f.fset.Position(fn.Pos()).Offset:f.fset.Position(fn.End()).Offset]
			if !bytes.Contains(body, []byte("fuzzbound.Run(t, func() {")) {
				t.Errorf("%s:%d: %s does its work outside of fuzzbound.Run", f.path, f.line(fn.Pos()), fn.Name.Name)
			}
		}
	}
	if targets == 0 {
		t.Error("no fuzz targets found")
	}
}

// TestDependenciesHaveReasons wants each module that is imported in the table of
// RATIONALE.md.
func TestDependenciesHaveReasons(t *testing.T) {
	text, err := os.ReadFile("RATIONALE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## Direct dependencies\n")
	if !found {
		t.Fatal("RATIONALE.md has no section \"Direct dependencies\"")
	}
	var modules []string
	for _, m := range regexp.MustCompile("`([a-z0-9.-]+/[^`]+)`").FindAllStringSubmatch(table, -1) {
		modules = append(modules, m[1])
	}
	reported := map[string]bool{}
	for _, f := range tree(t) {
		for _, imp := range f.syntax.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			first, _, _ := strings.Cut(p, "/")
			if !strings.Contains(first, ".") || reported[p] {
				continue
			}
			if !slices.ContainsFunc(modules, func(m string) bool { return under(p, m) }) {
				reported[p] = true
				t.Errorf("%s: imports %s, which RATIONALE.md gives no reason for", f.path, p)
			}
		}
	}
}
