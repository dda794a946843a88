package host

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/wit"
)

// dropped counts what is dropped.
type dropped struct{ n *atomic.Int64 }

func (d dropped) Drop(context.Context) { d.n.Add(1) }

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func newTable(t *testing.T) (*Host, *wireTable, *clock) {
	t.Helper()
	c := &clock{}
	h := &Host{cfg: Config{Now: c.now}, openSessions: map[*session]struct{}{}, hard: t.Context()}
	h.handles.Store(randomStart())
	g := &gate{generation: 7}
	g.linkKey.Source = "counter"
	s := &session{gate: g, wire: newWireTable(h, g)}
	h.openSessions[s] = struct{}{}
	return h, s.wire, c
}

// TestLease: a handle that is used stays; one that is not goes when its lease
// is over, and its resource is dropped.
func TestLease(t *testing.T) {
	h, table, clock := newTable(t)
	bucket := &wit.Resource{Name: "bucket"}
	var drops atomic.Int64
	used, err := table.LowerOwn(dropped{&drops}, bucket)
	if err != nil {
		t.Fatal(err)
	}
	forgotten, err := table.LowerOwn(dropped{&drops}, bucket)
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(lease - time.Second)
	if _, err := table.LiftBorrow(used, bucket); err != nil {
		t.Error(err)
	}
	clock.advance(2 * time.Second)
	h.sweepOnce()
	if drops.Load() != 1 {
		t.Errorf("%d resources were dropped, want 1", drops.Load())
	}
	if _, err := table.LiftBorrow(used, bucket); err != nil {
		t.Error(err)
	}
	if _, err := table.LiftBorrow(forgotten, bucket); !errors.Is(err, errcode.NotFound) {
		t.Errorf("use after the lease: %v, want not_found", err)
	}
	if _, handles := table.gate.counts(); handles != 1 {
		t.Errorf("%d handles are counted, want 1", handles)
	}
	table.close(t.Context())
	if calls, handles := table.gate.counts(); drops.Load() != 2 || calls+handles != 0 {
		t.Errorf("after close: %d drops, %d calls, %d handles", drops.Load(), calls, handles)
	}
}

// TestHandleMisuse: a handle of another type, twice dropped, or of another
// source answers a typed error.
func TestHandleMisuse(t *testing.T) {
	h, table, _ := newTable(t)
	bucket, cursor := &wit.Resource{Name: "bucket"}, &wit.Resource{Name: "cursor"}
	var drops atomic.Int64
	n, err := table.LowerOwn(dropped{&drops}, bucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.LiftBorrow(n, cursor); !errors.Is(err, errcode.NotFound) {
		t.Errorf("handle of another type: %v", err)
	}
	for _, inv := range []lattice.Invocation{{Source: "stranger", Generation: 7}, {Source: "counter", Generation: 8}} {
		if h.sessionHolding(n, inv) != nil {
			t.Errorf("a handle was given to %+v", inv)
		}
	}
	if h.sessionHolding(n, lattice.Invocation{Source: "counter", Generation: 7}) == nil {
		t.Error("the handle's own source does not find it")
	}
	if _, err := h.invoked(t.Context(), lattice.Invocation{Source: "stranger", Generation: 7, Handle: handleName(n), Func: "get"}, nil); !errors.Is(err, errcode.NotFound) || !lattice.IsRefused(err) {
		t.Errorf("call with a stranger's handle: %v, want a refusal with not_found", err)
	}
	if _, err := h.invoked(t.Context(), lattice.Invocation{Handle: "x", Func: "get"}, nil); !errors.Is(err, errcode.Invalid) {
		t.Errorf("call with a handle that is no number: %v", err)
	}
	if err := table.drop(t.Context(), n); err != nil {
		t.Error(err)
	}
	if err := table.drop(t.Context(), n); !errors.Is(err, errcode.NotFound) || drops.Load() != 1 {
		t.Errorf("dropped twice: %v, %d drops", err, drops.Load())
	}
}

func TestWireHandlesBounded(t *testing.T) {
	_, table, _ := newTable(t)
	res := &wit.Resource{Name: "bucket"}
	for range maxWireHandles {
		if _, err := table.LowerOwn(1, res); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.LowerOwn(1, res); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("one handle too many: %v", err)
	}
}

// TestWireTableHammer: handles that are made, used, swept and dropped at once
// are dropped once each.
func TestWireTableHammer(t *testing.T) {
	h, table, clock := newTable(t)
	res := &wit.Resource{Name: "bucket"}
	var drops, made atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2_000 {
				n, err := table.LowerOwn(dropped{&drops}, res)
				if err != nil {
					t.Error(err)
					return
				}
				made.Add(1)
				_, _ = table.LiftBorrow(n, res) // a sweep may have been faster
				if i%2 == 0 {
					_ = table.drop(t.Context(), n)
				}
				clock.advance(time.Second)
				if i%100 == 0 {
					h.sweepOnce()
				}
			}
		})
	}
	wg.Wait()
	table.close(t.Context())
	if drops.Load() != made.Load() || table.gate.open.Load() != 0 {
		t.Errorf("%d handles made, %d dropped, %d open", made.Load(), drops.Load(), table.gate.open.Load())
	}
}
