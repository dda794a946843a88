package host

import (
	"cmp"
	"context"

	"latticework/components"
	"latticework/internal/errcode"
)

// limits returns what an instance of c may use: its record's limits, and the
// host's where it has none. Time is the call's, see component.call.
func (c *component) limits() components.Limits {
	own, limits := c.record.Limits, c.host.cfg.Limits
	limits.MemoryBytes = cmp.Or(own.MemoryBytes, limits.MemoryBytes)
	limits.Handles = cmp.Or(int(own.Handles), limits.Handles)
	limits.ValueBytes = cmp.Or(own.ValueBytes, limits.ValueBytes)
	limits.StackBytes = cmp.Or(own.StackBytes, limits.StackBytes)
	limits.Threads = cmp.Or(int(own.Threads), limits.Threads)
	limits.Fuel = cmp.Or(own.Fuel, limits.Fuel)
	return limits
}

// exceeded says of an error of a call of c that a limit ended it, if one did,
// where that is raised: of time only where it was not the caller's that was over.
// An error that has a next step keeps it.
func (c *component) exceeded(caller context.Context, err error) error {
	limit, ok := components.LimitOf(err)
	if !ok && errcode.Of(err) == errcode.Deadline && caller.Err() == nil {
		limit, ok = "time", true
	}
	if !ok || errcode.NextOf(err) != "" {
		return err
	}
	return errcode.New(errcode.Of(err), "%w", err).
		WithNext("raise latticework.limits.%s of component %s in its manifest, if it is to have more", string(limit), c.record.Name)
}
