package poll_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

func TestWaitReachesTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		err := poll.Wait(t.Context(), "the third look", func() (any, bool) {
			looks++
			return looks, looks == 3
		})
		if err != nil || looks != 3 {
			t.Fatalf("looks = %d, err = %v; want 3, nil", looks, err)
		}
	})
}

func TestWaitReportsTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		last := 0
		err := poll.Wait(ctx, "rain", func() (any, bool) {
			last++
			return last, false
		})
		if !errors.Is(err, errcode.Deadline) {
			t.Fatalf("err = %v, want deadline", err)
		}
		for _, part := range []string{"rain", "after 1s", "last seen: "} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %q lacks %q", err, part)
			}
		}
		if last < 20 || last > 40 {
			t.Errorf("looked %d times in 1 s, want 20 to 40", last)
		}
	})
}

func TestWaitLooksOnceWithEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := poll.Wait(ctx, "now", func() (any, bool) { return nil, true }); err != nil {
		t.Errorf("state reached: err = %v, want nil", err)
	}
	err := poll.Wait(ctx, "now", func() (any, bool) { return errors.New("no way"), false })
	if err == nil || !strings.Contains(err.Error(), "last seen: no way") {
		t.Errorf("state missed: err = %v, want the last state", err)
	}
}
