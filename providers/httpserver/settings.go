package httpserver

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"latticework/providers"
)

// listenerConfig says how one address is served. All links of an address
// agree on it.
type listenerConfig struct {
	maxHeaderBytes    int
	maxHeaders        int
	readHeaderTimeout time.Duration
	idleTimeout       time.Duration
	writeTimeout      time.Duration
	drainDelay        time.Duration
	maxConnections    int
	maxInFlight       int64
	maxStreams        int
	accessLog         bool
	http1, http2      bool
	hostHeader        string // canonical; "" for the request's own host
	statusPath        string // "" for none
	forwarding        forwarding
	tls               *tlsSource // nil for none

	// shown has each setting as a text, to compare and to tell what differs.
	shown map[string]string
}

// The settings of listeners. A link has them only beside an address.
var listenerKeys = []string{
	"max_header_bytes", "max_headers", "read_header_timeout", "idle_timeout", "write_timeout", "drain_delay",
	"max_connections", "max_in_flight", "max_streams", "access_log", "protocols", "header", "status_path",
	"forwarded_headers", "trusted_proxies",
	"tls_cert_file", "tls_key_file", "tls_priv_key_file", "tls_cert", "tls_key", "tls_min_version",
	"tls_client_ca_file", "tls_client_ca", "tls_client_auth",
}

// readListener takes the settings of a listener. Files of certificates are
// not looked at.
func readListener(c *providers.Settings) listenerConfig {
	l := listenerConfig{
		maxHeaderBytes:    int(c.Bytes("max_header_bytes", 64<<10, 1<<10, 1<<20)),
		maxHeaders:        int(c.Int("max_headers", 200, 10, 10_000)),
		readHeaderTimeout: c.Duration("read_header_timeout", 10*time.Second, 100*time.Millisecond, time.Hour),
		idleTimeout:       c.Duration("idle_timeout", 2*time.Minute, 100*time.Millisecond, 24*time.Hour),
		writeTimeout:      c.Duration("write_timeout", 30*time.Second, 100*time.Millisecond, time.Hour),
		drainDelay:        c.Duration("drain_delay", 0, 0, 10*time.Minute),
		maxConnections:    int(c.Int("max_connections", 10_000, 1, 1_000_000)),
		maxInFlight:       c.Int("max_in_flight", 1000, 1, 1_000_000),
		maxStreams:        int(c.Int("max_streams", 250, 1, 10_000)),
		accessLog:         c.Bool("access_log", false),
		forwarding:        readForwarding(c),
		tls:               readTLS(c),
		statusPath:        c.String("status_path", ""),
	}
	if l.statusPath != "" && (!strings.HasPrefix(l.statusPath, "/") || strings.ContainsAny(l.statusPath, "?#*")) {
		c.Fail("status_path is %q, not a path such as /healthz", l.statusPath)
	}
	l.readProtocols(c)
	if name := c.String("header", "host"); !isToken(name) {
		c.Fail("header is %q, not the name of a header such as host", name)
	} else if !strings.EqualFold(name, "host") {
		l.hostHeader = http.CanonicalHeaderKey(name)
	}
	if l.tls != nil {
		l.tls.offer(l.http1, l.http2)
	}
	l.show()
	return l
}

func (l *listenerConfig) readProtocols(c *providers.Settings) {
	list := c.List("protocols")
	for i, p := range list {
		switch {
		case slices.Contains(list[:i], p):
			c.Fail("protocols names %s twice", p)
		case p == "http1":
			l.http1 = true
		case p == "http2":
			l.http2 = true
		default:
			c.Fail("protocols has %q, not one of http1, http2", p)
		}
	}
	if len(list) == 0 {
		l.http1, l.http2 = true, true
	}
}

func (l *listenerConfig) show() {
	l.shown = map[string]string{
		"max_header_bytes": fmt.Sprint(l.maxHeaderBytes), "max_headers": fmt.Sprint(l.maxHeaders),
		"read_header_timeout": l.readHeaderTimeout.String(), "idle_timeout": l.idleTimeout.String(),
		"write_timeout": l.writeTimeout.String(), "drain_delay": l.drainDelay.String(),
		"max_connections": fmt.Sprint(l.maxConnections), "max_in_flight": fmt.Sprint(l.maxInFlight),
		"max_streams": fmt.Sprint(l.maxStreams), "access_log": fmt.Sprint(l.accessLog),
		"protocols": fmt.Sprintf("http1 %t, http2 %t", l.http1, l.http2), "header": cmp.Or(l.hostHeader, "host"),
		"status_path": l.statusPath, "forwarded_headers": l.forwarding.mode, "trusted_proxies": fmt.Sprint(l.forwarding.trusted),
	}
	if l.tls != nil {
		maps.Copy(l.shown, l.tls.shown())
	}
}

// differs names the settings in which two listeners differ, in order, each
// with both texts; nil for none.
func (l *listenerConfig) differs(o *listenerConfig) []string {
	var out []string
	for _, key := range listenerKeys {
		if a, b := l.shown[key], o.shown[key]; a != b {
			out = append(out, fmt.Sprintf("%s: %q there, %q here", key, a, b))
		}
	}
	return out
}

// substitutes are settings of which a link's own replace all of the provider's.
var substitutes = [][]string{
	{"request_timeout", "timeout_ms"},
	{"address", "default_address"},
	{"tls_cert_file", "tls_key_file", "tls_priv_key_file", "tls_cert", "tls_key"},
	{"tls_client_ca_file", "tls_client_ca"},
}

// inherited returns the provider's settings without those that a link's own
// replace under another name.
func inherited(base, own map[string]string) map[string]string {
	out := maps.Clone(base)
	for _, group := range substitutes {
		if slices.ContainsFunc(group, func(key string) bool { _, ok := own[key]; return ok }) {
			for _, key := range group {
				delete(out, key)
			}
		}
	}
	return out
}

// refuseForeign names what wasmCloud's provider has and this one has not.
func refuseForeign(c *providers.Settings) {
	for _, f := range [][2]string{
		{"config_file", "give its settings one by one"}, {"config_b64", "give its settings one by one"},
		{"config_json", "give its settings one by one"}, {"port", "use address, such as 0.0.0.0:8080"},
	} {
		c.Refuse(f[0], f[1])
	}
}

// given returns the settings of listeners that a link brings itself.
func given(config map[string]string) []string {
	return slices.DeleteFunc(slices.Clone(listenerKeys), func(key string) bool { _, ok := config[key]; return !ok })
}

// fingerprint stands for a secret text in comparisons and messages.
func fingerprint(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:8])
}

// readAddresses takes where to listen; default_address is wasmCloud's word.
func readAddresses(c *providers.Settings) []string {
	key := "address"
	if c.Has("default_address") {
		if c.Has("address") {
			c.Fail("address and default_address are both given; they are the same")
		}
		key = "default_address"
	}
	list := c.List(key)
	for i, a := range list {
		_, port, err := net.SplitHostPort(a)
		switch {
		case err != nil || port == "":
			c.Fail("%s is %q, not host and port such as 127.0.0.1:8080", key, a)
		case slices.Contains(list[:i], a):
			c.Fail("%s names %s twice", key, a)
		}
	}
	return list
}

// readRoute takes what a link says about its requests.
func readRoute(c *providers.Settings) routeConfig {
	r := routeConfig{
		path:           c.String("path", "/"),
		host:           strings.ToLower(c.String("host", "")),
		maxBody:        c.Bytes("max_body_bytes", 16<<20, 0, 1<<40),
		maxResponse:    c.Bytes("max_response_bytes", 1<<30, 0, 1<<40),
		bodyTimeout:    c.Duration("read_body_timeout", 30*time.Second, 100*time.Millisecond, time.Hour),
		readOnly:       c.Bool("readonly_mode", false),
		cacheControl:   c.String("cache_control", ""),
		cors:           readCORS(c),
		requestTimeout: readRequestTimeout(c),
		routingMode:    c.OneOf("routing_mode", "address", "address", "path", "host"),
	}
	whole := cmp.Or(strings.TrimRight(r.path, "/"), "/")
	switch {
	case !strings.HasPrefix(r.path, "/") || strings.ContainsAny(r.path, "?#*"):
		c.Fail("path is %q, not a prefix such as /api", r.path)
	case clean(whole) != whole:
		c.Fail("path is %q: segments . and .. and empty ones never match", r.path)
	}
	r.path = whole
	if name := strings.TrimPrefix(r.host, "*."); r.host != "" && (!isHostname(name) || strings.HasSuffix(name, ".")) {
		c.Fail("host is %q, not a name such as example.com or *.example.com, without port", r.host)
	}
	if !isFieldValue(r.cacheControl) {
		c.Fail("cache_control is %q, not a header's value such as no-store", r.cacheControl)
	}
	return r
}

// readRequestTimeout takes request_timeout, or wasmCloud's timeout_ms.
func readRequestTimeout(c *providers.Settings) time.Duration {
	d := c.Duration("request_timeout", time.Minute, time.Millisecond, 24*time.Hour)
	if !c.Has("timeout_ms") {
		return d
	}
	if c.Has("request_timeout") {
		c.Fail("request_timeout and timeout_ms are both given; they are the same")
	}
	return time.Duration(c.Int("timeout_ms", 60_000, 1, 86_400_000)) * time.Millisecond
}

// checkMode refuses a link that lacks what wasmCloud's routing_mode asks for.
func (r *routeConfig) checkMode(c *providers.Settings) {
	if m := r.routingMode; (m == "path" || m == "host") && !c.Has(m) {
		c.Fail("%s is missing: routing_mode is %s", m, m)
	}
}
