package validate

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	tests := []struct {
		name string
		kind nameKind
		err  string
	}{
		{"a11-B11-123-ABC-abc", nameLabel, ""},
		{"[constructor]a-b", nameConstructor, ""},
		{"[method]a.b-c", nameMethod, ""},
		{"[static]A.B", nameStatic, ""},
		{"ns-1-a:b-1-c/D-2", nameInterface, ""},
		{"a:b/c@1.2.3-rc.1+build.007", nameInterface, ""},
		{"a:b/c@1", nameInterface, ""},
		{"a:b/c@0.2", nameInterface, ""},
		{"a:b/c@0.0.3", nameInterface, ""},
		{"a:b/c@01", 0, "leading zero"},
		{"a:b/c@0.02", 0, "leading zero"},
		{"a:b/c@1.2.3-01", 0, "leading zero"},
		{"a:b/c@1.2.3-a..b", 0, "empty identifier segment"},
		{"a:b/c@1.2.99999999999999999999", 0, "exceeds 64 bits"},
		{"a:b/c@1.2.3-é", 0, "unexpected character"},
		{"a:b", 0, "expected `/`"},
		{"a:b@1.0.0", 0, "expected `/`"},
		{"a:b/c/d@1.0.0", 0, "trailing characters found: `/d`"},
		{"a--b", 0, "kebab case"},
		{"é", 0, "kebab case"},
		{"[method]a", 0, "failed to find `.`"},
		{"[other]a", 0, "kebab case"},
		{"url=<https://x>", 0, "kebab case"},
	}
	for _, tt := range tests {
		n, err := parseName(tt.name)
		switch {
		case tt.err == "" && (err != nil || n.kind != tt.kind):
			t.Errorf("%s: kind %d, %v", tt.name, n.kind, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
	}
}

func TestStronglyUnique(t *testing.T) {
	all := []string{"foo", "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz", "foo:bar/baz"}
	clash := []string{"FOO", "foo-BAR", "[constructor]FOO", "[method]foo.BAR", "[static]foo.bar",
		"[method]foo.baz", "[method]foo.foo", "[static]foo-BAR.FOO-bar", "foo:bar/BAZ"}
	seen := map[string]bool{}
	key := func(s string) string {
		n, err := parseName(s)
		if err != nil {
			t.Fatal(err)
		}
		return n.uniqueKey(s)
	}
	for _, s := range all {
		if seen[key(s)] {
			t.Errorf("%s clashes", s)
		}
		seen[key(s)] = true
	}
	for _, s := range clash {
		if !seen[key(s)] {
			t.Errorf("%s does not clash", s)
		}
	}
	if key("a:b/c@1.0.0-X") == key("a:b/c@1.0.0-x") {
		t.Error("versions are compared without regard to case")
	}
}

func TestVersionSuffix(t *testing.T) {
	tests := []struct {
		version, suffix string
		ok              bool
	}{
		{"1", ".2.3", true}, {"0.2", ".6-rc.1", true}, {"0.0.1", "-alpha", true}, {"0.0.0", "", true},
		{"1.2.3", "", false}, {"1", ".2", false}, {"", ".1", false}, {"0.2", ".6 ", false},
	}
	for _, tt := range tests {
		if err := checkSuffix(tt.version, tt.suffix); (err == nil) != tt.ok {
			t.Errorf("%s and %s: %v", tt.version, tt.suffix, err)
		}
	}
}

func TestErrorsShowNamesSafely(t *testing.T) {
	msg := invalid("name `%s`", "a\x1b[31m"+strings.Repeat("x", 1000)).Error()
	if strings.Contains(msg, "\x1b") || len(msg) > 300 {
		t.Errorf("message is %q", msg)
	}
}
