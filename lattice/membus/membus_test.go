package membus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/lattice"
	"latticework/lattice/internal/bustest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestBus(t *testing.T) {
	n := New(1)
	t.Cleanup(func() { n.Close() })
	var members atomic.Int32
	bustest.Run(t, func(t *testing.T) lattice.Bus {
		b, err := n.Bus(fmt.Sprint("m", members.Add(1)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func pair(t *testing.T, seed uint64) (*Network, *Bus, *Bus) {
	n := New(seed)
	a, err := n.Bus("a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.Bus("b")
	if err != nil {
		t.Fatal(err)
	}
	return n, a, b
}

func TestDelayKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b := pair(t, 3)
		defer n.Close()
		n.SetFaults(Faults{DelayMin: 10 * time.Millisecond, DelayMax: 90 * time.Millisecond})
		var mu sync.Mutex
		var got []byte // guarded by mu
		if _, err := b.Subscribe("s", lattice.SubscribeOptions{Ordered: true}, func(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, m.Data...)
			return lattice.Reply{}, nil
		}); err != nil {
			t.Fatal(err)
		}
		for i := range byte(50) {
			if err := a.Publish("s", nil, []byte{i}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		mu.Lock()
		early := len(got)
		mu.Unlock()
		if early != 0 {
			t.Fatal("delivered at once")
		}
		time.Sleep(time.Second) // simulated time
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(got) != 50 || !slices.IsSorted(got) {
			t.Fatalf("got %v", got)
		}
	})
}

func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b := pair(t, 3)
		defer n.Close()
		lost := atomic.Int32{}
		if _, err := b.Subscribe("s", lattice.SubscribeOptions{OnLost: func() { lost.Add(1) }}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
			return lattice.Reply{}, nil
		}); err != nil {
			t.Fatal(err)
		}
		ask := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := a.Request(ctx, "s", nil, nil)
			return err
		}
		n.Partition([]string{"a"}, []string{"b"})
		if err := ask(); !errors.Is(err, errcode.Unavailable) {
			t.Fatalf("cut both ways: %v", err)
		}
		n.Heal()
		if err := ask(); err != nil || lost.Load() != 1 {
			t.Fatalf("healed: %v, told %d times", err, lost.Load())
		}
		n.Cut("b", "a")
		if err := ask(); !errors.Is(err, errcode.Deadline) {
			t.Fatalf("replies cut: %v", err)
		}
	})
}

func TestDropAndDuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b := pair(t, 3)
		defer n.Close()
		var got atomic.Int32
		if _, err := b.Subscribe("s", lattice.SubscribeOptions{Ordered: true}, func(context.Context, *lattice.Message) (lattice.Reply, error) {
			got.Add(1)
			return lattice.Reply{}, nil
		}); err != nil {
			t.Fatal(err)
		}
		count := func(f Faults) int32 {
			n.SetFaults(f)
			got.Store(0)
			for range 1000 {
				_ = a.Publish("s", nil, nil)
			}
			synctest.Wait()
			return got.Load()
		}
		if c := count(Faults{Drop: 0.3}); c < 600 || c > 800 {
			t.Errorf("30 %% lost: %d of 1000 arrived", c)
		}
		if c := count(Faults{Duplicate: 0.5}); c < 1400 || c > 1600 {
			t.Errorf("50 %% twice: %d arrived", c)
		}
	})
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a.b", "a.b", true}, {"a.b", "a.c", false}, {"a.b", "a", false}, {"a", "a.b", false},
		{"a.*", "a.b", true}, {"a.*", "a", false}, {"a.*.c", "a.b.c", true}, {"a.>", "a.b.c", true}, {"a.>", "a", false}, {">", "a", true},
	} {
		if got := match(c.pattern, c.subject); got != c.want {
			t.Errorf("match(%q, %q) = %t", c.pattern, c.subject, got)
		}
	}
}
