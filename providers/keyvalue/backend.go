package keyvalue

import (
	"context"
	"math"
	"strconv"

	"latticework/internal/errcode"
)

// MaxCounter is the largest number that increment counts up to. It is the
// largest that every technology can hold.
const MaxCounter = math.MaxInt64

// Backend is what a technology implements: one link's way to the buckets.
// [NewSession] makes a session of it, with limits and policy applied there
// and not in each technology.
//
// Errors of Backend and Keys are classed by code: errcode.NotFound from Open
// for a bucket that does not exist, errcode.Denied where the store refuses
// access; their message travels to the guest, so it holds no secrets.
type Backend interface {
	// Open returns the bucket of that name. Buckets are made by the first
	// write to them.
	Open(ctx context.Context, bucket string) (Keys, error)
	// Probe proves that the store answers.
	Probe(ctx context.Context) error
	// Close ends the way to the store. No call follows. Calls are in
	// progress only if ctx has ended, and they may fail.
	Close(ctx context.Context) error
}

// Keys is one bucket. It is safe for concurrent use.
//
// Memory: a value that is passed in is not kept after the call; a value that
// is returned is shared, and nobody changes it.
type Keys interface {
	Get(ctx context.Context, key string) (Entry, error)
	Set(ctx context.Context, key string, value []byte) error
	// Delete answers nil also if there is no such key.
	Delete(ctx context.Context, key string) error
	Exists(ctx context.Context, key string) (bool, error)
	// List returns about limit keys: the first for cursor 0, else those that
	// follow on the page that returned the cursor. A key that is there from
	// the first page to the last is on at least one of them, whatever
	// happens to other keys meanwhile.
	List(ctx context.Context, cursor uint64, limit int) (Page, error)
	// Increment adds delta as [Add] does, with nothing in between.
	Increment(ctx context.Context, key string, delta uint64) (uint64, error)
	// GetMany returns an entry for each of keys, in their order.
	GetMany(ctx context.Context, keys []string) ([]Entry, error)
	// SetMany sets all pairs; of two with one key the later one counts.
	SetMany(ctx context.Context, pairs []Pair) error
	DeleteMany(ctx context.Context, keys []string) error
}

// Entry is what there is under a key.
type Entry struct {
	Value []byte
	Found bool
}

// Pair is a key with its value.
type Pair struct {
	Key   string
	Value []byte
}

// Page is a part of a bucket's keys. Next is 0 on the last page.
type Page struct {
	Keys []string
	Next uint64
}

// PageBytes is how many bytes of keys a page holds before it ends early.
const PageBytes = 1 << 20

// Add returns e's value, read as a decimal number, plus delta. Without a
// value it counts from 0. Numbers are written without sign, leading zeros or
// spaces, and go to [MaxCounter].
//
// Errors:
//   - errcode.Invalid if the value is something else; see [ErrNotNumber].
//   - errcode.Exhausted if the sum is too large; see [ErrTooLarge].
func Add(key string, e Entry, delta uint64) (uint64, error) {
	var n uint64
	if e.Found {
		var ok bool
		if n, ok = parseCounter(e.Value); !ok {
			return 0, ErrNotNumber(key)
		}
	}
	if delta > MaxCounter || n > MaxCounter-delta {
		return 0, ErrTooLarge(key, delta)
	}
	return n + delta, nil
}

func parseCounter(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 || (b[0] == '0' && len(b) > 1) {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	return n, err == nil && n <= MaxCounter
}

// ErrNotNumber says that key cannot be incremented for what it holds.
func ErrNotNumber(key string) error {
	return errcode.New(errcode.Invalid, "increment %q: its value is not a whole number from 0 to %d", key, int64(MaxCounter))
}

// ErrTooLarge says that key cannot be incremented by delta.
func ErrTooLarge(key string, delta uint64) error {
	return errcode.New(errcode.Exhausted, "increment %q by %d: the sum is more than %d", key, delta, int64(MaxCounter))
}
