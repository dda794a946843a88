package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"latticework/components"
	bindings "latticework/components/wasi/bindings/wasihttp"
	bindings3 "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/wit/value"
)

// httpHandler is the interface by which components serve HTTP, in the name of
// which requests go to other hosts whatever version a component exports.
const httpHandler = "wasi:http/incoming-handler@0.2.12"

func isHTTP(iface string) bool {
	pkg, name, _ := splitInterface(iface)
	return pkg == "wasi:http" && (name == "incoming-handler" || name == "handler")
}

// httpServer answers a request with an instance of a component. It may say that
// the client is answered before it returns.
type httpServer func(ctx context.Context, in *components.Instance, w http.ResponseWriter, r *http.Request, answered func()) error

// handler serves HTTP requests by a component, on this host if it runs here.
type handler struct {
	host                 *Host
	target, source, link string
	policy               linkstate.Policy
}

// ServeHTTP calls the component's handler with fresh state.
func (s *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := s.host
	if s.policy.TimeoutMillis > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), time.Duration(s.policy.TimeoutMillis)*time.Millisecond)
		defer cancel()
		r = r.WithContext(ctx)
	}
	var began time.Time
	for {
		err := s.serve(w, r)
		if err == nil {
			return
		}
		if !lattice.IsRefused(err) || !errors.Is(err, errcode.Unavailable) || !h.turned(r.Context(), &began, func() bool { return false }) {
			s.fail(w, r, err)
			return
		}
	}
}

// serve serves a request here, if the component runs here or nowhere else,
// or on another host. One that is refused can be served again.
func (s *handler) serve(w http.ResponseWriter, r *http.Request) error {
	h := s.host
	h.mu.Lock()
	wl := h.comps.all[s.target]
	others := h.othersLocked(h.view, s.target)
	here := wl != nil && (wl.running != nil || len(others) == 0)
	h.mu.Unlock()
	switch {
	case here:
		err := h.onComponent(r.Context(), wl, func(c *component) error { return c.serveHTTP(w, r) })
		var served *wasihttp.Error // once the guest was entered
		if err != nil && !errors.As(err, &served) {
			return lattice.Refuse(err)
		}
		return err
	case s.policy.Locality == localOnly:
		return lattice.Refuse(errcode.New(errcode.Unavailable, "component %s does not run on host %s, and the link is %s", s.target, h.cfg.Name, localOnly))
	}
	return s.forward(w, r, others)
}

// fail answers a request that a component did not.
func (s *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, context.Canceled) {
		s.host.cfg.Log.Warn("request failed", "component", s.target, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	status := httpStatus(err)
	var served *wasihttp.Error
	var large *tooLarge
	switch {
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	case !errors.As(err, &served):
	case served.HeadSent && served.Complete:
		return // the client has a whole answer; what failed came after it
	case served.HeadSent:
		panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
	default:
		status = served.Status
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, failureText(err), status)
}

func failureText(err error) string { return string(errcode.Of(err)) + ": " + err.Error() }

// tooLarge is the refusal of a request that no message carries.
type tooLarge struct{ err error }

// Error says how large the request was and may be.
func (e *tooLarge) Error() string { return e.err.Error() }

// Unwrap returns an error with the code.
func (e *tooLarge) Unwrap() error { return e.err }

// httpStatus is the status for an error that kept a component from answering.
func httpStatus(err error) int {
	switch errcode.Of(err) {
	case errcode.Unavailable, errcode.Exhausted, errcode.NotFound, errcode.Closed:
		return http.StatusServiceUnavailable
	case errcode.Deadline:
		return http.StatusGatewayTimeout
	case errcode.Unsupported:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}

func (c *component) serveHTTP(w http.ResponseWriter, r *http.Request) error {
	c.httpOnce.Do(func() { c.http, c.httpErr = resolveHTTP(c.tmpl) })
	if c.httpErr != nil {
		return c.httpErr
	}
	return c.use(r.Context(), func(ctx context.Context, in *components.Instance, call *callInProgress) error {
		return c.http(ctx, in, w, r, call.answered)
	})
}

// resolveHTTP finds the handler that a component exports: of wasi:http@0.2,
// else of 0.3.
func resolveHTTP(tmpl *components.Template) (httpServer, error) {
	older, err := bindings.ResolveIncomingHandler(tmpl)
	if err == nil {
		return func(ctx context.Context, in *components.Instance, w http.ResponseWriter, r *http.Request, _ func()) error {
			return wasihttp.Serve(ctx, in, older, w, r)
		}, nil
	}
	newer, err3 := bindings3.ResolveHandler(tmpl)
	switch {
	case err3 == nil:
		return func(ctx context.Context, in *components.Instance, w http.ResponseWriter, r *http.Request, answered func()) error {
			return wasihttp3.Serve(ctx, in, newer, w, r, answered)
		}, nil
	case !errors.Is(err3, errcode.NotFound):
		return nil, err3
	}
	return nil, err
}

// forward sends the request to a host that runs the component: one message
// and one reply.
//
// Errors: *tooLarge if one message cannot carry the request; those of
// invokeReplica.
func (s *handler) forward(w http.ResponseWriter, r *http.Request, hosts []lattice.HostID) error {
	h := s.host
	limit := h.maxPayload()
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		return errcode.New(errcode.Unavailable, "read request body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for another attempt
	var e value.Encoder
	putRequest(&e, r, body)
	if err := e.Err(); err != nil {
		return err
	}
	if len(e.Buf) > limit {
		return &tooLarge{errcode.New(errcode.Unsupported, "request bytes for a component on another host: at least %d > %d: streaming between hosts is not supported yet", len(e.Buf), limit).
			WithNext("run the component on the host that serves HTTP")}
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.CallTimeout)
	defer cancel()
	inv := lattice.Invocation{ID: lattice.NewInvocationID(), Source: s.source, Target: s.target, LinkName: s.link,
		Interface: httpHandler, Func: "handle", Trace: r.Header.Get("Traceparent")}
	data, _, err := h.invokeReplica(ctx, hosts, s.policy.Idempotent, inv, e.Buf)
	if err != nil {
		return err
	}
	return writeResponse(w, data)
}

// putRequest encodes a request whose body was read.
func putRequest(e *value.Encoder, r *http.Request, body []byte) {
	e.PutString(r.Method)
	e.PutString(r.URL.RequestURI())
	e.PutString(r.Host)
	e.PutBool(r.URL.Scheme == "https" || r.URL.Scheme == "" && r.TLS != nil)
	e.PutString(r.RemoteAddr)
	putHeader(e, r.Header)
	e.PutBytes(body)
	putHeader(e, r.Trailer)
}

// getRequest decodes what putRequest encoded.
func getRequest(ctx context.Context, params []byte) (*http.Request, error) {
	d := value.NewDecoder(params)
	method, uri, host, secure, remote := d.String(), d.String(), d.String(), d.Bool(), d.String()
	header, body, trailer := getHeader(d), d.Bytes(), getHeader(d)
	if err := d.Err(); err != nil {
		return nil, err
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	r, err := http.NewRequestWithContext(ctx, method, scheme+host+uri, bytes.NewReader(body))
	if err != nil {
		return nil, errcode.New(errcode.Invalid, "read forwarded request: %w", err)
	}
	r.Header, r.Trailer, r.Host, r.RemoteAddr, r.RequestURI = header, trailer, host, remote, uri
	return r, nil
}

// writeResponse writes what invokedHTTP encoded.
func writeResponse(w http.ResponseWriter, data []byte) error {
	d := value.NewDecoder(data)
	status := d.U16()
	header := getHeader(d)
	body := d.Bytes()
	if err := d.Err(); err != nil {
		return errcode.New(errcode.Internal, "read a response from another host: %w", err)
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(int(status))
	_, _ = w.Write(body) // fails when the client is gone: nobody is left to tell
	return nil
}

func putHeader(e *value.Encoder, h http.Header) {
	n := 0
	for _, vs := range h {
		n += len(vs)
	}
	e.PutLen(n)
	for k, vs := range h {
		for _, v := range vs {
			e.PutString(k)
			e.PutBytes([]byte(v))
		}
	}
}

func getHeader(d *value.Decoder) http.Header {
	h := http.Header{}
	for range d.Len(2) {
		k := d.String()
		h[k] = append(h[k], string(d.Bytes()))
	}
	return h
}

// invokedHTTP serves a request that another host forwarded.
func (h *Host) invokedHTTP(ctx context.Context, wl *workload[component], params []byte) ([]byte, error) {
	r, err := getRequest(ctx, params)
	if err != nil {
		return nil, lattice.Refuse(err)
	}
	w := &bufferedResponse{header: http.Header{}, limit: h.maxPayload()}
	err = h.onComponent(ctx, wl, func(c *component) error { return c.serveHTTP(w, r) })
	if err = w.settle(err); err != nil {
		return nil, err
	}
	var e value.Encoder
	e.PutU16(uint16(max(w.status, http.StatusOK)))
	putHeader(&e, w.header)
	e.PutBytes(w.body.Bytes())
	if err := e.Err(); err != nil {
		return nil, err
	}
	return h.fits(e.Buf)
}

// bufferedResponse holds a response that goes into one message.
type bufferedResponse struct {
	header http.Header
	status int // 0 before
	body   bytes.Buffer
	limit  int
	full   error // why the body was cut
}

// Header returns the response's header.
func (w *bufferedResponse) Header() http.Header { return w.header }

// WriteHeader keeps the first final status.
func (w *bufferedResponse) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write fails above what a message carries.
func (w *bufferedResponse) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if n := w.body.Len() + len(b); n > w.limit {
		w.full = errcode.New(errcode.Unsupported, "response bytes of a component on another host: at least %d > %d: streaming between hosts is not supported yet", n, w.limit).
			WithNext("run the component on the host that serves HTTP")
		return 0, w.full
	}
	return w.body.Write(b)
}

// settle decides what a failure of the component means for the caller: an
// error, or a response that says so or is whole all the same.
func (w *bufferedResponse) settle(err error) error {
	var served *wasihttp.Error // once the guest was entered
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &served):
		return lattice.Refuse(err)
	case w.full != nil:
		return w.full
	case served.HeadSent && served.Complete:
		return nil
	case served.HeadSent:
		return refuseUnless(true, err)
	}
	http.Error(w, failureText(err), served.Status)
	return nil
}
