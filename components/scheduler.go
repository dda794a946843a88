package components

import (
	"context"
	"slices"
	"sync"
	"time"

	"latticework/internal/errcode"
)

// scheduler is what an instance that uses the asynchronous ABI has besides:
// its coroutines, the threads that wait, and what goes on in Go meanwhile.
type scheduler struct {
	in      *Instance
	waiting []*thread // in the order in which they began to
	live    int       // threads that began and did not end
	threads int       // those, the ones that did not begin, and calls that run in Go
	parked  uint64    // bytes of stack of the threads that are parked
	fibers  []*fiber  // all, until the instance is released
	idle    []*fiber  // those without a thread

	// working counts the calls that run in Go and what else may wake a thread
	// without a thread running.
	working int

	work sync.WaitGroup // the goroutines of calls that run in Go

	mu     sync.Mutex
	posted []posted      // guarded by mu; to be run where no guest code is
	wake   chan struct{} // set under mu when somebody sleeps first; holds one if posted was not empty since
	closed error         // guarded by mu; why nothing is posted any more
	// ends are those of streams and futures that Go holds: they may wake a
	// thread too. Guarded by mu; made with the first.
	ends map[*hostEnd]struct{}
	// ctx is of goroutines that end with the instance. Guarded by mu, as is
	// cancel; made when it is asked for.
	ctx    context.Context
	cancel context.CancelCauseFunc

	spare []posted // empty; room for posted
	// bare is what the instance's own fiber has while realloc runs on it, where
	// no thread runs; made with the first.
	bare   *coroutine
	paused func() // see Instance.Along; nil for nothing
	// sources are those that were not started yet; made with the first.
	sources map[*source]struct{}
}

// posted is something to do between guest code.
type posted struct {
	run  func() error
	lost func() // instead of run, if that will never be; nil for nothing
}

// context returns the context of goroutines that end with the instance. It may
// be called by any goroutine.
func (sc *scheduler) context() context.Context {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.ctx == nil {
		sc.ctx, sc.cancel = context.WithCancelCause(context.Background())
		if sc.closed != nil {
			sc.cancel(sc.closed)
		}
	}
	return sc.ctx
}

// rests reports whether nothing goes on in the instance: no thread, no call that
// runs in Go, and no read or write that somebody could complete. Ends of streams
// and futures that nobody uses may be left: detach tells those at the other end.
func (sc *scheduler) rests() bool {
	if sc.threads > 0 || sc.working > 0 {
		return false
	}
	for _, s := range sc.in.states {
		if s.table.busy() {
			return false
		}
	}
	return true
}

// succeed returns the scheduler of next, which is made of sc's instance. It
// takes over the coroutines of sc, which rests and is of no use any more; sc
// stays what those in Go see who have something of the instance yet.
func (sc *scheduler) succeed(next *Instance) *scheduler {
	for _, fb := range sc.fibers {
		fb.in = next
	}
	heir := &scheduler{in: next, fibers: sc.fibers, idle: sc.idle, waiting: sc.waiting[:0], posted: sc.spare}
	sc.fibers, sc.idle, sc.waiting, sc.spare = nil, nil, nil, nil
	return heir
}

// reserve counts one more thread or call that runs in Go.
func (sc *scheduler) reserve() error {
	if limit := sc.in.tmpl.limits.Threads; sc.threads >= limit {
		return exceeded(LimitThreads, "threads and calls under way", uint64(sc.threads)+1, uint64(limit))
	}
	sc.threads++
	return nil
}

// maxIdleFibers bounds the coroutines kept for threads to come.
const maxIdleFibers = 8

// fiber returns a coroutine without a thread.
func (sc *scheduler) fiber() *fiber {
	if n := len(sc.idle); n > 0 {
		fb := sc.idle[n-1]
		sc.idle = sc.idle[:n-1]
		return fb
	}
	fb := sc.in.newFiber()
	sc.fibers = append(sc.fibers, fb)
	return fb
}

// park keeps fb, whose thread ended, for another one.
func (sc *scheduler) park(fb *fiber) {
	if len(sc.idle) < maxIdleFibers {
		sc.idle = append(sc.idle, fb)
		return
	}
	if i := slices.Index(sc.fibers, fb); i >= 0 {
		sc.fibers = slices.Delete(sc.fibers, i, i+1)
	}
	fb.stop()
}

// detach ends every goroutine and lets go of what Go has of the instance.
func (sc *scheduler) detach() {
	sc.kill(errReleased)
	for s := range sc.sources {
		s.close()
	}
	sc.work.Wait()
}

// stop ends every coroutine, and what detach ends. Threads that are parked
// unwind.
func (sc *scheduler) stop() {
	sc.detach()
	for _, fb := range sc.fibers {
		sc.in.cur = fb
		fb.stop()
	}
	sc.fibers, sc.idle, sc.waiting = nil, nil, nil
}

// kill says that no guest code will run any more, and tells those in Go who
// wait for some.
func (sc *scheduler) kill(why error) {
	sc.mu.Lock()
	over, ends, lost, cancel := sc.closed != nil, sc.ends, sc.posted, sc.cancel
	if !over {
		sc.closed, sc.posted, sc.ends = why, nil, nil
	}
	sc.mu.Unlock()
	if over {
		return
	}
	for e := range ends {
		e.abandon(why)
	}
	if cancel != nil {
		cancel(why)
	}
	sc.lose(lost)
}

// adopt counts e, which Go holds. It may be called by any goroutine.
func (sc *scheduler) adopt(e *hostEnd) {
	sc.mu.Lock()
	why := sc.closed
	if why == nil {
		if sc.ends == nil {
			sc.ends = map[*hostEnd]struct{}{}
		}
		sc.ends[e] = struct{}{}
	}
	sc.mu.Unlock()
	if why != nil {
		e.abandon(why)
	}
}

// release ends what adopt began.
func (sc *scheduler) release(e *hostEnd) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	delete(sc.ends, e)
}

// alone reports whether nothing but the instance's own threads can wake one.
func (sc *scheduler) alone() bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.working == 0 && len(sc.ends) == 0 && len(sc.posted) == 0
}

// post has f run by the goroutine that runs the instance, between guest code.
// It answers false if the instance was released. It may be called by any
// goroutine.
func (sc *scheduler) post(f func() error) bool { return sc.postOr(f, nil) }

// postOr is post, and has lost run, here or by whoever ends the instance, if f
// never will be.
func (sc *scheduler) postOr(f func() error, lost func()) bool {
	ok := sc.enqueue(posted{f, lost})
	if !ok && lost != nil {
		lost()
	}
	return ok
}

func (sc *scheduler) enqueue(p posted) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.closed != nil {
		return false
	}
	sc.posted = append(sc.posted, p)
	select {
	case sc.wake <- struct{}{}:
	default:
	}
	return true
}

// maxSpare bounds the room kept for what will be posted.
const maxSpare = 64

// drain runs what was posted.
func (sc *scheduler) drain() error {
	for {
		sc.mu.Lock()
		fs := sc.posted
		if len(fs) == 0 {
			sc.mu.Unlock()
			return nil
		}
		sc.posted, sc.spare = sc.spare, nil
		sc.mu.Unlock()
		for i, f := range fs {
			if err := f.run(); err != nil {
				sc.lose(fs[i+1:])
				return err
			}
		}
		if cap(fs) <= maxSpare {
			clear(fs)
			sc.spare = fs[:0]
		}
	}
}

// lose gives up what was posted.
func (sc *scheduler) lose(ps []posted) {
	for _, p := range ps {
		if p.lost != nil {
			p.lost()
		}
	}
}

// ready returns the thread that has been ready longest.
func (sc *scheduler) ready() *thread {
	for _, th := range sc.waiting {
		if th.isReady() {
			return th
		}
	}
	return nil
}

// errDeadlock: nothing can wake the threads that wait.
var errDeadlock = errcode.New(errcode.Trap, "deadlock detected: event loop cannot make further progress")

// run lets the instance's threads run until done answers true.
//
// Errors: a trap; errDeadlock if done can never answer true; why the call
// must stop.
func (sc *scheduler) run(done func() bool) error {
	for {
		if err := sc.drain(); err != nil {
			return err
		}
		if done() {
			return nil
		}
		if err := sc.in.overdue(); err != nil {
			return err
		}
		if th := sc.ready(); th != nil {
			s := th.task.state
			if err := s.enterFrom(nil); err != nil {
				return err
			}
			if err := sc.in.resume(th, false); err != nil {
				return err
			}
			s.leaveTo(nil)
			continue
		}
		if sc.alone() {
			return errDeadlock
		}
		if sc.paused != nil {
			sc.paused()
		}
		if err := sc.sleep(); err != nil {
			return err
		}
	}
}

// sleep waits until something is posted or the call must stop.
func (sc *scheduler) sleep() error {
	sc.mu.Lock()
	if sc.wake == nil {
		sc.wake = make(chan struct{}, 1)
		if len(sc.posted) > 0 {
			sc.wake <- struct{}{}
		}
	}
	wake := sc.wake
	sc.mu.Unlock()
	ctx := sc.in.main.ctx.Context
	var timeout <-chan time.Time
	if !sc.in.meter.deadline.IsZero() {
		t := time.NewTimer(time.Until(sc.in.meter.deadline))
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-wake:
	case <-ctx.Done():
	case <-timeout:
	}
	return sc.in.overdue()
}
