package wit

import (
	"cmp"
	"strings"
)

// semver is a semantic version taken apart. Numeric parts are kept as text:
// they may be longer than any integer.
type semver struct {
	major, minor, patch string
	pre, build          string
}

// parseSemver takes v apart by the grammar of Semantic Versioning 2.0.
func parseSemver(v string) (s semver, ok bool) {
	rest, build, hasBuild := strings.Cut(v, "+")
	rest, pre, hasPre := strings.Cut(rest, "-")
	nums := strings.Split(rest, ".")
	if len(nums) != 3 {
		return s, false
	}
	for _, n := range nums {
		if !isNumber(n) || len(n) > 1 && n[0] == '0' {
			return s, false
		}
	}
	if hasPre && !validIdents(pre, true) || hasBuild && !validIdents(build, false) {
		return s, false
	}
	return semver{nums[0], nums[1], nums[2], pre, build}, true
}

// validIdents reports whether s is a dot-separated list of identifiers; a
// numeric one must not have a leading zero if strict.
func validIdents(s string, strict bool) bool {
	for id := range strings.SplitSeq(s, ".") {
		if id == "" {
			return false
		}
		for i := range len(id) {
			c := id[i]
			if !isDigit(c) && !isLetter(c) && c != '-' {
				return false
			}
		}
		if strict && isNumber(id) && len(id) > 1 && id[0] == '0' {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// ValidVersion reports whether v is a semantic version.
func ValidVersion(v string) bool {
	_, ok := parseSemver(v)
	return ok
}

// CompareVersions orders two semantic versions: it is negative if a comes
// before b, zero if they are the same, and positive otherwise. Build metadata
// breaks ties so that the order is total. No version, and anything that is
// not a version, comes before every version.
func CompareVersions(a, b string) int {
	x, okX := parseSemver(a)
	y, okY := parseSemver(b)
	switch {
	case !okX && !okY:
		return strings.Compare(a, b)
	case !okX:
		return -1
	case !okY:
		return 1
	}
	return cmp.Or(x.compare(y), compareIdents(x.build, y.build))
}

// compare orders by precedence: build metadata does not count.
func (s semver) compare(t semver) int {
	return cmp.Or(
		compareNumbers(s.major, t.major),
		compareNumbers(s.minor, t.minor),
		compareNumbers(s.patch, t.patch),
		comparePre(s.pre, t.pre))
}

func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// comparePre orders pre-releases; a release comes after its pre-releases.
func comparePre(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	}
	return compareIdents(a, b)
}

func compareIdents(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(x) && i < len(y); i++ {
		numX, numY := isNumber(x[i]), isNumber(y[i])
		c := strings.Compare(x[i], y[i])
		switch {
		case numX && numY:
			c = compareNumbers(x[i], y[i])
		case numX:
			c = -1
		case numY:
			c = 1
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// SplitVersion splits a qualified name at its version: "wasi:io/poll@0.2.0"
// gives "wasi:io/poll" and "0.2.0".
func SplitVersion(qualified string) (name, version string) {
	name, version, _ = strings.Cut(qualified, "@")
	return name, version
}

// MatchVersion reports whether an import of want can be served by have, both
// qualified names of interfaces. Exactly the same name always matches; else
// both need a version, without pre-release, of the same track: the same major
// version from 1 on, or the same 0.minor with minor from 1 on. Which of the
// two is newer does not matter.
func MatchVersion(want, have string) bool {
	if want == have {
		return true
	}
	wantName, wantVersion := SplitVersion(want)
	haveName, haveVersion := SplitVersion(have)
	if wantName != haveName {
		return false
	}
	track := VersionTrack(wantVersion)
	return track != "" && track == VersionTrack(haveVersion)
}

// VersionTrack returns what versions that may stand for one another have in
// common: "1" for 1.x.y, "0.2" for 0.2.x. It is "" for a version that only
// matches itself: a pre-release, 0.0.x, or none at all.
func VersionTrack(version string) string {
	v, ok := parseSemver(version)
	switch {
	case !ok || v.pre != "":
		return ""
	case v.major != "0":
		return v.major
	case v.minor != "0":
		return "0." + v.minor
	}
	return ""
}

// ParseQualified takes a qualified name apart: "wasi:io/poll@0.2.0" gives the
// package wasi:io@0.2.0 and "poll". It reports whether it is one.
func ParseQualified(qualified string) (pkg PackageName, item string, ok bool) {
	name, version, versioned := strings.Cut(qualified, "@")
	if versioned && !ValidVersion(version) {
		return pkg, "", false
	}
	colon, slash := strings.LastIndexByte(name, ':'), strings.LastIndexByte(name, '/')
	if colon < 0 || slash < colon {
		return pkg, "", false
	}
	pkg = PackageName{Namespace: name[:colon], Name: name[colon+1 : slash], Version: version}
	item = name[slash+1:]
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == ':' || r == '/' }) {
		if checkKebab(part) != "" {
			return pkg, "", false
		}
	}
	return pkg, item, pkg.Namespace != "" && pkg.Name != "" && item != ""
}
