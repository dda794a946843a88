package linkstate

import (
	"unicode/utf8"

	"latticework/internal/errcode"
)

// The limits of records. A command that breaks one is refused as a whole.
const (
	MaxNameBytes      = 63
	MaxTargets        = 8
	MaxInterfaces     = 64
	MaxConfigNames    = 16
	MaxConfigEntries  = 64
	MaxConfigBytes    = 16 << 10
	MaxSpreads        = 16
	MaxLabels         = 32
	MaxLabelBytes     = 256
	MaxInstances      = 10000
	MaxDrains         = 16
	MaxTextBytes      = 1024
	MaxGrants         = 256
	MaxGrantBytes     = 4096
	MaxRequestBytes   = 64
	MaxRequests       = 8192 // request ids remembered
	MaxAssignedHosts  = 1000
	MaxParts          = 1000 // records of one sort in one application
	MaxRecordsPerKind = 10000
)

// ValidName reports whether s is 1 to MaxNameBytes ASCII letters, digits, '-'
// and '_', beginning and ending with a letter or digit.
func ValidName(what, s string) error {
	switch {
	case s == "":
		return errcode.New(errcode.Invalid, "%s name is empty", what)
	case len(s) > MaxNameBytes:
		return errcode.New(errcode.Invalid, "%s name %.20q…: %d bytes > %d", what, s, len(s), MaxNameBytes)
	}
	for i := 0; i < len(s); i++ {
		if !alnum(s[i]) && (i == 0 || i == len(s)-1 || s[i] != '-' && s[i] != '_') {
			return errcode.New(errcode.Invalid, "%s name %q: want letters, digits, '-' and '_', with a letter or digit at both ends", what, s)
		}
	}
	return nil
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// validKebab reports whether s is a WIT identifier: kebab-case words.
func validKebab(what, s string) error {
	ok := s != "" && len(s) <= MaxNameBytes && s[0] != '-' && s[len(s)-1] != '-'
	for i := 0; ok && i < len(s); i++ {
		ok = alnum(s[i]) || s[i] == '-' && s[i-1] != '-'
	}
	if !ok {
		return errcode.New(errcode.Invalid, "%s %.80q is not a WIT name", what, s)
	}
	return nil
}

func validText(what, s string, limit int) error {
	if len(s) > limit {
		return errcode.New(errcode.Invalid, "%s: %d bytes > %d", what, len(s), limit)
	}
	if !utf8.ValidString(s) {
		return errcode.New(errcode.Invalid, "%s is not valid UTF-8", what)
	}
	return nil
}
