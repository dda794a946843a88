package kvredis

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latticework/providers"
)

// settings are those that say where the server is and how to talk to it.
type settings struct {
	addr                 string // host and port; "" without a url
	username, password   string
	db                   int
	tls                  *tls.Config // nil for none
	poolSize             int
	dialTimeout, timeout time.Duration
}

func readSettings(c *providers.Settings) *settings {
	s := &settings{}
	secure := s.readURL(c)
	s.username = c.String("username", s.username)
	s.password = c.String("password", s.password)
	s.db = int(c.Int("db", int64(s.db), 0, 1<<20))
	s.poolSize = int(c.Int("pool_size", 16, 1, 10_000))
	s.dialTimeout = c.Duration("dial_timeout", 5*time.Second, time.Millisecond, 5*time.Minute)
	s.timeout = c.Duration("timeout", 5*time.Second, time.Millisecond, 5*time.Minute)

	secure = c.Bool("tls", secure)
	serverName, ca := c.String("tls_server_name", ""), c.String("tls_ca", "")
	if !secure {
		if serverName != "" || ca != "" {
			c.Fail("tls_server_name and tls_ca have no use without TLS: set tls to true, or use rediss://")
		}
		return s
	}
	s.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if serverName == "" {
		s.tls.ServerName, _, _ = net.SplitHostPort(s.addr)
	}
	if ca != "" {
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			c.Fail("tls_ca holds no certificate in PEM form")
		}
	}
	return s
}

// readURL takes what the url says and reports whether it asks for TLS.
// Messages do not repeat it: it holds a password.
func (s *settings) readURL(c *providers.Settings) (secure bool) {
	text := c.String("url", "")
	if !c.Has("url") {
		return false
	}
	const form = "redis://user:password@host:6379/0"
	u, err := url.Parse(text)
	if err != nil {
		c.Fail("url is not of the form %s", form)
		return false
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		c.Fail("url has the scheme %q, neither redis nor rediss", u.Scheme)
		return false
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		c.Fail("url names no host: it is of the form %s", form)
		return false
	}
	if port == "" {
		port = "6379"
	}
	if u.RawQuery != "" || u.Fragment != "" {
		c.Fail("url has options after ? or #: give them as settings of their own")
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		if s.db, err = strconv.Atoi(path); err != nil || s.db < 0 {
			c.Fail("url has the path %q, not the number of a database", u.Path)
		}
	}
	s.username = u.User.Username()
	s.password, _ = u.User.Password()
	s.addr = net.JoinHostPort(host, port)
	return u.Scheme == "rediss"
}
