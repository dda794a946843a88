// Package kvmemory serves wasi:keyvalue from memory. Data belongs to the
// provider: it survives links and is gone when the provider closes.
package kvmemory

import (
	"context"
	"sync"
	"sync/atomic"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/keyvalue"
)

// Name is how manifests call the technology.
const Name = "keyvalue-memory"

// Technology describes it for a registry.
func Technology() providers.Technology {
	return providers.Technology{
		Name:       Name,
		Summary:    "key-value buckets in memory, gone when the provider ends",
		Interfaces: keyvalue.Interfaces(),
		New:        func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// Provider holds buckets in memory.
type Provider struct {
	name  string
	most  int64 // bytes of keys and values
	bytes atomic.Int64

	mu     sync.Mutex
	tables map[tableName]*table // guarded by mu
}

type tableName struct{ namespace, bucket string }

// New returns a provider. Its setting is "max_bytes", how much all keys and
// values together may take, default 256 MiB; what exceeds it is refused.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or out of range.
func New(s providers.Setup) (*Provider, error) {
	c := providers.ReadSettings("provider "+s.Name, s.Config)
	p := &Provider{name: s.Name, tables: make(map[tableName]*table)}
	p.most = c.Bytes("max_bytes", 256<<20, 1, 1<<40)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.name, Technology: Name, Interfaces: keyvalue.Interfaces()}
}

// Open implements [providers.Provider]; there is nothing to open.
func (p *Provider) Open(context.Context) error { return nil }

// Health implements [providers.Provider]; memory is always there.
func (p *Provider) Health(context.Context) error { return nil }

// Close implements [providers.Provider] and forgets everything.
func (p *Provider) Close(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.tables)
	p.bytes.Store(0)
	return nil
}

// Link implements [providers.Provider]. Settings are those of
// [keyvalue.Options].
//
// Errors:
//   - errcode.Invalid for settings that are unknown or out of range.
//   - errcode.Unsupported for an interface that is not served.
func (p *Provider) Link(_ context.Context, l providers.Link) (providers.Session, error) {
	c := providers.ReadSettings("link "+l.String(), l.Config)
	o := keyvalue.ReadOptions(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return keyvalue.NewSession(l, &backend{provider: p, namespace: o.Namespace}, o)
}

// backend is one link's view.
type backend struct {
	provider  *Provider
	namespace string
}

func (b *backend) Open(_ context.Context, bucket string) (keyvalue.Keys, error) {
	p := b.provider
	name := tableName{b.namespace, bucket}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[name]
	if t == nil {
		// A guest can make up names without end: they count too.
		if err := p.charge(int64(len(bucket)) + overhead); err != nil {
			return nil, err
		}
		t = &table{provider: p, values: make(map[string]entry)}
		p.tables[name] = t
	}
	return t, nil
}

func (b *backend) Probe(context.Context) error { return nil }

func (b *backend) Close(context.Context) error { return nil }

// charge takes n bytes of what is allowed, or gives them back.
func (p *Provider) charge(n int64) error {
	if used := p.bytes.Add(n); n > 0 && used > p.most {
		p.bytes.Add(-n)
		return errcode.New(errcode.Exhausted, "store in memory: %d bytes > %d, the most that provider %s may hold", used, p.most, p.name)
	}
	return nil
}
