package packages

import (
	"errors"
	"slices"
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

// TestTracksAreApart asks for versions of WASI 0.2 and 0.3: neither stands for
// the other, and what both have is another type in each.
func TestTracksAreApart(t *testing.T) {
	old, err := Interface("wasi:http/types@0.2.4")
	if err != nil {
		t.Fatal(err)
	}
	now, err := Interface("wasi:http/types@0.3.1")
	if err != nil {
		t.Fatal(err)
	}
	if got := old.QualifiedName(); got != "wasi:http/types@0.2.12" {
		t.Errorf("version 0.2.4: got %s", got)
	}
	if got := now.QualifiedName(); got != "wasi:http/types@0.3.0" {
		t.Errorf("version 0.3.1: got %s", got)
	}
	if old.TypeDef("fields").Resource == now.TypeDef("fields").Resource {
		t.Error("fields of 0.2 and 0.3 are one resource")
	}
	if _, err := Interface("wasi:http/types@0.3.0-rc-2026-03-15"); !errors.Is(err, errcode.NotFound) {
		t.Errorf("a pre-release: got %v, want %s", err, errcode.NotFound)
	}
}

// TestAsyncFunctions checks which functions of WASI 0.3 may wait: the gated
// interface of time zones is left out, and a host that took one for the other
// would be refused by every guest.
func TestAsyncFunctions(t *testing.T) {
	want := map[string][]string{
		"wasi:cli/run@0.3.0":                {"run"},
		"wasi:cli/stdout@0.3.0":             nil,
		"wasi:clocks/monotonic-clock@0.3.0": {"wait-until", "wait-for"},
		"wasi:http/handler@0.3.0":           {"handle"},
		"wasi:http/client@0.3.0":            {"send"},
		"wasi:http/types@0.3.0":             nil,
		"wasi:sockets/ip-name-lookup@0.3.0": {"resolve-addresses"},
		"wasi:sockets/types@0.3.0": {
			"[method]tcp-socket.connect", "[method]udp-socket.send", "[method]udp-socket.receive",
		},
	}
	for name, async := range want {
		i, err := Interface(name)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, f := range i.Funcs {
			if f.Type.Async {
				got = append(got, f.Name)
			}
		}
		if !slices.Equal(got, async) {
			t.Errorf("interface %s: async functions %q, want %q", name, got, async)
		}
	}
	if _, err := Interface("wasi:clocks/timezone@0.3.0"); !errors.Is(err, errcode.NotFound) {
		t.Errorf("an unstable interface: got %v, want %s", err, errcode.NotFound)
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
