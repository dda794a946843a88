package host

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/httpout"
)

// transport sends the requests of components that are linked to another
// component: to its handler, on this host or another one, as an HTTP server
// would hand them over.
type transport struct {
	host  *Host
	serve http.HandlerFunc
}

// componentCalls returns the functions of an interface that sends requests for
// a gate that leads to a component.
func (h *Host) componentCalls(b *binding, g *gate) []callee {
	t := &transport{host: h, serve: func(w http.ResponseWriter, r *http.Request) {
		(&handler{host: h, target: g.place.target, source: b.component, link: b.link, policy: *g.policy.Load()}).ServeHTTP(w, r)
	}}
	out := &wasihttp.Outgoing{Transport: t, Allow: func(context.Context, *http.Request) error { return nil }}
	return functionsOf(contract(senders(out), b.decl.Name))
}

// RoundTrip implements [http.RoundTripper].
//
// Errors: that of the request's context when it ends first; *httpout.Error if
// the component gives no response.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := newPipeResponse(r.Body)
	served := asServed(r)
	t.host.spawn(func() {
		defer func() {
			p := recover()
			err, _ := p.(error)
			if p != nil && !errors.Is(err, http.ErrAbortHandler) {
				t.host.cfg.Log.Error("panic in a request between components", "panic", p)
			}
			w.finish(p != nil)
			_ = r.Body.Close() // of the source's stream: it has no error of its own
		}()
		t.serve(w, served)
	})
	select {
	case <-w.started:
	case <-r.Context().Done():
		_ = w.pr.CloseWithError(context.Cause(r.Context()))
		return nil, context.Cause(r.Context())
	}
	if w.status == 0 {
		return nil, &httpout.Error{Reason: httpout.ConnectionTerminated, Err: errcode.New(errcode.Unavailable, "the component gave no response")}
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Trailer: w.trailer, Body: w.pr, ContentLength: -1, Request: r,
	}, nil
}

// asServed returns a client's request as a server sees it. Body and trailers
// are the same.
func asServed(r *http.Request) *http.Request {
	served := r.WithContext(r.Context())
	served.Header = r.Header.Clone()
	if vs := served.Header["User-Agent"]; len(vs) == 1 && vs[0] == "" { // it keeps net/http from making one
		delete(served.Header, "User-Agent")
	}
	served.RequestURI = r.URL.RequestURI()
	if r.URL.Scheme == "https" {
		served.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	return served
}

// pipeResponse hands what a handler writes to who reads the response. Nothing
// is kept: a write waits for its reader.
type pipeResponse struct {
	request io.Closer // the request's body
	pr      *io.PipeReader
	pw      *io.PipeWriter
	header  http.Header
	begin   sync.Once
	started chan struct{} // closed when status and sent are set, or there is no response

	// Written before started is closed.
	status int
	sent   http.Header
	// trailer is filled before the body's end is seen.
	trailer http.Header
}

func newPipeResponse(request io.Closer) *pipeResponse {
	w := &pipeResponse{request: request, header: http.Header{}, started: make(chan struct{}), trailer: http.Header{}}
	w.pr, w.pw = io.Pipe()
	return w
}

// Header implements [http.ResponseWriter].
func (w *pipeResponse) Header() http.Header { return w.header }

// WriteHeader sends the first final status; informational ones go nowhere.
func (w *pipeResponse) WriteHeader(status int) {
	if status < 200 {
		return
	}
	w.begin.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		maps.DeleteFunc(w.sent, func(name string, vs []string) bool {
			return len(vs) == 0 || strings.HasPrefix(name, http.TrailerPrefix)
		})
		close(w.started)
	})
}

// Write implements [http.ResponseWriter].
func (w *pipeResponse) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pw.Write(b)
}

// Flush implements [http.Flusher]: what was written has been read.
func (w *pipeResponse) Flush() { w.WriteHeader(http.StatusOK) }

// SetWriteDeadline interrupts writes once and for all if the time is over.
func (w *pipeResponse) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() && at.Before(time.Now()) {
		_ = w.pr.CloseWithError(errcode.New(errcode.Deadline, "write response: its time is over"))
	}
	return nil
}

// SetReadDeadline interrupts reads of the request's body once and for all if
// the time is over.
func (w *pipeResponse) SetReadDeadline(at time.Time) error {
	if !at.IsZero() && at.Before(time.Now()) {
		return w.request.Close()
	}
	return nil
}

// finish ends the response: cut off if it was aborted.
func (w *pipeResponse) finish(aborted bool) {
	if aborted {
		w.begin.Do(func() { close(w.started) })
		_ = w.pw.CloseWithError(&httpout.Error{Reason: httpout.ConnectionTerminated, Err: io.ErrUnexpectedEOF})
		return
	}
	w.WriteHeader(http.StatusOK)
	for name, vs := range w.header {
		if trailer, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			w.trailer[trailer] = vs
		}
	}
	_ = w.pw.Close()
}
