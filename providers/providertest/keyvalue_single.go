package providertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/providers/keyvalue"
)

func testValues(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "values", nil)
	wantMissing(t, ctx, keys, "k")
	must(t, "delete what is not there", keys.Delete(ctx, "k"))

	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	large := bytes.Repeat(every, 4096) // 1 MiB
	for _, v := range [][]byte{[]byte("v"), {}, nil, every, large, []byte("\r\n$-1\r\n"), []byte("later")} {
		given := bytes.Clone(v)
		must(t, "set", keys.Set(ctx, "k", given))
		for i := range given { // the caller's memory is its own again
			given[i] = 'x'
		}
		wantValue(t, ctx, keys, "k", v)
	}
	must(t, "delete", keys.Delete(ctx, "k"))
	wantMissing(t, ctx, keys, "k")
	must(t, "set again", keys.Set(ctx, "k", []byte("again")))
	wantValue(t, ctx, keys, "k", []byte("again"))
}

// strangeKeys are keys that a technology could take for something else.
var strangeKeys = []string{
	"", " ", "a", "A", "a ", "a:b", "a%3Ab", "a/b", "/", "..", "a*", "a?", "[a]", `a\`, "^", "\x00", "a\x00b", "\x01\x02\x7f",
	"\r\n", "ä", "a\u0308", "日本語", "🙂", "\U0010FFFF", "\uFEFF", "'; DROP TABLE x; --", "{tag}", "true", "0", strings.Repeat("k", 1024),
}

func testKeys(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "strange", nil)
	want := make(map[string]bool)
	for i, k := range strangeKeys {
		must(t, fmt.Sprintf("set %q", short(k)), keys.Set(ctx, k, strconv.AppendInt(nil, int64(i), 10)))
		want[k] = true
	}
	for i, k := range strangeKeys {
		wantValue(t, ctx, keys, k, strconv.AppendInt(nil, int64(i), 10))
	}
	s.wantKeys(t, listAll(t, ctx, keys, nil), want)
	for i, k := range strangeKeys {
		must(t, "delete", keys.Delete(ctx, k))
		wantMissing(t, ctx, keys, k)
		if i+1 < len(strangeKeys) {
			wantValue(t, ctx, keys, strangeKeys[i+1], strconv.AppendInt(nil, int64(i+1), 10))
		}
	}
	s.wantKeys(t, listAll(t, ctx, keys, nil), nil)
}

// strangeBuckets are names that could run into each other or into keys.
var strangeBuckets = []string{"", "a", "a:b", "a:", ":a", "a%3Ab", "a/b", "a%2fb", "*", "a*", "[a]", "A", "日本", "a\x00", "%"}

func testBuckets(t *testing.T, s *suite) {
	ctx, _ := s.bucket(t, "any", nil)
	b := s.backend(t, s.mustLink(t, nil))
	for i, name := range strangeBuckets {
		keys, err := b.Open(ctx, name)
		must(t, fmt.Sprintf("open %q", name), err)
		must(t, "set", keys.Set(ctx, "b:k", strconv.AppendInt(nil, int64(i), 10)))
	}
	for i, name := range strangeBuckets {
		keys, err := b.Open(ctx, name)
		must(t, fmt.Sprintf("open %q", name), err)
		wantValue(t, ctx, keys, "b:k", strconv.AppendInt(nil, int64(i), 10))
		wantMissing(t, ctx, keys, "k")
		s.wantKeys(t, listAll(t, ctx, keys, nil), map[string]bool{"b:k": true})
	}

	some := s.backend(t, s.mustLink(t, map[string]string{"buckets": "hits, b1"}))
	for _, name := range []string{"hits", "b1"} {
		_, err := some.Open(ctx, name)
		must(t, "open what the link offers", err)
	}
	for _, name := range []string{"nope", "", "Hits", "hits, b1"} {
		_, err := some.Open(ctx, name)
		s.wantCode(t, fmt.Sprintf("open %q", name), err, errcode.NotFound)
	}
}

func testNamespaces(t *testing.T, s *suite) {
	ctx, one := s.bucket(t, "b", map[string]string{"namespace": "one"})
	_, same := s.bucket(t, "b", map[string]string{"namespace": "one"})
	must(t, "set", one.Set(ctx, "k", []byte("1")))
	wantValue(t, ctx, same, "k", []byte("1"))

	// Pairs that are the same text when they are joined without care.
	for i, pair := range [][2]string{
		{"two", "b"}, {"one:b", "k"}, {"one", "b:k"}, {"one/b", "k"}, {"one", "b/k"}, {"one/", "b"}, {"one", "/b"},
		{"one%2fb", "k"}, {"one%3Ab", "k"}, {"one%", "2fb"}, {"", "one/b"}, {"One", "b"},
	} {
		_, keys := s.bucket(t, pair[1], map[string]string{"namespace": pair[0]})
		s.wantKeys(t, listAll(t, ctx, keys, nil), nil)
		must(t, "set", keys.Set(ctx, "k", strconv.AppendInt(nil, int64(i), 10)))
		s.wantKeys(t, listAll(t, ctx, keys, nil), map[string]bool{"k": true})
	}
	wantValue(t, ctx, one, "k", []byte("1"))
}

func testIncrement(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "numbers", nil)
	add := func(key string, delta, want uint64) {
		t.Helper()
		n, err := keys.Increment(ctx, key, delta)
		must(t, "increment", err)
		if n != want {
			t.Errorf("increment %q by %d: %d, want %d", key, delta, n, want)
		}
		wantValue(t, ctx, keys, key, strconv.AppendUint(nil, want, 10))
	}
	add("new", 1, 1)
	add("new", 41, 42)
	add("new", 0, 42)
	add("zero", 0, 0)
	must(t, "set", keys.Set(ctx, "text", []byte("1234567890123")))
	add("text", 7, 1234567890130)
	must(t, "delete", keys.Delete(ctx, "text"))
	add("text", 3, 3)
	add("large", keyvalue.MaxCounter-1, keyvalue.MaxCounter-1)
	add("large", 1, keyvalue.MaxCounter)
	add("large", 0, keyvalue.MaxCounter)
	must(t, "set", keys.Set(ctx, "exact", []byte("9007199254740993"))) // 2^53 + 1
	add("exact", 2, 9007199254740995)
}

func testIncrementRefused(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "numbers", nil)
	for _, v := range []string{"", " ", "x", "1.0", "1e3", "-1", "-0", "-9223372036854775808", "+1", "01", "00", " 1", "1 ", "1\n", "0x1",
		"9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999", "\x00", "1\x00", "१"} {
		must(t, "set", keys.Set(ctx, "k", []byte(v)))
		_, err := keys.Increment(ctx, "k", 1)
		s.wantCode(t, fmt.Sprintf("increment %q", v), err, errcode.Invalid)
		wantValue(t, ctx, keys, "k", []byte(v))
	}
	for _, c := range []struct {
		have  string
		delta uint64
	}{{"9223372036854775807", 1}, {"1", keyvalue.MaxCounter}, {"0", keyvalue.MaxCounter + 1}, {"5", ^uint64(0)}} {
		must(t, "set", keys.Set(ctx, "k", []byte(c.have)))
		_, err := keys.Increment(ctx, "k", c.delta)
		s.wantCode(t, fmt.Sprintf("increment %s by %d", c.have, c.delta), err, errcode.Exhausted)
		wantValue(t, ctx, keys, "k", []byte(c.have))
	}
	_, err := keys.Increment(ctx, "fresh", ^uint64(0))
	s.wantCode(t, "increment nothing by too much", err, errcode.Exhausted)
	wantMissing(t, ctx, keys, "fresh")
}

func testBatch(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "batch", nil)
	must(t, "set many of nothing", keys.SetMany(ctx, nil))
	must(t, "delete many of nothing", keys.DeleteMany(ctx, nil))
	if found, err := keys.GetMany(ctx, nil); err != nil || len(found) != 0 {
		t.Errorf("get many of nothing: %v, %v", found, err)
	}

	const n = 2500
	pairs := make([]keyvalue.Pair, n)
	names := make([]string, n)
	for i := range pairs {
		names[i] = fmt.Sprintf("key-%04d", i)
		pairs[i] = keyvalue.Pair{Key: names[i], Value: []byte(strconv.Itoa(i))}
	}
	pairs[7].Value = nil
	must(t, "set many", keys.SetMany(ctx, pairs))
	asked := append([]string{"missing", names[7], names[3], names[3], "", names[n-1]}, names...)
	found, err := keys.GetMany(ctx, asked)
	must(t, "get many", err)
	if len(found) != len(asked) {
		t.Fatalf("get many of %d keys: %d entries", len(asked), len(found))
	}
	want := map[string]string{}
	for _, p := range pairs {
		want[p.Key] = string(p.Value)
	}
	for i, k := range asked {
		v, there := want[k]
		if e := found[i]; e.Found != there || string(e.Value) != v {
			t.Errorf("get many: %q is %v, %q; want %v, %q", k, e.Found, e.Value, there, v)
		}
	}

	must(t, "set many with one key twice", keys.SetMany(ctx, []keyvalue.Pair{{Key: "d", Value: []byte("1")}, {Key: "e", Value: []byte("2")}, {Key: "d", Value: []byte("3")}}))
	wantValue(t, ctx, keys, "d", []byte("3"))
	must(t, "delete many", keys.DeleteMany(ctx, append([]string{"missing", "d", "d"}, names[:n-1]...)))
	s.wantKeys(t, listAll(t, ctx, keys, nil), map[string]bool{"e": true, names[n-1]: true})
}

func testLimits(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "limits", map[string]string{"max_key_bytes": "8", "max_value_bytes": "1KiB", "max_batch": "3"})
	fits, over := strings.Repeat("k", 8), strings.Repeat("k", 9)
	value := make([]byte, 1025)
	must(t, "set at the limit", keys.Set(ctx, fits, value[:1024]))
	wantValue(t, ctx, keys, fits, value[:1024])
	s.wantCode(t, "set a large value", keys.Set(ctx, "v", value), errcode.Exhausted)
	s.wantCode(t, "set a long key", keys.Set(ctx, over, nil), errcode.Exhausted)
	_, err := keys.Get(ctx, over)
	s.wantCode(t, "get a long key", err, errcode.Exhausted)
	_, err = keys.Exists(ctx, over)
	s.wantCode(t, "look for a long key", err, errcode.Exhausted)
	s.wantCode(t, "delete a long key", keys.Delete(ctx, over), errcode.Exhausted)
	_, err = keys.Increment(ctx, over, 1)
	s.wantCode(t, "increment a long key", err, errcode.Exhausted)

	must(t, "set a full batch", keys.SetMany(ctx, []keyvalue.Pair{{Key: "1"}, {Key: "2"}, {Key: "3"}}))
	s.wantCode(t, "set too many", keys.SetMany(ctx, make([]keyvalue.Pair, 4)), errcode.Exhausted)
	s.wantCode(t, "set many with a long key", keys.SetMany(ctx, []keyvalue.Pair{{Key: "4"}, {Key: over}}), errcode.Exhausted)
	s.wantCode(t, "set many with a large value", keys.SetMany(ctx, []keyvalue.Pair{{Key: "4"}, {Key: "5", Value: value}}), errcode.Exhausted)
	_, err = keys.GetMany(ctx, make([]string, 4))
	s.wantCode(t, "get too many", err, errcode.Exhausted)
	s.wantCode(t, "delete too many", keys.DeleteMany(ctx, make([]string, 4)), errcode.Exhausted)
	s.wantKeys(t, listAll(t, ctx, keys, nil), map[string]bool{fits: true, "1": true, "2": true, "3": true})
}

// testModel runs a random program and compares every answer with a Go map.
func testModel(t *testing.T, s *suite) {
	ctx, keys := s.bucket(t, "model", map[string]string{"page_size": "5"})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	model := make(map[string]string)
	values := []string{"", "0", "7", "x", "-3", "9223372036854775807", strings.Repeat("v", 3000)}
	for step := range 600 {
		key := strconv.Itoa(r.IntN(30))
		switch r.IntN(8) {
		case 0, 1:
			v := values[r.IntN(len(values))]
			must(t, "set", keys.Set(ctx, key, []byte(v)))
			model[key] = v
		case 2:
			must(t, "delete", keys.Delete(ctx, key))
			delete(model, key)
		case 3, 4:
			stepIncrement(t, ctx, keys, model, key, uint64(r.IntN(1000)))
		case 5:
			pairs := []keyvalue.Pair{{Key: key, Value: []byte("a")}, {Key: key + "+", Value: []byte("b")}}
			must(t, "set many", keys.SetMany(ctx, pairs))
			model[key], model[key+"+"] = "a", "b"
		case 6:
			must(t, "delete many", keys.DeleteMany(ctx, []string{key, key + "+"}))
			delete(model, key)
			delete(model, key+"+")
		default:
			if v, ok := model[key]; ok {
				wantValue(t, ctx, keys, key, []byte(v))
			} else {
				wantMissing(t, ctx, keys, key)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d, step %d", seed, step)
		}
	}
	want := make(map[string]bool)
	for k, v := range model {
		wantValue(t, ctx, keys, k, []byte(v))
		want[k] = true
	}
	s.wantKeys(t, listAll(t, ctx, keys, nil), want)
}

func stepIncrement(t *testing.T, ctx context.Context, keys keyvalue.Keys, model map[string]string, key string, delta uint64) {
	t.Helper()
	have, there := model[key]
	want, wantErr := keyvalue.Add(key, keyvalue.Entry{Value: []byte(have), Found: there}, delta)
	n, err := keys.Increment(ctx, key, delta)
	switch {
	case (err == nil) != (wantErr == nil) || errors.Is(err, errNotAnAnswer):
		t.Errorf("increment %q (%q) by %d: error %v, want %v", key, have, delta, err, wantErr)
	case err == nil && n != want:
		t.Errorf("increment %q (%q) by %d: %d, want %d", key, have, delta, n, want)
	case err == nil:
		model[key] = strconv.FormatUint(n, 10)
	}
}
