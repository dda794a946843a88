package keyvalue

import (
	"context"
	"slices"

	"latticework/internal/errcode"
)

// limited applies a link's options to a backend, and answers with
// errcode.Closed after the session's end.
type limited struct {
	backend Backend
	options Options
	gate    *gate
}

func (b *limited) Open(ctx context.Context, bucket string) (Keys, error) {
	if !b.gate.enter() {
		return nil, errClosed("open bucket")
	}
	defer b.gate.leave()
	if b.options.Buckets != nil && !slices.Contains(b.options.Buckets, bucket) {
		return nil, errcode.New(errcode.NotFound, "open bucket %q: the link does not offer it", bucket)
	}
	if len(bucket) > b.options.MaxKey {
		return nil, errcode.New(errcode.NotFound, "open bucket: its name is too long: %d bytes > %d", len(bucket), b.options.MaxKey)
	}
	keys, err := b.backend.Open(ctx, bucket)
	if err != nil {
		return nil, err
	}
	return &limitedKeys{keys: keys, limited: b}, nil
}

func (b *limited) Probe(ctx context.Context) error {
	if !b.gate.enter() {
		return errClosed("probe")
	}
	defer b.gate.leave()
	return b.backend.Probe(ctx)
}

// Close makes everything that is still held answer with an error, and waits
// for calls in progress as long as ctx allows.
func (b *limited) Close(ctx context.Context) error {
	if !b.gate.close(ctx) {
		return nil
	}
	return b.backend.Close(ctx)
}

func errClosed(doing string) error {
	return errcode.New(errcode.Closed, "%s: the link was closed", doing)
}

// limitedKeys is one bucket behind the limits.
type limitedKeys struct {
	keys Keys
	*limited
}

// enter begins an operation on keys; after nil comes leave.
func (k *limitedKeys) enter(doing string, keys ...string) error {
	if !k.gate.enter() {
		return errClosed(doing)
	}
	for _, key := range keys {
		if err := k.checkKey(doing, key); err != nil {
			k.leave()
			return err
		}
	}
	return nil
}

func (k *limitedKeys) leave() { k.gate.leave() }

func (k *limitedKeys) checkKey(doing, key string) error {
	if len(key) > k.options.MaxKey {
		return errcode.New(errcode.Exhausted, "%s: the key is too long: %d bytes > %d", doing, len(key), k.options.MaxKey)
	}
	return nil
}

func (k *limitedKeys) checkValue(doing, key string, value []byte) error {
	if len(value) > k.options.MaxValue {
		return errcode.New(errcode.Exhausted, "%s %q: the value is too large: %d bytes > %d", doing, key, len(value), k.options.MaxValue)
	}
	return nil
}

func (k *limitedKeys) checkBatch(doing string, n int) error {
	if n > k.options.MaxBatch {
		return errcode.New(errcode.Exhausted, "%s: too many keys: %d > %d", doing, n, k.options.MaxBatch)
	}
	return nil
}

func (k *limitedKeys) Get(ctx context.Context, key string) (Entry, error) {
	if err := k.enter("get", key); err != nil {
		return Entry{}, err
	}
	defer k.leave()
	return k.keys.Get(ctx, key)
}

func (k *limitedKeys) Set(ctx context.Context, key string, value []byte) error {
	if err := k.enter("set", key); err != nil {
		return err
	}
	defer k.leave()
	if err := k.checkValue("set", key, value); err != nil {
		return err
	}
	return k.keys.Set(ctx, key, value)
}

func (k *limitedKeys) Delete(ctx context.Context, key string) error {
	if err := k.enter("delete", key); err != nil {
		return err
	}
	defer k.leave()
	return k.keys.Delete(ctx, key)
}

func (k *limitedKeys) Exists(ctx context.Context, key string) (bool, error) {
	if err := k.enter("exists", key); err != nil {
		return false, err
	}
	defer k.leave()
	return k.keys.Exists(ctx, key)
}

// List takes its limit from the options when it is 0.
func (k *limitedKeys) List(ctx context.Context, cursor uint64, limit int) (Page, error) {
	if err := k.enter("list keys"); err != nil {
		return Page{}, err
	}
	defer k.leave()
	if limit <= 0 || limit > k.options.PageSize {
		limit = k.options.PageSize
	}
	return k.keys.List(ctx, cursor, limit)
}

func (k *limitedKeys) Increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	if err := k.enter("increment", key); err != nil {
		return 0, err
	}
	defer k.leave()
	if delta > MaxCounter {
		return 0, ErrTooLarge(key, delta)
	}
	return k.keys.Increment(ctx, key, delta)
}

func (k *limitedKeys) GetMany(ctx context.Context, keys []string) ([]Entry, error) {
	if err := k.enter("get many", keys...); err != nil {
		return nil, err
	}
	defer k.leave()
	if err := k.checkBatch("get many", len(keys)); err != nil || len(keys) == 0 {
		return nil, err
	}
	return k.keys.GetMany(ctx, keys)
}

func (k *limitedKeys) SetMany(ctx context.Context, pairs []Pair) error {
	if err := k.enter("set many"); err != nil {
		return err
	}
	defer k.leave()
	if err := k.checkBatch("set many", len(pairs)); err != nil || len(pairs) == 0 {
		return err
	}
	for _, p := range pairs {
		if err := k.checkKey("set many", p.Key); err != nil {
			return err
		}
		if err := k.checkValue("set many", p.Key, p.Value); err != nil {
			return err
		}
	}
	return k.keys.SetMany(ctx, pairs)
}

func (k *limitedKeys) DeleteMany(ctx context.Context, keys []string) error {
	if err := k.enter("delete many", keys...); err != nil {
		return err
	}
	defer k.leave()
	if err := k.checkBatch("delete many", len(keys)); err != nil || len(keys) == 0 {
		return err
	}
	return k.keys.DeleteMany(ctx, keys)
}
