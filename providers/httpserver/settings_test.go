package httpserver_test

import (
	"net/http"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// TestSettingsAreRefused: what is wrong names the setting and what may stand
// there.
func TestSettingsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		says   []string
	}{
		"fields":           {map[string]string{"max_headers": "9"}, []string{"max_headers is 9, not from 10 to 10000"}},
		"header bytes":     {map[string]string{"max_header_bytes": "2MiB"}, []string{"max_header_bytes", "not from 1024 to 1048576 bytes"}},
		"streams":          {map[string]string{"max_streams": "0"}, []string{"max_streams is 0, not from 1 to 10000"}},
		"response":         {map[string]string{"max_response_bytes": "all"}, []string{"max_response_bytes", "not a size such as"}},
		"body timeout":     {map[string]string{"read_body_timeout": "1ms"}, []string{"read_body_timeout is 1ms, not from 100ms to 1h0m0s"}},
		"write timeout":    {map[string]string{"write_timeout": "2h"}, []string{"write_timeout is 2h0m0s, not from 100ms to 1h0m0s"}},
		"drain delay":      {map[string]string{"drain_delay": "-1s"}, []string{"drain_delay is -1s, not from 0s to 10m0s"}},
		"protocols":        {map[string]string{"protocols": "http1,spdy"}, []string{`protocols has "spdy", not one of http1, http2`}},
		"protocols twice":  {map[string]string{"protocols": "http1,http1"}, []string{"protocols names http1 twice"}},
		"status path":      {map[string]string{"status_path": "healthz"}, []string{`status_path is "healthz", not a path`}},
		"header":           {map[string]string{"header": "x y"}, []string{`header is "x y", not the name of a header`}},
		"mode":             {map[string]string{"forwarded_headers": "all"}, []string{`forwarded_headers is "all", not one of x-forwarded, forwarded, both, none`}},
		"proxies":          {map[string]string{"trusted_proxies": "10.0.0.0/8, proxy"}, []string{`trusted_proxies has "proxy", not an address or a range`}},
		"wild host":        {map[string]string{"host": "a.*.example"}, []string{`host is "a.*.example"`, "*.example.com"}},
		"bare star":        {map[string]string{"host": "*."}, []string{`host is "*."`}},
		"cache control":    {map[string]string{"cache_control": "a\r\nX: y"}, []string{"cache_control"}},
		"two timeouts":     {map[string]string{"timeout_ms": "5", "request_timeout": "5s"}, []string{"request_timeout and timeout_ms are both given"}},
		"two addresses":    {map[string]string{"address": "127.0.0.1:0", "default_address": "127.0.0.1:0"}, []string{"address and default_address are both given"}},
		"timeout_ms":       {map[string]string{"timeout_ms": "1s"}, []string{`timeout_ms is "1s", not a whole number`}},
		"routing mode":     {map[string]string{"routing_mode": "port"}, []string{`routing_mode is "port", not one of address, path, host`}},
		"path":             {map[string]string{"path": "a"}, []string{`path is "a", not a prefix such as /api`}},
		"empty path":       {map[string]string{"path": ""}, []string{`path is "", not a prefix`}},
		"path that climbs": {map[string]string{"path": "/a/../b/"}, []string{`path is "/a/../b/": segments . and ..`}},
		"read only":        {map[string]string{"readonly_mode": "yes"}, []string{"readonly_mode", "neither true nor false"}},
		"certificate only": {map[string]string{"tls_cert_file": "a.pem"}, []string{"tls_cert_file names 1 files, tls_key_file 0"}},
		"key only":         {map[string]string{"tls_key": "x"}, []string{"tls_cert and tls_key belong together"}},
		"tls version":      {map[string]string{"tls_min_version": "1.0"}, []string{`tls_min_version is "1.0", not one of 1.2, 1.3`}},
		"tls alone":        {map[string]string{"tls_client_ca_file": "ca.pem"}, []string{"settings of TLS need a certificate"}},
		"client auth":      {map[string]string{"tls_cert": "x", "tls_key": "y", "tls_client_auth": "require"}, []string{"tls_client_auth needs tls_client_ca_file or tls_client_ca"}},
		"two keys":         {map[string]string{"tls_cert_file": "a", "tls_key_file": "b", "tls_priv_key_file": "b"}, []string{"tls_key_file and tls_priv_key_file are both given"}},
		"two sources":      {map[string]string{"tls_cert_file": "a", "tls_key_file": "b", "tls_cert": "x", "tls_key": "y"}, []string{"tls_cert_file and tls_cert are both given"}},
		"cors alone":       {map[string]string{"cors_max_age_secs": "5"}, []string{"cors_max_age_secs needs cors_allowed_origins"}},
		"cors origin":      {map[string]string{"cors_allowed_origins": "example.com"}, []string{`cors_allowed_origins has "example.com", not an origin`}},
		"cors list":        {map[string]string{"cors_allowed_origins": `["https://a.example"`}, []string{"cors_allowed_origins", "neither a JSON array"}},
		"cors method":      {map[string]string{"cors_allowed_origins": "*", "cors_allowed_methods": "GET POST"}, []string{`cors_allowed_methods has "GET POST", not a name`}},
		"cors age":         {map[string]string{"cors_allowed_origins": "*", "cors_max_age_secs": "90000"}, []string{"cors_max_age_secs is 90000, not from 0 to 86400"}},
		"port":             {map[string]string{"port": "8080"}, []string{"port is not supported: use address"}},
		"config_json":      {map[string]string{"config_json": "{}"}, []string{"config_json is not supported"}},
		"two at once":      {map[string]string{"max_headers": "0", "max_streams": "x"}, []string{"max_headers is 0", `max_streams is "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, c.config, nil)
			wantCode(t, err, errcode.Invalid, append(c.says, "configure provider web")...)
			if strings.Contains(err.Error(), "unknown setting") || errcode.NextOf(err) != "" {
				t.Errorf("%v; next %s: the settings are known", err, errcode.NextOf(err))
			}
			s := start(t, nil, nil)
			if _, err = s.serve("a", with(c.config, "address", "127.0.0.1:0"), says("")); name != "two addresses" {
				wantCode(t, err, errcode.Invalid, append(c.says, "configure link")...)
			}
		})
	}
}

func with(config map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range config {
		out[k] = v
	}
	return out
}

// TestLinkReplacesSettings: a link's own words replace those of the provider,
// also where the two have different names for the same.
func TestLinkReplacesSettings(t *testing.T) {
	s := start(t, map[string]string{"address": "127.0.0.1:0", "request_timeout": "30s", "max_body_bytes": "10"}, nil)
	_, url := s.mustServe("a", map[string]string{"timeout_ms": "50", "max_body_bytes": "20"}, slowly)
	c := client(t, http1)
	if status, text := fetch(t, c, "GET", url, "", nil); status != 504 || !strings.Contains(text, "50ms") {
		t.Errorf("%d %q, want 504 after the link's timeout", status, text)
	}
	if status, text := fetch(t, c, "POST", url, "", strings.NewReader(strings.Repeat("x", 21))); status != 413 || !strings.Contains(text, "21 bytes > 20") {
		t.Errorf("%d %q, want 413 above the link's limit", status, text)
	}
}

// TestModesOfWasmCloud: routing_mode asks a link for what it routes by, and
// default_address is where it is served.
func TestModesOfWasmCloud(t *testing.T) {
	for mode, config := range map[string]map[string]string{"path": {"path": "/a"}, "host": {"host": "a.example"}} {
		s, err := open(t, map[string]string{"routing_mode": mode, "default_address": "127.0.0.1:0"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.serve("a", nil, says("a"))
		wantCode(t, err, errcode.Invalid, mode+" is missing: routing_mode is "+mode)
		_, url := s.mustServe("a", config, says("a"))
		if status, text := fetch(t, client(t, http1), "GET", url+"/a", "a.example", nil); status != 200 || text != "a" {
			t.Errorf("%s: %d %q", mode, status, text)
		}
		if status, _ := fetch(t, client(t, http1), "GET", url+"/b", "b.example", nil); status != 404 {
			t.Errorf("%s: %d for what is not routed, want 404", mode, status)
		}
	}
}

// TestReadOnlyAndCacheControl: beside CORS, whose fields every answer has.
func TestReadOnlyAndCacheControl(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("a", map[string]string{
		"readonly_mode": "true", "cache_control": "no-store", "cors_allowed_origins": "https://shop.example", "cors_exposed_headers": "X-Total",
	}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Cache-Control", "private")
		}
	})
	c, shop := client(t, http1), http.Header{"Origin": {"https://shop.example"}}
	for _, try := range []struct {
		method, path, cache, allow string
		status                     int
	}{
		{"GET", "/", "no-store", "", 200}, {"HEAD", "/", "no-store", "", 200}, {"GET", "/own", "private", "", 200},
		{"POST", "/", "", "GET, HEAD", 405}, {"DELETE", "/own", "", "GET, HEAD", 405},
	} {
		resp := do(t, c, try.method, url+try.path, shop)
		h := resp.Header
		if resp.StatusCode != try.status || h.Get("Cache-Control") != try.cache || h.Get("Allow") != try.allow {
			t.Errorf("%s %s: %d, %v", try.method, try.path, resp.StatusCode, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "https://shop.example" || h.Get("Access-Control-Expose-Headers") != "X-Total" || h.Get("Vary") != "Origin" {
			t.Errorf("%s %s: a browser may not show the answer: %v", try.method, try.path, h)
		}
	}
}
