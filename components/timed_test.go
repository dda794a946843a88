package components

import (
	"context"
	"errors"
	"testing"
	"time"
)

type timedKey struct{}

// ended waits until c has an error, without waiting for its end.
func ended(t *testing.T, c context.Context) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); c.Err() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("long beyond its deadline there is no error")
		}
	}
}

// TestTimed compares a timed context with one of package context, whoever asks
// first and however it ends.
func TestTimed(t *testing.T) {
	cause := errors.New("cause")
	type ctx struct {
		context.Context
		stop func()
	}
	for _, how := range []string{"goes on", "time", "stop", "parent", "earlier parent", "stop, then parent", "time, then parent"} {
		for _, first := range []string{"", "Done", "Err", "child"} {
			t.Run(how+"/"+first, func(t *testing.T) {
				type end struct{ err, cause, child error }
				run := func(make func(context.Context, time.Duration) ctx) end {
					parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), timedKey{}, "value"))
					defer cancel(nil)
					limit := time.Hour
					if how == "earlier parent" {
						var early context.CancelFunc
						parent, early = context.WithTimeout(parent, 5*time.Millisecond)
						defer early()
					} else if how == "time" || how == "time, then parent" {
						limit = 5 * time.Millisecond
					}
					c := make(parent, limit)
					defer c.stop()
					var child context.Context
					switch first {
					case "Done":
						c.Done()
					case "Err":
						if err := c.Err(); err != nil {
							t.Errorf("at first: %v", err)
						}
					case "child":
						var stop context.CancelFunc
						child, stop = context.WithCancel(c)
						defer stop()
					}
					switch how {
					case "goes on":
						select {
						case <-c.Done():
							t.Error("done")
						default:
						}
						if c.Value(timedKey{}) != "value" {
							t.Error("a value of the parent is missing")
						}
						return end{c.Err(), context.Cause(c), nil}
					case "stop":
						c.stop()
					case "parent":
						cancel(cause)
					case "stop, then parent":
						c.stop()
						_ = c.Err()
						cancel(cause)
					case "time, then parent":
						ended(t, c)
						cancel(cause)
					case "time", "earlier parent":
						ended(t, c)
					}
					select {
					case <-c.Done():
					case <-time.After(5 * time.Second):
						t.Error("not done")
					}
					out := end{err: c.Err()}
					if how == "parent" {
						out.cause = context.Cause(c)
					}
					if child != nil {
						<-child.Done()
						out.child = child.Err()
					}
					return out
				}
				got := run(func(p context.Context, d time.Duration) ctx {
					c := withTime(p, d)
					return ctx{c, c.stop}
				})
				want := run(func(p context.Context, d time.Duration) ctx {
					c, stop := context.WithTimeout(p, d)
					return ctx{c, stop}
				})
				if got != want {
					t.Errorf("ends with %v, one of package context with %v", got, want)
				}
			})
		}
	}
	early, _ := withTime(t.Context(), time.Minute).Deadline()
	parent := withTime(t.Context(), time.Minute)
	if got, ok := withTime(parent, time.Hour).Deadline(); !ok || got.Before(early) || got.After(early.Add(time.Second)) {
		t.Errorf("with a parent's deadline in a minute, %v: %v, %v", early, got, ok)
	}
}
