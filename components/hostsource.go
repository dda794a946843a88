package components

import (
	"context"
	"sync"

	"latticework/wit"
	"latticework/wit/abi"
)

// source is a stream or future that Go gave to a guest as what it is, and not
// as an end of a pipe: a goroutine reads it and writes the pipe, from the
// guest's first read on. But for close, which may be called by any goroutine,
// it belongs to the goroutine that runs the instance. A nil source is none.
type source struct {
	sc      *scheduler
	rep     any // an abi.Source or an abi.Stream[byte]
	channel *channel
	writer  *hostEnd
	ctx     context.Context // of the goroutine, as is cancel; nil before it starts
	cancel  context.CancelFunc
	started bool
	closing sync.Once
}

// fromSource returns the channel of type t on which rep is written.
func (sc *scheduler) fromSource(rep any, t *wit.Type) *channel {
	p := newPipe(t)
	p.sched = sc
	p.reader.given = true
	sc.adopt(p.writer)
	s := &source{sc: sc, rep: rep, channel: p.channel, writer: p.writer}
	p.channel.source = s
	if sc.sources == nil {
		sc.sources = map[*source]struct{}{}
	}
	sc.sources[s] = struct{}{}
	return p.channel
}

// start begins to read the source.
func (s *source) start() {
	if s == nil || s.started {
		return
	}
	s.started = true
	delete(s.sc.sources, s)
	if v, ok := s.rep.(abi.Settled); ok && v.Settled() {
		s.settle()
		return
	}
	s.ctx, s.cancel = context.WithCancel(s.sc.context())
	s.sc.work.Go(func() {
		defer s.writer.close()
		defer s.close()
		switch r := s.rep.(type) {
		case abi.Source:
			s.copyElements(r)
		case abi.Stream[byte]:
			s.copyBytes(r)
		}
	})
}

// settle writes what the source has, which does not wait, for the read that
// begins it.
func (s *source) settle() {
	c := s.channel
	s.sc.release(s.writer)
	defer s.close()
	if !c.future() {
		c.dropped = true
		return
	}
	elems, n, err := s.rep.(abi.Source).Pull(s.sc.in.main.ctx.Context, 1)
	if err != nil || n == 0 {
		c.broken = true
		return
	}
	op := &hostOp{end: s.writer, elems: elems, discards: true, over: make(chan struct{})}
	op.buffer = buffer{host: op, length: 1}
	c.pending = op
}

// detach returns what Go gave, if it was not read yet: whoever receives it in
// Go reads it without a detour.
func (s *source) detach() any {
	if s == nil || s.started {
		return nil
	}
	s.started = true
	delete(s.sc.sources, s)
	s.channel.source = nil
	s.sc.release(s.writer)
	return s.rep
}

// drop says that nobody reads any more.
func (s *source) drop() {
	if s == nil {
		return
	}
	if !s.started {
		s.started = true
		delete(s.sc.sources, s)
		s.sc.release(s.writer)
	}
	s.close()
}

// close lets go of what Go gave, once.
func (s *source) close() {
	s.closing.Do(func() {
		if s.cancel != nil {
			s.cancel()
		}
		s.rep.(interface{ Close() }).Close()
	})
}

// sourceBytes is how much is read at once from a stream of bytes.
const sourceBytes = 64 << 10

var sourceBuffers = sync.Pool{New: func() any { return new([sourceBytes]byte) }}

func (s *source) copyBytes(r abi.Stream[byte]) {
	buf := sourceBuffers.Get().(*[sourceBytes]byte)
	defer sourceBuffers.Put(buf)
	for {
		n, err := r.Read(s.ctx, buf[:])
		_, werr := s.writer.writeAll(s.ctx, n, func(done int) *hostOp { return &hostOp{bytes: buf[done:n]} })
		if err != nil || werr != nil {
			return
		}
	}
}

// sourceElements is how many elements are read at once from another stream.
const sourceElements = 64

func (s *source) copyElements(r abi.Source) {
	for {
		elems, n, err := r.Pull(s.ctx, sourceElements)
		k, werr := s.writer.writeAll(s.ctx, n, func(done int) *hostOp { return &hostOp{elems: elems, first: done} })
		if werr != nil {
			elems.Discard(k)
		}
		if err != nil || werr != nil || s.channel.future() {
			return
		}
	}
}
