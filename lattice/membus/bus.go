package membus

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"sync"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/internal/dispatch"
)

// Bus is one member of a network.
type Bus struct {
	net  *Network
	name string

	mu      sync.Mutex
	closed  bool                             // guarded by mu
	subs    map[*subscription]struct{}       // guarded by mu
	waiting map[uint64]chan *lattice.Message // requests by number; guarded by mu
	next    uint64                           // guarded by mu
}

var _ lattice.Bus = (*Bus)(nil)

// Request sends one message and waits for one reply, see lattice.Bus.
func (b *Bus) Request(ctx context.Context, subject string, h lattice.Header, data []byte) (*lattice.Message, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lattice.DefaultRequestTimeout)
		defer cancel()
	}
	if len(data) > b.MaxPayload() {
		return nil, dispatch.TooLarge(subject, len(data), b.MaxPayload())
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, dispatch.Closed(subject)
	}
	b.next++
	id, reply := b.next, make(chan *lattice.Message, 1)
	b.waiting[id] = reply
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.waiting, id)
		b.mu.Unlock()
	}()
	h = maps.Clone(h)
	if h == nil {
		h = lattice.Header{}
	}
	h[lattice.HeaderTimeout] = dispatch.Timeout(ctx)
	if b.send(subject, h, data, id) == 0 {
		return nil, dispatch.NoResponder(subject)
	}
	select {
	case m := <-reply:
		if m == nil {
			return nil, dispatch.ReplyLost(errcode.Closed, subject)
		}
		if m.Header[lattice.HeaderError] != "" {
			return nil, lattice.DecodeError(m.Data)
		}
		m.Subject = subject
		return m, nil
	case <-ctx.Done():
		return nil, dispatch.Ended(ctx, subject)
	}
}

// Publish sends one message to all subscribers, see lattice.Bus.
func (b *Bus) Publish(subject string, h lattice.Header, data []byte) error {
	if len(data) > b.MaxPayload() {
		return dispatch.TooLarge(subject, len(data), b.MaxPayload())
	}
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return dispatch.Closed(subject)
	}
	b.send(subject, h, data, 0)
	return nil
}

// send delivers a message to all subscribers and returns how many there are.
// request is the number of the request, 0 for a publication.
func (b *Bus) send(subject string, h lattice.Header, data []byte, request uint64) int {
	b.net.mu.Lock()
	members := make([]*Bus, 0, len(b.net.members))
	for _, m := range b.net.members {
		if !b.net.cut[[2]string{b.name, m.name}] {
			members = append(members, m)
		}
	}
	b.net.mu.Unlock()
	found := 0
	for _, m := range members {
		for _, s := range m.matching(subject) {
			found++
			b.net.send(b.name, m.name, func() {
				in := &lattice.Message{Subject: subject, Header: maps.Clone(h), Data: bytes.Clone(data)}
				if request == 0 {
					s.d.Deliver(in, nil)
					return
				}
				s.d.Deliver(in, func(h lattice.Header, data []byte) { m.reply(b, request, h, data) })
			})
		}
	}
	return found
}

// reply carries an answer from b back to the requester.
func (b *Bus) reply(to *Bus, request uint64, h lattice.Header, data []byte) {
	if len(data) > b.MaxPayload() {
		err := errcode.New(errcode.Exhausted, "reply: %w", dispatch.TooLarge("reply", len(data), b.MaxPayload()))
		h, data = dispatch.ErrorHeader(err), lattice.EncodeError(err)
	}
	m := &lattice.Message{Header: maps.Clone(h), Data: bytes.Clone(data)}
	b.net.send(b.name, to.name, func() {
		to.mu.Lock()
		defer to.mu.Unlock()
		if ch := to.waiting[request]; ch != nil {
			select {
			case ch <- m:
			default: // the first reply counts
			}
		}
	})
}

func (b *Bus) matching(subject string) []*subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*subscription
	for s := range b.subs {
		if match(s.subject, subject) {
			out = append(out, s)
		}
	}
	return out
}

// match reports whether a subject is matched by a pattern as NATS does.
func match(pattern, subject string) bool {
	for {
		p, prest, pmore := strings.Cut(pattern, ".")
		s, srest, smore := strings.Cut(subject, ".")
		switch {
		case p == ">" && !pmore:
			return true
		case p != "*" && p != s:
			return false
		case !pmore || !smore:
			return pmore == smore
		}
		pattern, subject = prest, srest
	}
}

// Subscribe calls h for each message on subject, see lattice.Bus.
func (b *Bus) Subscribe(subject string, o lattice.SubscribeOptions, h lattice.Handler) (lattice.Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, dispatch.Closed(subject)
	}
	s := &subscription{bus: b, subject: subject, d: dispatch.New(subject, o, h)}
	b.subs[s] = struct{}{}
	return s, nil
}

// Flush does nothing: messages are on their way when sent.
func (b *Bus) Flush(context.Context) error { return nil }

// MaxPayload is DefaultMaxPayload.
func (b *Bus) MaxPayload() int { return b.net.maxSize }

// Connected reports whether the bus is open.
func (b *Bus) Connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed
}

// Close ends all subscriptions and waits for their handlers. It is idempotent.
func (b *Bus) Close() error {
	b.mu.Lock()
	b.closed = true
	subs := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	for _, s := range subs {
		_ = s.Close()
	}
	b.mu.Lock()
	for _, ch := range b.waiting {
		select {
		case ch <- nil:
		default:
		}
	}
	b.mu.Unlock()
	b.net.mu.Lock()
	if b.net.members[b.name] == b {
		delete(b.net.members, b.name)
	}
	b.net.mu.Unlock()
	return nil
}

func (b *Bus) lost() {
	b.mu.Lock()
	subs := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	for _, s := range subs {
		s.d.Lost()
	}
}

// subscription is a running subscription.
type subscription struct {
	bus     *Bus
	subject string
	d       *dispatch.Subscription
}

// Close stops deliveries and waits for running handlers.
func (s *subscription) Close() error {
	s.bus.mu.Lock()
	delete(s.bus.subs, s)
	s.bus.mu.Unlock()
	return s.d.Close()
}
