// Package clocks implements wasi:clocks: a monotonic clock and a wall clock,
// in WASI 0.3 the system clock, over an injected [Clock].
//
// Source: wasi:clocks@0.2.12, wasi:clocks@0.3.0.
package clocks

import (
	"math"
	"time"
)

// Clock is where time comes from. Implementations are safe for concurrent
// use.
type Clock interface {
	// Monotonic returns the time since an origin that does not change. It
	// never falls and is above 0.
	Monotonic() time.Duration
	// Wall returns the time of day.
	Wall() time.Time
	// Resolution returns the step of both clocks, at least a nanosecond.
	Resolution() time.Duration
	// AfterFunc calls f once, in its own goroutine, after d. f does not block.
	// stop makes a call that has not begun unlikely; it does not wait.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// origin is the system clock's. The second before it keeps instants above 0:
// a guest may take 0 for "never".
var origin = time.Now().Add(-time.Second)

type system struct{}

// System returns the machine's clock.
func System() Clock { return system{} }

func (system) Monotonic() time.Duration  { return time.Since(origin) }
func (system) Wall() time.Time           { return time.Now() }
func (system) Resolution() time.Duration { return time.Nanosecond }

func (system) AfterFunc(d time.Duration, f func()) (stop func()) {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

// duration converts nanoseconds from a guest; what does not fit is as good as
// for ever.
func duration(ns uint64) time.Duration {
	return time.Duration(min(ns, math.MaxInt64))
}
