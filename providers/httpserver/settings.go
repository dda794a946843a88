package httpserver

import (
	"net"
	"slices"
	"strings"
	"time"

	"latticework/providers"
)

// settings are those of the provider as a whole.
type settings struct {
	addresses         []string // nil for none
	maxHeaderBytes    int
	readHeaderTimeout time.Duration
	idleTimeout       time.Duration
	maxConnections    int
	maxInFlight       int64
	accessLog         bool
}

func readSettings(c *providers.Settings) settings {
	return settings{
		addresses:         readAddresses(c),
		maxHeaderBytes:    int(c.Bytes("max_header_bytes", 64<<10, 1<<10, 1<<20)),
		readHeaderTimeout: c.Duration("read_header_timeout", 10*time.Second, 100*time.Millisecond, time.Hour),
		idleTimeout:       c.Duration("idle_timeout", 2*time.Minute, 100*time.Millisecond, 24*time.Hour),
		maxConnections:    int(c.Int("max_connections", 10_000, 1, 1_000_000)),
		maxInFlight:       c.Int("max_in_flight", 1000, 1, 1_000_000),
		accessLog:         c.Bool("access_log", false),
	}
}

func readAddresses(c *providers.Settings) []string {
	list := c.List("address")
	for i, a := range list {
		_, port, err := net.SplitHostPort(a)
		switch {
		case err != nil || port == "":
			c.Fail("address is %q, not host and port such as 127.0.0.1:8080", a)
		case slices.Contains(list[:i], a):
			c.Fail("address names %s twice", a)
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
		requestTimeout: c.Duration("request_timeout", time.Minute, time.Millisecond, 24*time.Hour),
	}
	if !strings.HasPrefix(r.path, "/") || strings.ContainsAny(r.path, "?#*") {
		c.Fail("path is %q, not a prefix such as /api", r.path)
	}
	if r.path != "/" {
		r.path = strings.TrimRight(r.path, "/")
	}
	if r.path == "" {
		r.path = "/"
	}
	if clean(r.path) != r.path {
		c.Fail("path is %q: segments . and .. and empty ones never match", r.path)
	}
	if strings.ContainsAny(r.host, ":/* ") {
		c.Fail("host is %q, not a name such as example.com, without port", r.host)
	}
	return r
}
