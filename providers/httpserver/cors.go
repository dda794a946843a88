package httpserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"latticework/providers"
)

// cors answers browsers that ask whether a page of another origin may use a
// component.
type cors struct {
	origins []string // in lower case; "*" for any
	headers []string // canonical; "*" for any
	methods string
	exposed string
	maxAge  string
}

// readCORS takes the settings of CORS, nil for none. Lists are JSON arrays, as
// wasmCloud has them, or have commas.
func readCORS(c *providers.Settings) *cors {
	origins := list(c, "cors_allowed_origins")
	headers := list(c, "cors_allowed_headers")
	methods := list(c, "cors_allowed_methods")
	exposed := list(c, "cors_exposed_headers")
	age := c.Int("cors_max_age_secs", 300, 0, 86_400)
	if origins == nil {
		for _, key := range []string{"cors_allowed_headers", "cors_allowed_methods", "cors_exposed_headers", "cors_max_age_secs"} {
			if c.Has(key) {
				c.Fail("%s needs cors_allowed_origins, such as https://example.com, or * for any", key)
			}
		}
		return nil
	}
	for i, o := range origins {
		u, err := url.Parse(o)
		if o != "*" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
			c.Fail("cors_allowed_origins has %q, not an origin such as https://example.com:8443, or *", o)
		}
		origins[i] = strings.ToLower(strings.TrimSuffix(o, "/"))
	}
	if headers == nil {
		headers = []string{"Accept", "Accept-Language", "Content-Type", "Content-Language"}
	}
	if methods == nil {
		methods = []string{"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"}
	}
	for _, set := range []struct {
		key   string
		names []string
	}{{"cors_allowed_headers", headers}, {"cors_allowed_methods", methods}, {"cors_exposed_headers", exposed}} {
		for i, name := range set.names {
			if !isToken(name) {
				c.Fail("%s has %q, not a name", set.key, name)
			}
			if set.key != "cors_allowed_methods" {
				set.names[i] = http.CanonicalHeaderKey(name)
			}
		}
	}
	return &cors{origins: origins, headers: headers, methods: strings.Join(methods, ", "), exposed: strings.Join(exposed, ", "),
		maxAge: strconv.FormatInt(age, 10)}
}

// list reads a JSON array of texts, or a list with commas.
func list(c *providers.Settings, key string) []string {
	text := strings.TrimSpace(c.String(key, ""))
	if !strings.HasPrefix(text, "[") {
		return c.List(key)
	}
	var out []string
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		c.Fail("%s is %q, neither a JSON array of texts nor a list with commas", key, text)
	}
	return out
}

// allows reports whether an origin may use the component.
func (x *cors) allows(origin string) bool {
	return origin != "" && (slices.Contains(x.origins, "*") || slices.Contains(x.origins, strings.ToLower(origin)))
}

// answer adds to an answer what lets a browser show it to a page.
func (x *cors) answer(h http.Header, r *http.Request) {
	origin, all := r.Header.Get("Origin"), slices.Contains(x.origins, "*")
	if !all {
		h.Add("Vary", "Origin")
	}
	if !x.allows(origin) {
		return
	}
	if all {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if x.exposed != "" {
		h.Set("Access-Control-Expose-Headers", x.exposed)
	}
}

// preflight answers a browser that asks before it sends a request, and
// reports whether this one did.
func (x *cors) preflight(rec *recorder, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if x.allows(r.Header.Get("Origin")) {
		h := rec.Header()
		h.Set("Access-Control-Allow-Methods", x.methods)
		h.Set("Access-Control-Allow-Headers", strings.Join(x.headers, ", "))
		h.Set("Access-Control-Max-Age", x.maxAge)
	}
	rec.WriteHeader(http.StatusNoContent)
	return true
}
