package httpserver

import (
	"net/netip"
	"strings"
)

// isToken reports whether s is a token of RFC 9110, as names of fields are.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s may be a field's value.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// listed reports whether a field of comma-separated tokens has token.
func listed(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// isHostname reports whether s is a host as clients name it, without port:
// letters, digits, hyphens, underscores and dots, or an IP literal.
func isHostname(s string) bool {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		_, err := netip.ParseAddr(s[1 : len(s)-1])
		return err == nil
	}
	if s == "" || s[0] == '.' || len(s) > 255 || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// isAuthority reports whether s is a host with or without a port.
func isAuthority(s string) bool {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host = s[:i]
		for _, c := range s[i+1:] {
			if c < '0' || c > '9' {
				return false
			}
		}
		if len(s)-i-1 > 5 {
			return false
		}
	}
	return isHostname(host)
}
