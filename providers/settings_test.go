package providers_test

import (
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/providers"
)

func TestSettingsRead(t *testing.T) {
	s := providers.ReadSettings("link a → b", map[string]string{
		"text": "old", "flag": "false", "n": "7", "size": "2KiB", "big": "1 GiB", "time": "1m30s", "list": "a, b ,c", "empty": "", "choice": "y",
	}, map[string]string{"text": "new", "flag": "true"})
	if v := s.String("text", "x"); v != "new" {
		t.Errorf("text %q: a later map does not override", v)
	}
	if v := s.String("empty", "x"); v != "" {
		t.Errorf("empty %q: an empty text counts as absent", v)
	}
	if !s.Bool("flag", false) || s.Bool("no-flag", false) || !s.Bool("no-flag", true) {
		t.Error("flags")
	}
	if n := s.Int("n", 1, 0, 7); n != 7 {
		t.Errorf("n %d", n)
	}
	if n := s.Bytes("size", 1, 0, 2048); n != 2048 {
		t.Errorf("size %d", n)
	}
	if n := s.Bytes("big", 1, 0, 1<<40); n != 1<<30 {
		t.Errorf("big %d", n)
	}
	if d := s.Duration("time", 0, 0, time.Hour); d != 90*time.Second {
		t.Errorf("time %s", d)
	}
	if l := s.List("list"); len(l) != 3 || l[1] != "b" {
		t.Errorf("list %q", l)
	}
	if l := s.List("no-list"); l != nil {
		t.Errorf("absent list %q", l)
	}
	if c := s.OneOf("choice", "x", "x", "y"); c != "y" {
		t.Errorf("choice %q", c)
	}
	if err := s.Err(); err != nil {
		t.Errorf("good settings: %v", err)
	}
}

func TestSettingsReportEverything(t *testing.T) {
	s := providers.ReadSettings("link a → b", map[string]string{
		"flag": "True", "n": "8", "m": "x", "size": "2kb", "huge": "9000000000000000000GiB", "low": "-1", "time": "5", "long": "2h",
		"list": "a,,b", "choice": "z", "tiemout": "5s",
	})
	s.Bool("flag", false)
	s.Int("n", 1, 0, 7)
	s.Int("m", 1, 0, 7)
	s.Bytes("size", 1, 0, 10)
	s.Bytes("huge", 1, 0, 1<<40)
	s.Bytes("low", 1, 0, 1<<40)
	s.Duration("time", 0, 0, time.Hour)
	s.Duration("long", 0, 0, time.Hour)
	s.List("list")
	s.OneOf("choice", "x", "x", "y")
	s.Duration("timeout", 0, 0, time.Hour)
	s.Fail("own %d", 1)
	wantCode(t, s.Err(), errcode.Invalid, "configure link a → b", `flag is "True", neither true nor false`, "n is 8, not from 0 to 7",
		`m is "x", not a whole number`, `size is "2kb", not a size`, "huge", "low", `time is "5", not a duration`, "long is 2h0m0s, not from 0s to 1h0m0s",
		"part 2 of the list is empty", `choice is "z", not one of x, y`, "own 1", `unknown setting "tiemout"`, `did you mean "timeout"?`)
}

func TestSettingsListWhatThereIs(t *testing.T) {
	s := providers.ReadSettings("provider p", map[string]string{"xyzzy": "1"})
	s.String("url", "")
	s.Int("db", 0, 0, 1)
	wantCode(t, s.Err(), errcode.Invalid, `unknown setting "xyzzy"`, "settings are: db, url")
}

func TestClosest(t *testing.T) {
	names := []string{"keyvalue-redis", "keyvalue-file", "keyvalue-memory", "http-server", "url", "timeout", "max_in_flight"}
	for name, want := range map[string]string{
		"keyvalue-reddis": "keyvalue-redis", "keyvalue_file": "keyvalue-file", "KeyValue-Memory": "keyvalue-memory", "httpserver": "http-server",
		"ulr": "url", "uri": "url", "tiemout": "timeout", "max.in.flight": "max_in_flight", "maxinflight": "max_in_flight",
		"": "", "postgres": "", "x": "", "redis": "",
	} {
		if got := providers.Closest(name, names); got != want {
			t.Errorf("closest to %q: %q, want %q", name, got, want)
		}
	}
}

func TestRegistry(t *testing.T) {
	make := func(s providers.Setup) (providers.Provider, error) { return &fake{}, nil }
	r, err := providers.NewRegistry(providers.Technology{Name: "keyvalue-redis", New: make}, providers.Technology{Name: "config", New: make})
	if err != nil {
		t.Fatal(err)
	}
	if l := r.List(); len(l) != 2 || l[0].Name != "config" {
		t.Errorf("list %v", l)
	}
	p, err := r.New("config", providers.Setup{Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Link(t.Context(), linkOf("a")) // is guarded
	wantCode(t, err, errcode.Closed)
	_, err = r.New("keyvalue-redsi", providers.Setup{Name: "c"})
	wantCode(t, err, errcode.NotFound, `"keyvalue-redsi"`, `did you mean "keyvalue-redis"?`)
	_, err = r.New("oracle", providers.Setup{Name: "c"})
	wantCode(t, err, errcode.NotFound, "technologies are: config, keyvalue-redis")
	_, err = r.New("config", providers.Setup{})
	wantCode(t, err, errcode.Invalid, "no name")
	_, err = providers.NewRegistry(providers.Technology{Name: "a", New: make}, providers.Technology{Name: "a", New: make})
	wantCode(t, err, errcode.Exists)
	_, err = providers.NewRegistry(providers.Technology{Name: "a"})
	wantCode(t, err, errcode.Invalid)
}

func TestRequested(t *testing.T) {
	served := []string{"a:b/store@0.2.0-draft", "a:b/atomics@0.2.0-draft", "wasi:http/incoming-handler@0.2.12"}
	for _, c := range []struct {
		want []string
		n    int
	}{{nil, 3}, {served[:1], 1}, {[]string{served[2], served[0]}, 2}, {[]string{"wasi:http/incoming-handler@0.2.4"}, 1}} {
		got, err := providers.Requested(providers.Link{Source: "s", Target: "t", Interfaces: c.want}, served)
		if err != nil || len(got) != c.n {
			t.Errorf("%q: %q, %v; want %d", c.want, got, err, c.n)
		}
	}
	for _, name := range []string{"a:b/store@0.2.0-draft2", "a:b/store", "wasi:http/incoming-handler@0.3.0", "a:b/batch@0.2.0-draft"} {
		_, err := providers.Requested(providers.Link{Source: "s", Target: "t", Interfaces: []string{served[0], name}}, served)
		wantCode(t, err, errcode.Unsupported, name, served[1])
	}
}
