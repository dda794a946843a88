package components

import (
	"errors"

	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// hostOp is one read or write of an end that Go holds.
type hostOp struct {
	end    *hostEnd
	bytes  []byte        // what to write, or where to read to; nil in favour of values
	values []value.Value // what to write, or what was read
	elems  abi.Elements  // the same, in place of both
	first  int           // of elems to write, the first
	buffer buffer        // touched where the channel may be
	// discards has what of elems cannot be written discarded here: nobody waits
	// for the operation who would.
	discards bool

	phase  hostOpPhase // guarded by the pipe's mu
	result copyResult  // set before over is closed, as is err
	err    error
	over   chan struct{}
}

type hostOpPhase uint8

const (
	hostOpPending hostOpPhase = iota
	hostOpClaimed             // elements are being moved
	hostOpFinished
	hostOpWithdrawn // whoever asked for it is gone
)

var errWithdrawn = errors.New("the read or write was withdrawn")

func (o *hostOp) buf() *buffer     { return &o.buffer }
func (o *hostOp) instance() *state { return nil }

// copied completes the operation: Go is told at once.
func (o *hostOp) copied() {
	o.end.pipe.channel.pending = nil
	o.finish(copyCompleted, nil)
}

func (o *hostOp) done(r copyResult) { o.finish(r, nil) }

// start offers the operation to the other end.
func (o *hostOp) start() error {
	if o.ended() {
		return nil
	}
	c := o.end.pipe.channel
	if c.broken {
		o.finish(copyDropped, nil)
		return nil
	}
	return c.copy(o, o.end.reads)
}

// ended reports whether the operation is over, or nobody waits for it.
func (o *hostOp) ended() bool {
	o.end.pipe.mu.Lock()
	defer o.end.pipe.mu.Unlock()
	return o.phase == hostOpFinished || o.phase == hostOpWithdrawn
}

// claim reserves the operation for moving elements.
func (o *hostOp) claim() error {
	o.end.pipe.mu.Lock()
	defer o.end.pipe.mu.Unlock()
	if o.phase != hostOpPending {
		return errWithdrawn
	}
	o.phase = hostOpClaimed
	return nil
}

// withdraw gives the operation up; it answers false if it is too late.
func (o *hostOp) withdraw() bool {
	p := o.end.pipe
	p.mu.Lock()
	ok := o.phase == hostOpPending
	if ok {
		o.phase, o.end.op = hostOpWithdrawn, nil
	}
	p.mu.Unlock()
	if ok {
		_ = p.post(func() error {
			if p.channel.pending == o {
				p.channel.pending = nil
			}
			return nil
		})
	}
	return ok
}

// finish says that the operation is over.
func (o *hostOp) finish(r copyResult, err error) {
	p := o.end.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.phase == hostOpFinished || o.phase == hostOpWithdrawn {
		return
	}
	if !o.end.reads && r == copyCompleted {
		o.end.wrote = true
	}
	o.phase, o.end.op = hostOpFinished, nil
	o.result, o.err = r, err
	close(o.over)
}

// receive moves n elements from src to Go.
func (o *hostOp) receive(src *buffer, n uint32) error {
	if src.host != nil {
		return o.exchange(src.host, int(n))
	}
	if err := o.claim(); err != nil {
		return err
	}
	if src.elem == nil {
		for range n {
			o.load(nil, nil, nil)
		}
		return nil
	}
	m := &src.frame.call.Mem
	m.ClearErr()
	from := src.view(n)
	if o.bytes != nil {
		copy(o.bytes[o.buffer.progress:], from)
		return nil
	}
	src.frame.host = true
	defer func() { src.frame.host = false }()
	for i := uint32(0); i < n && m.Err() == nil; i++ {
		o.load(src.elem, m, from[i*src.elem.Size():])
	}
	if err := m.Err(); err != nil { // the guest is gone, and its resources with it
		loseValues(o.values, func(*GuestResource) {})
		return err
	}
	return nil
}

// load appends the element at b, nil for one without content.
func (o *hostOp) load(elem *abi.Codec, m *abi.Mem, b []byte) {
	switch {
	case o.elems != nil:
		o.elems.Load(m, b)
	case elem == nil:
		o.values = append(o.values, nil)
	default:
		o.values = append(o.values, elem.Load(m, b))
	}
}

// exchange moves n elements from w, of Go as well. Where one side cannot take
// what the other has, both are told, and nothing else is wrong.
func (o *hostOp) exchange(w *hostOp, n int) error {
	if err := o.claimBoth(w); err != nil {
		return err
	}
	to, from := int(o.buffer.progress), int(w.buffer.progress)
	switch {
	case o.bytes != nil && w.bytes != nil:
		copy(o.bytes[to:to+n], w.bytes[from:])
	case o.elems != nil || w.elems != nil:
		if err := o.exchangeElems(w, from, n); err != nil {
			o.end.pipe.channel.pending = nil
			o.finish(copyDropped, err)
			w.finish(copyDropped, err)
			return errWithdrawn
		}
	case o.bytes != nil:
		for i := range n {
			o.bytes[to+i] = byte(w.values[from+i].(value.U8))
		}
	case w.bytes != nil:
		for _, b := range w.bytes[from : from+n] {
			o.values = append(o.values, value.U8(b))
		}
	default:
		o.values = append(o.values, w.values[from:from+n]...)
	}
	return nil
}

// claimBoth is claim of o, which reads, and of w, which writes: of both or of
// neither.
func (o *hostOp) claimBoth(w *hostOp) error {
	p, q := o.end.pipe, w.end.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if p != q { // the reader was a guest's in between
		q.mu.Lock()
		defer q.mu.Unlock()
	}
	if o.phase != hostOpPending || w.phase != hostOpPending {
		return errWithdrawn
	}
	o.phase, w.phase = hostOpClaimed, hostOpClaimed
	return nil
}

// exchangeElems moves n elements from w, where one side knows their Go type
// alone: the other one must be of the same.
func (o *hostOp) exchangeElems(w *hostOp, from, n int) error {
	if o.elems == nil || w.elems == nil {
		return errcode.New(errcode.Unsupported, "move elements: one side has Go values of a contract, the other dynamic ones")
	}
	for i := range n {
		if v := w.elems.At(w.first + from + i); !o.elems.Append(v) {
			return errcode.New(errcode.Invalid, "move elements: a %T was written where another type is read", v)
		}
	}
	return nil
}

// send moves n elements from Go to dst. An element that fails stays Go's, all
// of it.
func (o *hostOp) send(dst *buffer, n uint32) error {
	if err := o.claim(); err != nil {
		return err
	}
	if dst.elem == nil {
		return nil
	}
	m := &dst.frame.call.Mem
	m.ClearErr()
	to := dst.view(n)
	if o.bytes != nil {
		copy(to, o.bytes[o.buffer.progress:])
		return nil
	}
	for i := range n {
		e := to[i*dst.elem.Size():]
		dst.frame.giving = true
		if o.elems != nil {
			o.elems.Store(m, e, o.first+int(o.buffer.progress+i))
		} else {
			dst.elem.Store(m, e, o.values[o.buffer.progress+i])
		}
		if err := m.Err(); err != nil {
			dst.frame.takeBack(false)
			o.buffer.progress += i // what the guest has of it, which ends with its table
			if o.discards {
				o.elems.Discard(o.first + int(o.buffer.progress))
			}
			return err
		}
		dst.frame.keep()
	}
	return nil
}
