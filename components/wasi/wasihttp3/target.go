package wasihttp3

import (
	"net/url"
	"strings"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
)

// methodOf returns the method for its name.
func methodOf(name string) contract.Method {
	switch name {
	case "GET", "":
		return contract.MethodGet()
	case "HEAD":
		return contract.MethodHead()
	case "POST":
		return contract.MethodPost()
	case "PUT":
		return contract.MethodPut()
	case "DELETE":
		return contract.MethodDelete()
	case "CONNECT":
		return contract.MethodConnect()
	case "OPTIONS":
		return contract.MethodOptions()
	case "TRACE":
		return contract.MethodTrace()
	case "PATCH":
		return contract.MethodPatch()
	}
	return contract.MethodOther(name)
}

// methodText returns the method as it is sent.
func methodText(m contract.Method) string {
	if m.Case == contract.MethodCaseOther {
		return m.Other
	}
	return strings.ToUpper(m.Case.String())
}

// schemeOf returns the scheme for its name.
func schemeOf(name string) contract.Scheme {
	switch {
	case strings.EqualFold(name, "http"):
		return contract.SchemeHTTP()
	case strings.EqualFold(name, "https"):
		return contract.SchemeHTTPS()
	}
	return contract.SchemeOther(name)
}

// isPath reports whether s can be a path and query: the characters of RFC
// 3986, those that are often found unescaped, and UTF-8. A path that begins
// with no slash is one, though no request can be sent to it.
func isPath(s string) bool {
	if len(s) > httpmessage.MaxTarget {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte("#<>`", c) >= 0 {
			return false
		}
	}
	return true
}

// isAuthority reports whether s is a host with or without a port, perhaps with
// a user before it, though no request can be sent with one.
func isAuthority(s string) bool {
	if s == "" || len(s) > httpmessage.MaxTarget || strings.ContainsAny(s, "/?#\\") {
		return false
	}
	u, err := url.Parse("http://" + s + "/")
	if err != nil || u.Hostname() == "" {
		return false
	}
	return strings.HasPrefix(u.Host, "[") || !strings.Contains(u.Hostname(), ":")
}
