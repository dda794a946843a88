package httpserver_test

import (
	"net/http"
	"testing"
)

func TestCORS(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("a", map[string]string{
		"cors_allowed_origins": `["https://a.example", "http://b.example:8080"]`, "cors_allowed_methods": "GET,PUT",
		"cors_allowed_headers": "X-One", "cors_exposed_headers": "X-Sum", "cors_max_age_secs": "60",
	}, says("a"))
	_, any := s.mustServe("b", map[string]string{"path": "/b", "cors_allowed_origins": "*"}, says("b"))
	any += "/b"
	for name, c := range map[string]struct {
		method, url, origin string
		status              int
		allow, exposed      string
	}{
		"allowed":               {"GET", url, "https://a.example", 200, "https://a.example", "X-Sum"},
		"allowed, other letter": {"GET", url, "HTTPS://A.example", 200, "HTTPS://A.example", "X-Sum"},
		"not allowed":           {"GET", url, "https://evil.example", 200, "", ""},
		"another port":          {"GET", url, "http://b.example", 200, "", ""},
		"asked first":           {"OPTIONS", url, "http://b.example:8080", 204, "http://b.example:8080", "X-Sum"},
		"asked, not allowed":    {"OPTIONS", url, "null", 204, "", ""},
		"asked by another":      {"OPTIONS", url, "https://evil.example", 204, "", ""},
		"any":                   {"GET", any, "https://evil.example", 200, "*", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp := do(t, client(t, http1), c.method, c.url, http.Header{"Origin": {c.origin}, "Access-Control-Request-Method": {"PUT"}})
			h := resp.Header
			if resp.StatusCode != c.status || h.Get("Access-Control-Allow-Origin") != c.allow || h.Get("Access-Control-Expose-Headers") != c.exposed {
				t.Errorf("%d %v", resp.StatusCode, h)
			}
			if want := map[bool]string{true: "", false: "Origin"}[c.url == any]; h.Get("Vary") != want {
				t.Errorf("Vary %q, want %q", h.Get("Vary"), want)
			}
			methods, age := "", ""
			if c.method == "OPTIONS" && c.allow != "" {
				methods, age = "GET, PUT", "60"
			}
			if h.Get("Access-Control-Allow-Methods") != methods || h.Get("Access-Control-Max-Age") != age {
				t.Errorf("methods %q, age %q; want %q, %q", h.Get("Access-Control-Allow-Methods"), h.Get("Access-Control-Max-Age"), methods, age)
			}
		})
	}
}

// TestOptionsWithoutCORS: the component answers OPTIONS itself where no origin
// is named.
func TestOptionsWithoutCORS(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if resp := do(t, client(t, http1), "OPTIONS", url, http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {"PUT"}}); resp.StatusCode != 418 {
		t.Errorf("%d, want the component's 418", resp.StatusCode)
	}
}
