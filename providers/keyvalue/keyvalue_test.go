package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestAdd(t *testing.T) {
	for _, c := range []struct {
		have  string
		found bool
		delta uint64
		want  uint64
		code  errcode.Code
	}{
		{"", false, 5, 5, ""},
		{"junk that is not there", false, 5, 5, ""},
		{"0", true, 0, 0, ""},
		{"9223372036854775806", true, 1, MaxCounter, ""},
		{"9223372036854775807", true, 1, 0, errcode.Exhausted},
		{"1", true, MaxCounter, 0, errcode.Exhausted},
		{"", false, MaxCounter + 1, 0, errcode.Exhausted},
		{"", true, 1, 0, errcode.Invalid},
		{"007", true, 1, 0, errcode.Invalid},
		{"-1", true, 1, 0, errcode.Invalid},
		{"12345678901234567890", true, 1, 0, errcode.Invalid},
	} {
		got, err := Add("k", Entry{Value: []byte(c.have), Found: c.found}, c.delta)
		if got != c.want || errcode.Of(err) != c.code {
			t.Errorf("%q (%v) + %d: %d, %v; want %d, %q", c.have, c.found, c.delta, got, err, c.want, c.code)
		}
	}
}

// TestFailure: which errors a guest is answered, and which end its call.
func TestFailure(t *testing.T) {
	live := t.Context()
	ended, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ended.Done()
	late := errcode.New(errcode.Deadline, "get: %w", context.DeadlineExceeded)
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{live, nil, "nothing"},
		{live, errcode.New(errcode.NotFound, "no bucket"), "no-such-store"},
		{live, errcode.New(errcode.Denied, "NOPERM"), "access-denied"},
		{live, errcode.New(errcode.Unavailable, "redis is away"), "other: redis is away"},
		{live, errors.New("plain"), "other: plain"},
		{live, late, "other: get: context deadline exceeded"}, // of the store's own timeout
		{ended, late, "the call fails"},
		{ended, errcode.New(errcode.NotFound, "no bucket"), "no-such-store"},
	} {
		got := "nothing"
		var f *abi.Failure[Error]
		if err := failure(c.ctx, c.err); errors.As(err, &f) {
			got = f.Value.Case.String()
			if f.Value.Case == ErrorCaseOther {
				got += ": " + f.Value.Other
			}
		} else if err != nil {
			got = "the call fails"
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

// backendFake counts the calls in it when it is closed.
type backendFake struct {
	Keys
	mu     sync.Mutex
	inside int // guarded by mu
	closed int // guarded by mu
	broken error
	hold   chan struct{} // if not nil, Get waits for it
}

func (b *backendFake) Open(context.Context, string) (Keys, error) { return b, nil }
func (b *backendFake) Probe(context.Context) error                { return nil }

func (b *backendFake) Get(context.Context, string) (Entry, error) {
	b.mu.Lock()
	b.inside++
	if b.closed > 0 {
		b.broken = errors.New("a call after close")
	}
	b.mu.Unlock()
	if b.hold != nil {
		<-b.hold
	}
	b.mu.Lock()
	b.inside--
	b.mu.Unlock()
	return Entry{}, nil
}

func (b *backendFake) Close(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed++; b.closed > 1 || b.inside > 0 {
		b.broken = fmt.Errorf("close number %d with %d calls inside", b.closed, b.inside)
	}
	return nil
}

func newTestSession(t *testing.T, b Backend) (*Session, Keys) {
	t.Helper()
	s, err := NewSession(providers.Link{Source: "a", Target: "b"}, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := s.Backend().Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	return s, keys
}

// TestCloseHammer: a backend is closed once, without calls inside, and none
// comes later.
func TestCloseHammer(t *testing.T) {
	for range 300 {
		b := &backendFake{}
		s, keys := newTestSession(t, b)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if _, err := keys.Get(context.Background(), "k"); err != nil {
						if errcode.Of(err) != errcode.Closed {
							t.Errorf("get: %v", err)
						}
						return
					}
				}
			})
		}
		for range 2 {
			wg.Go(func() { _ = s.Close(context.Background()) })
		}
		wg.Wait()
		if b.broken != nil || b.closed != 1 {
			t.Fatalf("closed %d times, %v", b.closed, b.broken)
		}
	}
}

// TestCloseDoesNotWaitForEver: a call that hangs holds the close up only as
// long as the closer allows.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	b := &backendFake{hold: make(chan struct{})}
	s, keys := newTestSession(t, b)
	done := make(chan error)
	go func() { _, err := keys.Get(context.Background(), "k"); done <- err }()
	for inside := 0; inside == 0; {
		b.mu.Lock()
		inside = b.inside
		b.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if b.closed != 1 {
		t.Errorf("closed %d times, want 1", b.closed)
	}
	close(b.hold)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestBucketOfAnotherSession: a bucket goes on to work on the session that
// opened it, whichever session's atomics it is given to.
func TestBucketOfAnotherSession(t *testing.T) {
	one, two := contract{mapBackend{}}, contract{mapBackend{}}
	b, err := one.Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		if n, err := two.Increment(t.Context(), b, "n", 1); err != nil || n != i+1 {
			t.Fatalf("increment: %d, %v; want %d", n, err, i+1)
		}
	}
	v, err := b.Get(t.Context(), "n")
	if err != nil || string(v.Value) != "3" {
		t.Errorf("the bucket has %q, %v; want 3", v.Value, err)
	}
	type foreign struct{ Bucket }
	if _, err := two.Increment(t.Context(), foreign{b}, "n", 1); errcode.Of(err) != errcode.Internal {
		t.Errorf("a bucket of someone else: %v, want internal", err)
	}
}

// mapBackend is a map as a bucket, for one goroutine.
type mapBackend map[string]*mapKeys

func (m mapBackend) Open(_ context.Context, name string) (Keys, error) {
	if m[name] == nil {
		m[name] = &mapKeys{values: map[string][]byte{}}
	}
	return m[name], nil
}
func (m mapBackend) Probe(context.Context) error { return nil }
func (m mapBackend) Close(context.Context) error { return nil }

type mapKeys struct {
	Keys
	values map[string][]byte
}

func (m *mapKeys) Get(_ context.Context, key string) (Entry, error) {
	v, ok := m.values[key]
	return Entry{Value: v, Found: ok}, nil
}

func (m *mapKeys) Increment(ctx context.Context, key string, delta uint64) (uint64, error) {
	e, _ := m.Get(ctx, key)
	n, err := Add(key, e, delta)
	if err == nil {
		m.values[key] = fmt.Append(nil, n)
	}
	return n, err
}

func BenchmarkSessionGet(b *testing.B) {
	s, err := NewSession(providers.Link{Source: "a", Target: "b"}, mapBackend{}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	bucket, err := contract{s.backend}.Open(b.Context(), "b")
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bucket.Get(ctx, "k"); err != nil {
			b.Fatal(err)
		}
	}
}
