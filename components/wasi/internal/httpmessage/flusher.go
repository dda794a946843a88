package httpmessage

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// flusher flushes a response a moment after it was asked to. It is used again
// for other responses.
type flusher struct {
	mu      sync.Mutex          // held by whoever uses w
	w       http.ResponseWriter // guarded by mu; nil when idle
	pending bool                // guarded by mu: the timer runs
	err     error               // guarded by mu: of the last flush
	timer   *time.Timer
}

var flushers = sync.Pool{New: func() any {
	f := &flusher{}
	f.timer = time.AfterFunc(time.Hour, f.fire)
	f.timer.Stop()
	return f
}}

func (f *flusher) start(w http.ResponseWriter) {
	f.mu.Lock()
	f.w, f.pending, f.err = w, false, nil
	f.mu.Unlock()
}

// schedule asks for a flush and returns the failure of an earlier one.
func (f *flusher) schedule() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	if !f.pending {
		f.pending = true
		f.timer.Reset(flushDelay)
	}
	return nil
}

// fire runs on the timer's goroutine; stop waits for it through mu.
func (f *flusher) fire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w == nil || !f.pending {
		return
	}
	f.pending = false
	if err := http.NewResponseController(f.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		f.err = err
	}
}

// stop ends the use of the response; what is pending leaves when the handler
// returns.
func (f *flusher) stop() {
	f.timer.Stop()
	f.mu.Lock()
	f.w = nil
	f.mu.Unlock()
	flushers.Put(f)
}
