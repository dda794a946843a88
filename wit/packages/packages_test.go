package packages

import (
	"errors"
	"sync"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
)

func TestEveryPackageLoads(t *testing.T) {
	names := Names()
	if len(names) == 0 {
		t.Fatal("no packages are embedded")
	}
	for _, n := range names {
		p, err := Package(n)
		if err != nil {
			t.Errorf("package %s: %v", n, err)
			continue
		}
		if p.Name != n {
			t.Errorf("folder of %s holds %s", n, p.Name)
		}
		for _, i := range p.Interfaces {
			got, err := Interface(i.QualifiedName())
			if err != nil || got != i {
				t.Errorf("interface %s: got %v, %v", i.QualifiedName(), got, err)
			}
		}
		for _, w := range p.Worlds {
			got, err := World(w.QualifiedName())
			if err != nil || got != w {
				t.Errorf("world %s: got %v, %v", w.QualifiedName(), got, err)
			}
		}
	}
}

// TestEveryPackagePrints prints each package beside those it uses and reads
// the text back.
func TestEveryPackagePrints(t *testing.T) {
	for _, n := range Names() {
		p, err := Package(n)
		if err != nil {
			t.Fatal(err)
		}
		text := wit.PrintPackage(p)
		_, again, err := wit.ParseText("printed.wit", text, wit.WithPackages(Find), wit.WithAllFeatures())
		if err != nil {
			t.Errorf("package %s: %v", n, err)
			continue
		}
		if twice := wit.PrintPackage(again); twice != text {
			t.Errorf("package %s: printed again the text is another one:\n%s", n, twice)
		}
	}
}

func TestInterfaceByOtherVersion(t *testing.T) {
	want, err := Interface("wasi:io/streams@0.2.12")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Interface("wasi:io/streams@0.2.0")
	if err != nil || got != want {
		t.Errorf("version 0.2.0: got %v, %v", got, err)
	}
	http, err := Interface("wasi:http/types@0.2.4")
	if err != nil {
		t.Fatal(err)
	}
	if d := http.TypeDef("input-stream"); d == nil || d.Resource == nil || d.Resource != want.TypeDef("input-stream").Resource {
		t.Errorf("input-stream of wasi:http is not the resource of wasi:io: %+v", d)
	}
}

// TestConcurrentLookups looks everything up from many goroutines at once; it
// is meant for the race detector.
func TestConcurrentLookups(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, n := range Names() {
				p, err := Package(n)
				if err != nil {
					t.Error(err)
					return
				}
				wit.PrintPackage(p)
				for _, i := range p.Interfaces {
					if got, err := Interface(i.QualifiedName()); err != nil || got != i {
						t.Errorf("interface %s: got %v, %v", i.QualifiedName(), got, err)
					}
				}
			}
		})
	}
	group.Wait()
}

func TestInterfaceErrors(t *testing.T) {
	for name, code := range map[string]errcode.Code{
		"streams":                   errcode.Invalid,
		"wasi:io":                   errcode.Invalid,
		"wasi:io/streams@x":         errcode.Invalid,
		"wasi:io/streams@0.9.0":     errcode.NotFound,
		"wasi:io/streams":           errcode.NotFound,
		"wasi:io/nothing@0.2.12":    errcode.NotFound,
		"nobody:none/at-all@0.2.12": errcode.NotFound,
	} {
		if _, err := Interface(name); !errors.Is(err, code) {
			t.Errorf("Interface(%q): got %v, want %s", name, err, code)
		}
		if _, err := World(name); !errors.Is(err, code) {
			t.Errorf("World(%q): got %v, want %s", name, err, code)
		}
	}
	if _, err := Package(wit.PackageName{Namespace: "..", Name: ".."}); !errors.Is(err, errcode.NotFound) {
		t.Errorf("Package of a path: got %v", err)
	}
}
