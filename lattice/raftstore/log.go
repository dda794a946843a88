package raftstore

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// newLogger passes raft's log on to l from warnings upwards.
func newLogger(l *slog.Logger) hclog.Logger {
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Warn})
	if l != nil {
		log.RegisterSink(sink{l})
	}
	return log
}

type sink struct{ l *slog.Logger }

// Accept takes one record.
func (s sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch {
	case msg == "heartbeat timeout reached, starting election": // every start of a single member
	case level >= hclog.Error:
		to = slog.LevelError
	case level == hclog.Warn:
		to = slog.LevelWarn
	}
	s.l.Log(context.Background(), to, "raft: "+msg, args...)
}
