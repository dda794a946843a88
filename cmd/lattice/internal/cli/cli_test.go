package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/internal/grant"
	"latticework/internal/leakcheck"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

func TestMain(m *testing.M) {
	components.ServeCompileChild()
	leakcheck.Main(m)
}

// run runs the command line in this process.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	var out, errOut bytes.Buffer
	status = Main(args, Streams{In: strings.NewReader(""), Out: &out, Err: &errOut})
	return status, out.String(), errOut.String()
}

func TestErrorsInBothForms(t *testing.T) {
	err := errcode.New(errcode.NotFound, "find x: %w", errcode.New(errcode.Denied, "inner")).WithNext("look elsewhere")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "lattice: find x: inner\nnext: look elsewhere\n"},
		{[]string{"get", "-o", "json"}, `{"error":{"code":"not_found","message":"find x: inner","next":"look elsewhere"}}` + "\n"},
		{[]string{"get", "--output=json"}, `{"error":{"code":"not_found","message":"find x: inner","next":"look elsewhere"}}` + "\n"},
		{[]string{"run", "x", "--", "-o", "json"}, "lattice: find x: inner\nnext: look elsewhere\n"},
	} {
		var out bytes.Buffer
		a := &app{Streams: Streams{Err: &out}}
		if status := a.fail(nil, c.args, err); status != 3 || out.String() != c.want {
			t.Errorf("%v: status %d, %q, want 3, %q", c.args, status, out.String(), c.want)
		}
	}
	var out bytes.Buffer
	a := &app{Streams: Streams{Err: &out}}
	if status := a.fail(nil, nil, fmt.Errorf("run: %w", exitCode(42))); status != 42 || out.Len() > 0 {
		t.Errorf("a guest's status: %d, %q", status, out.String())
	}
}

func TestVersion(t *testing.T) {
	status, out, _ := run(t, "version", "-o", "json")
	var v struct{ Version, Go, Platform string }
	if err := json.Unmarshal([]byte(out), &v); err != nil || status != 0 || v.Version == "" || !strings.HasPrefix(v.Go, "go1") {
		t.Errorf("status %d, %q (%v)", status, out, err)
	}
	if _, out, _ := run(t, "version"); !strings.HasPrefix(out, "lattice ") {
		t.Errorf("as text %q", out)
	}
}

func TestWhere(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("LATTICE_NATS", "nats://env:1")
	t.Setenv("LATTICE_NAME", "")
	a := &app{flags: globalFlags{output: "text"}}
	if err := a.checkFlags(nil); err != nil {
		t.Fatal(err)
	}
	if url, name, _ := a.where(); url != "nats://env:1" || name != "default" {
		t.Errorf("from the environment: %s, %s", url, name)
	}
	a.flags.nats, a.flags.lattice = "", "staging"
	if url, name, _ := a.where(); url != "nats://127.0.0.1:4222" || name != "staging" {
		t.Errorf("with nothing known: %s, %s", url, name)
	}
	if dir := a.dataFolder(); !strings.HasSuffix(dir, "/lattice/staging") {
		t.Errorf("data folder %s", dir)
	}
}

func TestLinkQuery(t *testing.T) {
	q, err := linkQuery("a", "wasi:keyvalue/store,atomics", "second")
	if err != nil || q.Source != "a" || q.Name != "second" || q.Package != "wasi:keyvalue" || len(q.Interfaces) != 2 {
		t.Errorf("%+v, %v", q, err)
	}
	for _, text := range []string{"", "keyvalue", "wasi:", ":keyvalue", "wasi:keyvalue/", "wasi:keyvalue@0.2.0"} {
		if _, err := linkQuery("a", text, ""); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%q: %v, want invalid", text, err)
		}
	}
}

func TestKeyValues(t *testing.T) {
	m, err := keyValues("--x", []string{"a=1", "b=", "c=x=y"})
	if err != nil || m["a"] != "1" || m["b"] != "" || m["c"] != "x=y" {
		t.Errorf("%v, %v", m, err)
	}
	for _, list := range [][]string{{"a"}, {"=1"}, {"a=1", "a=2"}} {
		if _, err := keyValues("--x", list); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%v: %v, want invalid", list, err)
		}
	}
}

func TestGrants(t *testing.T) {
	dir := t.TempDir()
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}}
	t.Setenv("GRANTED", "through")
	f := &runFlags{cwd: "/work", grantFlags: grantFlags{
		dirs: []string{dir + "::/work:ro", dir}, env: []string{"A=1", "GRANTED"}, net: []string{"allow=tcp:db.example:5432,udp:10.0.0.0/8", "allow=*"}, args: []string{"-v"},
	}}
	set, err := f.set()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := a.config(set, f, "x/tool.wasm", []string{"rest"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"tool.wasm", "-v", "rest"}; !slices.Equal(cfg.Args, want) || cfg.Cwd != "/work" {
		t.Errorf("arguments %q in %s, want %q", cfg.Args, cfg.Cwd, want)
	}
	if want := []wasi.EnvVar{{Name: "A", Value: "1"}, {Name: "GRANTED", Value: "through"}}; !slices.Equal(cfg.Env, want) {
		t.Errorf("environment %v, want %v", cfg.Env, want)
	}
	if want := []wasi.Preopen{{HostDir: dir, GuestPath: "/work", ReadOnly: true}, {HostDir: dir, GuestPath: dir}}; !slices.Equal(cfg.Preopens, want) {
		t.Errorf("folders %v, want %v", cfg.Preopens, want)
	}
	if len(cfg.Network.Rules) != 3 {
		t.Errorf("rules %v, want 3", cfg.Network.Rules)
	}
	if _, err := a.config(grant.Set{Dirs: []grant.Dir{{Host: dir + "/absent", Guest: "/x"}}}, f, "x", nil); !errors.Is(err, errcode.NotFound) {
		t.Errorf("a folder that is absent: %v", err)
	}
}

// TestLevels keeps quiet what the machinery says in passing, and lets through
// what components and providers say.
func TestLevels(t *testing.T) {
	var out bytes.Buffer
	a := &app{Streams: Streams{Err: &out}}
	log := a.logger()
	log.Info("machinery")
	log.With(slog.String("component", "counter")).Info("hello")
	log.With("provider", "web").Debug("detail")
	log.Warn("trouble")
	if s := out.String(); strings.Contains(s, "machinery") || !strings.Contains(s, "hello") || strings.Contains(s, "detail") || !strings.Contains(s, "trouble") {
		t.Errorf("logged:\n%s", s)
	}
	a.flags.verbose = true
	if !a.logger().Enabled(context.Background(), slog.LevelDebug) {
		t.Error("--verbose does not log everything")
	}
}

func TestDescribe(t *testing.T) {
	on := func(state, address string) lattice.WorkloadOnHost {
		return lattice.WorkloadOnHost{HostName: "h", Assigned: 1, RunningWorkload: lattice.RunningWorkload{State: state, Address: address, Message: "m"}}
	}
	for _, c := range []struct {
		problem string
		hosts   []lattice.WorkloadOnHost
		want    string
	}{
		{"", nil, "placing"},
		{"no host matches", nil, "unplaced"},
		{"", []lattice.WorkloadOnHost{on("running", "")}, "running"},
		{"", []lattice.WorkloadOnHost{on("running", ""), on("starting", "")}, "starting"},
		{"", []lattice.WorkloadOnHost{on("failed", ""), on("starting", "")}, "failed"},
	} {
		if p := describe("component", "x", c.problem, c.hosts); p.State != c.want {
			t.Errorf("%+v: %s, want %s", c, p.State, c.want)
		}
	}
	p := describe("provider", "x", "", []lattice.WorkloadOnHost{on("running", "a:1"), on("running", "b:2")})
	if p.Address != "a:1,b:2" {
		t.Errorf("address %q", p.Address)
	}
}

func TestViewLink(t *testing.T) {
	l := lattice.LinkStatus{Link: linkstate.Link{
		LinkKey: linkstate.LinkKey{Source: "a", Name: "default", Namespace: "wasi", Package: "keyvalue", Interfaces: []string{"store"}},
		Targets: []linkstate.Target{{Name: "b"}},
	}, Hosts: []lattice.LinkOnHost{{Host: "h", Live: true, Applied: true}}}
	if v := viewLink(l); v.State != "applied" || v.Target != "b" || v.Package != "wasi:keyvalue" {
		t.Errorf("%+v", v)
	}
	l.Drains = []linkstate.Drain{{Targets: []linkstate.Target{{Name: "c"}}}}
	if v := viewLink(l); v.State != "draining" || v.Draining[0] != "c" {
		t.Errorf("%+v", v)
	}
	l.Hosts[0].Applied = false
	if v := viewLink(l); v.State != "applying" {
		t.Errorf("%+v", v)
	}
	l.Hosts[0].Error = &lattice.WireError{Msg: "no", Next: "try"}
	if v := viewLink(l); v.State != "failed" || v.Message != "no" || v.Next != "try" {
		t.Errorf("%+v", v)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table(&b, []string{"A", "LONG"}, [][]string{{"wide cell", "x"}, {"", "y"}})
	want := "A          LONG\nwide cell  x\n-          y\n"
	if b.String() != want {
		t.Errorf("table\n%swant\n%s", b.String(), want)
	}
	if s := oneLine("a\n b " + strings.Repeat("ü", 200)); len([]rune(s)) != 120 || !strings.HasPrefix(s, "a b ü") {
		t.Errorf("one line of %d: %q", len([]rune(s)), s)
	}
}
