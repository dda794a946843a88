package kvfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"latticework/internal/errcode"
	"latticework/providers/keyvalue"
)

// The file, version 1: the top-level bucket "format" holds "version" → "1";
// the top-level bucket "data" holds one bucket for each namespace and bucket
// name, named by tableName. In it a key is stored as the first 8 bytes of its
// SHA-256 followed by the key itself, and its value behind a CRC-32C of both. So the order of the file is one that
// nobody can steer, and a listing's cursor is the 8 bytes at which the next
// page begins: it needs no memory and stays right whatever is written or
// removed meanwhile.
var (
	formatBucket = []byte("format")
	dataBucket   = []byte("data")
	versionKey   = []byte("version")
	version      = []byte("1")
)

const hashSize = 8

// checkFormat makes a new file ready and refuses one of another version.
func checkFormat(db *bbolt.DB, path string) error {
	return db.Update(func(tx *bbolt.Tx) error {
		format := tx.Bucket(formatBucket)
		if format != nil {
			if v := format.Get(versionKey); !bytes.Equal(v, version) {
				return errcode.New(errcode.Unsupported, "open data file %s: its format is %q, not %q", path, v, version)
			}
			return nil
		}
		if name, _ := tx.Cursor().First(); name != nil {
			return errcode.New(errcode.Invalid, "open data file %s: it belongs to something else", path).
				WithNext("move it away to start empty")
		}
		format, err := tx.CreateBucket(formatBucket)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucket(dataBucket); err != nil {
			return err
		}
		return format.Put(versionKey, version)
	})
}

// tableName joins namespace and bucket so that no two pairs are the same.
func tableName(namespace, bucket string) []byte {
	escape := strings.NewReplacer("%", "%25", "/", "%2f")
	return []byte(escape.Replace(namespace) + "/" + escape.Replace(bucket))
}

func storedKey(key string) []byte {
	hash := sha256.Sum256([]byte(key))
	return append(append(make([]byte, 0, hashSize+len(key)), hash[:hashSize]...), key...)
}

// table is one bucket of the file.
type table struct {
	name   []byte
	db     *bbolt.DB
	writer *writer
	path   string
}

// view runs f with the bucket, which is nil as long as nothing was written.
func (t *table) view(ctx context.Context, f func(b *bbolt.Bucket) error) (err error) {
	if ctx.Err() != nil {
		return errcode.New(errcode.Of(ctx.Err()), "read data file: %w", context.Cause(ctx))
	}
	defer damaged(&err, t.path, watchFaults())
	err = t.db.View(func(tx *bbolt.Tx) error { return f(tx.Bucket(dataBucket).Bucket(t.name)) })
	if err != nil {
		return fileError("read", t.path, err)
	}
	return nil
}

// get returns a copy of what is under key.
func (t *table) get(b *bbolt.Bucket, key string) (keyvalue.Entry, error) {
	if b == nil {
		return keyvalue.Entry{}, nil
	}
	k := storedKey(key)
	stored := b.Get(k)
	if stored == nil {
		return keyvalue.Entry{}, nil
	}
	v, ok := loadValue(k, stored)
	if !ok {
		return keyvalue.Entry{}, errDamaged(t.path, "the checksum of key %q is wrong", key)
	}
	return keyvalue.Entry{Value: append(make([]byte, 0, len(v)), v...), Found: true}, nil
}

func (t *table) Get(ctx context.Context, key string) (e keyvalue.Entry, err error) {
	err = t.view(ctx, func(b *bbolt.Bucket) (err error) {
		e, err = t.get(b, key)
		return err
	})
	return e, err
}

func (t *table) Exists(ctx context.Context, key string) (found bool, err error) {
	err = t.view(ctx, func(b *bbolt.Bucket) error {
		found = b != nil && b.Get(storedKey(key)) != nil
		return nil
	})
	return found, err
}

func (t *table) GetMany(ctx context.Context, keys []string) ([]keyvalue.Entry, error) {
	found := make([]keyvalue.Entry, len(keys))
	err := t.view(ctx, func(b *bbolt.Bucket) (err error) {
		for i, key := range keys {
			if found[i], err = t.get(b, key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (t *table) List(ctx context.Context, cursor uint64, limit int) (page keyvalue.Page, err error) {
	err = t.view(ctx, func(b *bbolt.Bucket) error {
		if b == nil {
			return nil
		}
		size, last := 0, uint64(0)
		c := b.Cursor()
		for k, _ := c.Seek(binary.BigEndian.AppendUint64(nil, cursor)); k != nil; k, _ = c.Next() {
			key := ""
			if len(k) >= hashSize {
				key = string(k[hashSize:])
			}
			if !bytes.Equal(k, storedKey(key)) {
				return errDamaged(t.path, "a key is not in its place")
			}
			hash := binary.BigEndian.Uint64(k)
			// Keys with one hash stay on one page.
			if full := len(page.Keys) >= limit || size > keyvalue.PageBytes; full && hash != last {
				page.Next = hash
				return nil
			}
			page.Keys = append(page.Keys, key)
			size, last = size+len(k), hash
		}
		return nil
	})
	return page, err
}

// change runs f in a transaction with the bucket, made if need be.
func (t *table) change(ctx context.Context, f func(b *bbolt.Bucket) (refusal, failure error)) error {
	return t.writer.do(ctx, func(tx *bbolt.Tx) (refusal, failure error) {
		b, err := tx.Bucket(dataBucket).CreateBucketIfNotExists(t.name)
		if err != nil {
			return nil, err
		}
		return f(b)
	})
}

func (t *table) Set(ctx context.Context, key string, value []byte) error {
	return t.SetMany(ctx, []keyvalue.Pair{{Key: key, Value: value}})
}

func (t *table) SetMany(ctx context.Context, pairs []keyvalue.Pair) error {
	// The caller's memory is its own again when its ctx ends, which may be
	// before the commit.
	keys, values := make([][]byte, len(pairs)), make([][]byte, len(pairs))
	for i, p := range pairs {
		keys[i] = storedKey(p.Key)
		values[i] = storedValue(keys[i], p.Value)
	}
	return t.change(ctx, func(b *bbolt.Bucket) (refusal, failure error) {
		for i, k := range keys {
			if err := b.Put(k, values[i]); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

func (t *table) Increment(ctx context.Context, key string, delta uint64) (sum uint64, err error) {
	// The result is passed through a channel: when ctx ends first the commit
	// may still run.
	result := make(chan uint64, 1)
	err = t.change(ctx, func(b *bbolt.Bucket) (refusal, failure error) {
		e, refusal := t.get(b, key)
		if refusal != nil {
			return refusal, nil
		}
		n, refusal := keyvalue.Add(key, e, delta)
		if refusal != nil {
			return refusal, nil
		}
		select {
		case <-result: // of an attempt before
		default:
		}
		result <- n
		k := storedKey(key)
		return nil, b.Put(k, storedValue(k, strconv.AppendUint(nil, n, 10)))
	})
	if err != nil {
		return 0, err
	}
	return <-result, nil
}

func (t *table) Delete(ctx context.Context, key string) error {
	return t.DeleteMany(ctx, []string{key})
}

func (t *table) DeleteMany(ctx context.Context, keys []string) error {
	keys = slices.Clone(keys) // for the same reason
	return t.change(ctx, func(b *bbolt.Bucket) (refusal, failure error) {
		for _, key := range keys {
			if err := b.Delete(storedKey(key)); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}
