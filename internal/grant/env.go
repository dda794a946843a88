package grant

import (
	"strings"
	"unicode/utf8"

	"latticework/internal/errcode"
)

// Var is an environment variable.
type Var struct {
	Name, Value string
	// Inherit takes the value from whoever grants it; Value is not used.
	Inherit bool
}

// ParseVar reads NAME=VALUE, or NAME to pass one through.
//
// Errors: invalid.
func ParseVar(text string) (Var, error) {
	name, value, given := strings.Cut(text, "=")
	if name == "" || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return Var{}, errcode.New(errcode.Invalid, "environment variable %q: want NAME=VALUE, or NAME to pass one through", text).
			WithNext("write for example LANG=C")
	}
	return Var{Name: name, Value: value, Inherit: !given}, nil
}

// String returns what ParseVar reads.
func (v Var) String() string {
	if v.Inherit {
		return v.Name
	}
	return v.Name + "=" + v.Value
}
