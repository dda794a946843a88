package wiring

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latticework/host"
	"latticework/internal/errcode"
	"latticework/internal/manifest"
	"latticework/lattice/linkstate"
	"latticework/wit"
	"latticework/wit/abi"
)

// TestRegistryIsWhatManifestsName holds the providers that a host can make
// against those that a manifest may name.
func TestRegistryIsWhatManifestsName(t *testing.T) {
	r, err := Registry()
	if err != nil {
		t.Fatal(err)
	}
	var have, named []string
	for _, tech := range r.List() {
		have = append(have, tech.Name)
	}
	for _, tech := range manifest.Technologies() {
		named = append(named, tech.Name)
	}
	slices.Sort(named)
	if !slices.Equal(have, named) {
		t.Errorf("hosts make %v, manifests name %v", have, named)
	}
}

func TestBuiltins(t *testing.T) {
	var log bytes.Buffer
	given, err := Builtins(host.Builtin{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"wasi:cli/environment@0.2.0", "wasi:http/types@0.2.4", "wasi:http/outgoing-handler@0.2.0",
		"wasi:config/store@0.2.0-draft", "wasi:config/store@0.2.0-rc.1", "wasi:logging/logging@0.1.0-draft", "wasi:sockets/tcp@0.2.0"} {
		found := false
		for _, i := range given {
			found = found || wit.MatchVersion(want, i.Name)
		}
		if !found {
			t.Errorf("%s is not built in", want)
		}
	}
	untilLinked := []string{"wasi:http/outgoing-handler@0.2.12", "wasi:http/client@0.3.0"}
	for _, c := range Contracts() {
		builtIn := slices.ContainsFunc(given, func(i *abi.Interface) bool { return i.Name == c.Name })
		if builtIn != slices.Contains(untilLinked, c.Name) {
			t.Errorf("%s goes over links; built in: %t", c.Name, builtIn)
		}
	}
}

func TestLiveSettings(t *testing.T) {
	values := map[string]string{"b": "2", "a": "1"}
	s := &liveSettings{read: func() map[string]string { return values }}
	if v, err := s.Get(context.Background(), "a"); err != nil || !v.Some || v.Value != "1" {
		t.Errorf("a is %+v, %v", v, err)
	}
	values = map[string]string{"c": "3"}
	if v, err := s.Get(context.Background(), "a"); err != nil || v.Some {
		t.Errorf("after the change a is %+v, %v", v, err)
	}
	all, err := s.GetAll(context.Background())
	if err != nil || len(all) != 1 || all[0].F0 != "c" || all[0].F1 != "3" {
		t.Errorf("all: %v, %v", all, err)
	}
}

func TestLinesAreLogged(t *testing.T) {
	var log bytes.Buffer
	l := &lineLog{log: slog.New(slog.NewTextHandler(&log, nil)), stream: "stdout"}
	for _, part := range []string{"one\ntw", "o\r\n\n", "rest", strings.Repeat("x", maxLine+10)} {
		if n, err := l.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	got := log.String()
	if strings.Count(got, "\n") != 3 || !strings.Contains(got, "msg=one ") || !strings.Contains(got, "msg=two ") || !strings.Contains(got, "msg=restxxx") {
		t.Errorf("logged %q", got)
	}
}

// TestOperatorsFolders holds what manifests grant against what whoever runs a
// host allows.
func TestOperatorsFolders(t *testing.T) {
	base := t.TempDir()
	allowed, other := filepath.Join(base, "allowed"), filepath.Join(base, "allowed-not")
	for _, d := range []string{filepath.Join(allowed, "in"), other} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"out": other, "self": "in"} {
		if err := os.Symlink(target, filepath.Join(allowed, name)); err != nil {
			t.Fatal(err)
		}
	}
	o := Operator{Dirs: []string{allowed}}
	for dir, want := range map[string]errcode.Code{
		allowed: "", filepath.Join(allowed, "in"): "", filepath.Join(allowed, "self"): "",
		other: errcode.Denied, base: errcode.Denied, "/": errcode.Denied, filepath.Join(allowed, ".."): errcode.Denied,
		filepath.Join(allowed, "out"): errcode.Denied, filepath.Join(allowed, "absent"): errcode.NotFound,
	} {
		r := &linkstate.Component{Name: "c", Grants: []linkstate.Grant{{Kind: "dir", Text: dir + "::/d", From: "lattice.yaml:7"}}}
		var ends []func()
		_, err := o.Builtins(host.Builtin{Component: r, Defer: func(end func()) { ends = append(ends, end) }})
		switch {
		case want == "" && err != nil || want != "" && (errcode.Of(err) != want || !strings.Contains(err.Error(), "lattice.yaml:7")):
			t.Errorf("%s: %v, want %q", dir, err, want)
		case err == nil && len(ends) != 1:
			t.Errorf("%s: %d things end with the component, want 1", dir, len(ends))
		}
		for _, end := range ends {
			end()
		}
	}
	if _, err := (Operator{}).Builtins(host.Builtin{Component: &linkstate.Component{Grants: []linkstate.Grant{{Kind: "net", Text: "x", From: "f:1"}}}}); errcode.Of(err) != errcode.Invalid {
		t.Errorf("a grant that cannot be read: %v", err)
	}
}
