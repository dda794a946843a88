package fuzzbound

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// record is a test that notes how it ended.
type record struct {
	testing.TB
	message string
}

func (r *record) Helper()      {}
func (r *record) Failed() bool { return r.message != "" }
func (r *record) Fatalf(format string, _ ...any) {
	r.message = format
	runtime.Goexit()
}

// outcome is the message with which work fails, "" if it does not.
func outcome(t *testing.T, work func()) string {
	r, done := &record{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		Run(r, work)
	}()
	<-done
	return r.message
}

func TestRunHoldsToBothBounds(t *testing.T) {
	var keep []byte
	spin := func(d time.Duration) {
		for start := time.Now(); time.Since(start) < d; {
			runtime.Gosched()
		}
	}
	calls := 0
	for _, c := range []struct {
		name, want string
		work       func()
		calls      int
	}{
		{"little", "", func() {}, 1},
		{"much memory", "allocated", func() { keep = make([]byte, MaxAlloc+1) }, 1},
		{"much garbage", "allocated", func() {
			for range 70 {
				keep = make([]byte, 1<<20)
			}
		}, 1},
		{"much, but below", "", func() { keep = make([]byte, MaxAlloc/2) }, 1},
		{"long", "took", func() { spin(MaxTime + time.Millisecond) }, tries},
		{"long once", "", func() {
			if calls == 1 {
				spin(MaxTime + time.Millisecond)
			}
		}, 2},
	} {
		calls = 0
		have := outcome(t, func() { calls++; c.work() })
		if (c.want == "") != (have == "") || !strings.Contains(have, c.want) {
			t.Errorf("%s: %q, want %q", c.name, have, c.want)
		}
		if calls != c.calls {
			t.Errorf("%s: done %d times, want %d", c.name, calls, c.calls)
		}
	}
	runtime.KeepAlive(keep)
}
