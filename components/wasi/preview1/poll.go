package preview1

import (
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/clocks"
	"latticework/components/wasi/streams"
)

// The sizes of a subscription and of an event, and the kinds of both.
const (
	subscriptionSize = 48
	eventSize        = 32

	eventClock = 0
	eventRead  = 1
	eventWrite = 2
)

// absolute says that a clock's subscription names a moment, not a duration.
const absolute = 1

// subscription is one thing to wait for. One that failed is ready at once.
type subscription struct {
	userdata uint64
	kind     byte
	err      errno
	bytes    uint64 // that can be read or written
}

// pollOneoff waits until at least one of the subscriptions is ready.
func pollOneoff(c *call) error {
	n := c.u32(2)
	if n == 0 || n > streams.MaxPoll {
		return errInval
	}
	in, err := c.mem.place(c.p[0], n*subscriptionSize)
	if err != nil {
		return err
	}
	out, err := c.mem.place(c.p[1], n*eventSize)
	if err != nil {
		return err
	}
	count, err := c.mem.place(c.p[3], 4)
	if err != nil {
		return err
	}
	subs := make([]subscription, n)
	pollables := make([]wasiio.Pollable, n)
	for i := range subs {
		p, err := c.subscribe(&subs[i], in[i*subscriptionSize:][:subscriptionSize])
		e, fatal := errnoOf(err)
		if fatal != nil {
			return fatal
		}
		if subs[i].err = e; p == nil {
			p = streams.NewPollable(streams.Always)
		}
		pollables[i] = p
	}
	ready, err := streams.Interfaces{}.Poll(c.ctx(), pollables)
	for _, p := range pollables {
		p.Drop(c.ctx())
	}
	if err != nil {
		return err
	}
	for i, k := range ready {
		subs[k].put(out[i*eventSize:][:eventSize])
	}
	put32(count, uint32(len(ready)))
	return nil
}

// put stores the event of s.
func (s *subscription) put(b []byte) {
	clear(b)
	put64(b, s.userdata)
	put16(b[8:], uint16(s.err))
	b[10] = s.kind
	put64(b[16:], s.bytes)
}

// subscribe reads a subscription and returns what to wait for, nil for what is
// ready.
func (c *call) subscribe(s *subscription, b []byte) (wasiio.Pollable, error) {
	s.userdata, s.kind = get64(b), b[8]
	switch s.kind {
	case eventClock:
		return c.subscribeClock(get32(b[16:]), get64(b[24:]), get16(b[40:])&absolute != 0)
	case eventRead, eventWrite:
		need := rightFdRead
		if s.kind == eventWrite {
			need = rightFdWrite
		}
		d, err := c.fdWith(get32(b[16:]), need)
		if err != nil {
			return nil, err
		}
		return c.subscribeFd(s, d)
	}
	return nil, errInval
}

// subscribeClock waits on the monotonic clock in any case: a moment of the
// time of day is turned into a duration once.
func (c *call) subscribeClock(id uint32, timeout uint64, absolute bool) (wasiio.Pollable, error) {
	if err := checkClock(id); err != nil {
		return nil, err
	}
	if absolute {
		timeout -= min(timeout, c.now(id))
	}
	return clocks.NewMonotonic(c.clock).SubscribeDuration(c.ctx(), timeout)
}

// subscribeFd waits for a stream; a regular file is always ready.
func (c *call) subscribeFd(s *subscription, d *descriptor) (wasiio.Pollable, error) {
	switch {
	case d.kind == typeRegular && s.kind == eventRead:
		st, err := d.file.Stat(c.ctx())
		s.bytes = st.Size - min(st.Size, d.offset)
		return nil, err
	case d.kind == typeRegular:
		s.bytes = step
		return nil, nil
	case s.kind == eventRead:
		s.bytes = 1 // at least, if the stream has not ended
		in, err := d.input(c.ctx())
		if err != nil {
			return nil, err
		}
		return in.Subscribe(c.ctx())
	}
	s.bytes = 1
	out, err := d.output(c.ctx())
	if err != nil {
		return nil, err
	}
	return out.Subscribe(c.ctx())
}
