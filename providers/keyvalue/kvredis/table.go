package kvredis

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"latticework/providers/keyvalue"
)

const (
	// chunk is how many keys go into one command, so that a batch does not
	// hold up other users of the server.
	chunk = 1000
	// chunkBytes is how many bytes of values go into one command.
	chunkBytes = 4 << 20
	// rounds is how often one page of a listing asks the server when it
	// finds nothing: the server goes through the keys of all buckets.
	rounds = 200
)

var escapeName = strings.NewReplacer("%", "%25", ":", "%3A")

// keyPrefix is what the keys of a bucket begin with; no prefix begins another.
func keyPrefix(namespace, bucket string) string {
	return escapeName.Replace(namespace) + ":" + escapeName.Replace(bucket) + ":"
}

// table is one bucket.
type table struct {
	*backend
	prefix string
}

func (t *table) stored(key string) string { return t.prefix + key }

func (t *table) storedAll(keys []string) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = t.stored(k)
	}
	return all
}

func (t *table) Get(ctx context.Context, key string) (keyvalue.Entry, error) {
	v, err := t.client.Get(ctx, t.stored(key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return keyvalue.Entry{}, nil
	}
	if err != nil {
		return keyvalue.Entry{}, t.classify(ctx, "get from", err, false)
	}
	return keyvalue.Entry{Value: v, Found: true}, nil
}

func (t *table) Set(ctx context.Context, key string, value []byte) error {
	return t.classify(ctx, "set in", t.client.Set(ctx, t.stored(key), value, 0).Err(), true)
}

func (t *table) Delete(ctx context.Context, key string) error {
	return t.classify(ctx, "delete from", t.client.Del(ctx, t.stored(key)).Err(), true)
}

func (t *table) Exists(ctx context.Context, key string) (bool, error) {
	n, err := t.client.Exists(ctx, t.stored(key)).Result()
	return n > 0, t.classify(ctx, "look into", err, false)
}

// escapePattern takes the meaning from characters of a SCAN pattern.
var escapePattern = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)

// List passes the server's own cursor on. The server may name a key on
// several pages when it grows or shrinks its table, and a page may be empty
// though others follow, in a server with very many keys of other buckets.
func (t *table) List(ctx context.Context, cursor uint64, limit int) (keyvalue.Page, error) {
	pattern := escapePattern.Replace(t.prefix) + "*"
	page := keyvalue.Page{Next: cursor}
	seen := make(map[string]bool)
	bytes := 0
	for range rounds {
		keys, next, err := t.client.Scan(ctx, page.Next, pattern, int64(limit)).Result()
		if err != nil {
			return keyvalue.Page{}, t.classify(ctx, "list keys of", err, false)
		}
		for _, key := range keys {
			key = key[len(t.prefix):]
			if !seen[key] {
				seen[key] = true
				page.Keys = append(page.Keys, key)
				bytes += len(key)
			}
		}
		page.Next = next
		if next == 0 || len(page.Keys) >= limit/2 || bytes > keyvalue.PageBytes {
			break
		}
	}
	return page, nil
}

// addScript is INCRBY for numbers that are not negative; it answers with
// text, since numbers of a script are exact only up to 2^53.
var addScript = redis.NewScript(`
if redis.call('GETRANGE', KEYS[1], 0, 0) == '-' then
  return redis.error_reply('ERR value is not an integer or out of range')
end
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])`)

func (t *table) Increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	text, err := addScript.Run(ctx, t.client, []string{t.stored(key)}, delta).Text()
	if err != nil {
		switch msg := err.Error(); {
		case strings.Contains(msg, "is not an integer or out of range"):
			return 0, keyvalue.ErrNotNumber(key)
		case strings.Contains(msg, "would overflow"):
			return 0, keyvalue.ErrTooLarge(key, delta)
		}
		return 0, t.classify(ctx, "increment in", err, true)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, t.classify(ctx, "increment in", err, true)
}

func (t *table) GetMany(ctx context.Context, keys []string) ([]keyvalue.Entry, error) {
	found := make([]keyvalue.Entry, 0, len(keys))
	for len(keys) > 0 {
		n := min(chunk, len(keys))
		values, err := t.client.MGet(ctx, t.storedAll(keys[:n])...).Result()
		if err != nil {
			return nil, t.classify(ctx, "get many from", err, false)
		}
		for _, v := range values {
			s, ok := v.(string)
			found = append(found, keyvalue.Entry{Value: []byte(s), Found: ok})
		}
		keys = keys[n:]
	}
	return found, nil
}

func (t *table) SetMany(ctx context.Context, pairs []keyvalue.Pair) error {
	for len(pairs) > 0 {
		n, bytes := 0, 0
		args := make([]any, 0, 2*min(chunk, len(pairs)))
		for n < min(chunk, len(pairs)) && bytes < chunkBytes {
			args = append(args, t.stored(pairs[n].Key), pairs[n].Value)
			bytes += len(pairs[n].Value)
			n++
		}
		if err := t.client.MSet(ctx, args...).Err(); err != nil {
			return t.classify(ctx, "set many in", err, true)
		}
		pairs = pairs[n:]
	}
	return nil
}

func (t *table) DeleteMany(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		n := min(chunk, len(keys))
		if err := t.client.Del(ctx, t.storedAll(keys[:n])...).Err(); err != nil {
			return t.classify(ctx, "delete many from", err, true)
		}
		keys = keys[n:]
	}
	return nil
}
