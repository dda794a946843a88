package validate

import (
	"strings"
)

// nameKind is the form of an external name.
type nameKind uint8

const (
	nameLabel nameKind = iota
	nameConstructor
	nameMethod
	nameStatic
	nameInterface
)

// parsedName is an external name taken apart.
type parsedName struct {
	kind nameKind
	// label is the name itself for nameLabel, the resource's for the
	// annotated forms; member follows the dot of a method or static.
	label, member string
	// version is an interface's, "" without one.
	version string
}

var annotations = []struct {
	prefix string
	kind   nameKind
}{
	{"[constructor]", nameConstructor}, {"[method]", nameMethod}, {"[static]", nameStatic},
}

// parseName parses an external name: a plain name or an interface name.
func parseName(s string) (parsedName, error) {
	for _, a := range annotations {
		if rest, ok := strings.CutPrefix(s, a.prefix); ok {
			return parseAnnotated(a.kind, rest)
		}
	}
	if strings.Contains(s, ":") {
		return parseInterface(s)
	}
	if !isLabel(s) {
		return parsedName{}, notKebab(s)
	}
	return parsedName{kind: nameLabel, label: s}, nil
}

func parseAnnotated(kind nameKind, s string) (parsedName, error) {
	n := parsedName{kind: kind, label: s}
	if kind != nameConstructor {
		var ok bool
		if n.label, n.member, ok = strings.Cut(s, "."); !ok {
			return n, invalid("failed to find `.` character")
		}
		if !isLabel(n.member) {
			return n, notKebab(n.member)
		}
	}
	if !isLabel(n.label) {
		return n, notKebab(n.label)
	}
	return n, nil
}

// parseInterface parses namespace:package/interface@version.
func parseInterface(s string) (parsedName, error) {
	n := parsedName{kind: nameInterface}
	namespace, rest, _ := strings.Cut(s, ":")
	if err := lowerLabel(namespace); err != nil {
		return n, err
	}
	end := strings.IndexAny(rest, ":/@")
	pkg := rest
	if end >= 0 {
		pkg = rest[:end]
	}
	if err := lowerLabel(pkg); err != nil {
		return n, err
	}
	if end < 0 || rest[end] != '/' {
		return n, invalid("expected `/` after package name")
	}
	rest = rest[end+1:]
	iface, version, versioned := strings.Cut(rest, "@")
	if i := strings.IndexByte(iface, '/'); i >= 0 && isLabel(iface[:i]) {
		return n, invalid("trailing characters found: `%s`", iface[i:])
	}
	if !isLabel(iface) {
		return n, notKebab(iface)
	}
	if versioned && !isCanonVersion(version) {
		if err := checkSemver(version); err != nil {
			return n, err
		}
	}
	n.version = version
	return n, nil
}

func notKebab(s string) error { return invalid("`%s` is not in kebab case", s) }

// lowerLabel checks a namespace or package name: words without capitals.
func lowerLabel(s string) error {
	if !isLabel(s) {
		return notKebab(s)
	}
	if s != strings.ToLower(s) {
		return invalid("character `%c` is not lowercase in package name/namespace", s[strings.IndexFunc(s, isUpper)])
	}
	return nil
}

func isUpper(r rune) bool { return r >= 'A' && r <= 'Z' }

// isLabel reports whether s is in kebab case: words and acronyms joined by
// hyphens, of which the first begins with a letter.
func isLabel(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for part := range strings.SplitSeq(s, "-") {
		if !isFragment(part) {
			return false
		}
	}
	return true
}

func isFragment(s string) bool {
	lower, upper := false, false
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = true
		case c < '0' || c > '9':
			return false
		}
	}
	return s != "" && !(lower && upper)
}

// uniqueKey returns what two names must not have in common to be strongly
// unique.
func (n parsedName) uniqueKey(name string) string {
	switch n.kind {
	case nameInterface:
		before, version, ok := strings.Cut(name, "@")
		if !ok {
			return strings.ToLower(name)
		}
		return strings.ToLower(before) + "@" + version
	case nameMethod, nameStatic:
		label, member := strings.ToLower(n.label), strings.ToLower(n.member)
		if label == member {
			return label
		}
		return label + "." + member
	}
	return strings.ToLower(name)
}
