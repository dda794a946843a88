package httpserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// ServeHTTP finds the route of a request and gives it to the component.
func (ln *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	if ln.settings.accessLog {
		start := time.Now()
		defer func() { ln.logAccess(rec, r, time.Since(start)) }()
	}
	ln.serve(rec, w, r)
}

func (ln *listener) serve(rec *recorder, w http.ResponseWriter, r *http.Request) {
	if n := ln.inFlight.Add(1); n > ln.settings.maxInFlight {
		ln.inFlight.Add(-1)
		rec.Header().Set("Retry-After", "1")
		refuse(rec, http.StatusServiceUnavailable, fmt.Sprintf("exhausted: %d requests in flight > %d", n, ln.settings.maxInFlight))
		return
	}
	defer ln.inFlight.Add(-1)
	for {
		rt := ln.table.Load().match(r.Host, r.URL.Path)
		if rt == nil {
			refuse(rec, http.StatusNotFound, "not_found: no component is linked to this host and path")
			return
		}
		// A route that was closed meanwhile is not in the table any more.
		if rt.enter() {
			defer rt.leave()
			rec.target = rt.link.Target
			ln.call(rt, rec, w, r)
			return
		}
	}
}

func (ln *listener) call(rt *route, rec *recorder, w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > rt.maxBody {
		rec.Header().Set("Connection", "close")
		refuse(rec, http.StatusRequestEntityTooLarge, fmt.Sprintf("exhausted: request body: %d bytes > %d", r.ContentLength, rt.maxBody))
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		// The server's own writer, so that it closes the connection.
		r.Body = http.MaxBytesReader(w, r.Body, rt.maxBody)
		// A component reads and writes in any order. HTTP/2 always can.
		if r.ProtoMajor == 1 {
			_ = http.NewResponseController(w).EnableFullDuplex()
		}
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), rt.requestTimeout, rt.late)
	defer cancel()
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	defer context.AfterFunc(rt.ctx, func() { cut(context.Cause(rt.ctx)) })()
	defer ln.recover(rt, rec, r)
	rt.target.ServeHTTP(rec, r.WithContext(ctx))
	if rec.status == 0 {
		rec.status = http.StatusOK // what the server makes of silence
	}
}

// recover keeps a panic of a handler to its request; the client gets 500, or
// a broken answer if one had begun.
func (ln *listener) recover(rt *route, rec *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	ln.log.Error("panic while serving a request", "link", rt.link.String(), "method", r.Method, "path", r.URL.Path,
		"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	refuse(rec, http.StatusInternalServerError, "internal: the request could not be served")
}

// logAccess also runs when the answer is broken off; one without a head is
// then logged with the status 0.
func (ln *listener) logAccess(rec *recorder, r *http.Request, took time.Duration) {
	ln.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("component", rec.target), slog.String("method", r.Method), slog.String("host", r.Host),
		slog.String("path", r.URL.Path), slog.String("proto", r.Proto), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("remote", r.RemoteAddr),
		slog.String("listener", ln.Addr()))
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	target string // the component that was called, "" for none
	status int    // 0 until the head is written
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush implements [http.Flusher].
func (r *recorder) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		if r.status == 0 {
			r.status = http.StatusOK
		}
		f.Flush()
	}
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
