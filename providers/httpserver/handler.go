package httpserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// ServeHTTP finds the route of a request and gives it to the component.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ln, c := s.ln, connOf(r)
	if c.ended.Load() && r.ProtoMajor == 1 {
		panic(http.ErrAbortHandler) // not a request, but the rest of a body
	}
	ln.counters.requests.Add(1)
	hasBody := r.Body != nil && r.Body != http.NoBody && (r.ContentLength != 0 || r.ProtoMajor == 2)
	c.begin(hasBody)
	rec := &recorder{ResponseWriter: w, listener: ln, request: r, last: s.retired.Load() || ln.draining.Load()}
	if hasBody {
		s.takeBody(rec, c)
	}
	start := time.Now()
	rec.overlong = s.overlong(r) // as the client sent it
	remote := s.cfg.forwarding.apply(r, &c.peer)
	s.identify(rec, s.cfg.forwarding.trusts(c.peer.addr))
	defer func() { // also when the answer is broken off
		took := time.Since(start)
		ln.counters.ended(rec, took)
		if s.cfg.accessLog {
			ln.logAccess(rec, remote, took)
		}
	}()
	s.serve(rec, c)
	if hasBody {
		_ = rec.body.Close()
	}
}

// takeBody has the request's body bounded; the length is that of the route,
// once it is known.
func (s *server) takeBody(rec *recorder, c *conn) {
	r := rec.request
	b := &rec.body
	b.inner, b.rec, b.timeout = r.Body, rec, drainTime
	b.limit, b.left = lingerBytes, lingerBytes
	if r.ProtoMajor == 1 {
		b.conn = c
		b.expects = listed(r.Header["Expect"], "100-continue")
		// A component reads and writes in any order; HTTP/2 always can. The
		// server shall not read the body itself before it answers either.
		_ = http.NewResponseController(rec.ResponseWriter).EnableFullDuplex()
	}
}

// identify gives a request an id if it is to be logged, or takes the one of
// a trusted proxy.
func (s *server) identify(rec *recorder, trusted bool) {
	if !s.cfg.accessLog {
		return
	}
	if trusted {
		if id := rec.request.Header.Get("X-Request-Id"); id != "" && len(id) <= 128 && isToken(id) {
			rec.id = id
		}
	}
	if rec.id == "" {
		var random [16]byte
		_, _ = rand.Read(random[:]) // never fails
		rec.id = hex.EncodeToString(random[:])
	}
	rec.request.Header["X-Request-Id"] = []string{rec.id}
}

func (s *server) serve(rec *recorder, c *conn) {
	r, ln := rec.request, s.ln
	if s.cfg.statusPath != "" && r.URL.Path == s.cfg.statusPath {
		s.status(rec)
		return
	}
	if s.refused(rec, c) {
		return
	}
	if n := ln.inFlight.Add(1); n > s.cfg.maxInFlight {
		ln.inFlight.Add(-1)
		ln.counters.busy.Add(1)
		rec.Header().Set("Retry-After", "1")
		refuse(rec, http.StatusServiceUnavailable, "exhausted: %d requests in flight > %d", n, s.cfg.maxInFlight)
		return
	}
	defer ln.inFlight.Add(-1)
	host := r.Host
	if s.cfg.hostHeader != "" {
		host = r.Header.Get(s.cfg.hostHeader)
	}
	for {
		rt := ln.table.Load().match(host, r.URL.Path)
		if rt == nil {
			ln.counters.unmatched.Add(1)
			refuse(rec, http.StatusNotFound, "not_found: no component is linked to this host and path")
			return
		}
		// A route that was closed meanwhile is not in the table any more.
		if rt.enter() {
			defer rt.leave()
			rec.route, rec.target = rt, rt.link.Target
			ln.call(rt, rec)
			return
		}
	}
}

// refused answers requests that no component is to see.
func (s *server) refused(rec *recorder, c *conn) bool {
	r, counters := rec.request, &s.ln.counters
	switch {
	case r.Method == http.MethodConnect:
		counters.upgrades.Add(1)
		refuse(rec, http.StatusNotImplemented, "unsupported: CONNECT: wasi:http has no way to give a component a tunnel")
	case r.ProtoMajor == 1 && r.Header["Upgrade"] != nil && listed(r.Header["Upgrade"], "websocket"):
		counters.upgrades.Add(1)
		refuse(rec, http.StatusNotImplemented, "unsupported: WebSocket: wasi:http has no way to give a component an upgraded connection")
	case rec.overlong != "":
		counters.largeHeaders.Add(1)
		refuse(rec, http.StatusRequestHeaderFieldsTooLarge, "exhausted: %s", rec.overlong)
	case r.Host != "" && !isAuthority(r.Host):
		counters.malformed.Add(1)
		refuse(rec, http.StatusBadRequest, "invalid: the host that the request names is malformed")
	case r.ProtoMajor == 2 && len(r.Header["Host"]) > 0 && !strings.EqualFold(r.Header["Host"][0], r.Host):
		counters.malformed.Add(1)
		refuse(rec, http.StatusBadRequest, "invalid: the request names two hosts")
	case r.ProtoMajor == 1 && len(r.TransferEncoding) > 0:
		return s.smuggled(rec, c)
	default:
		return false
	}
	return true
}

// smuggled refuses a request with two lengths for its body: whoever passed it
// on may have gone by the other. Where that cannot be told, nothing that
// follows on the connection is taken for a request.
func (s *server) smuggled(rec *recorder, c *conn) bool {
	switch c.framing(rec.request) {
	case framingOne:
		return false
	case framingUnseen:
		rec.last = true
		return false
	}
	s.ln.counters.malformed.Add(1)
	c.ended.Store(true)
	refuse(rec, http.StatusBadRequest, "invalid: the request has both Transfer-Encoding and Content-Length")
	return true
}

// overlong says in what a request's head is above the limits, "" for nothing.
// net/http refuses only what is some KiB above.
func (s *server) overlong(r *http.Request) string {
	fields, bytes := 0, len(r.Method)+len(r.RequestURI)+len(r.Host)
	for name, values := range r.Header {
		fields += len(values)
		for _, v := range values {
			bytes += len(name) + len(v) + len(": \r\n")
		}
	}
	switch {
	case fields > s.cfg.maxHeaders:
		return fmt.Sprintf("header fields: %d > %d", fields, s.cfg.maxHeaders)
	case bytes > s.cfg.maxHeaderBytes:
		return fmt.Sprintf("header bytes: %d > %d", bytes, s.cfg.maxHeaderBytes)
	}
	return ""
}

// status answers whoever watches the listener.
func (s *server) status(rec *recorder) {
	h := rec.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	all := s.ln.totals()
	text, err := json.Marshal(all)
	switch {
	case err != nil:
		refuse(rec, http.StatusInternalServerError, "internal: the counters could not be written")
		return
	case all.Ready:
		rec.WriteHeader(http.StatusOK)
	default:
		rec.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = rec.Write(append(text, '\n'))
}

func (ln *listener) call(rt *route, rec *recorder) {
	r := rec.request
	if rt.cors != nil && rt.cors.preflight(rec, r) {
		return
	}
	if rt.readOnly && r.Method != http.MethodGet && r.Method != http.MethodHead {
		rec.Header().Set("Allow", "GET, HEAD")
		refuse(rec, http.StatusMethodNotAllowed, "denied: the link is read-only: GET and HEAD alone")
		return
	}
	if r.ContentLength > rt.maxBody {
		ln.counters.largeBodies.Add(1)
		refuse(rec, http.StatusRequestEntityTooLarge, "exhausted: request body: %d bytes > %d", r.ContentLength, rt.maxBody)
		return
	}
	rec.body.limit, rec.body.left, rec.body.timeout = rt.maxBody, rt.maxBody, rt.bodyTimeout
	ctx, cancel := context.WithTimeoutCause(r.Context(), rt.requestTimeout, rt.late)
	defer cancel()
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	defer context.AfterFunc(rt.ctx, func() { cut(context.Cause(rt.ctx)) })()
	defer ln.recover(rt, rec)
	// The server's own request keeps its body: the server looks there whether
	// the connection can be used again.
	r = r.WithContext(ctx)
	if rec.body.inner != nil {
		r.Body = &rec.body
	}
	rt.target.ServeHTTP(rec, r)
	late := context.Cause(ctx) == rt.late
	if late {
		ln.counters.requestTimeouts.Add(1)
	}
	switch {
	case rec.status != 0:
	case late:
		refuse(rec, http.StatusGatewayTimeout, "deadline: %s", rt.late)
	default:
		rec.WriteHeader(http.StatusOK) // what the server makes of silence
	}
	if rec.err != nil && !rec.refused {
		panic(http.ErrAbortHandler) // the client must not take a cut answer for a whole one
	}
}

// recover keeps a panic of a handler to its request; the client gets 500, or
// a broken answer if one had begun.
func (ln *listener) recover(rt *route, rec *recorder) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		if rec.refused {
			return // the client has an answer, if not the component's
		}
		panic(v)
	}
	ln.log.Error("panic while serving a request", "link", rt.link.String(), "method", rec.request.Method, "path", rec.request.URL.Path,
		"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	refuse(rec, http.StatusInternalServerError, "internal: the request could not be served")
}

// logAccess writes the line of a request. An answer that was broken off
// without a head has the status 0. Queries are left out: they hold secrets.
func (ln *listener) logAccess(rec *recorder, remote string, took time.Duration) {
	r := rec.request
	ln.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("component", rec.target), slog.String("method", r.Method), slog.String("scheme", r.URL.Scheme), slog.String("host", r.Host),
		slog.String("path", r.URL.Path), slog.String("proto", r.Proto), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Duration("duration", took), slog.String("remote", remote),
		slog.String("request_id", rec.id), slog.String("listener", ln.Addr()))
}
