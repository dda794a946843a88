package httpout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"

	"latticework/internal/errcode"
	"latticework/internal/grant"
)

// The defaults of a [Config].
const (
	DefaultMaxHeaderBytes = 64 << 10
	DefaultMaxHeaders     = 256
	DefaultMaxBuffered    = 1 << 20
	DefaultConnect        = 30 * time.Second
	DefaultFirstByte      = 60 * time.Second
	DefaultBetweenBytes   = 60 * time.Second
)

// Config configures a [Client]. The zero value reaches nobody.
type Config struct {
	// Allow are the rules about whom requests may reach.
	Allow grant.Policy
	// Roots are certificates in PEM that are trusted beside the system's.
	Roots []byte
	// HTTPProxy and HTTPSProxy are the URLs of proxies for requests without and
	// with TLS, NoProxy the hosts that are reached without one, as in the
	// variables of these names. The variables themselves are not looked at.
	HTTPProxy, HTTPSProxy, NoProxy string
	// MaxRequests bounds requests under way; 0 stands for DefaultMaxRequests.
	MaxRequests int
	// MaxHeaderBytes and MaxHeaders bound the fields of a response; 0 stands
	// for the defaults.
	MaxHeaderBytes, MaxHeaders int
	// MaxBuffered bounds the bytes of one response's body that lie here before
	// the component reads them, from 64 KiB to 4 MiB; 0 stands for the default.
	MaxBuffered int
	// Timeouts are those of components that ask for none, and bound those that
	// they ask for; 0 stands for the defaults.
	Timeouts Timeouts
	// Resolver looks up names; nil stands for the system's.
	Resolver *net.Resolver
}

// Client sends requests to whom the rules allow. It is safe for concurrent
// use.
type Client struct {
	cfg     Config
	slots   Slots
	plain   *http.Transport // http
	secure  *http.Transport // https
	proxies map[string]bool // addresses of proxies, HOST:PORT
}

var _ http.RoundTripper = (*Client)(nil)

// New makes a client. It has no effect outside.
//
// Errors: invalid for a proxy or certificates that cannot be read; unavailable
// if the system's certificates cannot.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	c := &Client{cfg: cfg, proxies: map[string]bool{}}
	for _, text := range []string{cfg.HTTPProxy, cfg.HTTPSProxy} {
		if err := c.addProxy(text); err != nil {
			return nil, err
		}
	}
	roots, err := rootsWith(cfg.Roots)
	if err != nil {
		return nil, err
	}
	find := (&httpproxy.Config{HTTPProxy: cfg.HTTPProxy, HTTPSProxy: cfg.HTTPSProxy, NoProxy: cfg.NoProxy}).ProxyFunc()
	proxy := func(r *http.Request) (*url.URL, error) { return find(r.URL) }
	c.plain = c.transport(grant.HTTP, proxy, roots)
	c.secure = c.transport(grant.HTTPS, proxy, roots)
	return c, nil
}

func (c *Config) setDefaults() {
	for _, n := range []struct {
		value    *int
		standard int
	}{
		{&c.MaxRequests, DefaultMaxRequests}, {&c.MaxHeaderBytes, DefaultMaxHeaderBytes},
		{&c.MaxHeaders, DefaultMaxHeaders}, {&c.MaxBuffered, DefaultMaxBuffered},
	} {
		if *n.value <= 0 {
			*n.value = n.standard
		}
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&c.Timeouts.Connect, DefaultConnect}, {&c.Timeouts.FirstByte, DefaultFirstByte}, {&c.Timeouts.BetweenBytes, DefaultBetweenBytes}} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
}

// addProxy notes a proxy's address.
func (c *Client) addProxy(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		return errcode.New(errcode.Invalid, "proxy %q is no URL of a proxy", redacted(u, text)).
			WithNext("write for example http://proxy.example:3128")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	}
	c.proxies[net.JoinHostPort(u.Hostname(), port)] = true
	return nil
}

func redacted(u *url.URL, text string) string {
	if u != nil {
		return u.Redacted()
	}
	return text[:min(len(text), 16)]
}

func rootsWith(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil // the system's, read when they are needed
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, errcode.New(errcode.Unavailable, "read the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errcode.New(errcode.Invalid, "read root certificates: there is none in PEM").
			WithNext("it begins with -----BEGIN CERTIFICATE-----")
	}
	return roots, nil
}

// maxIdle bounds the connections that a client keeps for further requests, in
// all and to one host.
const (
	maxIdle        = 100
	maxIdlePerHost = 16
	idleTime       = 90 * time.Second
)

func (c *Client) transport(proto grant.Proto, proxy func(*http.Request) (*url.URL, error), roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy: proxy,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return c.dial(ctx, proto, network, addr)
		},
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.cfg.Timeouts.Connect,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTime,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: int64(c.cfg.MaxHeaderBytes),
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream:     window(c.cfg.MaxBuffered),
			MaxReceiveBufferPerConnection: window(4 * c.cfg.MaxBuffered),
		},
	}
}

// window is a window of flow control as HTTP/2 and its library allow one.
func window(n int) int { return min(max(n, 64<<10), 4<<20-1) }

// Limits returns how many requests may be under way and the bounds of their
// times.
func (c *Client) Limits() (requests int, t Timeouts) { return c.cfg.MaxRequests, c.cfg.Timeouts }

// Slots counts the requests under way.
func (c *Client) Slots() *Slots { return &c.slots }

// Check says whether the rules let a request be sent: by the name, or the
// address, that it is made to. The address that a name resolves to is checked
// when the connection is made.
//
// Errors: *Error with RequestDenied, or DestinationIPProhibited for an address.
func (c *Client) Check(r *http.Request) error {
	proto, standard := grant.HTTP, "80"
	if r.URL.Scheme == "https" {
		proto, standard = grant.HTTPS, "443"
	}
	text := r.URL.Port()
	if text == "" {
		text = standard
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return denied(RequestDenied, r, "port %q is not from 0 to 65535", text)
	}
	host := r.URL.Hostname()
	if c.proxies[net.JoinHostPort(host, text)] {
		return denied(RequestDenied, r, "it is a proxy of this host")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if c.cfg.Allow.Peer(proto, netip.AddrPortFrom(addr, uint16(port)), nil) {
			return nil
		}
		if !grant.Public(addr) {
			return denied(DestinationIPProhibited, r, "no rule has the address or its range")
		}
		return denied(RequestDenied, r, "no rule allows it")
	}
	name, err := grant.ASCIIName(host)
	if err != nil || !c.cfg.Allow.NamesPort(proto, name, uint16(port)) {
		return denied(RequestDenied, r, "no rule allows it")
	}
	return nil
}

func denied(reason Reason, r *http.Request, format string, args ...any) error {
	why := errcode.New(errcode.Denied, format, args...)
	return &Error{Reason: reason, Err: errcode.New(errcode.Denied, "request to %s://%s: %w", r.URL.Scheme, r.URL.Host, why).
		WithNext("grant it with allow=%s:%s", r.URL.Scheme, r.URL.Host)}
}

// RoundTrip sends a request that [Client.Check] lets through, and refuses
// others. It does not count it: see [Begin].
//
// Errors: those of Check; *Error for a response with too many fields; those of
// [http.Transport].
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.Check(r); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	t := c.plain
	if r.URL.Scheme == "https" {
		t = c.secure
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, vs := range resp.Header {
		n += len(vs)
	}
	if n > c.cfg.MaxHeaders {
		_ = resp.Body.Close()
		return nil, &Error{Reason: ResponseHeadersSize, Size: uint64(n),
			Err: errcode.New(errcode.Exhausted, "header fields of a response: %d > %d", n, c.cfg.MaxHeaders)}
	}
	return resp, nil
}

// dial connects to addr, a host and port, and holds each address that it is
// made to against the rules.
func (c *Client) dial(ctx context.Context, proto grant.Proto, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: c.cfg.Timeouts.Connect, Resolver: c.cfg.Resolver}
	if !c.proxies[addr] {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		name, _ := grant.ASCIIName(host) // an address is no name; it is checked as such
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return c.checkAddress(proto, name, address)
		}
	}
	return d.DialContext(ctx, network, addr)
}

// checkAddress says whether a connection for a request to name may be made to
// address.
func (c *Client) checkAddress(proto grant.Proto, name, address string) error {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	byName := c.cfg.Allow.NamesPort(proto, name, peer.Port()) && grant.Resolves(name, peer.Addr())
	if byName || c.cfg.Allow.Peer(proto, peer, nil) {
		return nil
	}
	return &Error{Reason: DestinationIPProhibited, Err: errcode.New(errcode.Denied, "connect to %s for %s: no rule has the address or its range", peer, name).
		WithNext("grant the address too: allow=%s", peer.Addr())}
}

// Close closes the connections that are not in use.
func (c *Client) Close() {
	c.plain.CloseIdleConnections()
	c.secure.CloseIdleConnections()
}
