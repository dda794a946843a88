package perf

import (
	"log/slog"

	"latticework/providers/logging"
	"latticework/wit/abi"
)

func logger() *abi.Interface {
	return logging.BindLogging(logging.NewLogger(slog.New(slog.DiscardHandler)))
}
