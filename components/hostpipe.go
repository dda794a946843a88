package components

import (
	"context"
	"io"
	"sync"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// pipe is a channel of which Go holds at least one end.
type pipe struct {
	typ            *wit.Type
	reader, writer *hostEnd // nil if the guest had it from the start

	// solo guards channel as long as no guest holds an end; from then on it
	// belongs to the goroutine that runs the guest's instance. It is taken
	// before mu.
	solo    sync.Mutex
	channel *channel

	mu    sync.Mutex
	sched *scheduler // guarded by mu, changed under solo too; of the guest, nil before there is one

	ends [2]hostEnd // of reader and writer
}

func newPipe(t *wit.Type) *pipe {
	p := &struct {
		pipe
		shared channel
	}{pipe: pipe{typ: t}, shared: channel{typ: t}}
	p.channel = &p.shared
	p.ends = [2]hostEnd{{pipe: &p.pipe, reads: true}, {pipe: &p.pipe}}
	p.reader, p.writer = &p.ends[0], &p.ends[1]
	return &p.pipe
}

// hostEnd is an end that Go holds.
type hostEnd struct {
	pipe  *pipe
	reads bool

	op     *hostOp // guarded by pipe.mu; under way
	closed bool    // guarded by pipe.mu
	left   bool    // guarded by pipe.mu; closed, and the other end was told
	given  bool    // guarded by pipe.mu; a guest has it
	wrote  bool    // guarded by pipe.mu; a future has its value
	lost   error   // guarded by pipe.mu; why the other end will never answer
}

// check checks what is to be written.
func (e *hostEnd) check(vs []value.Value) error {
	elem := e.pipe.typ.Elem
	for i, v := range vs {
		if elem == nil {
			if v != nil {
				return errcode.New(errcode.Invalid, "write element %d: the elements have no content", i)
			}
		} else if err := value.Check(elem, v); err != nil {
			return errcode.New(errcode.Invalid, "write element %d: %w", i, err)
		}
	}
	return nil
}

// writeAll writes n elements in as many steps as the reader makes of it.
func (e *hostEnd) writeAll(ctx context.Context, n int, rest func(done int) *hostOp) (int, error) {
	done := 0
	for done < n {
		k, err := e.do(ctx, rest(done), n-done)
		if done += k; err != nil {
			return done, eofIsClosed(err)
		}
	}
	return done, nil
}

// do carries out op, of at most n elements, and answers how many were moved.
func (e *hostEnd) do(ctx context.Context, op *hostOp, n int) (int, error) {
	elem := e.pipe.typ.Elem
	if op.bytes != nil && (elem == nil || elem.Kind != wit.KindU8) {
		return 0, errcode.New(errcode.Invalid, "move bytes: the elements are not of type u8")
	}
	if n <= 0 {
		return 0, nil
	}
	op.end, op.over = e, make(chan struct{})
	op.buffer = buffer{host: op, length: uint32(min(n, maxCopy))}
	if err := e.begin(op); err != nil {
		return 0, err
	}
	if d := driverOf(ctx, e.pipe.scheduler()); d != nil {
		if err := d.carryOut(op); err != nil {
			op.finish(copyDropped, err) // whoever moved elements has stopped
		}
	}
	select {
	case <-op.over:
	case <-ctx.Done():
		if op.withdraw() {
			return 0, errcode.New(errcode.OfContext(ctx), "move elements: %w", context.Cause(ctx))
		}
		<-op.over // it is being carried out
	}
	moved := int(op.buffer.progress)
	switch {
	case op.err != nil:
		return moved, op.err
	case moved == 0 && op.result == copyDropped:
		return 0, io.EOF
	}
	return moved, nil
}

// begin makes op the one under way and has it started.
func (e *hostEnd) begin(op *hostOp) error {
	e.pipe.mu.Lock()
	err := e.lost
	switch {
	case err != nil:
	case e.closed || e.given:
		err = errcode.New(errcode.Closed, "move elements: the end was closed or given to a guest")
	case e.op != nil:
		err = errcode.New(errcode.Invalid, "move elements: the end is busy with another read or write")
	default:
		e.op = op
	}
	e.pipe.mu.Unlock()
	if err != nil {
		return err
	}
	if err = e.pipe.post(op.start); err != nil {
		op.finish(copyDropped, err)
	}
	return err
}

// post has f run where the channel may be touched.
func (p *pipe) post(f func() error) error {
	p.solo.Lock()
	sched := p.scheduler()
	if sched == nil {
		defer p.solo.Unlock()
		return f()
	}
	p.solo.Unlock()
	if !sched.post(f) {
		return errReleased
	}
	return nil
}

func (p *pipe) scheduler() *scheduler {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sched
}

// close gives up the end.
func (e *hostEnd) close() {
	p := e.pipe
	p.mu.Lock()
	over := e.closed || e.given
	e.closed = true
	op := e.op
	p.mu.Unlock()
	if over {
		return
	}
	if op != nil && !op.withdraw() {
		<-op.over
	}
	_ = p.post(func() error {
		if sc := p.scheduler(); sc != nil {
			sc.release(e)
		}
		return e.leave()
	})
}

// leave tells the other end that this one is gone.
func (e *hostEnd) leave() error {
	c := e.pipe.channel
	e.pipe.mu.Lock()
	e.left = true
	broken := !e.reads && c.future() && !e.wrote
	e.pipe.mu.Unlock()
	if !broken {
		c.drop()
		return nil
	}
	c.broken = true
	switch c.pending.(type) {
	case nil:
		return nil
	case *hostOp:
		c.notify(copyDropped)
		return nil
	}
	return errBroken
}

// errBroken: a future cannot end without a value.
var errBroken = errcode.New(errcode.Trap, "the host dropped a future without giving it a value")

// abandon says that the guest at the other end is gone.
func (e *hostEnd) abandon(why error) {
	e.pipe.mu.Lock()
	e.lost = why
	op := e.op
	e.pipe.mu.Unlock()
	if op != nil {
		op.finish(copyDropped, why)
	}
}

// toHost gives Go the readable end of c.
func (sc *scheduler) toHost(c *channel) any {
	if rep := c.source.detach(); rep != nil {
		return rep
	}
	p := &pipe{typ: c.typ, channel: c, sched: sc}
	p.ends[0] = hostEnd{pipe: p, reads: true}
	p.reader = &p.ends[0]
	sc.adopt(p.reader)
	if c.future() {
		return &FutureReader{p.reader}
	}
	return &StreamReader{p.reader}
}

// fromHost takes the readable end of type t that Go gives.
func (sc *scheduler) fromHost(rep any, t *wit.Type) (*channel, error) {
	var e *hostEnd
	switch r := rep.(type) {
	case *StreamReader:
		e = r.end
	case *FutureReader:
		e = r.end
	case abi.Source:
		return sc.fromSource(r, t), nil
	case abi.Stream[byte]:
		if t.Kind == wit.KindStream && t.Elem != nil && t.Elem.Kind == wit.KindU8 {
			return sc.fromSource(r, t), nil
		}
	}
	if e == nil || e.pipe.typ.Kind != t.Kind {
		return nil, errcode.New(errcode.Invalid, "a %T was given for a %s", rep, kindName(t))
	}
	if !sc.in.tmpl.sameAsync(t, e.pipe.typ) {
		return nil, errcode.New(errcode.Invalid, "a %s of other elements was given", kindName(t))
	}
	p, writer, other, err := sc.take(e)
	switch {
	case err != nil:
		return nil, err
	case other != nil:
		return sc.bridge(e, other, t), nil
	case writer != nil:
		sc.adopt(writer)
	}
	p.channel.typ = t
	return p.channel, nil
}

// take binds the pipe of e, which a guest receives, to sc. It returns the
// writer if Go has that too, and the scheduler of another guest that has it.
func (sc *scheduler) take(e *hostEnd) (p *pipe, adopted *hostEnd, other *scheduler, err error) {
	p = e.pipe
	p.solo.Lock()
	defer p.solo.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.closed || e.given || e.op != nil {
		return nil, nil, nil, errcode.New(errcode.Invalid, "a %s was given that is closed, in use, or given away", kindName(p.typ))
	}
	e.given = true
	switch p.sched {
	case nil:
		p.sched = sc
		if w := p.writer; !w.left {
			adopted = w
		}
	case sc:
		sc.release(e)
	default:
		other = p.sched
	}
	return p, adopted, other, nil
}

// bridge returns a channel of type t on which a goroutine writes what it reads
// from e, of another instance. What it has read and cannot write ends.
func (sc *scheduler) bridge(e *hostEnd, other *scheduler, t *wit.Type) *channel {
	from, to := &hostEnd{pipe: e.pipe, reads: true}, newPipe(t)
	other.adopt(from)
	other.release(e)
	to.sched = sc
	sc.adopt(to.writer)
	ctx := sc.context()
	sc.work.Go(func() {
		defer to.writer.close()
		defer from.close()
		for {
			op := &hostOp{}
			n, err := from.do(ctx, op, bridged(t))
			if err != nil {
				return
			}
			done, err := to.writer.writeAll(ctx, n, func(done int) *hostOp { return &hostOp{values: op.values[done:]} })
			loseValues(op.values[done:], func(r *GuestResource) { other.post(r.lose) })
			if err != nil || t.Kind == wit.KindFuture {
				return
			}
		}
	})
	return to.channel
}

// bridged is how many elements go over a bridge at once.
func bridged(t *wit.Type) int {
	if t.Kind == wit.KindFuture {
		return 1
	}
	return 4096
}
