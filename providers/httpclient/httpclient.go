// Package httpclient is the provider of requests that go out over HTTP:
// wasi:http/outgoing-handler@0.2 and wasi:http/client@0.3 for the components
// that are linked to it. Each
// link has a client of its own, with its own rules about whom it may reach,
// proxies, certificates, limits and connections.
//
// It runs in the host of each of its callers: what a request is made of are
// resources of that host. A session is a [providers.HTTPClient]; the host makes
// the interface of it.
package httpclient

import (
	"context"
	"time"

	"latticework/internal/grant"
	"latticework/internal/httpout"
	"latticework/providers"
	"latticework/wit/abi"
)

// Interfaces are the qualified names that links can be for.
var Interfaces = []string{"wasi:http/outgoing-handler@0.2.12", "wasi:http/client@0.3.0"}

// Technology returns the technology "http-client".
func Technology() providers.Technology {
	return providers.Technology{
		Name: "http-client", Summary: "sends requests over HTTP", Interfaces: Interfaces, Local: true,
		New: func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// Provider is the provider of one application or lattice.
type Provider struct{ setup providers.Setup }

var _ providers.Provider = (*Provider)(nil)

// New checks the settings that links have in common. They are those of a link,
// which override them.
//
// Errors:
//   - errcode.Invalid naming every wrong setting.
func New(s providers.Setup) (*Provider, error) {
	if _, err := newClient("provider "+s.Name, s.Config); err != nil {
		return nil, err
	}
	return &Provider{setup: s}, nil
}

// newClient reads settings and makes a client of them.
func newClient(what string, values ...map[string]string) (*httpout.Client, error) {
	c := providers.ReadSettings(what, values...)
	cfg := readConfig(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	client, err := httpout.New(cfg)
	if err != nil {
		c.Fail("%s", err.Error())
		return nil, c.Err()
	}
	return client, nil
}

func readConfig(c *providers.Settings) httpout.Config {
	return httpout.Config{
		Allow:          readRules(c),
		Roots:          []byte(c.String("roots", "")),
		HTTPProxy:      c.String("http_proxy", ""),
		HTTPSProxy:     c.String("https_proxy", ""),
		NoProxy:        c.String("no_proxy", ""),
		MaxRequests:    int(c.Int("max_requests", httpout.DefaultMaxRequests, 1, 1<<16)),
		MaxHeaders:     int(c.Int("max_headers", httpout.DefaultMaxHeaders, 1, 1<<14)),
		MaxHeaderBytes: int(c.Bytes("max_header_bytes", httpout.DefaultMaxHeaderBytes, 1<<10, 1<<20)),
		MaxBuffered:    int(c.Bytes("max_buffered_bytes", httpout.DefaultMaxBuffered, 64<<10, 4<<20)),
		Timeouts: httpout.Timeouts{
			Connect:      c.Duration("connect_timeout", httpout.DefaultConnect, time.Millisecond, time.Hour),
			FirstByte:    c.Duration("first_byte_timeout", httpout.DefaultFirstByte, time.Millisecond, time.Hour),
			BetweenBytes: c.Duration("between_bytes_timeout", httpout.DefaultBetweenBytes, time.Millisecond, time.Hour),
		},
	}
}

// readRules reads whom a link may reach, nobody by default.
func readRules(c *providers.Settings) (p grant.Policy) {
	for _, text := range c.List("allow") {
		r, err := grant.ParseRule(text)
		switch {
		case err != nil:
			c.Fail("allow: %s", err.Error())
		case r.Listen || r.Proto != 0 && r.Proto&(grant.HTTP|grant.HTTPS) == 0:
			c.Fail("allow: %q is not about requests over HTTP", text)
		default:
			p.Rules = append(p.Rules, r)
		}
	}
	return p
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.setup.Name, Technology: "http-client", Interfaces: Interfaces}
}

// Open implements [providers.Provider]: there is nothing that links share.
func (p *Provider) Open(context.Context) error { return nil }

// Link makes a link's client. It connects to nobody: whom the component will
// send to is not known.
//
// Errors: errcode.Invalid naming every wrong setting; errcode.Unsupported for
// another interface.
func (p *Provider) Link(_ context.Context, l providers.Link) (providers.Session, error) {
	if _, err := providers.Requested(l, Interfaces); err != nil {
		return nil, err
	}
	client, err := newClient("link "+l.String(), p.setup.Config, l.Config)
	if err != nil {
		return nil, err
	}
	return &session{client: client}, nil
}

// Health implements [providers.Provider].
func (p *Provider) Health(context.Context) error { return nil }

// Close implements [providers.Provider].
func (p *Provider) Close(context.Context) error { return nil }

// session is one link.
type session struct{ client *httpout.Client }

var _ providers.HTTPClient = (*session)(nil)

// HTTPClient implements [providers.HTTPClient].
func (s *session) HTTPClient() *httpout.Client { return s.client }

// Interfaces implements [providers.Session]: the host makes them.
func (s *session) Interfaces() []*abi.Interface { return nil }

// Probe implements [providers.Session].
func (s *session) Probe(context.Context) error { return nil }

// Close closes the connections that no request uses; requests under way end by
// themselves.
func (s *session) Close(context.Context) error {
	s.client.Close()
	return nil
}
