package components

import (
	"time"

	"latticework/components/internal/corewasm"
)

// ration is how much fuel an instance is given at once. A unit of fuel bounds
// what a guest can do with it, but by far not tightly: most code takes a
// thirtieth of a nanosecond for one, and stores to pages that nobody touched
// before, which the system has to make, some 60. So the first refills are
// small, each is twice as large as the one before while those are used up
// quickly, and they are small again when one was not or when memory grew. They
// stay small with memories so large that a guest which was quick for a while
// could then touch more new pages than there is time for.
type ration struct {
	last   uint64        // what the last refill gave
	at     time.Duration // when that was, since began
	memory uint64        // how many bytes the memories held then
}

const (
	// quick is how soon a refill is used up after which the next is larger, slow
	// how late one after which it is the smallest.
	quick = 500 * time.Microsecond
	slow  = 2 * time.Millisecond
	// largeMemory is how many bytes of memories keep refills at largeRefill: making
	// all their pages takes up to 8 ms.
	largeMemory = 20 << 20
	largeRefill = 2 * corewasm.MinRefill
	// limitedRefill is what each refill gives under a limit of fuel, so that a
	// guest comes to its end at the same place in each run.
	limitedRefill = 1 << 18
)

// began is what times are measured from: reading the clock once is cheaper than
// telling the time.
var began = time.Now()

// next returns what to give to an instance whose memories hold used bytes.
func (r *ration) next(used uint64) uint64 {
	now := time.Since(began)
	switch took := now - r.at; {
	case r.last == 0 || used != r.memory || took > slow:
		r.last = corewasm.MinRefill
	case took < quick && used > largeMemory:
		r.last = largeRefill
	case took < quick:
		r.last = min(2*r.last, corewasm.MaxRefill)
	}
	r.at, r.memory = now, used
	return r.last
}
