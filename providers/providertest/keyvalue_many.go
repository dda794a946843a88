package providertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/providers/keyvalue"
)

// testIncrementTogether: two sessions, 16 callers, none of their additions
// is lost or done twice, and no sum is answered twice.
func testIncrementTogether(t *testing.T, s *suite) {
	const callers, times = 16, 40
	ctx, one := s.bucket(t, "together", nil)
	_, two := s.bucket(t, "together", nil)
	answers := make([][]uint64, callers)
	var g errgroup.Group
	for c := range callers {
		keys := []keyvalue.Keys{one, two}[c%2]
		g.Go(func() error {
			for range times {
				n, err := keys.Increment(ctx, "n", 3)
				if err != nil {
					return err
				}
				answers[c] = append(answers[c], n)
			}
			return nil
		})
	}
	must(t, "increment together", g.Wait())
	seen := make(map[uint64]bool)
	for _, list := range answers {
		for i, n := range list {
			if seen[n] || n%3 != 0 || (i > 0 && n <= list[i-1]) {
				t.Errorf("a caller was answered %d at %d: twice, out of step or falling", n, i)
			}
			seen[n] = true
		}
	}
	wantValue(t, ctx, one, "n", []byte(strconv.Itoa(3*callers*times)))
	wantValue(t, ctx, two, "n", []byte(strconv.Itoa(3*callers*times)))
}

// testChangeTogether: every caller reads what it wrote, whatever the others
// do to their keys, and a value is never a mixture.
func testChangeTogether(t *testing.T, s *suite) {
	const callers, times = 8, 25
	ctx, keys := s.bucket(t, "together", nil)
	var g errgroup.Group
	for c := range callers {
		g.Go(func() error {
			own := "own-" + strconv.Itoa(c)
			for i := range times {
				value := strings.Repeat(string(rune('a'+c)), 500+i)
				if err := errors.Join(keys.Set(ctx, own, []byte(value)), keys.Set(ctx, "shared", []byte(value))); err != nil {
					return err
				}
				e, err := keys.Get(ctx, own)
				if err != nil || string(e.Value) != value {
					return fmt.Errorf("caller %d wrote %d bytes and read %d: %w", c, len(value), len(e.Value), err)
				}
				if e, err = keys.Get(ctx, "shared"); err != nil || len(e.Value) == 0 ||
					strings.Trim(string(e.Value), string(e.Value[:1])) != "" {
					return fmt.Errorf("caller %d read a mixture: %q, %w", c, short(string(e.Value)), err)
				}
				if _, err := keys.List(ctx, 0, 0); err != nil {
					return err
				}
			}
			return keys.Delete(ctx, own)
		})
	}
	must(t, "change together", g.Wait())
	s.wantKeys(t, listAll(t, ctx, keys, nil), map[string]bool{"shared": true})
}

// fill writes keys named prefix-0 to prefix-(n-1).
func fill(t *testing.T, ctx context.Context, keys keyvalue.Keys, prefix string, n int) map[string]bool {
	t.Helper()
	names := make(map[string]bool, n)
	pairs := make([]keyvalue.Pair, n)
	for i := range pairs {
		pairs[i] = keyvalue.Pair{Key: prefix + "-" + strconv.Itoa(i), Value: []byte("v")}
		names[pairs[i].Key] = true
	}
	must(t, "fill", keys.SetMany(ctx, pairs))
	return names
}

func testList(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "list", map[string]string{"page_size": "300"})
	_, other := s.bucket(t, "lis", nil)
	page, err := keys.List(ctx, 0, 0)
	must(t, "list nothing", err)
	if len(page.Keys) != 0 || page.Next != 0 {
		t.Errorf("list nothing: %d keys, cursor %d", len(page.Keys), page.Next)
	}
	want := fill(t, ctx, keys, "k", 5000)
	fill(t, ctx, other, "t:x", 1000)
	pages := 1
	seen := listAll(t, ctx, keys, func(int) { pages++ })
	s.wantKeys(t, seen, want)
	if pages < 5 || pages > 60 {
		t.Errorf("5,000 keys came on %d pages of about 300", pages)
	}
	// A cursor is good for more than one use, and for another session.
	first, err := keys.List(ctx, 0, 0)
	must(t, "list", err)
	_, again := s.bucket(t, "list", map[string]string{"page_size": "300"})
	a, err1 := keys.List(ctx, first.Next, 0)
	b, err2 := again.List(ctx, first.Next, 0)
	if err := errors.Join(err1, err2); err != nil || len(a.Keys) == 0 || len(b.Keys) == 0 {
		t.Errorf("second page twice: %d and %d keys, %v", len(a.Keys), len(b.Keys), err)
	}
}

// testListChanging: keys that are there all the time are listed, whatever
// comes and goes between two pages.
func testListChanging(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "changing", map[string]string{"page_size": "100"})
	stay := fill(t, ctx, keys, "stay", 600)
	fill(t, ctx, keys, "go", 600)
	seen := listAll(t, ctx, keys, func(page int) {
		var gone []string
		for i := range 100 {
			gone = append(gone, "go-"+strconv.Itoa((page*100+i)%600))
		}
		must(t, "delete many", keys.DeleteMany(ctx, gone))
		if page < 20 {
			fill(t, ctx, keys, "new-"+strconv.Itoa(page), 20)
		}
		if page == 1 {
			must(t, "set", keys.Set(ctx, "stay-5", []byte("other")))
		}
	})
	for k := range stay {
		if n := seen[k]; n == 0 || (n > 1 && !s.RepeatsKeys) {
			t.Errorf("list keys: %q came %d times", k, n)
		}
	}
}

func testSessions(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "shared", nil)
	session := s.mustLink(t, nil)
	must(t, "probe", session.Probe(ctx))
	other, err := s.backend(t, session).Open(ctx, "shared")
	must(t, "open", err)
	must(t, "set", keys.Set(ctx, "k", []byte("v")))
	wantValue(t, ctx, other, "k", []byte("v"))

	must(t, "close", session.Close(ctx))
	must(t, "close again", session.Close(ctx))
	_, err = other.Get(ctx, "k")
	s.wantCode(t, "get of a closed session", err, errcode.Closed)
	s.wantCode(t, "set of a closed session", other.Set(ctx, "k", nil), errcode.Closed)
	_, err = other.Increment(ctx, "k", 1)
	s.wantCode(t, "increment of a closed session", err, errcode.Closed)
	_, err = other.List(ctx, 0, 0)
	s.wantCode(t, "list keys of a closed session", err, errcode.Closed)
	s.wantCode(t, "set many of a closed session", other.SetMany(ctx, []keyvalue.Pair{{Key: "k"}}), errcode.Closed)
	_, err = s.backend(t, session).Open(ctx, "shared")
	s.wantCode(t, "open of a closed session", err, errcode.Closed)
	if err := session.Probe(ctx); errcode.Of(err) != errcode.Closed {
		t.Errorf("probe of a closed session: %v, want closed", err)
	}
	wantValue(t, ctx, keys, "k", []byte("v"))
	testCloseUnderLoad(t, ctx, s)
}

// testCloseUnderLoad: a session may close while calls run: each answers, with
// its effect or with an error, and none after the close has an effect.
func testCloseUnderLoad(t *testing.T, ctx context.Context, s *suite) {
	session := s.mustLink(t, nil)
	keys, err := s.backend(t, session).Open(ctx, "load")
	must(t, "open", err)
	var g errgroup.Group
	started := make(chan struct{}, 4)
	answered := make([]int, 4)
	for c := range answered {
		g.Go(func() error {
			for {
				if _, err := keys.Increment(ctx, "n", 1); err != nil {
					s.wantCode(t, "increment while closing", err, errcode.Closed)
					return nil
				}
				if answered[c]++; answered[c] == 1 {
					started <- struct{}{}
				}
			}
		})
	}
	for range answered {
		<-started
	}
	must(t, "close under load", session.Close(ctx))
	must(t, "callers", g.Wait())
	sum := 0
	for _, n := range answered {
		sum += n
	}
	_, after := s.bucket(t, "load", nil)
	wantValue(t, ctx, after, "n", []byte(strconv.Itoa(sum)))
}

// testEndedContext: a call whose time is up fails as a call; it is not an
// answer of the store.
func testEndedContext(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "ended", nil)
	must(t, "set", keys.Set(ctx, "k", []byte("v")))
	ended, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	for doing, err := range map[string]error{
		"set":       keys.Set(ended, "k", []byte("w")),
		"delete":    keys.Delete(ended, "k"),
		"increment": func() error { _, err := keys.Increment(ended, "n", 1); return err }(),
	} {
		if err == nil {
			continue // it was quick enough to do it all the same
		}
		if !errors.Is(err, context.DeadlineExceeded) && errcode.Of(err) != errcode.Deadline {
			t.Errorf("%s after its deadline: %v, want the deadline", doing, err)
		}
		if s.wire && !errors.Is(err, errNotAnAnswer) {
			t.Errorf("%s after its deadline: the guest was answered %v", doing, err)
		}
	}
	must(t, "set afterwards", keys.Set(ctx, "k", []byte("x")))
	wantValue(t, ctx, keys, "k", []byte("x"))
}

func testRefused(t *testing.T, s *suite) {
	bad := []BadLink{
		{Name: "unknown setting", Config: map[string]string{"bukets": "a"}, Code: errcode.Invalid, Says: []string{`"bukets"`, `did you mean "buckets"?`}},
		{Name: "page size", Config: map[string]string{"page_size": "0"}, Code: errcode.Invalid, Says: []string{"page_size is 0, not from 1 to"}},
		{Name: "value size", Config: map[string]string{"max_value_bytes": "much"}, Code: errcode.Invalid, Says: []string{"max_value_bytes", "64KiB"}},
		{Name: "two problems", Config: map[string]string{"max_batch": "x", "max_key_bytes": "1TiB"}, Code: errcode.Invalid, Says: []string{"max_batch", "max_key_bytes"}},
	}
	if s.Bad != nil {
		bad = append(bad, s.Bad(t)...)
	}
	for _, b := range bad {
		t.Run(b.Name, func(t *testing.T) {
			_, err := s.link(t, b.Config)
			checkRefusal(t, err, b)
		})
	}
	t.Run("unserved interface", func(t *testing.T) {
		_, err := s.link(t, nil, keyvalue.StoreName, "wasi:keyvalue/watcher@0.2.0-draft")
		checkRefusal(t, err, BadLink{Code: errcode.Unsupported, Says: []string{"wasi:keyvalue/watcher@0.2.0-draft", keyvalue.StoreName}})
	})
	t.Run("one interface", func(t *testing.T) {
		session, err := s.link(t, nil, keyvalue.BatchName)
		must(t, "link", err)
		defer session.Close(t.Context())
		if got := session.Interfaces(); len(got) != 1 || got[0].Name != keyvalue.BatchName {
			t.Errorf("interfaces: %v, want batch alone", got)
		}
	})
	// Refusals leave nothing behind that disturbs.
	ctx, keys := s.bucket(t, "after", nil)
	must(t, "set after refusals", keys.Set(ctx, "k", []byte("v")))
}

func checkRefusal(t *testing.T, err error, want BadLink) {
	t.Helper()
	if err == nil || errcode.Of(err) != want.Code {
		t.Fatalf("link: error %q (%v), want %q", errcode.Of(err), err, want.Code)
	}
	text := err.Error() + "\n" + errcode.NextOf(err)
	for _, part := range want.Says {
		if !strings.Contains(text, part) {
			t.Errorf("refusal %q lacks %q", text, part)
		}
	}
	for _, secret := range want.Hides {
		if strings.Contains(text, secret) {
			t.Errorf("refusal %q shows %q", text, secret)
		}
	}
}

func testReopen(t *testing.T, k KeyValue) {
	s := &suite{KeyValue: k, provider: openProvider(t, k.New(t))}
	ctx, keys := s.bucket(t, "kept", nil)
	names := fill(t, ctx, keys, "k", 1200)
	_, err := keys.Increment(ctx, "n", 5)
	must(t, "increment", err)
	must(t, "set", keys.Set(ctx, "empty", nil))
	must(t, "close provider", s.provider.Close(ctx))

	s = &suite{KeyValue: k, provider: openProvider(t, k.Reopen(t))}
	ctx, keys = s.bucket(t, "kept", nil)
	names["n"], names["empty"] = true, true
	s.wantKeys(t, listAll(t, ctx, keys, nil), names)
	wantValue(t, ctx, keys, "empty", nil)
	n, err := keys.Increment(ctx, "n", 1)
	if err != nil || n != 6 {
		t.Errorf("increment after reopen: %d, %v; want 6", n, err)
	}
}

// testOutage: while the store is away calls fail with a class, in bounded
// time, and the same session works again when it is back.
func testOutage(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "outage", nil)
	session := s.mustLink(t, nil)
	must(t, "set", keys.Set(ctx, "k", []byte("v")))
	down, up := s.Outage(t)
	down()
	for range 3 {
		start := time.Now()
		err := keys.Set(ctx, "k", []byte("w"))
		if code := errcode.Of(err); code != errcode.Unavailable && code != errcode.Deadline {
			t.Errorf("set while the store is away: %q (%v), want unavailable or deadline", code, err)
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("set while the store is away took %s", took)
		}
	}
	if err := session.Probe(ctx); err == nil {
		t.Error("probe while the store is away: nil")
	}
	if _, err := s.link(t, nil); err == nil {
		t.Error("link while the store is away: nil")
	}
	up()
	poll.Until(t, time.Minute, "the session to work again", func() (any, bool) {
		err := keys.Set(ctx, "k", []byte("x"))
		return err, err == nil
	})
	wantValue(t, ctx, keys, "k", []byte("x"))
	must(t, "probe afterwards", session.Probe(ctx))
}
