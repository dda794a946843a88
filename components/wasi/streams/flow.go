package streams

import (
	"context"
	"io"
	"os"
	"sync"

	"latticework/wit/abi"
)

// Outcome tells a guest of WASI 0.3 how a stream ended, in the future that
// stands beside it.
type Outcome[E any] = abi.Future[abi.Result[struct{}, E]]

// FlowOptions says how the Go side of a stream behaves.
type FlowOptions struct {
	// Interrupt makes a blocked Read or Write return soon, for good; nil if
	// nothing can. It may be called at any time and several times.
	Interrupt func()
	// Close is called once when the stream is over and no Read or Write is
	// running; nil for nothing.
	Close func()
}

// Pull returns a stream of what r gives, and how that ended: code translates
// r's error. A stream that the guest drops has ended well.
func Pull[E any](r io.Reader, opts FlowOptions, code func(error) E) (abi.Stream[byte], Outcome[E]) {
	set, outcome := abi.NewFuture[abi.Result[struct{}, E]]()
	return &pull[E]{r: r, opts: opts, code: code, set: set}, outcome
}

// PullFailed returns a stream that has ended, and err as how.
func PullFailed[E any](err E) (abi.Stream[byte], Outcome[E]) {
	return abi.Empty[byte](), Failure(err)
}

// Failure returns an outcome that is known to be err.
func Failure[E any](err E) Outcome[E] {
	return abi.Ready(abi.Result[struct{}, E]{Err: err, IsErr: true})
}

type pull[E any] struct {
	r    io.Reader
	opts FlowOptions
	code func(error) E
	set  func(abi.Result[struct{}, E])

	mu      sync.Mutex
	reading bool // guarded by mu
	closed  bool // guarded by mu
}

// Read implements [abi.Stream].
func (p *pull[E]) Read(ctx context.Context, b []byte) (int, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return 0, io.EOF
	}
	p.reading = true
	p.mu.Unlock()
	n, err := interruptible(ctx, p.opts.Interrupt, func() (int, error) { return p.r.Read(b) })
	p.mu.Lock()
	p.reading = false
	closed := p.closed
	p.mu.Unlock()
	if closed {
		p.release()
		return 0, io.EOF
	}
	switch {
	case err == nil || ctx.Err() != nil: // an end of ctx is the guest's or the owner's
	case err == io.EOF:
		p.set(abi.Result[struct{}, E]{})
	default:
		p.set(abi.Result[struct{}, E]{Err: p.code(err), IsErr: true})
	}
	return n, err
}

// Close implements [abi.Stream].
func (p *pull[E]) Close() {
	p.mu.Lock()
	was, reading := p.closed, p.reading
	p.closed = true
	p.mu.Unlock()
	switch {
	case was:
		return
	case !reading:
		p.release()
	case p.opts.Interrupt != nil:
		p.opts.Interrupt()
	}
	p.set(abi.Result[struct{}, E]{})
}

func (p *pull[E]) release() {
	if p.opts.Close != nil {
		p.opts.Close()
	}
}

// interruptible runs op, and interrupt if ctx ends meanwhile.
func interruptible(ctx context.Context, interrupt func(), op func() (int, error)) (int, error) {
	if interrupt == nil {
		return op()
	}
	stop := context.AfterFunc(ctx, interrupt)
	n, err := op()
	if !stop() && err != nil {
		return n, context.Cause(ctx)
	}
	return n, err
}

// Group is the goroutines that write what guests give. A guest's streams end
// with its instance, so that each of them ends by then.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	closed bool // guarded by mu
	work   sync.WaitGroup
}

// NewGroup returns a group without goroutines.
func NewGroup() *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancelCause(context.Background())
	return g
}

// Go runs f on a goroutine of the group, with a context that ends when the
// group is closed. It answers false if that was before.
func (g *Group) Go(f func(ctx context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.work.Go(func() { f(g.ctx) })
	return true
}

// Close ends and joins the goroutines: what guests wrote before is written,
// unless that blocks and cannot be interrupted. It is idempotent.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel(os.ErrClosed)
	g.work.Wait()
}

// Push has g write to w what a guest gives in data, and returns how that
// ended: code translates w's error.
func Push[E any](g *Group, data abi.Stream[byte], w io.Writer, opts FlowOptions, code func(error) E) Outcome[E] {
	set, outcome := abi.NewFuture[abi.Result[struct{}, E]]()
	end := func(err error) {
		data.Close()
		if opts.Close != nil {
			opts.Close()
		}
		if err != nil {
			set(abi.Result[struct{}, E]{Err: code(err), IsErr: true})
		} else {
			set(abi.Result[struct{}, E]{})
		}
	}
	if !g.Go(func(ctx context.Context) { end(copyTo(ctx, w, data, opts.Interrupt)) }) {
		end(os.ErrClosed)
	}
	return outcome
}

// copyTo writes data to w. It answers w's error alone: a guest that is gone
// has written all it will.
func copyTo(ctx context.Context, w io.Writer, data abi.Stream[byte], interrupt func()) error {
	b := GetBuffer()
	defer PutBuffer(b)
	for {
		n, err := data.Read(ctx, b[:])
		if n > 0 {
			if _, err := interruptible(ctx, interrupt, func() (int, error) { return w.Write(b[:n]) }); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}
