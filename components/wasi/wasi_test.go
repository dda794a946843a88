package wasi_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/components/wasi"
	"latticework/components/wasi/sockets"
	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/packages"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// TestEveryInterfaceIsBound compares the bound interfaces with the WIT that
// they serve.
func TestEveryInterfaceIsBound(t *testing.T) {
	list, err := wasi.Interfaces(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bound := map[string]*abi.Interface{}
	for _, i := range list {
		if bound[i.Name] != nil {
			t.Errorf("%s is bound twice", i.Name)
		}
		bound[i.Name] = i
	}
	for _, version := range []string{"0.2.12", "0.3.0"} {
		for _, name := range []string{"io", "clocks", "random", "cli", "filesystem", "sockets"} {
			if name == "io" && version == "0.3.0" { // is part of the component model
				continue
			}
			for _, want := range everyInterface(t, name, version) {
				checkBound(t, want, bound[want.QualifiedName()])
				delete(bound, want.QualifiedName())
			}
		}
	}
	for name := range bound {
		t.Errorf("%s is bound, but not in the WIT", name)
	}
}

// everyInterface returns the interfaces of a package of WASI, with what stands
// behind gates.
func everyInterface(t *testing.T, name, version string) []*wit.Interface {
	t.Helper()
	_, v := wit.SplitVersion(name + "@" + version)
	loader := wit.NewLoader(wit.WithPackages(packages.Find), wit.WithAllFeatures())
	pkg, err := loader.Load(wit.PackageName{Namespace: "wasi", Name: name, Version: v})
	if err != nil {
		t.Fatal(err)
	}
	return pkg.Interfaces
}

func checkBound(t *testing.T, want *wit.Interface, got *abi.Interface) {
	t.Helper()
	if want.Name == "run" || len(want.Funcs) == 0 && got == nil { // a command exports it; types alone
		return
	}
	if got == nil {
		t.Errorf("%s is not bound", want.QualifiedName())
		return
	}
	for _, f := range want.Funcs {
		if !slices.ContainsFunc(got.Funcs, func(g abi.Func) bool { return g.Name == f.Name && (g.Call != nil || g.Start != nil) }) {
			t.Errorf("%s has no function %s", want.QualifiedName(), f.Name)
		}
	}
	if len(got.Funcs) != len(want.Funcs) {
		t.Errorf("%s has %d functions, want %d", want.QualifiedName(), len(got.Funcs), len(want.Funcs))
	}
}

func TestConfigIsChecked(t *testing.T) {
	dir := t.TempDir()
	_, err := wasi.Open(wasi.Config{
		Args: []string{"ok", "a\x00b"},
		Env:  []wasi.EnvVar{{"A", "1"}, {"A", "2"}, {"", "x"}, {"B=C", "x"}, {"D", "\xff"}},
		Preopens: []wasi.Preopen{
			{HostDir: dir, GuestPath: "/x"}, {HostDir: dir, GuestPath: "/x"}, {HostDir: dir, GuestPath: ""},
		},
	})
	if !errors.Is(err, errcode.Invalid) {
		t.Fatalf("error %v, want invalid", err)
	}
	for _, part := range []string{
		"argument 1", `"A" is given twice`, `variable ""`, `"B=C"`, `variable "D"`, `"/x" is given twice`, `guest path ""`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %q", err, part)
		}
	}
	_, err = wasi.Open(wasi.Config{Preopens: []wasi.Preopen{{HostDir: filepath.Join(dir, "none"), GuestPath: "/"}}})
	if !errors.Is(err, errcode.NotFound) || !strings.Contains(err.Error(), "none") {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestCloseIsIdempotent(t *testing.T) {
	s, err := wasi.Open(wasi.Config{
		Preopens: []wasi.Preopen{{HostDir: t.TempDir(), GuestPath: "/"}},
		Network:  sockets.Policy{Rules: []sockets.Rule{{Host: "*"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Interfaces()) == 0 {
		t.Error("no interfaces")
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
