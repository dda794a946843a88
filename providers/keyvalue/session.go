package keyvalue

import (
	"context"
	"errors"
	"slices"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/wit/abi"
)

// The interfaces of this package that technologies serve.
const (
	StoreName   = "wasi:keyvalue/store@0.2.0-draft"
	AtomicsName = "wasi:keyvalue/atomics@0.2.0-draft"
	BatchName   = "wasi:keyvalue/batch@0.2.0-draft"
)

// Interfaces returns what every technology serves.
func Interfaces() []string { return []string{StoreName, AtomicsName, BatchName} }

// Session serves one link's calls from a [Backend].
type Session struct {
	backend    *limited
	interfaces []*abi.Interface
}

// NewSession makes a session of a connected backend. The session owns b from
// now on; after an error the caller still does.
//
// Errors:
//   - errcode.Unsupported if the link names an interface that is not served.
func NewSession(l providers.Link, b Backend, o Options) (*Session, error) {
	names, err := providers.Requested(l, Interfaces())
	if err != nil {
		return nil, err
	}
	s := &Session{backend: &limited{backend: b, options: o.withDefaults(), gate: newGate()}}
	c := contract{s.backend}
	for _, i := range []*abi.Interface{BindStore(c), BindAtomics(c), BindBatch(c)} {
		if slices.Contains(names, i.Name) {
			s.interfaces = append(s.interfaces, i)
		}
	}
	return s, nil
}

// Interfaces implements [providers.Session].
func (s *Session) Interfaces() []*abi.Interface { return s.interfaces }

// Probe implements [providers.Session].
func (s *Session) Probe(ctx context.Context) error { return s.backend.Probe(ctx) }

// Close implements [providers.Session]. Buckets that are still open answer
// with an error from now on.
func (s *Session) Close(ctx context.Context) error { return s.backend.Close(ctx) }

// Backend returns the session as Go code sees it, under the same limits and
// with the same life.
func (s *Session) Backend() Backend { return s.backend }

// contract is the one place where a Backend becomes what WIT asks for.
type contract struct{ backend Backend }

// Open implements [StoreInterface].
func (c contract) Open(ctx context.Context, identifier string) (Bucket, error) {
	keys, err := c.backend.Open(ctx, identifier)
	if err != nil {
		return nil, failure(ctx, err)
	}
	return &bucket{keys}, nil
}

// keysOf returns what a bucket handle stands for. It may belong to another
// session, such as one that this one has taken over from: calls go to where
// the bucket was opened.
func keysOf(b Bucket) (Keys, error) {
	if own, ok := b.(*bucket); ok {
		return own.keys, nil
	}
	return nil, errcode.New(errcode.Internal, "use bucket: a %T is not one of this package", b)
}

// Increment implements [AtomicsInterface].
func (c contract) Increment(ctx context.Context, b Bucket, key string, delta uint64) (uint64, error) {
	keys, err := keysOf(b)
	if err != nil {
		return 0, err
	}
	n, err := keys.Increment(ctx, key, delta)
	return n, failure(ctx, err)
}

// GetMany implements [BatchInterface].
func (c contract) GetMany(ctx context.Context, b Bucket, names []string) ([]abi.Option[abi.Tuple2[string, []byte]], error) {
	keys, err := keysOf(b)
	if err != nil {
		return nil, err
	}
	entries, err := keys.GetMany(ctx, names)
	if err != nil {
		return nil, failure(ctx, err)
	}
	found := make([]abi.Option[abi.Tuple2[string, []byte]], len(entries))
	for i, e := range entries {
		if e.Found {
			found[i] = abi.Some(abi.Tuple2[string, []byte]{F0: names[i], F1: e.Value})
		}
	}
	return found, nil
}

// SetMany implements [BatchInterface].
func (c contract) SetMany(ctx context.Context, b Bucket, keyValues []abi.Tuple2[string, []byte]) error {
	keys, err := keysOf(b)
	if err != nil {
		return err
	}
	pairs := make([]Pair, len(keyValues))
	for i, kv := range keyValues {
		pairs[i] = Pair{Key: kv.F0, Value: kv.F1}
	}
	return failure(ctx, keys.SetMany(ctx, pairs))
}

// DeleteMany implements [BatchInterface].
func (c contract) DeleteMany(ctx context.Context, b Bucket, names []string) error {
	keys, err := keysOf(b)
	if err != nil {
		return err
	}
	return failure(ctx, keys.DeleteMany(ctx, names))
}

// bucket is the resource bucket.
type bucket struct{ keys Keys }

func (b *bucket) Get(ctx context.Context, key string) (abi.Option[[]byte], error) {
	e, err := b.keys.Get(ctx, key)
	if err != nil {
		return abi.Option[[]byte]{}, failure(ctx, err)
	}
	return abi.Option[[]byte]{Value: e.Value, Some: e.Found}, nil
}

func (b *bucket) Set(ctx context.Context, key string, value []byte) error {
	return failure(ctx, b.keys.Set(ctx, key, value))
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	return failure(ctx, b.keys.Delete(ctx, key))
}

func (b *bucket) Exists(ctx context.Context, key string) (bool, error) {
	found, err := b.keys.Exists(ctx, key)
	return found, failure(ctx, err)
}

func (b *bucket) ListKeys(ctx context.Context, cursor abi.Option[uint64]) (KeyResponse, error) {
	page, err := b.keys.List(ctx, cursor.Or(0), 0)
	if err != nil {
		return KeyResponse{}, failure(ctx, err)
	}
	return KeyResponse{Keys: page.Keys, Cursor: abi.Option[uint64]{Value: page.Next, Some: page.Next != 0}}, nil
}

// Drop has nothing to do: what a bucket uses belongs to its session.
func (b *bucket) Drop(context.Context) {}

// failure makes err the error case that a guest sees. When the call itself
// has ended, by deadline or because the caller went away, it is left as a
// failure of the call.
func failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return err
	}
	switch errcode.Of(err) {
	case errcode.NotFound:
		return abi.Fail(ErrorNoSuchStore())
	case errcode.Denied:
		return abi.Fail(ErrorAccessDenied())
	}
	return abi.Fail(ErrorOther(err.Error()))
}
