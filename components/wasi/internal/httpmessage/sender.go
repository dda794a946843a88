package httpmessage

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Unguarded is how many bytes of a body net/http keeps in memory before the
// first write that may block.
const Unguarded = 2 << 10

const (
	// flushDelay is how long a flush may wait for more: a guest that flushes
	// after every write, as many toolchains do, is answered in one piece if it
	// finishes at once.
	flushDelay = 500 * time.Microsecond
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// Sender writes a response to a client. One goroutine uses it at a time, and
// the delayed flush beside it.
type Sender struct {
	ctx     context.Context //nolint:containedctx // of the one request
	w       http.ResponseWriter
	written int
	flusher *flusher // nil until the first flush
	guard   *guard   // nil until a write may block
}

// Init prepares to answer with w, until ctx ends.
func (s *Sender) Init(ctx context.Context, w http.ResponseWriter) { s.ctx, s.w = ctx, w }

// Length states the length of the body, before Head.
func (s *Sender) Length(n int64) { s.w.Header()["Content-Length"] = []string{strconv.FormatInt(n, 10)} }

// Head gives the status to w with fields.
func (s *Sender) Head(status int, fields *Fields) {
	h := s.w.Header()
	fields.AddTo(h, "")
	if lengths := h["Content-Length"]; len(lengths) > 1 {
		h["Content-Length"] = lengths[:1] // they are equal
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http shall not guess
	}
	s.w.WriteHeader(status)
}

// Informational sends a response with a status from 100 to 199 ahead of the
// real one, whose header it leaves as it is.
func (s *Sender) Informational(status int, fields *Fields) {
	h := s.w.Header()
	before := h.Clone()
	fields.AddTo(h, "")
	s.w.WriteHeader(status)
	clear(h)
	maps.Copy(h, before)
}

// Write writes a part of the body. It blocks while the client does not read.
//
// Errors: those of w, once the client is gone or ctx has ended.
func (s *Sender) Write(p []byte) (int, error) {
	if s.written += len(p); s.written > Unguarded {
		s.guardWrites()
	}
	if f := s.flusher; f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
	}
	return s.w.Write(p)
}

// Flush has what was written leave within flushDelay.
//
// Errors: that of an earlier flush.
func (s *Sender) Flush() error {
	if s.flusher == nil {
		s.guardWrites()
		s.flusher = flushers.Get().(*flusher)
		s.flusher.start(s.w)
	}
	return s.flusher.schedule()
}

// FlushNow has what waits for a flush leave at once. A failure is that of a
// client that is gone.
func (s *Sender) FlushNow() {
	if s.flusher != nil {
		s.flusher.fire()
	}
}

// Unmeasured reports whether the head states no length of the body.
func (s *Sender) Unmeasured() bool { return len(s.w.Header()["Content-Length"]) == 0 }

// Trailers puts trailers behind the body.
func (s *Sender) Trailers(trailers *Fields) {
	if f := s.flusher; f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
	}
	// Once the head has left, net/http cannot turn a short body into one
	// of stated length, which would have no room for trailers.
	s.guardWrites()
	_ = http.NewResponseController(s.w).Flush()
	trailers.AddTo(s.w.Header(), http.TrailerPrefix)
}

// Stop gives up w and reports whether writes were interrupted because ctx
// ended. A response that is complete by then still leaves.
func (s *Sender) Stop(complete bool) bool {
	if s.flusher != nil {
		s.flusher.stop()
		s.flusher = nil
	}
	if s.guard == nil || !s.guard.release() {
		return false
	}
	if complete {
		_ = http.NewResponseController(s.w).SetWriteDeadline(time.Time{})
	}
	return true
}

// guardWrites has writes that block fail once ctx ends.
func (s *Sender) guardWrites() {
	if s.guard == nil && s.ctx.Done() != nil {
		s.guard = newGuard(s.ctx, s.w)
	}
}

// guard interrupts writes to a client when a context ends.
type guard struct {
	stop func() bool
	done chan struct{} // closed once the interruption was made
}

func newGuard(ctx context.Context, w http.ResponseWriter) *guard {
	g := &guard{done: make(chan struct{})}
	g.stop = context.AfterFunc(ctx, func() {
		defer close(g.done)
		_ = http.NewResponseController(w).SetWriteDeadline(past)
	})
	return g
}

// release ends the guard and reports whether it struck. From then on it does
// not touch the writer.
func (g *guard) release() bool {
	if g.stop() {
		return false
	}
	<-g.done
	return true
}

// InterruptReads makes a blocked read of the request that w answers fail soon,
// which ruins the connection.
func InterruptReads(w http.ResponseWriter) { _ = http.NewResponseController(w).SetReadDeadline(past) }
