package grant

import (
	"errors"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
)

func TestParseDir(t *testing.T) {
	for text, want := range map[string]Dir{
		".::/work":     {Host: ".", Guest: "/work"},
		"/a::/b:ro":    {Host: "/a", Guest: "/b", ReadOnly: true},
		"/a::/b:rw":    {Host: "/a", Guest: "/b"},
		"/a":           {Host: "/a", Guest: "/a"},
		"/a:ro":        {Host: "/a", Guest: "/a", ReadOnly: true},
		`C:\x::/x:ro`:  {Host: `C:\x`, Guest: "/x", ReadOnly: true},
		"/a::b::c":     {Host: "/a", Guest: "b::c"},
		"rel/x::rel/y": {Host: "rel/x", Guest: "rel/y"},
	} {
		got, err := ParseDir(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParseDir(got.String()); err != nil || again != got {
			t.Errorf("%q printed as %q reads %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "::", "::/b", "/a::", ":ro", "/a::/b\x00"} {
		if d, err := ParseDir(text); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%q: %+v, %v; want invalid", text, d, err)
		}
	}
}

func TestSet(t *testing.T) {
	var s Set
	for _, g := range []struct {
		kind Kind
		text string
		want string // part of the error, "" for none
	}{
		{KindDir, ".::/w", ""}, {KindDir, "/tmp::/w:ro", "twice"}, {KindDir, "", "HOST::GUEST"},
		{KindEnv, "A=1=2", ""}, {KindEnv, "HOME", ""}, {KindEnv, "A", "twice"}, {KindEnv, "=x", "NAME=VALUE"}, {KindEnv, "B=\xff", "NAME=VALUE"},
		{KindNet, "allow=tcp:db.example:5432, udp:10.0.0.0/8", ""}, {KindNet, "allow=*", ""},
		{KindNet, "db.example", "allow="}, {KindNet, "allow=", "no address"}, {KindNet, "allow=a,,b", "no address"},
		{KindArg, "-v", ""}, {KindArg, "", ""}, {"disk", "x", "disk"},
	} {
		err := s.Add(g.kind, g.text)
		if g.want == "" && err != nil || g.want != "" && (!errors.Is(err, errcode.Invalid) || !strings.Contains(err.Error(), g.want)) {
			t.Errorf("%s %q: %v, want %q", g.kind, g.text, err, g.want)
		}
	}
	if len(s.Dirs) != 1 || len(s.Env) != 2 || len(s.Net.Rules) != 3 || len(s.Args) != 2 || s.Env[0] != (Var{Name: "A", Value: "1=2"}) {
		t.Errorf("set %+v", s)
	}
	if err := s.Inherit(func(string) (string, bool) { return "", false }); !errors.Is(err, errcode.NotFound) || !strings.Contains(err.Error(), "HOME") {
		t.Errorf("a variable that is not set: %v", err)
	}
	if err := s.Inherit(func(name string) (string, bool) { return "of " + name, true }); err != nil || s.Env[1] != (Var{Name: "HOME", Value: "of HOME"}) {
		t.Errorf("passed through: %+v, %v", s.Env[1], err)
	}
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"tcp:listen:[::1]:80-90", "*.example", "10.0.0.0/8", "https:a:1", "::ffff:1.2.3.4/100"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzzbound.Run(t, func() {
			r, err := ParseRule(s)
			if err != nil {
				if errcode.Of(err) != errcode.Invalid {
					t.Errorf("%q: %v has no code invalid", s, err)
				}
				return
			}
			if r.Host == "" && (!r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() || r.Prefix.Addr().Is4In6()) || r.First > r.Last {
				t.Errorf("%q: %+v", s, r)
			}
		})
	})
}
