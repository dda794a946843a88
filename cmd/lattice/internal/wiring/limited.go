package wiring

import (
	"log/slog"
	"sync/atomic"
	"time"

	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
)

// Report has the log told of requests that a component makes and that are
// refused, and of the limits that it hits with them.
func Report(out *wasihttp.Outgoing, log *slog.Logger) {
	out.Limited, out.Refused = limited(log), sometimes(log, "request refused")
}

// limited returns what logs that a component hit a limit.
func limited(log *slog.Logger) func(error) { return sometimes(log, "limit reached") }

// sometimes returns what logs an error with its next step, at most once a
// second: a component that does something in a loop must not fill the log.
func sometimes(log *slog.Logger, text string) func(error) {
	var last atomic.Int64
	return func(err error) {
		now := time.Now().UnixNano()
		if before := last.Load(); now-before < int64(time.Second) || !last.CompareAndSwap(before, now) {
			return
		}
		args := []any{"error", err}
		if next := errcode.NextOf(err); next != "" {
			args = append(args, "next", next)
		}
		log.Warn(text, args...)
	}
}
