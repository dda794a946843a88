package abi

import (
	"context"
	"io"
	"sync"
)

// Stream is a WIT stream in Go, seen from who reads it. A contract's method
// takes one for what a guest writes, and answers one for what the guest is to
// read: the runtime then reads it, on a goroutine of its own, as far as the
// guest does.
//
// Concurrency: one Read at a time; Close at any time.
type Stream[T any] interface {
	// Read waits for elements and puts them into b, at least one.
	//
	// Errors:
	//   - io.EOF after the last element.
	//   - the cause of ctx if it ended before.
	//   - any other if no more elements will come; a guest that reads sees the
	//     stream end and learns the reason elsewhere, as from a future.
	Read(ctx context.Context, b []T) (int, error)
	// Close gives up the stream: who writes it learns that nobody reads any
	// more. It does not wait, and ends a Read under way. Closing again is
	// nothing.
	Close()
}

// Future is a WIT future in Go, seen from who reads it; see [Stream] for which
// side that is.
type Future[T any] interface {
	// Read waits for the value. It is called once.
	//
	// Errors: those of [Stream.Read] but for io.EOF; a guest that waits for a
	// value that does not come traps.
	Read(ctx context.Context) (T, error)
	// Close says that nobody will read the value.
	Close()
}

// Settled is what a Stream or Future may implement to be read without a
// goroutine that waits for it.
type Settled interface {
	// Settled reports whether the stream has ended, or Read of the future
	// answers without waiting. An answer of true is for ever.
	Settled() bool
}

// Driven is what the readable end of a stream or future that a guest writes
// implements.
type Driven interface {
	// Driven reports whether Read with ctx lets the guest go on itself, so that
	// it does not wait for another goroutine.
	Driven(ctx context.Context) bool
}

// Ready returns a future that has its value.
func Ready[T any](v T) Future[T] { return ready[T]{v} }

type ready[T any] struct{ v T }

func (r ready[T]) Read(context.Context) (T, error) { return r.v, nil }
func (r ready[T]) Close()                          {}
func (r ready[T]) Settled() bool                   { return true }

// Empty returns a stream that has ended.
func Empty[T any]() Stream[T] { return empty[T]{} }

type empty[T any] struct{}

func (empty[T]) Read(context.Context, []T) (int, error) { return 0, io.EOF }
func (empty[T]) Close()                                 {}
func (empty[T]) Settled() bool                          { return true }

// NewFuture returns a future, and the function that gives it its value: the
// first call counts.
func NewFuture[T any]() (set func(T), f Future[T]) {
	p := &promise[T]{done: make(chan struct{})}
	return p.set, p
}

type promise[T any] struct {
	once sync.Once
	v    T // set before done is closed
	done chan struct{}
}

func (p *promise[T]) set(v T) {
	p.once.Do(func() {
		p.v = v
		close(p.done)
	})
}

// Read implements [Future].
func (p *promise[T]) Read(ctx context.Context) (v T, err error) {
	select {
	case <-p.done:
		return p.v, nil
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}

// Close implements [Future].
func (p *promise[T]) Close() {}

// Settled implements [Settled].
func (p *promise[T]) Settled() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// FutureFunc is a future whose value a function waits for.
type FutureFunc[T any] func(ctx context.Context) (T, error)

// Read implements [Future].
func (f FutureFunc[T]) Read(ctx context.Context) (T, error) { return f(ctx) }

// Close implements [Future].
func (f FutureFunc[T]) Close() {}

// Source is a stream or future that Go gives to a guest, as generated glue
// hands it to a runtime: elements of whatever type. A stream of bytes goes as
// a Stream[byte] instead.
type Source interface {
	// Pull waits for elements, at most n, and holds them. Its errors are those
	// of [Stream.Read].
	Pull(ctx context.Context, n int) (Elements, int, error)
	Close()
}

// Elements are values of one Go type on their way between Go and the memory
// of a guest.
type Elements interface {
	// Store writes element i to b, empty for elements without content.
	Store(m *Mem, b []byte, i int)
	// Load appends the element at b.
	Load(m *Mem, b []byte)
	// At returns element i.
	At(i int) any
	// Append appends v, and answers false if it is of another type.
	Append(v any) bool
	// Discard lets go of the elements from i on, which nobody takes.
	Discard(i int)
}

// ElementReader is the readable end of a guest's stream or future, as a
// runtime hands it to generated glue.
type ElementReader interface {
	// ReadElements appends up to n elements to e. Its errors are those of
	// [Stream.Read].
	ReadElements(ctx context.Context, n int, e Elements) (int, error)
	Close()
}
