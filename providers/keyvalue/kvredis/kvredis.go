// Package kvredis serves wasi:keyvalue from Redis and servers that speak its
// protocol.
package kvredis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"latticework/providers"
	"latticework/providers/keyvalue"
)

// Name is how manifests call the technology.
const Name = "keyvalue-redis"

// The library logs every failed attempt to connect to standard error, besides
// returning it. It has one logger for the process and no lock around it, so
// that it is replaced before anything else runs.
func init() { redis.SetLogger(quiet{}) }

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// Technology describes it for a registry.
func Technology() providers.Technology {
	return providers.Technology{
		Name:       Name,
		Summary:    "key-value buckets in Redis, Valkey and compatible servers",
		Interfaces: keyvalue.Interfaces(),
		New:        func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// Provider connects links with Redis servers. It holds nothing itself: every
// session has its own connections.
type Provider struct {
	name   string
	config map[string]string
}

// New returns a provider. Its settings are the same as those of a link, see
// [Provider.Link], and stand for all links; a link's own come first.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
func New(s providers.Setup) (*Provider, error) {
	c := providers.ReadSettings("provider "+s.Name, s.Config)
	readSettings(c)
	keyvalue.ReadOptions(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return &Provider{name: s.Name, config: s.Config}, nil
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.name, Technology: Name, Interfaces: keyvalue.Interfaces()}
}

// Open implements [providers.Provider]; connections belong to links.
func (p *Provider) Open(context.Context) error { return nil }

// Health implements [providers.Provider]; each session has its own probe.
func (p *Provider) Health(context.Context) error { return nil }

// Close implements [providers.Provider].
func (p *Provider) Close(context.Context) error { return nil }

// Link connects to the server and asks it something, so that a link with
// wrong credentials or to nobody is refused. Settings, besides those of
// [keyvalue.Options]:
//
//   - url: redis://user:password@host:6379/0, or rediss:// for TLS; needed.
//   - username, password, db: instead of in the url, and stronger than it.
//   - tls: true for TLS also with redis://; tls_ca: certificates to trust as
//     PEM text instead of the system's; tls_server_name: the name to expect.
//   - pool_size: most connections of the link, default 16.
//   - dial_timeout, timeout: for connecting and for each answer, default 5s.
//
// A key of a guest is the Redis key NAMESPACE:BUCKET:KEY, where in the first
// two : is written %3A and % is %25.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
//   - errcode.Denied if the server refuses the credentials, in its words.
//   - errcode.Unavailable, errcode.Deadline if nobody answers.
//   - errcode.Unsupported for an interface that is not served.
func (p *Provider) Link(ctx context.Context, l providers.Link) (providers.Session, error) {
	c := providers.ReadSettings("link "+l.String(), p.config, l.Config)
	s := readSettings(c)
	o := keyvalue.ReadOptions(c)
	if s.addr == "" && !c.Failed() {
		c.Fail("url is missing: set it to one such as redis://localhost:6379")
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	b := &backend{addr: s.addr, namespace: o.Namespace, timeout: s.timeout}
	b.client = redis.NewClient(s.options())
	if err := b.Probe(ctx); err != nil {
		_ = b.client.Close()
		return nil, err
	}
	session, err := keyvalue.NewSession(l, b, o)
	if err != nil {
		_ = b.client.Close()
		return nil, err
	}
	return session, nil
}

// options says how to talk to the server. Nothing is tried twice: a write
// whose answer got lost may have happened.
func (s *settings) options() *redis.Options {
	return &redis.Options{
		Addr: s.addr, Username: s.username, Password: s.password, DB: s.db, TLSConfig: s.tls,
		DialTimeout: s.dialTimeout, ReadTimeout: s.timeout, WriteTimeout: s.timeout, PoolTimeout: s.timeout,
		ContextTimeoutEnabled: true,
		MaxRetries:            -1,
		DialerRetries:         1,
		PoolSize:              s.poolSize, MaxActiveConns: s.poolSize,
		ConnMaxIdleTime:          5 * time.Minute,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// backend is one link's connections.
type backend struct {
	client    *redis.Client
	addr      string
	namespace string
	timeout   time.Duration
}

func (b *backend) Open(_ context.Context, bucket string) (keyvalue.Keys, error) {
	return &table{backend: b, prefix: keyPrefix(b.namespace, bucket)}, nil
}

func (b *backend) Probe(ctx context.Context) error {
	return b.classify(ctx, "connect to", b.client.Ping(ctx).Err(), false)
}

func (b *backend) Close(context.Context) error { return b.client.Close() }
