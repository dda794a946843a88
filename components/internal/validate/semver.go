package validate

import "strings"

// checkSemver checks that s is a version of semver.org 2.0.0.
func checkSemver(s string) error {
	if s == "" {
		return invalid("empty string, expected a semver version")
	}
	rest := s
	for _, part := range []string{"major", "minor", "patch"} {
		var err error
		if rest, err = versionNumber(rest, part); err != nil {
			return err
		}
		if part == "patch" {
			break
		}
		if rest == "" {
			return invalid("unexpected end of input while parsing %s version number", part)
		}
		if rest[0] != '.' {
			return invalid("unexpected character '%c' after %s version number", firstRune(rest), part)
		}
		rest = rest[1:]
	}
	pre, build, hasBuild := strings.Cut(rest, "+")
	if strings.HasPrefix(pre, "-") {
		if err := identifiers(pre[1:], "pre-release", true); err != nil {
			return err
		}
	} else if pre != "" {
		return invalid("unexpected character '%c' after patch version number", firstRune(pre))
	}
	if hasBuild {
		return identifiers(build, "build metadata", false)
	}
	return nil
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// versionNumber reads digits without a superfluous zero.
func versionNumber(s, part string) (rest string, err error) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	switch {
	case s == "":
		return "", invalid("unexpected end of input while parsing %s version number", part)
	case n == 0:
		return "", invalid("unexpected character '%c' while parsing %s version number", firstRune(s), part)
	case n > 1 && s[0] == '0':
		return "", invalid("invalid leading zero in %s version number", part)
	case n > 20 || n == 20 && s[:n] > "18446744073709551615":
		return "", invalid("value of %s version number exceeds 64 bits", part)
	}
	return s[n:], nil
}

// identifiers checks identifiers joined by dots; numeric ones must not have a
// superfluous zero if strict.
func identifiers(s, part string, strict bool) error {
	for id := range strings.SplitSeq(s, ".") {
		if id == "" {
			return invalid("empty identifier segment in %s", part)
		}
		numeric := true
		for _, c := range id {
			switch {
			case c >= '0' && c <= '9':
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
				numeric = false
			default:
				return invalid("unexpected character '%c' in %s", c, part)
			}
		}
		if strict && numeric && len(id) > 1 && id[0] == '0' {
			return invalid("invalid leading zero in %s identifier", part)
		}
	}
	return nil
}

// isCanonVersion reports whether s is a version cut off after its first
// number that is not zero, such as "1" or "0.2", or is "0.0.0".
func isCanonVersion(s string) bool {
	if s == "0.0.0" {
		return true
	}
	for range 2 {
		s = strings.TrimPrefix(s, "0.")
	}
	if s == "" || s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// checkSuffix checks a version suffix against the version that it completes.
func checkSuffix(version, suffix string) error {
	if !isCanonVersion(version) {
		return invalid("`versionsuffix` requires a canonical interface version, found `%s`", version)
	}
	if err := checkSemver(version + suffix); err != nil {
		return invalid("version `%s` with suffix `%s`: %w", version, suffix, err)
	}
	return nil
}
