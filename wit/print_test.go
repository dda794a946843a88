package wit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/internal/refdata"
)

// TestPrintParses prints every package of the reference suite, reads it back
// and compares: the model must be the same, and so must be the text.
func TestPrintParses(t *testing.T) {
	dir := refdata.Dir(t, "conformance/wit")
	for _, name := range conformanceCases(t, dir) {
		if strings.HasPrefix(name, "parse-fail/") || conformanceSkipped[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, filepath.FromSlash(name))
			r, main := parseMain(t, path)
			checkPrint(t, r, main)
		})
	}
}

func parseMain(t *testing.T, path string) (*Resolve, *Package) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var r *Resolve
	var p *Package
	if info.IsDir() {
		r, p, err = ParseFS(os.DirFS(path), ".", WithFeatures("active"))
	} else {
		text, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		r, p, err = ParseText(filepath.Base(path), string(text), WithFeatures("active"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

// checkPrint fails unless printing r and parsing the text gives r again.
func checkPrint(t *testing.T, r *Resolve, main *Package) {
	t.Helper()
	text := PrintResolve(r, main)
	again, main2, err := ParseText("printed.wit", text, WithAllFeatures())
	if err != nil {
		t.Fatalf("the printed text does not parse: %v\n%s", err, text)
	}
	if d := diffResolve(r, again); d != "" {
		t.Errorf("%s\n%s", d, text)
	}
	if twice := PrintResolve(again, main2); twice != text {
		t.Errorf("printed again the text is another one:\n%s\n--- first:\n%s", twice, text)
	}
	checkPrintBuilt(t, again, main2, text)
}

// checkPrintBuilt fails unless the text can also be made without what the
// parser keeps, up to aliases, which are gone then.
func checkPrintBuilt(t *testing.T, r *Resolve, main *Package, text string) {
	t.Helper()
	for _, e := range r.arena {
		if e.def != nil {
			e.def.expr = nil
		}
	}
	for _, p := range r.Packages {
		for _, i := range p.Interfaces {
			stripFuncs(i.Funcs)
		}
		for _, w := range p.Worlds {
			for _, items := range [][]WorldItem{w.Imports, w.Exports} {
				for _, item := range items {
					if item.Func != nil {
						item.Func.expr = nil
					}
					if item.Interface != nil {
						stripFuncs(item.Interface.Funcs)
					}
				}
			}
		}
	}
	built := PrintResolve(r, main)
	first, _, err := ParseText("first.wit", text, WithAllFeatures())
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := ParseText("built.wit", built, WithAllFeatures())
	if err != nil {
		t.Fatalf("text printed from the bare model does not parse: %v\n%s", err, built)
	}
	if d := diffResolve(first, second); d != "" {
		t.Errorf("printed from the bare model: %s\n%s", d, built)
	}
}

func stripFuncs(funcs []*Func) {
	for _, f := range funcs {
		f.expr = nil
	}
}
