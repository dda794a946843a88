package glue

import (
	"context"
	"fmt"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// Bytes reads the handle of a stream<u8> at b.
func Bytes(m *abi.Mem, b []byte, t *wit.Type) abi.Stream[byte] {
	rep := m.AsyncHandle(b, t)
	s, ok := rep.(abi.Stream[byte])
	if !ok {
		m.Fail(wrongStream[byte](rep))
	}
	return s
}

// LoadStream reads the handle of a stream of type t at b; load reads an
// element.
func LoadStream[T any](m *abi.Mem, b []byte, t *wit.Type, load func(*abi.Mem, []byte) T) abi.Stream[T] {
	switch r := m.AsyncHandle(b, t).(type) {
	case *goStream[T]:
		return r.s
	case abi.ElementReader:
		return &guestStream[T]{r, load}
	default:
		m.Fail(wrongStream[T](r))
	}
	return nil
}

// PutStream stores a handle of s, of type t, at b; store writes an element.
func PutStream[T any](m *abi.Mem, b []byte, s abi.Stream[T], t *wit.Type, store func(*abi.Mem, []byte, T)) {
	if g, ok := s.(*guestStream[T]); ok {
		m.PutAsync(b, g.r, t)
		return
	}
	m.PutAsync(b, &goStream[T]{s, store}, t)
}

// LoadFuture is [LoadStream] for a future.
func LoadFuture[T any](m *abi.Mem, b []byte, t *wit.Type, load func(*abi.Mem, []byte) T) abi.Future[T] {
	switch r := m.AsyncHandle(b, t).(type) {
	case *goFuture[T]:
		return r.f
	case abi.ElementReader:
		return &guestFuture[T]{r, load}
	default:
		m.Fail(wrongStream[T](r))
	}
	return nil
}

// PutFuture is [PutStream] for a future.
func PutFuture[T any](m *abi.Mem, b []byte, f abi.Future[T], t *wit.Type, store func(*abi.Mem, []byte, T)) {
	if g, ok := f.(*guestFuture[T]); ok {
		m.PutAsync(b, g.r, t)
		return
	}
	m.PutAsync(b, &goFuture[T]{f, store}, t)
}

// LoadNothing and StoreNothing are for elements without content.
func LoadNothing(*abi.Mem, []byte) struct{}   { return struct{}{} }
func StoreNothing(*abi.Mem, []byte, struct{}) {}

func wrongStream[T any](rep any) error {
	return fmt.Errorf("a %T is no stream or future of %T", rep, *new(T))
}

// guestStream is a stream that a guest writes.
type guestStream[T any] struct {
	r    abi.ElementReader
	load func(*abi.Mem, []byte) T
}

// Read implements [abi.Stream].
func (s *guestStream[T]) Read(ctx context.Context, b []T) (int, error) {
	e := elements[T]{list: b[:0:len(b)], load: s.load}
	return s.r.ReadElements(ctx, len(b), &e)
}

// Close implements [abi.Stream].
func (s *guestStream[T]) Close() { s.r.Close() }

// guestFuture is a future that a guest writes.
type guestFuture[T any] struct {
	r    abi.ElementReader
	load func(*abi.Mem, []byte) T
}

// Read implements [abi.Future].
func (f *guestFuture[T]) Read(ctx context.Context) (v T, err error) {
	e := elements[T]{load: f.load}
	if _, err := f.r.ReadElements(ctx, 1, &e); err != nil {
		return v, err
	}
	return e.list[0], nil
}

// Close implements [abi.Future].
func (f *guestFuture[T]) Close() { f.r.Close() }

// goStream is a stream for a guest to read.
type goStream[T any] struct {
	s     abi.Stream[T]
	store func(*abi.Mem, []byte, T)
}

// Pull implements [abi.Source].
func (g *goStream[T]) Pull(ctx context.Context, n int) (abi.Elements, int, error) {
	list := make([]T, n)
	k, err := g.s.Read(ctx, list)
	return &elements[T]{list: list[:k], store: g.store}, k, err
}

// Close implements [abi.Source].
func (g *goStream[T]) Close() { g.s.Close() }

// Settled implements [abi.Settled].
func (g *goStream[T]) Settled() bool { return settled(g.s) }

// Driven implements [abi.Driven].
func (s *guestStream[T]) Driven(ctx context.Context) bool { return driven(ctx, s.r) }

// Driven implements [abi.Driven].
func (f *guestFuture[T]) Driven(ctx context.Context) bool { return driven(ctx, f.r) }

func driven(ctx context.Context, v any) bool {
	d, ok := v.(abi.Driven)
	return ok && d.Driven(ctx)
}

// goFuture is a future for a guest to read.
type goFuture[T any] struct {
	f     abi.Future[T]
	store func(*abi.Mem, []byte, T)
}

// Pull implements [abi.Source].
func (g *goFuture[T]) Pull(ctx context.Context, _ int) (abi.Elements, int, error) {
	v, err := g.f.Read(ctx)
	if err != nil {
		return nil, 0, err
	}
	return &elements[T]{list: []T{v}, store: g.store}, 1, nil
}

// Close implements [abi.Source].
func (g *goFuture[T]) Close() { g.f.Close() }

// Settled implements [abi.Settled].
func (g *goFuture[T]) Settled() bool { return settled(g.f) }

func settled(v any) bool {
	s, ok := v.(abi.Settled)
	return ok && s.Settled()
}

// elements implements [abi.Elements]: with load it is filled, with store it is
// emptied.
type elements[T any] struct {
	list  []T
	load  func(*abi.Mem, []byte) T
	store func(*abi.Mem, []byte, T)
}

// Store implements [abi.Elements].
func (e *elements[T]) Store(m *abi.Mem, b []byte, i int) { e.store(m, b, e.list[i]) }

// Load implements [abi.Elements].
func (e *elements[T]) Load(m *abi.Mem, b []byte) { e.list = append(e.list, e.load(m, b)) }

// At implements [abi.Elements].
func (e *elements[T]) At(i int) any { return e.list[i] }

// Append implements [abi.Elements].
func (e *elements[T]) Append(v any) bool {
	t, ok := v.(T)
	if ok {
		e.list = append(e.list, t)
	}
	return ok
}

// Discard implements [abi.Elements].
func (e *elements[T]) Discard(i int) {
	for ; i < len(e.list); i++ {
		Discard(e.list[i])
	}
}

// Discard lets go of v, which no guest takes: a resource is dropped, a stream
// or future closed.
func Discard(v any) {
	switch v := v.(type) {
	case abi.Dropper:
		v.Drop(context.Background())
	case interface{ Close() }:
		v.Close()
	}
}

// ErrorContext reads the handle of an error-context at b.
func ErrorContext(m *abi.Mem, b []byte) *abi.ErrorContext {
	rep := m.AsyncHandle(b, &wit.TypeErrorContext)
	e, ok := rep.(*abi.ErrorContext)
	if !ok {
		m.Fail(fmt.Errorf("a %T is no error-context", rep))
	}
	return e
}

// NoWire refuses a call from another host of a function with streams, futures
// or error-contexts in its type.
func NoWire(name string) func(context.Context, *abi.WireCall) error {
	return func(context.Context, *abi.WireCall) error {
		return errcode.New(errcode.Unsupported, "call %s from another host: streams, futures and error-contexts do not cross hosts yet", name)
	}
}
