package control

import (
	"context"
	"reflect"
	"sync"
	"time"

	"latticework/internal/errcode"
)

// requests are the writes under way and those that ended lately, by request id:
// one that arrives again, because its reply may have been lost, gets the reply
// of the first, and is not done beside it.
type requests struct {
	mu  sync.Mutex
	all map[string]*request // guarded by mu
}

// request is one of them; what it answered may be read when done is closed.
type request struct {
	body  any
	done  chan struct{}
	ended time.Time // zero while it is under way; guarded by requests.mu
	rep   any
	err   error
}

// The bounds of what is kept of requests that ended.
const (
	keepRequests = 2 * time.Minute
	maxRequests  = 4096
)

// once runs fn, or waits until the same request has been answered: the same id
// with the same body. Without an id it runs fn.
//
// Errors: those of fn; of ctx if it ended before the other one was answered.
func (q *requests) once(ctx context.Context, id string, body any, fn func() (any, error)) (answer any, err error) {
	if id == "" {
		return fn()
	}
	q.mu.Lock()
	r, again := q.all[id]
	if !again {
		if q.all == nil {
			q.all = map[string]*request{}
		}
		r = &request{body: body, done: make(chan struct{})}
		q.all[id] = r
	}
	q.mu.Unlock()
	switch {
	case again && !reflect.DeepEqual(r.body, body):
		return fn() // link state refuses what is not a repetition
	case again:
		select {
		case <-r.done:
			return r.rep, r.err
		case <-ctx.Done():
			return nil, errcode.New(errcode.OfContext(ctx), "wait for the same request, which is under way: %w", context.Cause(ctx))
		}
	}
	r.rep, r.err = fn()
	close(r.done)
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.ended = time.Now(); repeatable(r.err) {
		delete(q.all, id)
	}
	return r.rep, r.err
}

// repeatable reports whether a request that ended so is done again if it arrives
// again: it may go better, and link state knows what it has written.
func repeatable(err error) bool {
	switch errcode.Of(err) {
	case errcode.Unavailable, errcode.Deadline, errcode.Closed:
		return true
	}
	return false
}

// forget drops what ended long ago, or all that ended if it is too much.
func (q *requests) forget(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, r := range q.all {
		if !r.ended.IsZero() && (len(q.all) > maxRequests || now.Sub(r.ended) > keepRequests) {
			delete(q.all, id)
		}
	}
}
