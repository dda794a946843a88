package streams

import (
	"context"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
)

// MaxPoll is how many pollables one poll may name.
const MaxPoll = 1 << 16

// Pollable is a wasi:io pollable over a [Source]. It outlives its parent
// harmlessly: the source of a dropped stream is ready.
type Pollable struct{ src Source }

var _ wasiio.Pollable = (*Pollable)(nil)

// ready is the one pollable of everything that never waits.
var ready = &Pollable{src: Always}

// NewPollable returns a pollable that is ready when src is.
func NewPollable(src Source) *Pollable {
	if src == Always {
		return ready
	}
	return &Pollable{src: src}
}

// Ready implements wasi:io.
func (p *Pollable) Ready(context.Context) (bool, error) { return p.src.Ready(), nil }

// Block implements wasi:io. Its error is the cause of ctx's end.
func (p *Pollable) Block(ctx context.Context) error { return Wait(ctx, p.src) }

// Drop implements wasi:io.
func (p *Pollable) Drop(context.Context) {}

// Interfaces implements the functions of the interfaces poll, error and
// streams of wasi:io.
type Interfaces struct{}

var (
	_ wasiio.PollInterface    = Interfaces{}
	_ wasiio.ErrorInterface   = Interfaces{}
	_ wasiio.StreamsInterface = Interfaces{}
)

// Poll waits until at least one of in is ready and returns the indexes of all
// that are, in rising order.
//
// Errors:
//   - trap if in is empty, longer than [MaxPoll] or holds a pollable that is
//     not of this package.
//   - the cause of ctx's end.
func (Interfaces) Poll(ctx context.Context, in []wasiio.Pollable) ([]uint32, error) {
	if len(in) == 0 {
		return nil, errcode.New(errcode.Trap, "poll: the list of pollables is empty")
	}
	if len(in) > MaxPoll {
		return nil, errcode.New(errcode.Exhausted, "poll: pollables: %d > %d", len(in), MaxPoll)
	}
	found, err := readyOf(nil, in)
	if err != nil || len(found) > 0 {
		return found, err
	}
	w := waiters.Get().(*Waiter)
	defer waiters.Put(w)
	for _, p := range in {
		p.(*Pollable).src.Watch(w)
	}
	defer func() {
		for _, p := range in {
			p.(*Pollable).src.Unwatch(w)
		}
	}()
	for {
		if found, _ = readyOf(found, in); len(found) > 0 {
			return found, nil
		}
		if err := w.sleep(ctx); err != nil {
			return nil, err
		}
	}
}

// readyOf appends to found the index of each ready pollable.
func readyOf(found []uint32, in []wasiio.Pollable) ([]uint32, error) {
	for i, p := range in {
		own, ok := p.(*Pollable)
		if !ok {
			return nil, errcode.New(errcode.Internal, "poll: pollable %d is a %T", i, p)
		}
		if own.src.Ready() {
			found = append(found, uint32(i))
		}
	}
	return found, nil
}
