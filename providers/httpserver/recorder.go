package httpserver

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"latticework/internal/errcode"
)

// recorder stands before the server's writer: it notes what was answered,
// adds what the settings say, and holds the limits.
type recorder struct {
	http.ResponseWriter
	listener *listener
	request  *http.Request
	route    *route // nil before one was found
	id       string // of the request, "" if none was given
	target   string // the component that was called, "" for none
	status   int    // 0 until the head is written
	bytes    int64
	last     bool // the connection ends after this answer
	refused  bool // the component's answer was replaced
	err      error
	overlong string // why the head of the request is refused, "" if it is not
	body     body   // of the request

	mu         sync.Mutex
	cut        bool     // guarded by mu: a deadline that interrupts was set
	writeUntil deadline // guarded by mu; of HTTP/2
}

// WriteHeader sends the head. An answer that is announced to be longer than
// allowed becomes a refusal.
func (r *recorder) WriteHeader(status int) {
	if r.status != 0 {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		r.ResponseWriter.WriteHeader(status)
		return
	}
	h := r.Header()
	if r.route != nil && !r.refused {
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n > r.route.maxResponse && r.request.Method != http.MethodHead {
			r.tooLarge(n)
			clear(h)
			refuse(r, http.StatusBadGateway, "%v", r.err)
			return
		}
		if r.route.cacheControl != "" && h["Cache-Control"] == nil {
			h.Set("Cache-Control", r.route.cacheControl)
		}
	}
	if r.route != nil && r.route.cors != nil {
		r.route.cors.answer(h, r.request)
	}
	if r.id != "" && h["X-Request-Id"] == nil {
		h["X-Request-Id"] = []string{r.id}
	}
	if r.last || r.body.conn != nil && r.body.conn.ended.Load() {
		h["Connection"] = []string{"close"}
	}
	r.status = status
	r.extend()
	r.ResponseWriter.WriteHeader(status)
}

// tooLarge notes that an answer of at least n bytes is not sent.
func (r *recorder) tooLarge(n int64) {
	r.listener.counters.largeResponses.Add(1)
	r.refused = true
	r.err = errcode.New(errcode.Exhausted, "exhausted: response body: at least %d bytes > %d", n, r.route.maxResponse)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.status == 0 {
		if r.WriteHeader(http.StatusOK); r.err != nil {
			return 0, r.err
		}
	}
	if r.route != nil && r.bytes+int64(len(b)) > r.route.maxResponse {
		r.tooLarge(r.bytes + int64(len(b)))
		r.refused = false // the client has seen another head
		return 0, r.err
	}
	r.extend()
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush implements [http.Flusher].
func (r *recorder) Flush() { _ = r.FlushError() }

// FlushError is for [http.ResponseController].
func (r *recorder) FlushError() error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.extend()
	return http.NewResponseController(r.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// extend bounds a write to a stream of HTTP/2, whose client may leave its
// window shut. Those to a connection are bounded by [conn].
func (r *recorder) extend() {
	if r.request.ProtoMajor != 2 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.cut && r.writeUntil.put(r.listener.config().writeTimeout) {
		_ = http.NewResponseController(r.ResponseWriter).SetWriteDeadline(r.writeUntil.at)
	}
}

// SetWriteDeadline is for whoever interrupts writes.
func (r *recorder) SetWriteDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = r.cut || !t.IsZero()
	return http.NewResponseController(r.ResponseWriter).SetWriteDeadline(t)
}

// SetReadDeadline is for whoever interrupts reads, for good.
func (r *recorder) SetReadDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
	return http.NewResponseController(r.ResponseWriter).SetReadDeadline(t)
}

// setReadDeadline sets the deadline of a read of the body, unless reads were
// interrupted.
func (r *recorder) setReadDeadline(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.cut {
		_ = http.NewResponseController(r.ResponseWriter).SetReadDeadline(t)
	}
}

func (r *recorder) interrupted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut
}

// refuse answers a request that no component sees. What the client sends of
// it besides is skipped, or ends the connection.
func refuse(r *recorder, status int, format string, args ...any) {
	if r.body.inner != nil {
		_ = r.body.Close()
	}
	h := r.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	r.refused = true
	r.WriteHeader(status)
	n, _ := fmt.Fprintf(r.ResponseWriter, format+"\n", args...) // fails when the client is gone
	r.bytes += int64(n)
}
