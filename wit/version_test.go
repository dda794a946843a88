package wit

import "testing"

func TestCompareVersions(t *testing.T) {
	// In order of precedence, as the specification of semantic versions lists
	// them and beyond.
	ordered := []string{
		"", "0.0.1", "0.1.0-alpha", "0.1.0", "0.2.0-draft", "0.2.0-rc.1", "0.2.0-rc.2", "0.2.0-rc.11", "0.2.0", "0.2.9", "0.2.10",
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
		"1.0.0", "1.0.0+a", "1.0.0+b", "2.0.0", "18446744073709551616.0.0",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			got := CompareVersions(a, b)
			if (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("CompareVersions(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func TestValidVersion(t *testing.T) {
	for _, v := range []string{"0.0.0", "1.2.3", "1.0.1--", "1.0.1-a+a", "1.0.1-1+1", "1.0.0-11ab", "1.0.0+001", "1.0.0-0a"} {
		if !ValidVersion(v) {
			t.Errorf("%q is refused", v)
		}
	}
	for _, v := range []string{"", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.03", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "1.2.x", "v1.2.3", "1.2.3-ä"} {
		if ValidVersion(v) {
			t.Errorf("%q is accepted", v)
		}
	}
}

func TestMatchVersion(t *testing.T) {
	for _, c := range []struct {
		want, have string
		match      bool
	}{
		{"wasi:io/streams@0.2.4", "wasi:io/streams@0.2.12", true},
		{"wasi:io/streams@0.2.12", "wasi:io/streams@0.2.4", true},
		{"wasi:io/streams@0.2.0", "wasi:io/streams@0.3.0", false},
		{"wasi:io/streams@0.2.0", "wasi:io/poll@0.2.0", false},
		{"a:b/c@1.0.0", "a:b/c@1.9.3", true},
		{"a:b/c@1.0.0", "a:b/c@2.0.0", false},
		{"a:b/c@0.0.1", "a:b/c@0.0.2", false},
		{"a:b/c@0.0.1", "a:b/c@0.0.1", true},
		{"a:b/c@0.2.0-draft", "a:b/c@0.2.0-draft", true},
		{"a:b/c@0.2.0-draft", "a:b/c@0.2.0", false},
		{"a:b/c@0.2.0", "a:b/c@0.2.1-rc.1", false},
		{"a:b/c@1.0.0+x", "a:b/c@1.0.0", true},
		{"a:b/c", "a:b/c", true},
		{"a:b/c", "a:b/c@1.0.0", false},
		{"a:b/c@1.0.0", "a:b/c", false},
		{"a:b/c@x", "a:b/c@1.0.0", false},
		{"a:b/c@1.0.0", "a:b/c@11.0.0", false},
	} {
		if got := MatchVersion(c.want, c.have); got != c.match {
			t.Errorf("MatchVersion(%q, %q) = %v", c.want, c.have, got)
		}
	}
}

func TestParseQualified(t *testing.T) {
	for _, c := range []struct {
		in   string
		pkg  PackageName
		item string
		ok   bool
	}{
		{"wasi:io/streams@0.2.12", PackageName{"wasi", "io", "0.2.12"}, "streams", true},
		{"wasi:io/streams", PackageName{"wasi", "io", ""}, "streams", true},
		{"a:b:c/d/e@1.0.0", PackageName{"a:b", "c/d", "1.0.0"}, "e", true},
		{"wasi:io", PackageName{}, "", false},
		{"streams", PackageName{}, "", false},
		{"wasi/io:streams", PackageName{}, "", false},
		{"wasi:io/streams@", PackageName{}, "", false},
		{"wasi:io/streams@1", PackageName{}, "", false},
		{"wasi:io/", PackageName{}, "", false},
		{":io/streams", PackageName{}, "", false},
		{"wasi:/streams", PackageName{}, "", false},
		{"wasi:IO-x/St-reams", PackageName{}, "", false},
	} {
		pkg, item, ok := ParseQualified(c.in)
		if ok != c.ok || ok && (pkg != c.pkg || item != c.item) {
			t.Errorf("ParseQualified(%q) = %v, %q, %v", c.in, pkg, item, ok)
		}
		if ok && pkg.Qualify(item) != c.in {
			t.Errorf("Qualify gives %q for %q", pkg.Qualify(item), c.in)
		}
	}
}
