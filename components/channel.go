package components

import (
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// copyResult is how a read or write of a stream or future ended.
type copyResult uint32

const (
	copyCompleted copyResult = iota
	copyDropped
	copyCancelled
)

// maxCopy is the most elements that one read or write moves.
const maxCopy = 1<<28 - 1

// channel is what the two ends of a stream or future share: at most one of
// them has a copy pending.
type channel struct {
	typ     *wit.Type // the stream or future
	dropped bool
	broken  bool   // a future that will never have a value
	pending copier // nil without
	// source is what Go writes into it as far as it is read, nil without.
	source *source
}

// copier is one read or write under way.
type copier interface {
	// buf is what is left to move.
	buf() *buffer
	// copied says that elements were moved; the copy stays pending until the
	// other side knows.
	copied()
	// done says that the copy is over.
	done(r copyResult)
	// instance is where the copy was called, nil for Go.
	instance() *state
}

// buffer is a part of a guest's memory, or Go's, that elements are moved from
// or to.
type buffer struct {
	frame    *frame     // of the guest
	elem     *abi.Codec // nil for elements without content
	ptr      uint32
	length   uint32
	progress uint32
	host     *hostOp // Go's, in place of frame
}

func (b *buffer) remain() uint32 { return b.length - b.progress }

// future says that exactly one element is moved.
func (c *channel) future() bool { return c.typ.Kind == wit.KindFuture }

func (c *channel) notify(r copyResult) {
	p := c.pending
	c.pending = nil
	p.done(r)
}

// cancel ends the pending copy.
func (c *channel) cancel() { c.notify(copyCancelled) }

// drop says that one end is gone.
func (c *channel) drop() {
	if !c.dropped {
		c.dropped = true
		c.source.drop()
		if c.pending != nil {
			c.notify(copyDropped)
		}
	}
}

// read has dst receive what a pending write holds, or become pending.
func (c *channel) read(dst copier) error { return c.copy(dst, true) }

// write has a pending read receive what src holds, or src become pending.
func (c *channel) write(src copier) error { return c.copy(src, false) }

func (c *channel) copy(op copier, reads bool) error {
	if reads {
		c.source.start()
	}
	if c.dropped {
		op.done(copyDropped)
		return nil
	}
	if c.broken {
		return errBroken
	}
	p := c.pending
	if h, ok := p.(*hostOp); p == nil || ok && h.ended() {
		c.pending = op
		return nil
	}
	if s := op.instance(); s != nil && s == p.instance() && !numbers(c.typ.Elem) {
		return errcode.New(errcode.Trap, "cannot read from and write to intra-component %s", kindName(c.typ))
	}
	mine, theirs := op.buf(), p.buf()
	switch {
	case theirs.remain() == 0:
		if !reads && mine.length == 0 && theirs.length == 0 {
			break
		}
		c.notify(copyCompleted)
		c.pending = op
		return nil
	case mine.remain() > 0:
		dst, src := mine, theirs
		if !reads {
			dst, src = theirs, mine
		}
		if err := move(dst, src, min(dst.remain(), src.remain())); err == errWithdrawn {
			return c.again(op, reads)
		} else if err != nil {
			return err
		}
		if c.future() {
			c.notify(copyCompleted)
		} else {
			p.copied()
		}
	}
	op.done(copyCompleted)
	return nil
}

// again does what copy does after one side turned out to have ended.
func (c *channel) again(op copier, reads bool) error {
	if h, ok := op.(*hostOp); ok && h.ended() {
		return nil
	}
	c.pending = nil
	return c.copy(op, reads)
}

func kindName(t *wit.Type) string {
	if t.Kind == wit.KindFuture {
		return "future"
	}
	return "stream"
}

// numbers reports whether elements of type t are numbers, or nothing.
func numbers(t *wit.Type) bool {
	return t == nil || t.Kind >= wit.KindS8 && t.Kind <= wit.KindF64
}

// begin checks the part of the guest's memory that the copy names, whose frame
// is set.
func (c *guestCopy) begin(elem *abi.Codec, ptr, n uint32) error {
	f := &c.frame
	if n > maxCopy {
		return errcode.New(errcode.Trap, "stream read/write count too large: %d > %d", n, maxCopy)
	}
	if elem != nil && n > 0 {
		if ptr&(elem.Align()-1) != 0 {
			return errcode.New(errcode.Trap, "unaligned pointer: %#x is not aligned to %d", ptr, elem.Align())
		}
		if end := uint64(ptr) + uint64(n)*uint64(elem.Size()); end > uint64(len(f.call.Data)) {
			return errcode.New(errcode.Trap, "read/write pointer out of bounds of memory: %#x > %#x", end, len(f.call.Data))
		}
	}
	c.buffer = buffer{frame: f, elem: elem, ptr: ptr, length: n}
	return nil
}

// view returns the place of the next n elements.
func (b *buffer) view(n uint32) []byte {
	b.frame.refresh()
	end := b.ptr + n*b.elem.Size()
	return b.frame.call.Data[b.ptr:end:end]
}

func (b *buffer) advance(n uint32) {
	b.progress += n
	if b.elem != nil {
		b.ptr += n * b.elem.Size()
	}
}

// move moves n elements.
func move(dst, src *buffer, n uint32) error {
	if err := moveElements(dst, src, n); err != nil {
		return err
	}
	dst.advance(n)
	src.advance(n)
	return nil
}

func moveElements(dst, src *buffer, n uint32) error {
	switch {
	case dst.host != nil:
		return dst.host.receive(src, n)
	case src.host != nil:
		return src.host.send(dst, n)
	case dst.elem == nil:
		return nil
	}
	d, s := &dst.frame.call.Mem, &src.frame.call.Mem
	d.ClearErr()
	s.ClearErr()
	to, from, size := dst.view(n), src.view(n), dst.elem.Size()
	for step := max(1, copyStep/size); ; {
		k := min(n, step)
		dst.elem.CopyN(d, to, s, from, int(k))
		if err := s.Err(); err != nil {
			return err
		}
		if err := d.Err(); err != nil {
			return err
		}
		if n -= k; n == 0 {
			return nil
		}
		to, from = to[k*size:], from[k*size:]
		if err := dst.frame.state.inst.overdue(); err != nil {
			return err
		}
	}
}

// copyStep is how many bytes are moved from guest to guest before the time is
// looked at.
const copyStep = 1 << 20

// endPhase is what an end is doing.
type endPhase uint8

const (
	endIdle endPhase = iota
	endCopying
	endCancelling
	endDone
)

// channelEnd is one end of a stream or future in a guest's table.
type channelEnd struct {
	waitable
	channel *channel
	reader  bool
	phase   endPhase
	index   uint32 // of the copy's event

	state   *state
	copying *guestCopy // the last copy, nil before the first
	reclaim bool       // the copy stays pending until its event is delivered
	result  copyResult
}

// guestCopy is a read or write that a guest began.
type guestCopy struct {
	frame  frame
	buffer buffer
}

// resource is the sentinel under which the end is in a table.
func endResource(t *wit.Type, reader bool) *wit.Resource {
	switch {
	case t.Kind == wit.KindFuture && reader:
		return resFutureReader
	case t.Kind == wit.KindFuture:
		return resFutureWriter
	case reader:
		return resReader
	}
	return resWriter
}

func (e *channelEnd) code() uint32 {
	code := uint32(eventStreamRead)
	if e.channel.future() {
		code = eventFutureRead
	}
	if !e.reader {
		code++
	}
	return code
}

func (e *channelEnd) busy() bool { return e.phase == endCopying || e.phase == endCancelling }

func (e *channelEnd) buf() *buffer     { return &e.copying.buffer }
func (e *channelEnd) instance() *state { return e.state }

func (e *channelEnd) copied() {
	e.reclaim, e.result = true, copyCompleted
	e.pending = e
}

func (e *channelEnd) done(r copyResult) {
	e.reclaim, e.result = false, r
	e.pending = e
}

// event is delivered to the guest.
func (e *channelEnd) event() event {
	if e.reclaim {
		e.channel.pending = nil
	}
	r := e.result
	if e.reclaim && e.phase == endCancelling {
		r = copyCancelled // after a part of it
	}
	e.phase = endIdle
	if r == copyDropped || r == copyCompleted && e.channel.future() {
		e.phase = endDone
	}
	payload := uint32(r)
	if !e.channel.future() {
		payload |= e.copying.buffer.progress << 4
	}
	return event{e.code(), e.index, payload}
}

// end returns the end at index i, which must be of type t.
func (s *state) end(i uint32, t *wit.Type, reader bool) (*channelEnd, error) {
	h, err := s.table.get(i, endResource(t, reader))
	if err != nil {
		return nil, err
	}
	e := h.rep.(*channelEnd)
	if !s.inst.tmpl.sameAsync(e.channel.typ, t) {
		return nil, errcode.New(errcode.Trap, "handle index %d used with the wrong type: expected a %s of other elements", i, kindName(t))
	}
	return e, nil
}

// errDone says why an end that is done cannot do what.
func (e *channelEnd) errDone(what string) error {
	switch {
	case e.phase != endDone:
		return errcode.New(errcode.Trap, "cannot have concurrent operations active on a future/stream")
	case e.channel.future() && e.reader:
		return errcode.New(errcode.Trap, "cannot %s future after previous read succeeded", what)
	case e.channel.future():
		return errcode.New(errcode.Trap, "cannot %s future after previous write succeeded or readable end dropped", what)
	case e.reader:
		return errcode.New(errcode.Trap, "cannot %s stream after being notified that the writable end dropped", what)
	}
	return errcode.New(errcode.Trap, "cannot %s stream after being notified that the readable end dropped", what)
}

// liftEnd takes the readable end of type t at index i out of the table.
func (s *state) liftEnd(i uint32, t *wit.Type) (*channel, error) {
	e, err := s.end(i, t, true)
	if err != nil {
		return nil, err
	}
	switch {
	case e.busy():
		return nil, errcode.New(errcode.Trap, "cannot remove busy %s", kindName(t))
	case e.phase != endIdle:
		return nil, e.errDone("lift")
	case e.set != nil:
		return nil, errcode.New(errcode.Trap, "cannot lift %s while it's in a waitable set", kindName(t))
	}
	s.table.remove(i)
	return e.channel, nil
}

// addReader makes an entry for the readable end of c.
func (s *state) addReader(c *channel) (uint32, error) {
	return s.addEnd(&channelEnd{channel: c, reader: true, state: s})
}

func (s *state) addEnd(e *channelEnd) (uint32, error) {
	return s.table.add(handle{res: endResource(e.channel.typ, e.reader), rep: e})
}
