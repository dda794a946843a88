package components_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"latticework/components"
)

const room = 4 << 20

// paced returns a pacer and its clock.
func paced() (*components.Pacer, *time.Time) {
	now := time.Unix(1000, 0)
	return components.NewPacer(func() time.Time { return now }, func() uint64 { return room }), &now
}

// TestGarbageIsPaced has guests make garbage for ten seconds of a clock that
// only their waits move.
func TestGarbageIsPaced(t *testing.T) {
	for _, guests := range []int{1, 3} {
		p, now := paced()
		until := now.Add(10 * time.Second)
		made, waits := 0, make([]time.Time, guests)
		makers := make([]components.Maker, guests)
		asleep := make([]bool, guests)
		for now.Before(until) {
			first := -1
			for i := range makers {
				if asleep[i] {
					if first < 0 || waits[i].Before(waits[first]) {
						first = i
					}
					continue
				}
				for !asleep[i] {
					made += 10 << 10
					if d := p.Make(&makers[i], 10<<10); d > 0 {
						waits[i], asleep[i] = now.Add(d), true
						if first < 0 || waits[i].Before(waits[first]) {
							first = i
						}
					}
				}
			}
			*now, asleep[first] = waits[first], false
			p.Waited()
		}
		const atMost = int((components.Bursts + 10*components.Collections) * room)
		if made > atMost+atMost/50 || made < atMost*9/10 {
			t.Errorf("%d guests made %d MiB in ten seconds, want about %d", guests, made>>20, atMost>>20)
		}
	}
}

// TestGarbageOfOthers has a guest that makes little wait for its share, not for
// what others made.
func TestGarbageOfOthers(t *testing.T) {
	p, now := paced()
	const each, second = 16 << 20, components.Collections * room
	var large, little components.Maker
	wait := p.Make(&large, each)
	if want := time.Second * (each - components.Bursts*room) / second; wait.Round(time.Millisecond) != want.Round(time.Millisecond) {
		t.Errorf("what was made beyond the burst is to wait %v, want %v", wait, want)
	}
	const share = 256 << 10
	if got, want := p.Make(&little, share), 2*time.Second*share/second; got.Round(time.Microsecond) != want.Round(time.Microsecond) {
		t.Errorf("beside one that waits, another waits %v for %d KiB, want %v", got, share>>10, want)
	}
	*now = now.Add(time.Second * each / second)
	var third components.Maker
	if got := p.Make(&third, share); got != 0 {
		t.Errorf("two seconds later a guest waits %v", got)
	}
}

// TestGarbageWaitEnds checks that nobody waits beyond its deadline, nor when its
// call was stopped.
func TestGarbageWaitEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := components.NewPacer(time.Now, func() uint64 { return room })
	start := time.Now()
	var m components.Maker
	p.Settle(ctx, time.Time{}, &m, 1<<40)
	p.Settle(t.Context(), start.Add(20*time.Millisecond), &m, 1<<40)
	if d := time.Since(start); d < 20*time.Millisecond || d > 5*time.Second {
		t.Errorf("waited %v", d)
	}
}

// TestHeapRoom: the room that guests' garbage is measured by grows and shrinks
// with what the process holds, from one collection to the next.
func TestHeapRoom(t *testing.T) {
	const large = 128 << 20
	runtime.GC()
	small := components.HeapRoom()
	held := make([]byte, large)
	runtime.GC()
	if room := components.HeapRoom(); room < large*3/4 || room > small+large*5/4 {
		t.Errorf("beside %d MiB more that are held, %d MiB of room, without them %d", large>>20, room>>20, small>>20)
	}
	runtime.KeepAlive(held)
	held = nil
	runtime.GC()
	if room := components.HeapRoom(); room > small+large/4 {
		t.Errorf("%d MiB of room again, were %d", room>>20, small>>20)
	}
}
