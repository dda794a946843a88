package providertest_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"latticework/internal/leakcheck"
	"latticework/internal/testservices"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvfile"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/providers/keyvalue/kvredis"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// registry is what a program would build.
func registry(t *testing.T) *providers.Registry {
	t.Helper()
	r, err := providers.NewRegistry(kvmemory.Technology(), kvfile.Technology(), kvredis.Technology())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bucket makes a provider of the technology and opens a bucket of its own.
func bucket(t *testing.T, r *providers.Registry, technology, name string, config map[string]string) keyvalue.Keys {
	t.Helper()
	p, err := r.New(technology, providers.Setup{Name: "store", DataFolder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "store", Config: config})
	if err != nil {
		t.Fatal(err)
	}
	own, _ := providers.As[*keyvalue.Session](s)
	keys, err := own.Backend().Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// everything reads a bucket page by page.
func everything(t *testing.T, keys keyvalue.Keys) map[string]string {
	t.Helper()
	all := map[string]string{}
	for cursor := uint64(0); ; {
		page, err := keys.List(t.Context(), cursor, 0)
		if err != nil {
			t.Fatal(err)
		}
		found, err := keys.GetMany(t.Context(), page.Keys)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range page.Keys {
			all[k] = string(found[i].Value)
		}
		if cursor = page.Next; cursor == 0 {
			return all
		}
	}
}

// TestMoveBetweenTechnologies: what one technology holds can be copied to any
// other, and the numbers in it go on to count.
func TestMoveBetweenTechnologies(t *testing.T) {
	r := registry(t)
	server := testservices.Redis(t, testservices.RedisOptions{})
	technologies := map[string]map[string]string{kvmemory.Name: nil, kvfile.Name: nil, kvredis.Name: {"url": server.URL()}}
	names := slices.Sorted(maps.Keys(technologies))
	for _, from := range names {
		for _, to := range names {
			t.Run(from+" to "+to, func(t *testing.T) {
				one := bucket(t, r, from, "one-"+from+to, technologies[from])
				two := bucket(t, r, to, "two-"+from+to, technologies[to])
				for i := range 1500 {
					key := fmt.Sprintf("k/%d", i%500)
					if _, err := one.Increment(t.Context(), key, uint64(i)); err != nil {
						t.Fatal(err)
					}
				}
				if err := one.SetMany(t.Context(), []keyvalue.Pair{{Key: "", Value: nil}, {Key: "bytes\x00", Value: []byte{0, 0xff, '\n'}}}); err != nil {
					t.Fatal(err)
				}
				want := everything(t, one)
				var pairs []keyvalue.Pair
				for k, v := range want {
					pairs = append(pairs, keyvalue.Pair{Key: k, Value: []byte(v)})
				}
				if err := two.SetMany(t.Context(), pairs); err != nil {
					t.Fatal(err)
				}
				if got := everything(t, two); len(want) != 502 || !maps.Equal(got, want) {
					t.Errorf("%d keys were written, %d read back, or their values differ", len(want), len(got))
				}
				if n, err := two.Increment(t.Context(), "k/7", 1); err != nil || n != 7+507+1007+1 {
					t.Errorf("increment after the move: %d, %v; want %d", n, err, 7+507+1007+1)
				}
			})
		}
	}
}
