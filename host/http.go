package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"latticework/components"
	bindings "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/wit/value"
)

// httpHandler is the interface by which components serve HTTP.
const httpHandler = "wasi:http/incoming-handler@0.2.12"

func isHTTP(iface string) bool {
	pkg, name, _ := splitInterface(iface)
	return pkg == "wasi:http" && name == "incoming-handler"
}

// sourceKey names a link from a provider that calls components.
type sourceKey struct {
	link string
	gen  uint64
}

// source is a running session of such a link.
type source struct {
	provider *provider
	link     linkstate.LinkKey
	gen      uint64
	impl     providers.Session
	err      error
	ready    chan struct{}
	cancel   context.CancelFunc
}

// sourcesLocked starts and ends the sessions of links that lead from
// providers on this host.
func (h *Host) sourcesLocked(v *linkstate.View) {
	if h.closed {
		return
	}
	wanted := map[sourceKey]bool{}
	for _, w := range h.provs.all {
		p := w.running
		if p == nil || !p.tech.Source {
			continue
		}
		for _, l := range v.LinksFrom(p.record.Name) {
			key := sourceKey{l.Key().String(), l.Generation}
			wanted[key] = true
			if h.sources[key] != nil {
				continue
			}
			cfg, err := v.ResolveConfig(l.SourceConfig)
			if err != nil {
				h.healthLocked(l.Key(), l.Generation, err)
				continue
			}
			ctx, cancel := context.WithCancel(h.ctx)
			s := &source{provider: p, link: l.Key(), gen: l.Generation, ready: make(chan struct{}), cancel: cancel}
			h.sources[key] = s
			h.spawn(func() { h.serveSource(ctx, s, l, cfg) })
		}
	}
	for key, s := range h.sources {
		if !wanted[key] {
			delete(h.sources, key)
			next := h.successorLocked(key)
			h.spawn(func() {
				if next != nil { // it takes over before its predecessor ends
					<-next.ready
				}
				h.endSource(context.WithoutCancel(h.ctx), s)
			})
		}
	}
}

// successorLocked returns the session of another generation of a link.
func (h *Host) successorLocked(key sourceKey) *source {
	for k, s := range h.sources {
		if k.link == key.link && k.gen > key.gen {
			return s
		}
	}
	return nil
}

func (h *Host) serveSource(ctx context.Context, s *source, l *linkstate.Link, cfg map[string]string) {
	defer close(s.ready)
	src, ok := s.provider.impl.(providers.Source)
	if !ok || len(l.Targets) == 0 {
		s.err = errcode.New(errcode.Internal, "link %s: provider %s calls no component", l.Key(), s.provider.record.Name)
		h.linkHealth(s.link, s.gen, s.err)
		return
	}
	pl := providers.Link{Source: l.Source, Name: l.Name, Target: l.Targets[0].Name, Config: cfg, Revision: l.Generation}
	wait := 200 * time.Millisecond
	for {
		s.impl, s.err = src.Serve(ctx, pl, &handler{host: h, target: l.Targets[0].Name, source: l.Source, link: l.Name})
		h.linkHealth(s.link, s.gen, s.err)
		if s.err == nil || ctx.Err() != nil {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			wait = min(2*wait, 5*time.Second)
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

func (h *Host) endSource(ctx context.Context, s *source) {
	s.cancel()
	<-s.ready
	if s.impl != nil {
		if err := s.impl.Close(ctx); err != nil {
			h.cfg.Log.Warn("close session", "link", s.link.String(), "error", err)
		}
	}
}

// stopSources ends the sessions of links from p.
func (h *Host) stopSources(ctx context.Context, p *provider) {
	h.mu.Lock()
	var all []*source
	for key, s := range h.sources {
		if s.provider == p {
			all = append(all, s)
			delete(h.sources, key)
		}
	}
	h.mu.Unlock()
	for _, s := range all {
		h.endSource(ctx, s)
	}
}

// closeSources ends all sessions that bring requests in.
func (h *Host) closeSources(ctx context.Context) {
	h.mu.Lock()
	all := h.sources
	h.sources = map[sourceKey]*source{}
	h.mu.Unlock()
	for _, s := range all {
		h.endSource(ctx, s)
	}
}

// addressLocked returns where a provider listens, "" if nowhere.
func (h *Host) addressLocked(name string) string {
	var out []string
	for _, s := range h.sources {
		if s.provider.record.Name != name {
			continue
		}
		select {
		case <-s.ready:
			if a, ok := providers.As[interface{ Addr() string }](s.impl); ok && s.impl != nil {
				out = append(out, a.Addr())
			}
		default:
		}
	}
	return strings.Join(out, ",")
}

// handler serves HTTP requests by a component, on this host if it runs here.
type handler struct {
	host                 *Host
	target, source, link string
}

// ServeHTTP calls the component's incoming-handler with fresh state.
func (s *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := s.host
	h.mu.Lock()
	wl := h.comps.all[s.target]
	h.mu.Unlock()
	var err error
	if wl != nil {
		err = h.onComponent(r.Context(), wl, func(c *component) error { return c.serveHTTP(w, r) })
	} else {
		err = s.forward(w, r)
	}
	if err == nil {
		return
	}
	if !errors.Is(err, context.Canceled) {
		h.cfg.Log.Warn("request failed", "component", s.target, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	status := httpStatus(err)
	var served *wasihttp.Error
	if errors.As(err, &served) {
		if served.HeadSent && served.Complete {
			return // the client has a whole answer; what failed came after it
		}
		if served.HeadSent {
			panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
		}
		status = served.Status
	}
	http.Error(w, string(errcode.Of(err))+": "+err.Error(), status)
}

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
	exports, err := c.httpExports()
	if err != nil {
		return err
	}
	return c.with(r.Context(), func(ctx context.Context, in *components.Instance) error {
		return wasihttp.Serve(ctx, in, exports, w, r)
	})
}

// httpExports resolves the component's handler once.
func (c *component) httpExports() (*bindings.IncomingHandlerExports, error) {
	c.httpOnce.Do(func() { c.http, c.httpErr = bindings.ResolveIncomingHandler(c.tmpl) })
	return c.http, c.httpErr
}

// forward sends the request to a host that runs the component: one message
// and one reply.
func (s *handler) forward(w http.ResponseWriter, r *http.Request) error {
	h := s.host
	limit := h.cfg.Bus.MaxPayload()
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		return errcode.New(errcode.Unavailable, "read request body: %w", err)
	}
	var e value.Encoder
	e.PutString(r.Method)
	e.PutString(r.URL.RequestURI())
	e.PutString(r.Host)
	e.PutBool(r.TLS != nil)
	e.PutString(r.RemoteAddr)
	putHeader(&e, r.Header)
	e.PutBytes(body)
	if err := e.Err(); err != nil {
		return err
	}
	if len(e.Buf) > limit {
		return errcode.New(errcode.Unsupported, "request bytes for a component on another host: %d > %d: streaming between hosts is not supported yet", len(e.Buf), limit).
			WithNext("run the component on the host that serves HTTP")
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.CallTimeout)
	defer cancel()
	inv := lattice.Invocation{ID: lattice.NewInvocationID(), Source: s.source, Target: s.target, LinkName: s.link, Interface: httpHandler, Func: "handle"}
	data, _, err := h.invokeReplica(ctx, "", inv, e.Buf)
	if err != nil {
		return err
	}
	d := value.NewDecoder(data)
	status := d.U16()
	header := getHeader(d)
	out := d.Bytes()
	if err := d.Err(); err != nil {
		return err
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(int(status))
	_, _ = w.Write(out) // fails when the client is gone: nobody is left to tell
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
	d := value.NewDecoder(params)
	method, uri, host, secure, remote := d.String(), d.String(), d.String(), d.Bool(), d.String()
	header, body := getHeader(d), d.Bytes()
	if err := d.Err(); err != nil {
		return nil, lattice.Refuse(err)
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	r, err := http.NewRequestWithContext(ctx, method, scheme+host+uri, bytes.NewReader(body))
	if err != nil {
		return nil, lattice.Refuse(errcode.New(errcode.Invalid, "read forwarded request: %w", err))
	}
	r.Header, r.Host, r.RemoteAddr, r.RequestURI = header, host, remote, uri
	w := &bufferedResponse{header: http.Header{}, limit: h.cfg.Bus.MaxPayload()}
	if err := h.onComponent(ctx, wl, func(c *component) error { return c.serveHTTP(w, r) }); err != nil {
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
	status int
	body   bytes.Buffer
	limit  int
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
	if w.body.Len()+len(b) > w.limit {
		return 0, errcode.New(errcode.Unsupported, "response bytes of a component on another host: %d > %d: streaming between hosts is not supported yet", w.body.Len()+len(b), w.limit)
	}
	return w.body.Write(b)
}
