package components

import (
	"context"
	"time"

	"latticework/components/internal/memory"
	"latticework/internal/errcode"
)

// meter counts what a guest uses in a call against what it may.
type meter struct {
	fuel     uint64 // granted in this call
	ration   ration
	garbage  garbage
	deadline time.Time      // of this call, zero for none
	budget   *memory.Budget // of the memories
}

// caller is what calls the guest of a meter.
type caller interface {
	// running returns the innermost call under way.
	running() *activation
	// checkStack reports whether the guest uses more stack than it may.
	checkStack() error
}

// begin starts a call, from which fuel and time are counted.
func (m *meter) begin(ctx context.Context) {
	m.fuel = 0
	m.deadline, _ = ctx.Deadline()
}

// refill answers guest code whose counter fell below zero with its next, of
// the fuel that limit leaves it; see corewasm.RewriteConfig for what a counter
// from zero on tells. Being in Go lets the scheduler and the collector in.
//
// Errors: ErrExhausted for fuel and for stack, and those of overdue.
func (m *meter) refill(ctx context.Context, c caller, limit uint64, counter int32) (int32, error) {
	if counter >= 0 {
		return 0, m.told(ctx, c, counter)
	}
	next, err := m.refuel(limit, counter)
	if err == nil {
		err = c.checkStack()
	}
	if err == nil {
		err = m.overdue(ctx)
	}
	return next, err
}

// refuel gives the call more of the fuel that limit leaves it, and returns the
// guest's next counter.
//
// Errors: ErrExhausted if nothing is left.
func (m *meter) refuel(limit uint64, counter int32) (int32, error) {
	grant := uint64(limitedRefill)
	if limit > 0 {
		if m.fuel >= limit {
			return 0, exceeded(LimitFuel, "fuel", m.fuel+uint64(-int64(counter)), limit)
		}
		grant = min(grant, limit-m.fuel)
	} else {
		grant = m.ration.next(m.budget.Used())
	}
	m.fuel += grant
	return counter + int32(grant), nil
}

// told accounts for what the guest is about to do, see activation.told.
func (m *meter) told(ctx context.Context, c caller, what int32) error {
	made, err := c.running().told(what)
	m.fuel += uint64(made) / garbageUnit
	if err == nil {
		err = c.checkStack()
	}
	if err == nil && m.garbage.made(made) {
		ofProcess.settle(ctx, m.deadline, &m.garbage)
		err = m.overdue(ctx)
	}
	return err
}

// overdue reports whether the call must stop because its time is up or ctx,
// its context, ended.
//
// Errors: ErrDeadline, or the class of the cause of the context's end.
func (m *meter) overdue(ctx context.Context) error {
	if !m.deadline.IsZero() && time.Until(m.deadline) <= 0 {
		return errcode.New(errcode.Deadline, "the call ran past its deadline")
	}
	if ctx.Err() != nil {
		return errcode.New(errcode.OfContext(ctx), "the call was stopped: %w", context.Cause(ctx))
	}
	return nil
}
