package wiring

import (
	"bytes"
	"log/slog"
	"sync"
)

// maxLine is how much of a line is kept before it is logged in parts.
const maxLine = 4 << 10

// lineLog writes what a component prints to the log, line by line. Instances
// of one component share it. It is safe for concurrent use.
type lineLog struct {
	log    *slog.Logger
	stream string

	mu   sync.Mutex
	rest []byte // a line that has not ended; guarded by mu
}

// Write implements [io.Writer]; it never fails.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, after, ended := bytes.Cut(p, []byte{'\n'})
		l.rest = append(l.rest, line...)
		p = after
		for len(l.rest) >= maxLine {
			l.print(l.rest[:maxLine])
			l.rest = append(l.rest[:0], l.rest[maxLine:]...)
		}
		if ended {
			l.print(bytes.TrimSuffix(l.rest, []byte{'\r'}))
			l.rest = l.rest[:0]
		}
	}
	return n, nil
}

func (l *lineLog) print(line []byte) {
	if len(line) > 0 {
		l.log.Info(string(line), "stream", l.stream)
	}
}
