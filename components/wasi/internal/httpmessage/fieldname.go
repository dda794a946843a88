package httpmessage

import "strings"

// IsToken reports whether s is a token of RFC 9110, as names of fields and
// methods are.
func IsToken(s string) bool {
	for i := range len(s) {
		if !isTokenChar(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenChar(c byte) bool {
	letter := c | 0x20
	return 'a' <= letter && letter <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// isFieldValue reports whether s has only bytes that a field's value may have:
// none that ends a line, and no other control but the tab.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// forbidden are the fields that belong to one connection, or that the host
// makes from other parts of a message: a guest can neither set nor see them.
// The names are canonical.
var forbidden = [...]string{
	"Connection", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Transfer-Encoding", "Upgrade",
}

// IsForbidden reports whether name is one of the forbidden fields, in any
// spelling.
func IsForbidden(name string) bool {
	switch len(name) {
	case 4, 7, 10, 14, 16, 17, 18, 19:
	default:
		return false
	}
	for _, f := range forbidden {
		if len(f) == len(name) && strings.EqualFold(f, name) {
			return true
		}
	}
	return false
}
