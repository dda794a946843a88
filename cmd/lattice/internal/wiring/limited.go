package wiring

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// limited returns what logs that a component hit a limit, at most once a
// second: a component that does so in a loop must not fill the log.
func limited(log *slog.Logger) func(error) {
	var last atomic.Int64
	return func(err error) {
		now := time.Now().UnixNano()
		if before := last.Load(); now-before >= int64(time.Second) && last.CompareAndSwap(before, now) {
			log.Warn("limit reached", "error", err)
		}
	}
}
