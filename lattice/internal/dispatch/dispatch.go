// Package dispatch runs the handlers of a bus subscription, the same way for
// every bus: bounded, with the request's deadline, and joined when it closes.
package dispatch

import (
	"context"
	"strconv"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
)

// Respond sends a reply. It must not block for long.
type Respond func(h lattice.Header, data []byte)

// Subscription delivers messages to a handler.
type Subscription struct {
	opts    lattice.SubscribeOptions
	handler lattice.Handler
	subject string
	ctx     context.Context
	cancel  context.CancelFunc
	queue   chan delivery // ordered only

	mu      sync.Mutex
	closed  bool
	running int
	telling bool           // a goroutine is about to call OnLost
	idle    sync.WaitGroup // handlers and the ordered worker
	lost    sync.Mutex     // held while OnLost runs
}

type delivery struct {
	m       *lattice.Message
	respond Respond
}

// New returns a subscription that takes deliveries. Close must follow.
func New(subject string, o lattice.SubscribeOptions, h lattice.Handler) *Subscription {
	if o.Concurrency <= 0 {
		o.Concurrency = lattice.DefaultConcurrency
	}
	if o.Pending <= 0 {
		o.Pending = lattice.DefaultPending
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Subscription{opts: o, handler: h, subject: subject, ctx: ctx, cancel: cancel}
	if o.Ordered {
		s.queue = make(chan delivery, o.Pending)
		s.idle.Add(1)
		go s.work()
	}
	return s
}

// Deliver hands a message over without blocking. respond is nil when no reply
// is wanted.
func (s *Subscription) Deliver(m *lattice.Message, respond Respond) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.refuse(respond, errcode.New(errcode.Unavailable, "%s is no longer served", s.subject))
		return
	}
	if s.opts.Ordered {
		defer s.mu.Unlock()
		select {
		case s.queue <- delivery{m, respond}:
		default:
			s.overflowLocked()
		}
		return
	}
	if s.running >= s.opts.Concurrency {
		s.mu.Unlock()
		s.refuse(respond, errcode.New(errcode.Exhausted, "calls on %s: %d > %d", s.subject, s.opts.Concurrency+1, s.opts.Concurrency))
		return
	}
	s.running++
	s.idle.Add(1)
	s.mu.Unlock()
	deadline := Deadline(m.Header)
	go func() {
		defer func() {
			s.mu.Lock()
			s.running--
			s.mu.Unlock()
			s.idle.Done()
		}()
		s.handle(m, respond, deadline)
	}()
}

// Lost tells the subscriber that messages may have been lost.
func (s *Subscription) Lost() {
	if s.opts.OnLost == nil {
		return
	}
	s.lost.Lock()
	defer s.lost.Unlock()
	s.opts.OnLost()
}

// overflowLocked calls OnLost from a goroutine of its own: not under the lock.
func (s *Subscription) overflowLocked() {
	if s.telling {
		return
	}
	s.telling = true
	s.idle.Add(1)
	go func() {
		defer s.idle.Done()
		s.mu.Lock()
		s.telling = false // what is lost from here on is told again
		s.mu.Unlock()
		s.Lost()
	}()
}

// Close ends the handlers' contexts and waits for them.
func (s *Subscription) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		s.cancel()
		if s.queue != nil {
			close(s.queue)
		}
	}
	s.mu.Unlock()
	s.idle.Wait()
	return nil
}

func (s *Subscription) work() {
	defer s.idle.Done()
	for d := range s.queue {
		if s.ctx.Err() != nil {
			continue // closed: let the queue run empty
		}
		s.handle(d.m, d.respond, Deadline(d.m.Header))
	}
}

// handle runs the handler and sends what it answers.
func (s *Subscription) handle(m *lattice.Message, respond Respond, deadline time.Time) {
	ctx := s.ctx
	if respond != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(s.ctx, deadline)
		defer cancel()
	}
	if err := ctx.Err(); err != nil {
		s.refuse(respond, errcode.New(errcode.Deadline, "call on %s arrived too late", s.subject))
		return
	}
	rep, err := s.handler(ctx, m)
	if respond == nil {
		return
	}
	if err != nil {
		respond(ErrorHeader(err), lattice.EncodeError(err))
		return
	}
	respond(rep.Header, rep.Data)
}

func (s *Subscription) refuse(respond Respond, err error) {
	if respond == nil {
		return
	}
	err = lattice.Refuse(err)
	respond(ErrorHeader(err), lattice.EncodeError(err))
}

// ErrorHeader returns the header of a reply that carries err.
func ErrorHeader(err error) lattice.Header {
	return lattice.Header{lattice.HeaderError: string(errcode.Of(err))}
}

// Deadline returns when a request that arrives now must be answered. One that
// does not say gets lattice.DefaultRequestTimeout.
func Deadline(h lattice.Header) time.Time {
	if micros, err := strconv.ParseInt(h[lattice.HeaderTimeout], 10, 64); err == nil {
		return time.Now().Add(time.Duration(micros) * time.Microsecond)
	}
	return time.Now().Add(lattice.DefaultRequestTimeout)
}

// Timeout returns the remaining time of ctx as the value of HeaderTimeout.
func Timeout(ctx context.Context) string {
	left := lattice.DefaultRequestTimeout
	if d, ok := ctx.Deadline(); ok {
		left = max(time.Until(d), 0)
	}
	return strconv.FormatInt(left.Microseconds(), 10)
}

// Ended returns the error of a request whose context ended.
func Ended(ctx context.Context, subject string) error {
	return errcode.New(errcode.Of(ctx.Err()), "request on %s: no reply: %w", subject, ctx.Err())
}

// NoResponder returns the error of a request that nobody serves.
func NoResponder(subject string) error {
	return lattice.Refuse(errcode.New(errcode.Unavailable, "request on %s: nobody serves it", subject))
}

// TooLarge returns the error of a message above the bus's limit.
func TooLarge(subject string, size, limit int) error {
	return lattice.Refuse(errcode.New(errcode.Invalid, "send on %s: payload bytes: %d > %d", subject, size, limit))
}

// ReplyLost returns the error of a request that was sent and whose reply will
// not come, with the code of why.
func ReplyLost(code errcode.Code, subject string) error {
	why := "the connection was lost"
	if code == errcode.Closed {
		why = "the bus was closed"
	}
	return lattice.LoseReply(errcode.New(code, "request on %s: %s before the reply came; it may have been executed", subject, why))
}

// Closed returns the error of a closed bus.
func Closed(subject string) error {
	return lattice.Refuse(errcode.New(errcode.Closed, "send on %s: bus closed", subject))
}
