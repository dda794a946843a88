package components

import (
	"context"

	"latticework/wit/abi"
)

var (
	_ abi.Driven = (*StreamReader)(nil)
	_ abi.Driven = (*FutureReader)(nil)
)

// driver lets the tasks of an instance go on while somebody reads or writes one
// of its streams.
type driver struct {
	sc  *scheduler
	err error // a trap, or why the call must stop
}

type driverKey struct{}

// driverOf returns the driver in ctx if it is of sc, else nil.
func driverOf(ctx context.Context, sc *scheduler) *driver {
	if d, ok := ctx.Value(driverKey{}).(*driver); ok && sc != nil && d.sc == sc {
		return d
	}
	return nil
}

// Along calls f, with a context with which f, on the goroutine of this call
// alone, may read and write streams and futures of the instance: the instance's
// tasks go on, there too, until that is done, and not while f does anything else.
// Unlike in [Instance.Drive] no goroutine waits for another. It returns what f
// answers. The context is of no use after f has returned. paused, if not nil, is
// called, by whoever runs the instance, when its tasks wait for others, and now
// and then while they do not come to an end.
//
// Concurrency: as a call.
//
// Errors: those of [Instance.Invoke].
func (in *Instance) Along(ctx context.Context, paused func(), f func(ctx context.Context) error) error {
	if err := in.mayCall(ctx, "drive"); err != nil {
		return err
	}
	if in.async == nil {
		return f(ctx)
	}
	var answer error
	err := in.protect(ctx, "drive", func() error {
		d := &driver{sc: in.async}
		in.async.paused = paused
		defer func() { d.sc, in.async.paused = nil, nil }()
		answer = f(context.WithValue(ctx, driverKey{}, d))
		return d.err
	})
	if err != nil {
		return err
	}
	return answer
}

// carryOut lets the tasks go on until op is over, or the instance.
func (d *driver) carryOut(op *hostOp) error {
	if d.err == nil {
		d.err = d.sc.run(op.ended)
	}
	return d.err
}

// Driven implements [abi.Driven].
func (r *StreamReader) Driven(ctx context.Context) bool { return r.end.driven(ctx) }

// Driven implements [abi.Driven].
func (r *FutureReader) Driven(ctx context.Context) bool { return r.end.driven(ctx) }

func (e *hostEnd) driven(ctx context.Context) bool {
	return driverOf(ctx, e.pipe.scheduler()) != nil
}
