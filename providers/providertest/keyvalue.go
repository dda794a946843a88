package providertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/keyvalue"
)

// KeyValue describes a technology of the key-value capability.
type KeyValue struct {
	// New returns a provider, not opened, that starts without data.
	New func(t *testing.T) providers.Provider
	// Config returns the settings of a link that works.
	Config func(t *testing.T) map[string]string
	// Bad lists settings that a link must be refused for.
	Bad func(t *testing.T) []BadLink
	// Reopen, if not nil, returns a provider with the data of the one that
	// New returned last in this test and that is closed by now.
	Reopen func(t *testing.T) providers.Provider
	// Outage, if not nil, lets the store fail and come back. The data may or
	// may not survive.
	Outage func(t *testing.T) (down, up func())
	// RepeatsKeys says that a listing may name a key more than once.
	RepeatsKeys bool
}

// BadLink is a link that a provider must refuse.
type BadLink struct {
	Name   string
	Config map[string]string
	Code   errcode.Code
	// Says are parts of the message or of the next step.
	Says []string
	// Hides are texts that the message and next step must not hold.
	Hides []string
}

// Run runs the suite: through the Go interface, and again through the wire
// encoding as a guest on another host would.
func (k KeyValue) Run(t *testing.T) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *suite)
	}{
		{"values", testValues},
		{"keys", testKeys},
		{"buckets", testBuckets},
		{"namespaces", testNamespaces},
		{"increment", testIncrement},
		{"increment refused", testIncrementRefused},
		{"increment together", testIncrementTogether},
		{"change together", testChangeTogether},
		{"list", testList},
		{"list while it changes", testListChanging},
		{"batch", testBatch},
		{"limits", testLimits},
		{"model", testModel},
		{"sessions", testSessions},
		{"ended context", testEndedContext},
	}
	for _, way := range []string{"go", "wire"} {
		for _, test := range tests {
			t.Run(way+"/"+test.name, func(t *testing.T) { test.run(t, k.open(t, way == "wire")) })
		}
	}
	t.Run("refused links", func(t *testing.T) { testRefused(t, k.open(t, false)) })
	if k.Reopen != nil {
		t.Run("reopen", func(t *testing.T) { testReopen(t, k) })
	}
	if k.Outage != nil {
		t.Run("outage", func(t *testing.T) { testOutage(t, k.open(t, false)) })
	}
}

// suite is one provider under test.
type suite struct {
	KeyValue
	wire     bool
	provider providers.Provider
	revision uint64
}

// perTest is how long one test may take.
const perTest = 2 * time.Minute

func (k KeyValue) open(t *testing.T, wire bool) *suite {
	t.Helper()
	return &suite{KeyValue: k, wire: wire, provider: openProvider(t, k.New(t))}
}

// openProvider opens p under a guard and closes it with the test.
func openProvider(t *testing.T, p providers.Provider) providers.Provider {
	t.Helper()
	p = providers.Guard(p)
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("close provider: %v", err)
		}
	})
	if err := p.Open(t.Context()); err != nil {
		t.Fatalf("open provider: %v", err)
	}
	return p
}

// link makes a session with more settings than those of a working link.
func (s *suite) link(t *testing.T, more map[string]string, interfaces ...string) (providers.Session, error) {
	t.Helper()
	config := maps.Clone(s.Config(t))
	if config == nil {
		config = make(map[string]string)
	}
	maps.Copy(config, more)
	s.revision++
	l := providers.Link{Source: "counter", Name: "default", Target: "store", Interfaces: interfaces, Config: config, Revision: s.revision}
	return s.provider.Link(t.Context(), l)
}

func (s *suite) mustLink(t *testing.T, more map[string]string) providers.Session {
	t.Helper()
	session, err := s.link(t, more)
	if err != nil {
		t.Fatalf("link: %v (%s)", err, errcode.NextOf(err))
	}
	t.Cleanup(func() {
		if err := session.Close(context.Background()); err != nil {
			t.Errorf("close session: %v", err)
		}
	})
	return session
}

// backend returns the session as the suite talks to it.
func (s *suite) backend(t *testing.T, session providers.Session) keyvalue.Backend {
	t.Helper()
	if s.wire {
		return newWire(session)
	}
	own, ok := providers.As[*keyvalue.Session](session)
	if !ok {
		t.Fatalf("session is a %T, not made by keyvalue.NewSession", session)
	}
	return own.Backend()
}

// bucket links and opens a bucket.
func (s *suite) bucket(t *testing.T, name string, more map[string]string) (context.Context, keyvalue.Keys) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), perTest)
	t.Cleanup(cancel)
	keys, err := s.backend(t, s.mustLink(t, more)).Open(ctx, name)
	if err != nil {
		t.Fatalf("open bucket %q: %v", name, err)
	}
	return ctx, keys
}

// wantCode checks the class of an error. Over the wire all but two classes
// are the case other.
func (s *suite) wantCode(t *testing.T, doing string, err error, want errcode.Code) {
	t.Helper()
	if s.wire && want != errcode.NotFound && want != errcode.Denied {
		want = wireOther
	}
	if err == nil || errcode.Of(err) != want {
		t.Errorf("%s: error %q (%v), want %q", doing, errcode.Of(err), err, want)
	}
	if err != nil && err.Error() == "" {
		t.Errorf("%s: the error says nothing", doing)
	}
}

// must fails the test at once if err is not nil.
func must(t *testing.T, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

// wantValue checks what is under key.
func wantValue(t *testing.T, ctx context.Context, keys keyvalue.Keys, key string, want []byte) {
	t.Helper()
	e, err := keys.Get(ctx, key)
	must(t, fmt.Sprintf("get %q", short(key)), err)
	if !e.Found || string(e.Value) != string(want) {
		t.Errorf("get %q: %v, %q; want %q", short(key), e.Found, short(string(e.Value)), short(string(want)))
	}
	found, err := keys.Exists(ctx, key)
	must(t, fmt.Sprintf("exists %q", short(key)), err)
	if !found {
		t.Errorf("exists %q: false, want true", short(key))
	}
}

// wantMissing checks that there is nothing under key.
func wantMissing(t *testing.T, ctx context.Context, keys keyvalue.Keys, key string) {
	t.Helper()
	e, err := keys.Get(ctx, key)
	must(t, fmt.Sprintf("get %q", short(key)), err)
	if e.Found || len(e.Value) > 0 {
		t.Errorf("get %q: %v, %q; want nothing", short(key), e.Found, short(string(e.Value)))
	}
	found, err := keys.Exists(ctx, key)
	must(t, fmt.Sprintf("exists %q", short(key)), err)
	if found {
		t.Errorf("exists %q: true, want false", short(key))
	}
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + fmt.Sprintf("… (%d bytes)", len(s))
	}
	return s
}

// listAll follows the cursors to the end and counts how often each key came.
func listAll(t *testing.T, ctx context.Context, keys keyvalue.Keys, between func(page int)) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	var cursor uint64
	for page := 0; ; page++ {
		p, err := keys.List(ctx, cursor, 0)
		must(t, "list keys", err)
		for _, k := range p.Keys {
			seen[k]++
		}
		if p.Next == 0 {
			return seen
		}
		if page > 100_000 {
			t.Fatal("list keys: there is no end of pages")
		}
		if between != nil {
			between(page)
		}
		cursor = p.Next
	}
}

func (s *suite) wantKeys(t *testing.T, seen map[string]int, want map[string]bool) {
	t.Helper()
	for k, n := range seen {
		if !want[k] {
			t.Errorf("list keys: %q is not one of the bucket's", short(k))
		}
		if n > 1 && !s.RepeatsKeys {
			t.Errorf("list keys: %q came %d times", short(k), n)
		}
	}
	for k := range want {
		if seen[k] == 0 {
			t.Errorf("list keys: %q is missing", short(k))
		}
	}
}

// wireOther is the class of the case other of the contract's error.
const wireOther errcode.Code = "other"

var errNotAnAnswer = errors.New("the call failed instead of answering")
