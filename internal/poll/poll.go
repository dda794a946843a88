// Package poll waits for a state that nobody announces: it looks again until
// the state is reached or time is up, and then says what it saw last.
package poll

import (
	"context"
	"fmt"
	"testing"
	"time"

	"latticework/internal/errcode"
)

// Check looks once. State describes what it saw, for the error message; ok
// says that the wanted state is reached.
type Check func() (state any, ok bool)

// The pauses between two looks: short at first, then longer.
const (
	firstPause = time.Millisecond
	longPause  = 50 * time.Millisecond
)

// Wait calls check until it is satisfied. It looks at least once, also when
// ctx has ended already.
//
// Errors:
//   - errcode.Deadline if ctx ends first; the message holds what was waited
//     for and the state seen last.
func Wait(ctx context.Context, what string, check Check) error {
	start := time.Now()
	pause := firstPause
	for {
		state, ok := check()
		if ok {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errcode.New(errcode.Deadline, "wait for %s: not so after %s, last seen: %v",
				what, time.Since(start).Round(time.Millisecond), describe(state))
		case <-timer.C:
		}
		pause = min(2*pause, longPause)
	}
}

// Until is [Wait] for tests: the test fails at once if the state is not
// reached within the given time, or [Patience] with it.
func Until(t testing.TB, within time.Duration, what string, check Check) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience(within))
	defer cancel()
	if err := Wait(ctx, what, check); err != nil {
		t.Fatal(err)
	}
}

// Patience is how long a test waits for what takes less than limit: limit, or five
// times as long under the race detector.
func Patience(limit time.Duration) time.Duration { return raceFactor * limit }

// describe makes an error or a string readable and leaves the rest to %+v.
func describe(state any) string {
	switch s := state.(type) {
	case nil:
		return "nothing"
	case error:
		return s.Error()
	case string:
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%+v", state)
}
